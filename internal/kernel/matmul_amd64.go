//go:build gc && !noasm && !purego

package kernel

// Matrix products with stored weights on amd64, for rows as they lie: inner products, four weight
// rows at a time. One row may go through all weights in one run (matmul_long_amd64.go), many rows
// go through micro-kernels (matmul_micro_amd64.go); all add in the order that is written at tiles.

import (
	"unsafe"

	"github.com/qwenvl/qwenvl/internal/cpu"
)

// dotArgs is what one call of an inner-product tile reads: dot<format>x<rows> or
// row<format>x<rows>, over one block of k. A tile multiplies up to tiles.rows rows of x by four
// weight rows and adds the products to y.
type dotArgs struct {
	x   unsafe.Pointer // row 0, at the start of the block
	ldx uintptr        // bytes between rows
	w   [4]unsafe.Pointer
	// where the next weights are; a dot tile fetches 128 bytes of them in every four steps
	prefetchW uintptr
	prefetchX uintptr // where the next rows of x are, or 0; likewise
	distance  uintptr // how many bytes ahead row and long tiles fetch weights
	steps     uintptr // whole vectors in the block
	tail      uintptr // elements after them
	y         unsafe.Pointer
	ldy       uintptr // bytes between rows
	cols      uintptr // elements of y in each row, 1 to 4

	// Only long<format> goes over several blocks: steps are those of all but the last.
	blocks    uintptr
	lastSteps uintptr
	sums      unsafe.Pointer // room for a vector of each block and weight row
}

const (
	dotCols = 4
	// maxDepth is the most of k that is multiplied at once: what a tile needs of x and w then stays
	// in the caches.
	maxDepth = 2048
	// wideRows is the number of rows from which widening the weights once, rather than in every
	// tile, pays.
	wideRows   = 24
	wideFloats = dotCols * maxDepth

	// innerFloats is how much of x stays in the second level of the cache. BenchmarkMatMul chose
	// it.
	innerFloats = 96 << 10

	// rowFloats is how much of x stays in the first level of the cache, beside the weights passing
	// through it.
	rowFloats = 4 << 10

	aliasFloats = 4096 / 4
)

// scratchTiles returns the scratch that inner products need: widened weights, and room to align
// them; or that of products in tiles of AMX.
func scratchTiles(m, _, k int) int {
	need := 0
	if m >= wideRows {
		need = wideFloats + cacheLine/4
	}
	if usesBF16x3(formatBF16, k) {
		need = max(need, bf16x3Scratch(m, k))
	}
	return need
}

// tiles is the set of tiles of one instruction set. All add up in one order: k is cut into blocks,
// as even as multiples of 16 allow; in a block lane l of a vector adds with fused multiply-adds the
// products at l, l+lanes, l+2·lanes…, starting from 0; then the lanes are added to the element of
// y, which starts at 0, from lane 0 on. Elements after whole vectors are those of the first lanes
// (AVX-512) or the last ones (AVX2).
type tiles struct {
	lanes int
	rows  int // of x in an inner-product tile
	micro int // rows of x in a micro-kernel's tile
}

func tilesAVX512() tiles { return tiles{lanes: 16, rows: 6, micro: 12} }
func tilesAVX2() tiles   { return tiles{lanes: 8, rows: 3, micro: 6} }

// tailLane returns the lane of the first of n elements after whole vectors.
func (t tiles) tailLane(n int) int {
	if t.lanes == 16 {
		return 0
	}
	return t.lanes - n
}

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
	if usesBF16x3(w.format, k) {
		matMulBF16x3(y, ldy, x, ldx, m, w.u16, n, k, scratch)
		return
	}
	t, ok := tilesFor(k)
	if !ok {
		matMulGo(y, ldy, x, ldx, m, w, n, k, scratch)
		return
	}
	for r := range m {
		clear(y[r*ldy:][:n])
	}
	if t.isLong(m, k) {
		t.matMulLong(y, x, w, n, k)
		return
	}
	if m <= t.rows {
		t.matMulRows(y, ldy, x, ldx, m, w, n, k)
		return
	}
	height := blockLen(m, innerFloats/min(k, maxDepth)/t.rows*t.rows, t.rows)
	for r := 0; r < m; r += height {
		t.matMulInner(y[r*ldy:], ldy, x[r*ldx:], ldx, min(height, m-r), w, n, k, scratch)
	}
}

