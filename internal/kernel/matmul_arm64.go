//go:build gc && !noasm && !purego

package kernel

// Matrix products with stored weights on arm64: inner products, four or eight weight rows at a
// time. There is one kind of tile for all numbers of rows.

import (
	"unsafe"

	"github.com/qwenvl/qwenvl/internal/cpu"
)

// dotArgs is what one call of a tile, dot<format>, reads: rows rows of x by the weight rows of w,
// over the whole of k.
type dotArgs struct {
	x    unsafe.Pointer
	ldx  uintptr // bytes between rows
	w    [dotCols]unsafe.Pointer
	k    uintptr
	y    unsafe.Pointer
	ldy  uintptr // bytes between rows
	rows uintptr
}

const (
	dotRows = 6
	// A tile of up to dotFewRows rows takes dotCols weight rows, higher ones half as many.
	dotFewRows = 2
	dotCols    = 8
	// dotBlock is how many floats of x are multiplied by four weight rows after four, so that they
	// stay in the second level of the cache. It is not measured: it is half of what amd64 takes.
	dotBlock = 48 << 10
)

// scratchTiles returns the scratch that products in assembly need.
func scratchTiles(_, _, _ int) int { return 0 }

func matMul(y []float32, ldy int, x []float32, ldx, m int, w weights, n, k int, scratch []float32) {
	if !cpu.NEON || k == 0 {
		matMulGo(y, ldy, x, ldx, m, w, n, k, scratch)
		return
	}
	height := m
	if m > dotRows {
		height = blockLen(m, max(1, dotBlock/k/dotRows)*dotRows, dotRows)
	}
	for m0 := 0; m0 < m; m0 += height {
		rows := min(height, m-m0)
		matMulRows(y[m0*ldy:], ldy, x[m0*ldx:], ldx, rows, w, n, k)
	}
}

// matMulRows reads the weights once, from first to last, and multiplies all rows by each few of
// them.
func matMulRows(y []float32, ldy int, x []float32, ldx, m int, w weights, n, k int) {
	var side [dotRows * dotCols]float32 // for the last columns, where a tile has more
	args := dotArgs{ldx: uintptr(ldx) * 4, k: uintptr(k)}
	cols := dotCols / 2
	if m <= dotFewRows {
		cols = dotCols
	}
	tiles := (m + dotRows - 1) / dotRows
	for c := 0; c < n; c += cols {
		width := min(cols, n-c)
		// beyond the last weight row it stands in, and its results are dropped
		for i := range cols {
			args.w[i] = w.row(c+min(i, width-1), k)
		}
		for t := range tiles { // of nearly equal heights, so never one of few rows beside others
			r0, r1 := m*t/tiles, m*(t+1)/tiles
			args.x, args.rows = unsafe.Pointer(&x[r0*ldx]), uintptr(r1-r0)
			if width == cols {
				args.y, args.ldy = unsafe.Pointer(&y[r0*ldy+c]), uintptr(ldy)*4
				dotTile(w.format, &args)
				continue
			}
			args.y, args.ldy = unsafe.Pointer(&side[0]), dotCols*4
			dotTile(w.format, &args)
			for r := r0; r < r1; r++ {
				copy(y[r*ldy+c:][:width], side[(r-r0)*dotCols:])
			}
		}
	}
}

func dotTile(format weightFormat, args *dotArgs) {
	switch format {
	case formatF32:
		dotF32NEON(args)
	case formatBF16:
		dotBF16NEON(args)
	case formatF16:
		dotF16NEON(args)
	}
}

// row returns where weight row c begins; rows have k elements.
func (w weights) row(c, k int) unsafe.Pointer {
	if w.format == formatF32 {
		return unsafe.Pointer(&w.f32[c*k])
	}
	return unsafe.Pointer(&w.u16[c*k])
}

// dot is a product of one by one, so that its bits are those of matMul.
func dot(a, b []float32) float32 {
	if !cpu.NEON || len(a) == 0 {
		return dotGo(a, b)
	}
	var y [1]float32
	matMulRows(y[:], 1, a, len(a), 1, weights{f32: b}, 1, len(a))
	return y[0]
}
