//go:build gc && !noasm && !purego

package kernel

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
	ahead      uintptr // bytes that next moves on with each step of k
}

func matMulPanel(c []float32, ldc int, a []float32, lda, m int, b []float32, ldb, n, k int, accumulate bool, next []float32) {
	lanes := 16
	if !cpu.AVX512 {
		if !cpu.AVX2 {
			matMulPanelGo(c, ldc, a, lda, m, b, ldb, n, k, accumulate)
			return
		}
		lanes = 8
	}
	args := panelArgs{
		ldc: uintptr(ldc) * 4, lda: uintptr(lda) * 4, ldb: uintptr(ldb) * 4,
		k: uintptr(k), accumulate: flag(accumulate), next: unsafe.Pointer(&a[0]),
	}
	for r := 0; r < m; {
		rows := panelRows(lanes, m-r)
		args.a = unsafe.Pointer(&a[r*lda])
		for j := 0; j < n; {
			vectors := panelVectors(lanes, rows, n-j)
			width := min(vectors*lanes, n-j)
			args.b = unsafe.Pointer(&b[j])
			args.c = unsafe.Pointer(&c[r*ldc+j])
			args.last = uintptr(width - (vectors-1)*lanes)
			args.ahead = 0
			if part := len(next) * width / n; r == 0 && part > 0 { // of next, as these columns are of b
				args.next = unsafe.Pointer(&next[len(next)*j/n])
				args.ahead = uintptr(4 * part / k)
			}
			if lanes == 16 {
				panelAVX512(rows, vectors, &args)
			} else {
				panelAVX2(rows, vectors, &args)
			}
			j += width
		}
		r += rows
	}
}

// panelRows returns the height of the next tile when m rows are left.
func panelRows(lanes, m int) int {
	switch {
	case lanes == 16 && m >= 12:
		return 12
	case lanes == 16 && m >= 8:
		return 8
	case m >= 6:
		return 6
	case m >= 4:
		return 4
	case lanes == 16 && m == 3:
		return 3
	case m >= 2:
		return 2
	}
	return 1
}

// panelVectors returns the width of the next tile when n columns are left: wide where there are few rows, so that enough
// sums are under way at once. AVX2 masks only in tiles of one vector.
func panelVectors(lanes, rows, n int) int {
	vectors := n / lanes
	if lanes == 16 {
		vectors = (n + lanes - 1) / lanes
	}
	switch {
	case vectors >= 4 && (rows*4 <= lanes || lanes == 16 && rows == 6):
		return 4
	case vectors >= 2:
		return 2
	}
	return 1
}