// depthOf returns the length of the blocks that k is cut into, all but the last.
func depthOf(k int) int { return blockLen(k, maxDepth, 16) }

// matMulRows multiplies so few rows that one tile holds them. It reads the weights once, from first
// to last.
func (t tiles) matMulRows(y []float32, ldy int, x []float32, ldx, m int, w weights, n, k int) {
	base, size := w.base()
	args := dotArgs{ldx: uintptr(ldx) * 4, ldy: uintptr(ldy) * 4, distance: prefetchDistance.rows}
	depth := depthOf(k)
	oneByOne := m*k <= rowFloats && k <= maxDepth
	for c := 0; c < n; c += dotCols {
		args.y = unsafe.Pointer(&y[c])
		for k0 := 0; k0 < k; k0 += depth {
			args.x = unsafe.Pointer(&x[k0])
			args.setDepth(t, min(depth, k-k0))
			args.setWeights(base, (c*k+k0)*size, k*size, min(dotCols, n-c))
			if oneByOne {
				t.row(w.format, m, &args)
			} else {
				// x is here already: both fetch weights, from the first and the second half of the
				// next four rows.
				args.prefetchW = uintptr(args.w[dotCols-1]) + uintptr(k*size)
				args.prefetchX = args.prefetchW + uintptr(2*k*size)
				t.dot(w.format, m, &args)
			}
		}
	}
}

// matMulInner multiplies rows that are too few to copy the weights for: x stays in the cache,
// and four weight rows after four are multiplied by all of it.
func (t tiles) matMulInner(y []float32, ldy int, x []float32, ldx, m int, w weights, n, k int,
	scratch []float32) {
	base, size := w.base()
	depth := depthOf(k)
	args := dotArgs{ldx: uintptr(ldx) * 4, ldy: uintptr(ldy) * 4}
	groups := (m + t.rows - 1) / t.rows
	// Rows a multiple of a page apart would fight for the same lines of the first-level cache:
	// those are copied too.
	format, widen := w.format, (w.format != formatF32 || k%aliasFloats == 0) && m >= wideRows
	var wide []float32
	if widen {
		format, wide = formatF32, aligned(scratch, wideFloats)
	}
	for k0 := 0; k0 < k; k0 += depth {
		d := min(depth, k-k0)
		args.setDepth(t, d)
		for c := 0; c < n; c += dotCols {
			cols := min(dotCols, n-c)
			if widen {
				for i := range cols {
					w.load(wide[i*d:][:d], (c+i)*k+k0)
				}
				args.setWeights(unsafe.Pointer(&wide[0]), 0, d*4, cols)
			} else {
				args.setWeights(base, (c*k+k0)*size, k*size, cols)
			}
			for g := range groups { // of nearly equal heights
				r0, r1 := m*g/groups, m*(g+1)/groups
				args.x = unsafe.Pointer(&x[r0*ldx+k0])
				args.y = unsafe.Pointer(&y[r0*ldy+c])
				args.prefetchW = uintptr(base) + uintptr(((c+dotCols)*k+k0)*size+g*d/t.lanes*32)
				t.dot(format, r1-r0, &args)
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

// setDepth takes the length of a block of k.
func (a *dotArgs) setDepth(t tiles, d int) {
	a.steps, a.tail = uintptr(d/t.lanes), uintptr(d%t.lanes)
}

// setWeights takes cols weight rows, stride bytes apart, from offset bytes past base. Where there
// are fewer than four, the last one stands in for the others, whose results are not stored.
func (a *dotArgs) setWeights(base unsafe.Pointer, offset, stride, cols int) {
	for c := range a.w {
		a.w[c] = unsafe.Add(base, offset+min(c, cols-1)*stride)
	}
	a.cols = uintptr(cols)
}
