//go:build gc && !noasm && !purego

package kernel

import (
	"unsafe"

	"github.com/qwenvl/qwenvl/internal/cpu"
)

// dotArgs is what one call of a tile reads: dot<format>x<rows>, over one block of k, or row<format>x<rows>, over the whole
// of k. A tile multiplies up to tiles.rows rows of x by four weight rows.
type dotArgs struct {
	x         unsafe.Pointer // row 0, at the start of the block
	ldx       uintptr        // bytes between rows
	w         [4]unsafe.Pointer
	prefetchW uintptr // where the next weights are; a dot tile fetches 128 bytes of them in every four steps
	prefetchX uintptr // where the next rows of x are, or 0; likewise
	steps     uintptr // whole vectors in the block
	tail      uintptr // elements after them
	resume    uintptr // 1: go on from partial, 0: start from zero
	suspend   uintptr // 1: leave the sums in partial, 0: add their lanes up and store to y
	partial   unsafe.Pointer
	y         unsafe.Pointer
	ldy       uintptr // bytes between rows
	cols      uintptr // results stored of each row, 1 to 4
}

const (
	dotCols = 4
	// wideRows is the number of rows from which widening the weights once, rather than in every tile, pays.
	wideRows = 24
	// blockFloats is how much of x may lie in the second level of the cache. Rows of x up to tiles.depth long are not cut;
	// where they are, a block has up to blockRows rows and blockCols columns. BenchmarkMatMul chose them.
	blockFloats   = 96 << 10
	blockRows     = 48
	blockCols     = 128
	partialFloats = blockRows * blockCols * 16 // the sums that wait from one block of k to the next
	wideFloats    = dotCols * blockFloats / wideRows

	// rowFloats is how much of x stays in the first level of the cache, beside the weights passing through it.
	rowFloats = 4 << 10

	cacheLine   = 64
	aliasFloats = 4096 / 4
)

// scratchBlocked returns the scratch that matMulBlocked needs: sums, widened weights and room to align them.
func scratchBlocked(m int) int {
	if m <= tilesAVX2().rows {
		return 0
	}
	return partialFloats + wideFloats + 2*cacheLine/4
}

// tiles is the set of inner-product tiles of one instruction set. Its depth is how much of k a tile is given at once:
// with half as many rows, those of AVX2 want their weights to stay in the first level of the cache.
type tiles struct{ lanes, rows, depth int }

func tilesAVX512() tiles { return tiles{lanes: 16, rows: 6, depth: 2304} }
func tilesAVX2() tiles   { return tiles{lanes: 8, rows: 3, depth: 1280} }

func (t tiles) dot(format weightFormat, rows int, args *dotArgs) {
	if t.lanes == 16 {
		dotAVX512(format, rows, args)
	} else {
		dotAVX2(format, rows, args)
	}
}

func (t tiles) row(format weightFormat, rows int, args *dotArgs) {
	if t.lanes == 16 {
		rowAVX512(format, rows, args)
	} else {
		rowAVX2(format, rows, args)
	}
}

// tilesFor returns the tiles for rows of k elements, and false where only Go will do.
func tilesFor(k int) (t tiles, ok bool) {
	switch {
	case cpu.AVX512 && k > 0:
		return tilesAVX512(), true
	case cpu.AVX2 && k >= 8: // its tails need one whole vector before them
		return tilesAVX2(), true
	}
	return tiles{}, false
}

func matMul(y []float32, ldy int, x []float32, ldx, m int, w weights, n, k int, scratch []float32) {
	t, ok := tilesFor(k)
	switch {
	case !ok:
		matMulGo(y, ldy, x, ldx, m, w, n, k, scratch)
	case m <= t.rows:
		t.matMulRows(y, ldy, x, ldx, m, w, n, k)
	default:
		t.matMulBlocked(y, ldy, x, ldx, m, w, n, k, scratch)
	}
}

// matMulRows multiplies so few rows that one tile holds them. It reads the weights once, from first to last.
func (t tiles) matMulRows(y []float32, ldy int, x []float32, ldx, m int, w weights, n, k int) {
	base, size := w.base()
	args := dotArgs{
		x: unsafe.Pointer(&x[0]), ldx: uintptr(ldx) * 4, ldy: uintptr(ldy) * 4,
		steps: uintptr(k / t.lanes), tail: uintptr(k % t.lanes),
	}
	oneByOne := m*k <= rowFloats
	for c := 0; c < n; c += dotCols {
		args.setWeights(base, c*k*size, k*size, min(dotCols, n-c))
		args.y = unsafe.Pointer(&y[c])
		if oneByOne {
			t.row(w.format, m, &args)
		} else {
			// x is here already: both fetch weights, from the first and the second half of the next four rows.
			args.prefetchW = uintptr(args.w[dotCols-1]) + uintptr(k*size)
			args.prefetchX = args.prefetchW + uintptr(2*k*size)
			t.dot(w.format, m, &args)
		}
	}
}

