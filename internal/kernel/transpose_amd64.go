//go:build gc && !noasm && !purego

package kernel

// The transpose on amd64: the assembly of transpose_avx2_amd64.s does blocks of 8 by 8, the
// reference in transpose.go the edges.

import "github.com/qwenvl/qwenvl/internal/cpu"

func transpose(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	if !cpu.AVX2 {
		transposeGo(dst, ldd, src, lds, rows, cols)
		return
	}
	wholeRows, wholeCols := rows&^7, cols&^7
	if wholeCols > 0 {
		for r := 0; r < wholeRows; r += 8 {
			transpose8AVX2(&dst[r], uintptr(ldd)*4, &src[r*lds], uintptr(lds)*4,
				uintptr(wholeCols/8))
		}
	}
	if wholeRows < rows {
		transposeGo(dst[wholeRows:], ldd, src[wholeRows*lds:], lds, rows-wholeRows, cols)
	}
	if wholeCols < cols && wholeRows > 0 {
		transposeGo(dst[wholeCols*ldd:], ldd, src[wholeCols:], lds, wholeRows, cols-wholeCols)
	}
}
