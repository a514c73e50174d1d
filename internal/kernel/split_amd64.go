//go:build gc && !noasm && !purego

package kernel

import (
	"unsafe"

	"github.com/qwenvl/qwenvl/internal/cpu"
)

// Products of rows in float32 by weights in bfloat16, in tiles of AMX, which multiplies bfloat16 alone: a float32 is the sum of three such
// numbers, its upper, middle and lower bits, so that the products are exact and are added in float32. See matMulSplitGo.

// splitArgs is what one call of splitTile1AMX or splitTile2AMX reads: two tiles of weight rows and one or two blocks of x. The products are
// added to c, of which row i is weight row i; the blocks lie side by side.
type splitArgs struct {
	config             unsafe.Pointer // the shapes of the tile registers
	w                  unsafe.Pointer
	ldw, second, stepW uintptr // bytes: between rows, to the second tile, that one step takes
	x                  [2]unsafe.Pointer
	ldx                uintptr // bytes between rows of a tile of x
	steps              uintptr
	c                  unsafe.Pointer
	ldc                uintptr // bytes between rows
	again              uintptr // a mask: what is added to c, or replaces it

	// What is fetched into the caches. With one block, in each step as much as it multiplies, from fetch on, which moves by
	// fetchStep bytes; with two, a line of four rows fetchStep bytes apart.
	fetch, fetchStep uintptr
}

// splitRowsArgs is what splitRowsAMX reads: it lays out rows of x.
type splitRowsArgs struct {
	to    unsafe.Pointer
	pitch uintptr // bytes that two elements of all rows take
	rows  uintptr
	steps uintptr
	row   [splitCols]unsafe.Pointer
}

//go:noescape
func splitTile1AMX(args *splitArgs)

//go:noescape
func splitTile2AMX(args *splitArgs)

//go:noescape
func splitRowsAMX(args *splitRowsArgs)

//go:noescape
func splitRowAMX(to, x *float32, steps uintptr)

//go:noescape
func splitGatherAMX(to unsafe.Pointer, pitch uintptr, from unsafe.Pointer, ld, steps uintptr)

const (
	splitCols  = 16                // rows of x in a block
	splitPanel = 32                // weight rows of a call
	splitWords = splitStep * 3 / 2 // floats that a row of x takes for each step
	// splitTiles is how many blocks are multiplied by one panel after another: their elements of splitDepth stay in the second level of the cache.
	splitTiles = 16

	panelFloats  = splitPanel * splitDepth / 2
	splitSums    = splitPanel * splitCols
	splitLd      = splitTiles*splitCols + cacheLine/4 // floats between rows of sums, not a power of two
	splitAligned = cacheLine / 4
)

// splits reports whether rows are multiplied so by weights of the format.
func splits(format weightFormat, k int) bool { return cpu.AMX && format == formatBF16 && k > 0 }

// splitShapes are the shapes of the tile registers, by rows of x in a block.
var splitShapes = func() (shapes [splitCols + 1][64]uint8) {
	for cols := range shapes {
		weights, others := tileSize{16, 64}, tileSize{16, uint8(4 * cols)}
		shapes[cols] = tileConfig([8]tileSize{others, others, others, others, weights, weights, others, others})
	}
	return shapes
}()

func splitSteps(k int) int { return (k + splitStep - 1) / splitStep }

// splitScratch returns the scratch of matMulSplit: rows laid out, a panel of weights, its sums.
func splitScratch(m, k int) int {
	return splitWords*splitSteps(k)*min(m, splitCols) + panelFloats + splitSums + splitAligned
}

