//go:build gc && !noasm && !purego

package kernel

import (
	"unsafe"

	"github.com/qwenvl/qwenvl/internal/cpu"
)

// dotArgs is what one call of a tile dot<format>x<rows> reads. A tile multiplies up to dotRows rows of x by four weight
// rows over one block of k.
type dotArgs struct {
	x        unsafe.Pointer // row 0, at the start of the block
	ldx      uintptr        // bytes between rows
	w        [4]unsafe.Pointer
	prefetch uintptr // how far ahead of w to fetch, in bytes
	steps    uintptr // whole vectors in the block
	tail     uintptr // elements after them
	resume   uintptr // 1: go on from partial, 0: start from zero
	suspend  uintptr // 1: leave the sums in partial, 0: add their lanes up and store to y
	partial  unsafe.Pointer
	y        unsafe.Pointer
	ldy      uintptr // bytes between rows
	cols     uintptr // results stored of each row, 1 to 4
}

const (
	dotCols = 4
	// blockedRows is the number of rows from which the blocked product is faster than reading the weights as they are.
	blockedRows = 24
	// A block is blockRows rows of x by blockCols weight rows by blockDepth of k: BenchmarkMatMul chose them.
	blockRows  = 96
	blockCols  = 32
	blockDepth = 1024

	cacheLine = 64
	// partialFloats bounds the sums of a block: one vector of 16 or 8 lanes each, in tiles of 6 or 3 rows.
	partialFloats = blockRows * blockCols * 16
	// blockStride is the distance of converted weight rows: a cache line more than a power of two.
	blockStride = blockDepth + cacheLine/4
)

// scratchBlocked returns the scratch that the blocked product needs: sums, converted weights and room to align them.
func scratchBlocked(m int) int {
	if m < blockedRows {
		return 0
	}
	return partialFloats + blockCols*blockStride + cacheLine/4
}

// tiles is the set of inner-product tiles of one instruction set.
type tiles struct{ lanes, rows int }

var (
	tilesAVX512 = tiles{lanes: 16, rows: 6}
	tilesAVX2   = tiles{lanes: 8, rows: 3}
)

func (t tiles) run(format weightFormat, rows int, args *dotArgs) {
	if t.lanes == 16 {
		dotAVX512(format, rows, args)
	} else {
		dotAVX2(format, rows, args)
	}
}

// tilesFor returns the tiles for rows of k elements, and false where only Go will do.
func tilesFor(k int) (t tiles, ok bool) {
	switch {
	case cpu.AVX512 && k > 0:
		return tilesAVX512, true
	case cpu.AVX2 && k >= 8: // its tails need one whole vector before them
		return tilesAVX2, true
	}
	return tiles{}, false
}

func matMul(y []float32, ldy int, x []float32, ldx, m int, w weights, n, k int, scratch []float32) {
	t, ok := tilesFor(k)
	switch {
	case !ok:
		matMulGo(y, ldy, x, ldx, m, w, n, k, scratch)
	case m < blockedRows:
		t.matMulDirect(y, ldy, x, ldx, m, w, n, k)
	default:
		t.matMulBlocked(y, ldy, x, ldx, m, w, n, k, scratch)
	}
}

// matMulDirect reads each group of four weight rows once from memory, for all rows of x.
func (t tiles) matMulDirect(y []float32, ldy int, x []float32, ldx, m int, w weights, n, k int) {
	base, size := w.base()
	args := dotArgs{
		ldx: uintptr(ldx) * 4, ldy: uintptr(ldy) * 4,
		steps: uintptr(k / t.lanes), tail: uintptr(k % t.lanes),
		prefetch: uintptr(dotCols * k * size),
	}
	groups := (m + t.rows - 1) / t.rows
	for c0 := 0; c0 < n; c0 += dotCols {
		args.setWeights(base, c0*k*size, k*size, min(dotCols, n-c0))
		for g := range groups { // of nearly equal heights
			r0, r1 := m*g/groups, m*(g+1)/groups
			args.x = unsafe.Pointer(&x[r0*ldx])
			args.y = unsafe.Pointer(&y[r0*ldy+c0])
			t.run(w.format, r1-r0, &args)
		}
	}
}

// matMulBlocked goes over blocks small enough to stay in the caches. The sums of a block of rows and columns wait in
// scratch, as vectors, from one block of k to the next.
func (t tiles) matMulBlocked(y []float32, ldy int, x []float32, ldx, m int, w weights, n, k int, scratch []float32) {
	if off := uintptr(unsafe.Pointer(&scratch[0])) % cacheLine; off != 0 {
		scratch = scratch[(cacheLine-off)/4:]
	}
	partial, wide := scratch[:partialFloats], scratch[partialFloats:]
	depth := blockLen(k, blockDepth, 16)
	height := blockLen(m, blockRows, t.rows)
	tile := t.rows * dotCols * t.lanes
	args := dotArgs{ldx: uintptr(ldx) * 4, ldy: uintptr(ldy) * 4}
	for c0 := 0; c0 < n; c0 += blockCols {
		cols := min(blockCols, n-c0)
		for m0 := 0; m0 < m; m0 += height {
			rows := min(height, m-m0)
			for k0 := 0; k0 < k; k0 += depth {
				d := min(depth, k-k0)
				var base unsafe.Pointer
				stride := k
				if w.format == formatF32 {
					base = unsafe.Pointer(&w.f32[c0*k+k0])
				} else {
					stride = blockStride
					base = unsafe.Pointer(&wide[0])
					for c := range cols {
						w.load(wide[c*stride:][:d], (c0+c)*k+k0)
					}
				}
				args.steps, args.tail = uintptr(d/t.lanes), uintptr(d%t.lanes)
				args.resume, args.suspend = flag(k0 > 0), flag(k0+d < k)
				args.prefetch = uintptr(dotCols * stride * 4)
				at := 0
				for r := 0; r < rows; r += t.rows {
					args.x = unsafe.Pointer(&x[(m0+r)*ldx+k0])
					for c := 0; c < cols; c += dotCols {
						args.setWeights(base, c*stride*4, stride*4, min(dotCols, cols-c))
						args.partial = unsafe.Pointer(&partial[at])
						args.y = unsafe.Pointer(&y[(m0+r)*ldy+c0+c])
						t.run(formatF32, min(t.rows, rows-r), &args)
						at += tile
					}
				}
			}
		}
	}
}

// blockLen cuts n into the fewest blocks of at most limit and returns their length, a multiple of unit (as limit is).
func blockLen(n, limit, unit int) int {
	blocks := (n + limit - 1) / limit
	return ((n+blocks-1)/blocks + unit - 1) / unit * unit
}

func flag(b bool) uintptr {
	if b {
		return 1
	}
	return 0
}

// base returns where the weights begin and the bytes of one.
func (w weights) base() (unsafe.Pointer, int) {
	if w.format == formatF32 {
		return unsafe.Pointer(&w.f32[0]), 4
	}
	return unsafe.Pointer(&w.u16[0]), 2
}

// setWeights takes cols weight rows, stride bytes apart, from offset bytes past base. Where there are fewer than four,
// the last one stands in for the others, whose results are not stored.
func (a *dotArgs) setWeights(base unsafe.Pointer, offset, stride, cols int) {
	for c := range a.w {
		a.w[c] = unsafe.Add(base, offset+min(c, cols-1)*stride)
	}
	a.cols = uintptr(cols)
}
