//go:build gc && !noasm && !purego

package kernel

// The panel product on amd64: how rows and columns are cut into tiles, for panels in float32 and in
// half precision. Few rows also fetch the next panel.

import (
	"unsafe"

	"github.com/qwenvl/qwenvl/internal/cpu"
)

// panelArgs is what one call of a tile panel<rows>x<vectors> reads. Strides are in bytes.
type panelArgs struct {
	c          unsafe.Pointer
	ldc        uintptr
	a          unsafe.Pointer
	lda        uintptr
	b          unsafe.Pointer
	ldb        uintptr
	k          uintptr
	last       uintptr // elements in the last vector, where the tile masks it
	accumulate uintptr // 1: go on from c, 0: start from zero
	next       unsafe.Pointer
	nextStep   uintptr // bytes that next moves on with each step of k
}

func matMulPanel(c []float32, ldc int, a []float32, lda, m int, b []float32, ldb, n, k int,
	accumulate bool, next []float32) {
	if !cpu.AVX2 {
		matMulPanelGo(c, ldc, a, lda, m, b, ldb, n, k, accumulate)
		return
	}
	args := panelArgs{lda: uintptr(lda) * 4, ldb: uintptr(ldb) * 4, ldc: uintptr(ldc) * 4,
		k: uintptr(k), accumulate: flag(accumulate)}
	args.tiles(c, ldc, a, lda, m, unsafe.Pointer(&b[0]), n, next, false)
}

// tiles calls the tiles for m rows of a and n columns of the panel at b, which may be in half
// precision.
func (args *panelArgs) tiles(c []float32, ldc int, a []float32, lda, m int, b unsafe.Pointer, n int,
	next []float32, half bool) {
	lanes, size := 8, uintptr(4)
	if cpu.AVX512 {
		lanes = 16
	}
	if half {
		size = 2
	}
	args.next = unsafe.Pointer(&a[0])
	for r := 0; r < m; {
		rows := panelRows(lanes, m-r, half)
		args.a = unsafe.Pointer(&a[r*lda])
		for j := 0; j < n; {
			vectors := panelVectors(lanes, rows, n-j, half)
			width := min(vectors*lanes, n-j)
			args.b = unsafe.Add(b, uintptr(j)*size)
			args.c = unsafe.Pointer(&c[r*ldc+j])
			args.last = uintptr(width - (vectors-1)*lanes)
			args.nextStep = 0
			// of next, as these columns are of b
			if part := len(next) * width / n; r == 0 && part > 0 {
				args.next = unsafe.Pointer(&next[len(next)*j/n])
				args.nextStep = uintptr(4*part) / args.k
			}
			switch {
			case lanes == 16 && half:
				panelF16AVX512(rows, vectors, args)
			case lanes == 16:
				panelAVX512(rows, vectors, args)
			case half:
				panelF16AVX2(rows, vectors, args)
			default:
				panelAVX2(rows, vectors, args)
			}
			j += width
		}
		r += rows
	}
}

// panelRows returns the height of the next tile when m rows are left.
func panelRows(lanes, m int, half bool) int {
	switch {
	case lanes == 16 && half:
		return min(m, 8)
	case lanes == 16 && m >= 12:
		return 12
	case lanes == 16 && m >= 8:
		return 8
	case half && m == 7:
		return 4
	case m >= 6:
		return 6
	case half && m == 5:
		return 3
	case m >= 4:
		return 4
	case m == 3 && (lanes == 16 || half):
		return 3
	case m >= 2:
		return 2
	}
	return 1
}

// panelVectors returns the width of the next tile when n columns are left: wide where there are few
// rows, so that enough sums are under way at once. AVX2 masks only in tiles of one vector, and
// nothing in half precision.
func panelVectors(lanes, rows, n int, half bool) int {
	vectors := n / lanes
	if lanes == 16 {
		vectors = (n + lanes - 1) / lanes
	}
	switch {
	case vectors >= 4 && (rows*4 <= lanes || lanes == 16 &&
		(rows == 6 || half && (rows == 5 || rows == 7))):
		return 4
	case vectors >= 2:
		return 2
	}
	return 1
}
