//go:build gc && !noasm && !purego

package kernel

// The panel product on arm64: how rows and columns are cut into tiles.

import (
	"unsafe"

	"github.com/qwenvl/qwenvl/internal/cpu"
)

// panelArgs is what one call of a tile reads. Strides are in bytes.
type panelArgs struct {
	c          unsafe.Pointer
	ldc        uintptr
	a          unsafe.Pointer
	lda        uintptr
	b          unsafe.Pointer
	ldb        uintptr
	k          uintptr
	accumulate uintptr // 1: go on from c, 0: start from zero
	rows       uintptr // as panelRows
	vectors    uintptr // as panelVectors
}

func matMulPanel(c []float32, ldc int, a []float32, lda, m int, b []float32, ldb, n, k int,
	accumulate bool, _ []float32) {
	if !cpu.NEON {
		matMulPanelGo(c, ldc, a, lda, m, b, ldb, n, k, accumulate)
		return
	}
	args := panelArgs{
		ldc: uintptr(ldc) * 4, lda: uintptr(lda) * 4, ldb: uintptr(ldb) * 4,
		k: uintptr(k), accumulate: flag(accumulate),
	}
	for r := 0; r < m; {
		rows := panelRows(m - r)
		args.a, args.rows = unsafe.Pointer(&a[r*lda]), uintptr(rows)
		for j := 0; j < n; {
			vectors := panelVectors(rows, n-j)
			args.b, args.c, args.vectors = unsafe.Pointer(&b[j]), unsafe.Pointer(&c[r*ldc+j]),
				uintptr(vectors)
			panelTileNEON(&args)
			j += max(1, 4*vectors)
		}
		r += rows
	}
}

// panelRows returns the height of the next tile when m rows are left.
func panelRows(m int) int {
	switch {
	case m >= 6:
		return 6
	case m >= 4:
		return 4
	case m >= 2:
		return 2
	}
	return 1
}

// panelVectors returns the width of the next tile when n columns are left: wide where there are few
// rows, so that enough sums are under way at once. 0 is one column, where no vector is left.
func panelVectors(rows, n int) int {
	switch vectors := n / 4; {
	case vectors >= 8 && rows <= 2:
		return 8
	case vectors >= 4:
		return 4
	case vectors >= 2:
		return 2
	default:
		return vectors
	}
}