// matMulSplit multiplies few rows, up to splitCols at a time, for which it reads the weights once, from first to last.
func matMulSplit(y []float32, ldy int, x []float32, ldx, m int, w []uint16, n, k int, scratch []float32) {
	scratch = aligned(scratch, splitScratch(m, k)-splitAligned)
	panel, scratch := scratch[:panelFloats], scratch[panelFloats:]
	sums, laid := scratch[:splitSums], scratch[splitSums:]
	depth := blockLen(k, splitDepth, splitStep)
	for r0 := 0; r0 < m; r0 += splitCols {
		rows := min(splitCols, m-r0)
		splitRows(laid, rows, x[r0*ldx:], ldx, rows, k)
		args := splitArgs{config: unsafe.Pointer(&splitShapes[rows]), ldx: uintptr(4 * rows), c: unsafe.Pointer(&sums[0]), ldc: splitCols * 4}
		for c := 0; c < n; c += splitPanel {
			cols := min(splitPanel, n-c)
			args.again = 0
			for k0 := 0; k0 < k; k0 += depth {
				d := min(depth, k-k0)
				args.setPanel(panel, w[c*k+k0:], k, cols, d)
				args.x[0] = unsafe.Pointer(&laid[splitWords*rows*(k0/splitStep)])
				next := c*k + k0 + depth
				if k0+depth >= k {
					next = (c + splitPanel) * k
				}
				args.fetch, args.fetchStep = 0, 0
				if next < n*k {
					args.fetch, args.fetchStep = uintptr(unsafe.Pointer(&w[next])), uintptr(2*k)
				}
				args.multiplyOne()
				args.again = addAgain
			}
			transpose(y[r0*ldy+c:], ldy, sums, splitCols, cols, rows)
		}
	}
}

// setPanel takes d elements of some weight rows, k apart: where they lie if all steps and rows are whole, else copied into panel and filled up with
// zeros.
func (a *splitArgs) setPanel(panel []float32, w []uint16, k, rows, d int) {
	a.steps = uintptr(splitSteps(d))
	if rows == splitPanel && d%splitStep == 0 {
		a.w, a.ldw, a.second, a.stepW = unsafe.Pointer(&w[0]), uintptr(2*k), uintptr(2*k*splitPanel/2), 2*splitStep
		return
	}
	gatherPanel(panel, w, k, rows, d)
	a.setGathered(panel)
}

// multiplyOne multiplies one block, fetching nothing if there is nothing to fetch.
func (a *splitArgs) multiplyOne() {
	if a.fetch == 0 {
		a.fetch, a.fetchStep = uintptr(a.x[0]), 0
	}
	splitTile1AMX(a)
}

// setGathered takes what gatherPanel wrote.
func (a *splitArgs) setGathered(panel []float32) {
	a.w, a.ldw, a.second, a.stepW = unsafe.Pointer(&panel[0]), 2*splitStep, splitPanel*splitStep, 2*splitPanel*splitStep
}

// gatherPanel copies d elements of up to splitPanel weight rows, k apart, into tiles: for each step two.
func gatherPanel(panel []float32, w []uint16, k, rows, d int) {
	whole := d / splitStep
	const pitch = 2 * splitPanel * splitStep
	to := unsafe.Slice((*uint16)(unsafe.Pointer(&panel[0])), 2*len(panel))
	for half := range 2 {
		r0 := half * splitPanel / 2
		if rows >= r0+splitPanel/2 && whole > 0 {
			splitGatherAMX(unsafe.Pointer(&to[r0*splitStep]), pitch, unsafe.Pointer(&w[r0*k]), uintptr(2*k), uintptr(whole))
		}
		first := 0
		if rows >= r0+splitPanel/2 {
			first = whole
		}
		for s := first; s < splitSteps(d); s++ {
			for r := r0; r < r0+splitPanel/2; r++ {
				tile := to[(s*splitPanel+r)*splitStep:][:splitStep]
				n := 0
				if r < rows {
					n = copy(tile, w[r*k+s*splitStep:r*k+min((s+1)*splitStep, d)])
				}
				clear(tile[n:])
			}
		}
	}
}

// splitRows lays out rows of k elements in blocks that are cols wide; the last row stands in for missing ones.
func splitRows(to []float32, cols int, x []float32, ldx, rows, k int) {
	args := splitRowsArgs{to: unsafe.Pointer(&to[0]), pitch: uintptr(4 * cols), rows: uintptr(cols), steps: uintptr(k / splitStep)}
	for r := range args.row {
		args.row[r] = unsafe.Pointer(&x[min(r, rows-1)*ldx])
	}
	args.split()
	tail := k % splitStep
	if tail == 0 {
		return
	}
	var ends [splitCols][splitStep]float32
	for r := range rows {
		copy(ends[r][:], x[r*ldx+k-tail:][:tail])
	}
	for r := range args.row {
		args.row[r] = unsafe.Pointer(&ends[min(r, rows-1)])
	}
	args.to, args.steps = unsafe.Pointer(&to[splitWords*cols*(k/splitStep)]), 1
	args.split()
}

