//go:build gc && !noasm && !purego

package kernel

// The transpose on arm64: the assembly of transpose_neon_arm64.s does blocks of 4 by 4, the
// reference in transpose.go the edges.

import "github.com/qwenvl/qwenvl/internal/cpu"

func transpose(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	if !cpu.NEON {
		transposeGo(dst, ldd, src, lds, rows, cols)
		return
	}
	wholeRows, wholeCols := rows&^3, cols&^3
	if wholeCols > 0 {
		for r := 0; r < wholeRows; r += 4 {
			transpose4NEON(&dst[r], uintptr(ldd)*4, &src[r*lds], uintptr(lds)*4,
				uintptr(wholeCols/4))
		}
	}
	if wholeRows < rows {
		transposeGo(dst[wholeRows:], ldd, src[wholeRows*lds:], lds, rows-wholeRows, cols)
	}
	if wholeCols < cols && wholeRows > 0 {
		transposeGo(dst[wholeCols*ldd:], ldd, src[wholeCols:], lds, wholeRows, cols-wholeCols)
	}
}