// matMulBlocked multiplies a block of x, which stays in the cache, by four weight rows after four. Where rows of x are too
// long, the sums of a block wait in scratch, as vectors, from one block of k to the next.
func (t tiles) matMulBlocked(y []float32, ldy int, x []float32, ldx, m int, w weights, n, k int, scratch []float32) {
	partial := aligned(scratch, partialFloats)
	wide := aligned(scratch[partialFloats+cacheLine/4:], wideFloats)
	depth, height, width := k, m, n
	if m*k > blockFloats {
		depth = blockLen(k, t.depth, 16)
		limit := blockFloats / depth
		if depth < k {
			limit, width = min(limit, blockRows), blockCols
		}
		height = blockLen(m, limit/t.rows*t.rows, t.rows)
	}
	for c0 := 0; c0 < n; c0 += width {
		for m0 := 0; m0 < m; m0 += height {
			for k0 := 0; k0 < k; k0 += depth {
				b := block{rows: min(height, m-m0), cols: min(width, n-c0), depth: min(depth, k-k0)}
				b.resume, b.suspend = k0 > 0, k0+b.depth < k
				switch {
				case b.suspend:
					b.next = m0*ldx + k0 + b.depth
				case m0+height < m:
					b.next = (m0 + height) * ldx
				}
				t.matMulBlock(b, y[m0*ldy+c0:], ldy, x, m0*ldx+k0, ldx, w, c0*k+k0, k, partial, wide)
			}
		}
	}
}

type block struct {
	rows, cols, depth int
	resume, suspend   bool // whether sums come from, and go to, partial
	next              int  // where x goes on after this block
}

// matMulBlock multiplies one block; it starts at element x0 of x and w0 of w, whose rows are k apart.
func (t tiles) matMulBlock(b block, y []float32, ldy int, x []float32, x0, ldx int, w weights, w0, k int, partial, wide []float32) {
	base, size := w.base()
	base = unsafe.Add(base, w0*size)
	// Rows a multiple of a page apart would fight for the same lines of the first-level cache: those are copied too.
	format, widen := w.format, (w.format != formatF32 || k%aliasFloats == 0) && b.rows >= wideRows
	args := dotArgs{
		ldx: uintptr(ldx) * 4, ldy: uintptr(ldy) * 4,
		steps: uintptr(b.depth / t.lanes), tail: uintptr(b.depth % t.lanes),
		resume: flag(b.resume), suspend: flag(b.suspend), partial: unsafe.Pointer(&partial[0]),
	}
	groups := (b.rows + t.rows - 1) / t.rows
	// The last calls fetch the next block of x. One call fetches a run of a row, which is depth·2 or depth·4 bytes long.
	runs := t.lanes / 8
	call := b.rows*runs - groups*((b.cols+dotCols-1)/dotCols)
	for c := 0; c < b.cols; c += dotCols {
		cols := min(dotCols, b.cols-c)
		if widen {
			format = formatF32
			for i := range cols {
				w.load(wide[i*b.depth:][:b.depth], w0+(c+i)*k)
			}
			args.setWeights(unsafe.Pointer(&wide[0]), 0, b.depth*4, cols)
		} else {
			args.setWeights(base, c*k*size, k*size, cols)
		}
		for g := range groups { // of nearly equal heights
			r0, r1 := b.rows*g/groups, b.rows*(g+1)/groups
			args.x = unsafe.Pointer(&x[x0+r0*ldx])
			args.y = unsafe.Pointer(&y[r0*ldy+c])
			args.prefetchW = uintptr(base) + uintptr((c+dotCols)*k*size+g*b.depth/t.lanes*32)
			args.prefetchX = 0
			if call >= 0 {
				args.prefetchX = uintptr(unsafe.Pointer(&x[0])) + uintptr(b.next+call/runs*ldx+call%runs*b.depth/runs)*4
			}
			call++
			t.dot(format, r1-r0, &args)
			if b.resume || b.suspend {
				args.partial = unsafe.Add(args.partial, t.rows*dotCols*t.lanes*4)
			}
		}
	}
}

// aligned returns n elements of s that start at a cache line.
func aligned(s []float32, n int) []float32 {
	off := uintptr(unsafe.Pointer(&s[0])) % cacheLine
	return s[(cacheLine-off)%cacheLine/4:][:n]
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