func (a *splitRowsArgs) split() {
	switch {
	case a.steps == 0:
	case a.rows == 1:
		splitRowAMX((*float32)(a.to), (*float32)(a.row[0]), a.steps)
	default:
		splitRowsAMX(a)
	}
}

func splitLaidLen(rows, k int) int {
	if rows <= splitCols {
		return 0
	}
	return (rows + splitCols - 1) / splitCols * splitCols * splitWords * splitSteps(k)
}

// splitBlock is where the elements from k0 on, which begin a step, of a tile of laid out rows lie.
func (l Laid) splitBlock(tile, k0 int) unsafe.Pointer {
	return unsafe.Pointer(&l.data[splitCols*splitWords*(tile*splitSteps(l.cols)+k0/splitStep)])
}

func splitLay(l Laid, x []float32, ldx, from, to int) {
	for i := from; i < to; i++ {
		block := l.data[splitCols*splitWords*splitSteps(l.cols)*i:]
		splitRows(block, splitCols, x[l.Row(i)*ldx:], ldx, l.Row(i+1)-l.Row(i), l.cols)
	}
}

func splitLaidScratch(n int) int {
	return panelFloats + splitLd*((min(n, MatMulManyCols)+splitPanel-1)/splitPanel*splitPanel) + splitAligned
}

// matMulSplitLaid multiplies tiles of x by panels of weights, which it gathers when their turn comes. Meanwhile the next panel is fetched.
func matMulSplitLaid(y []float32, ldy int, l Laid, from, to int, w []uint16, n int, scratch []float32) {
	scratch = aligned(scratch, splitLaidScratch(n)-splitAligned)
	p := splitProduct{x: l, w: w, panel: scratch[:panelFloats], sums: scratch[panelFloats:]}
	top := l.Row(from)
	for c0 := 0; c0 < n; c0 += MatMulManyCols { // whose sums are kept at once
		c1 := min(c0+MatMulManyCols, n)
		for t0 := from; t0 < to; t0 += splitTiles {
			t1 := min(t0+splitTiles, to)
			p.multiply(c0, c1, t0, t1)
			for t := t0; t < t1; t++ {
				r := l.Row(t)
				transpose(y[(r-top)*ldy+c0:], ldy, p.sums[(t-t0)*splitCols:], splitLd, c1-c0, l.Row(t+1)-r)
			}
		}
	}
}

// splitProduct is a product of laid out rows.
type splitProduct struct {
	x     Laid
	w     []uint16
	panel []float32
	sums  []float32 // of some weight rows by up to splitTiles tiles
}

// multiply writes the sums of weight rows c0 to c1-1 by tiles t0 to t1-1.
func (p *splitProduct) multiply(c0, c1, t0, t1 int) {
	k := p.x.cols
	depth := blockLen(k, splitDepth, splitStep)
	args := splitArgs{config: unsafe.Pointer(&splitShapes[splitCols]), ldx: splitCols * 4, ldc: splitLd * 4}
	args.setGathered(p.panel)
	for k0 := 0; k0 < k; k0 += depth {
		d := min(depth, k-k0)
		args.steps = uintptr(splitSteps(d))
		for c := c0; c < c1; c += splitPanel {
			gatherPanel(p.panel, p.w[c*k+k0:], k, min(splitPanel, c1-c), d)
			next := c*k + splitPanel*k + k0
			if c+splitPanel >= c1 {
				next = c0*k + k0 + depth
			}
			for t := t0; t < t1; t += 2 {
				args.x[0], args.c = p.x.splitBlock(t, k0), unsafe.Pointer(&p.sums[(c-c0)*splitLd+(t-t0)*splitCols])
				if t+1 == t1 {
					args.fetch = 0
					args.multiplyOne()
					continue
				}
				args.x[1] = p.x.splitBlock(t+1, k0)
				args.fetch, args.fetchStep = uintptr(unsafe.Pointer(&p.w[0]))+uintptr(2*(next+(t-t0)*2*k)), uintptr(2*k)
				splitTile2AMX(&args)
			}
		}
		args.again = addAgain
	}
}
