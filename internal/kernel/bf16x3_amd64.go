//go:build gc && !noasm && !purego

package kernel

// Products of rows in float32 by weights in bfloat16, in tiles of AMX: cutting rows and weights,
// preparing both and calling the tiles. AMX multiplies bfloat16 alone, so a float32 becomes three,
// see bf16x3.go; the products are exact and are added in float32, in the order of matMulBF16x3Go.
// For few rows weights are read as they lie, for many the rows are copied into blocks once
// (matmul_blocked.go).

import (
	"unsafe"

	"github.com/qwenvl/qwenvl/internal/cpu"
)

// bf16x3Args is what one call of bf16x3Tile1AMX or bf16x3Tile2AMX reads: two tiles of weight rows
// and one or two blocks of x. The products are added to c, of which row i is weight row i; the
// blocks lie side by side.
type bf16x3Args struct {
	config             unsafe.Pointer // the shapes of the tile registers
	w                  unsafe.Pointer
	ldw, second, stepW uintptr // bytes: between rows, to the second tile, that one step takes
	x                  [2]unsafe.Pointer
	ldx                uintptr // bytes between rows of a tile of x
	steps              uintptr
	c                  unsafe.Pointer
	ldc                uintptr // bytes between rows
	again              uintptr // a mask: what is added to c, or replaces it

	// What is fetched into the caches. With one block, in each step as much as it multiplies, from
	// fetch on, which moves by fetchStep bytes; with two, a line of four rows fetchStep bytes
	// apart.
	fetch, fetchStep uintptr
}

// bf16x3RowsArgs is what bf16x3RowsAMX reads: it cuts rows of x in three and interleaves them.
type bf16x3RowsArgs struct {
	to    unsafe.Pointer
	pitch uintptr // bytes that two elements of all rows take
	rows  uintptr
	steps uintptr
	row   [bf16x3Cols]unsafe.Pointer
}

const (
	bf16x3Cols  = 16                 // rows of x in a block
	bf16x3Panel = 32                 // weight rows of a call
	bf16x3Words = bf16x3Step * 3 / 2 // floats that a row of x takes for each step
	// bf16x3Tiles is how many blocks are multiplied by one panel after another: their elements of
	// bf16x3Depth stay in the second level of the cache.
	bf16x3Tiles = 16

	panelFloats = bf16x3Panel * bf16x3Depth / 2
	bf16x3Sums  = bf16x3Panel * bf16x3Cols
	// floats between rows of sums, not a power of two
	bf16x3Ld      = bf16x3Tiles*bf16x3Cols + cacheLine/4
	bf16x3Aligned = cacheLine / 4
)

// usesBF16x3 reports whether rows are multiplied so by weights of the format.
func usesBF16x3(format weightFormat, k int) bool { return cpu.AMX && format == formatBF16 && k > 0 }

// bf16x3Shapes are the shapes of the tile registers, by rows of x in a block.
var bf16x3Shapes = func() (shapes [bf16x3Cols + 1][64]uint8) {
	for cols := range shapes {
		weights, others := tileSize{16, 64}, tileSize{16, uint8(4 * cols)}
		shapes[cols] = tileConfig([8]tileSize{others, others, others, others, weights, weights,
			others, others})
	}
	return shapes
}()

func bf16x3Steps(k int) int { return (k + bf16x3Step - 1) / bf16x3Step }

// bf16x3Scratch returns the scratch of matMulBF16x3: blocked rows, a panel of weights, its sums.
func bf16x3Scratch(m, k int) int {
	return bf16x3Words*bf16x3Steps(k)*min(m, bf16x3Cols) + panelFloats + bf16x3Sums + bf16x3Aligned
}

// matMulBF16x3 multiplies few rows, up to bf16x3Cols at a time, for which it reads the weights
// once, from first to last.
func matMulBF16x3(y []float32, ldy int, x []float32, ldx, m int, w []uint16, n, k int,
	scratch []float32) {
	scratch = aligned(scratch, bf16x3Scratch(m, k)-bf16x3Aligned)
	panel, scratch := scratch[:panelFloats], scratch[panelFloats:]
	sums, blocked := scratch[:bf16x3Sums], scratch[bf16x3Sums:]
	depth := blockLen(k, bf16x3Depth, bf16x3Step)
	for r0 := 0; r0 < m; r0 += bf16x3Cols {
		rows := min(bf16x3Cols, m-r0)
		bf16x3Rows(blocked, rows, x[r0*ldx:], ldx, rows, k)
		args := bf16x3Args{config: unsafe.Pointer(&bf16x3Shapes[rows]), ldx: uintptr(4 * rows),
			c: unsafe.Pointer(&sums[0]), ldc: bf16x3Cols * 4}
		for c := 0; c < n; c += bf16x3Panel {
			cols := min(bf16x3Panel, n-c)
			args.again = 0
			for k0 := 0; k0 < k; k0 += depth {
				d := min(depth, k-k0)
				args.setPanel(panel, w[c*k+k0:], k, cols, d)
				args.x[0] = unsafe.Pointer(&blocked[bf16x3Words*rows*(k0/bf16x3Step)])
				next := c*k + k0 + depth
				if k0+depth >= k {
					next = (c + bf16x3Panel) * k
				}
				args.fetch, args.fetchStep = 0, 0
				if next < n*k {
					args.fetch, args.fetchStep = uintptr(unsafe.Pointer(&w[next])), uintptr(2*k)
				}
				args.multiplyOne()
				args.again = addAgain
			}
			transpose(y[r0*ldy+c:], ldy, sums, bf16x3Cols, cols, rows)
		}
	}
}

// setPanel takes d elements of some weight rows, k apart: where they lie if all steps and rows are
// whole, else copied into panel and filled up with zeros.
func (a *bf16x3Args) setPanel(panel []float32, w []uint16, k, rows, d int) {
	a.steps = uintptr(bf16x3Steps(d))
	if rows == bf16x3Panel && d%bf16x3Step == 0 {
		a.w, a.ldw, a.second, a.stepW = unsafe.Pointer(&w[0]), uintptr(2*k),
			uintptr(2*k*bf16x3Panel/2), 2*bf16x3Step
		return
	}
	gatherPanel(panel, w, k, rows, d)
	a.setGathered(panel)
}

// multiplyOne multiplies one block, fetching nothing if there is nothing to fetch.
func (a *bf16x3Args) multiplyOne() {
	if a.fetch == 0 {
		a.fetch, a.fetchStep = uintptr(a.x[0]), 0
	}
	bf16x3Tile1AMX(a)
}

// setGathered takes what gatherPanel wrote.
func (a *bf16x3Args) setGathered(panel []float32) {
	a.w, a.ldw, a.second, a.stepW = unsafe.Pointer(&panel[0]), 2*bf16x3Step, bf16x3Panel*bf16x3Step,
		2*bf16x3Panel*bf16x3Step
}

// gatherPanel copies d elements of up to bf16x3Panel weight rows, k apart, into tiles: for each
// step two.
func gatherPanel(panel []float32, w []uint16, k, rows, d int) {
	whole := d / bf16x3Step
	const pitch = 2 * bf16x3Panel * bf16x3Step
	to := unsafe.Slice((*uint16)(unsafe.Pointer(&panel[0])), 2*len(panel))
	for half := range 2 {
		r0 := half * bf16x3Panel / 2
		if rows >= r0+bf16x3Panel/2 && whole > 0 {
			bf16x3GatherAMX(unsafe.Pointer(&to[r0*bf16x3Step]), pitch, unsafe.Pointer(&w[r0*k]),
				uintptr(2*k), uintptr(whole))
		}
		first := 0
		if rows >= r0+bf16x3Panel/2 {
			first = whole
		}
		for s := first; s < bf16x3Steps(d); s++ {
			for r := r0; r < r0+bf16x3Panel/2; r++ {
				tile := to[(s*bf16x3Panel+r)*bf16x3Step:][:bf16x3Step]
				n := 0
				if r < rows {
					n = copy(tile, w[r*k+s*bf16x3Step:r*k+min((s+1)*bf16x3Step, d)])
				}
				clear(tile[n:])
			}
		}
	}
}

// bf16x3Rows copies rows of k elements into blocks that are cols wide; the last row stands in for
// missing ones.
func bf16x3Rows(to []float32, cols int, x []float32, ldx, rows, k int) {
	args := bf16x3RowsArgs{to: unsafe.Pointer(&to[0]), pitch: uintptr(4 * cols),
		rows: uintptr(cols), steps: uintptr(k / bf16x3Step)}
	for r := range args.row {
		args.row[r] = unsafe.Pointer(&x[min(r, rows-1)*ldx])
	}
	args.run()
	tail := k % bf16x3Step
	if tail == 0 {
		return
	}
	var ends [bf16x3Cols][bf16x3Step]float32
	for r := range rows {
		copy(ends[r][:], x[r*ldx+k-tail:][:tail])
	}
	for r := range args.row {
		args.row[r] = unsafe.Pointer(&ends[min(r, rows-1)])
	}
	args.to, args.steps = unsafe.Pointer(&to[bf16x3Words*cols*(k/bf16x3Step)]), 1
	args.run()
}

func (a *bf16x3RowsArgs) run() {
	switch {
	case a.steps == 0:
	case a.rows == 1:
		bf16x3RowAMX((*float32)(a.to), (*float32)(a.row[0]), a.steps)
	default:
		bf16x3RowsAMX(a)
	}
}

func bf16x3BlockedLen(rows, k int) int {
	if rows <= bf16x3Cols {
		return 0
	}
	return (rows + bf16x3Cols - 1) / bf16x3Cols * bf16x3Cols * bf16x3Words * bf16x3Steps(k)
}

// bf16x3At is where the elements from k0 on, which begin a step, of a tile of blocked rows lie.
func (b Blocked) bf16x3At(tile, k0 int) unsafe.Pointer {
	return unsafe.Pointer(&b.data[bf16x3Cols*bf16x3Words*(tile*bf16x3Steps(b.cols)+k0/bf16x3Step)])
}

func bf16x3Fill(b Blocked, x []float32, ldx, from, to int) {
	for i := from; i < to; i++ {
		block := b.data[bf16x3Cols*bf16x3Words*bf16x3Steps(b.cols)*i:]
		bf16x3Rows(block, bf16x3Cols, x[b.Row(i)*ldx:], ldx, b.Row(i+1)-b.Row(i), b.cols)
	}
}

func bf16x3BlockedScratch(n int) int {
	return panelFloats + bf16x3Ld*((min(n, MatMulManyCols)+bf16x3Panel-1)/bf16x3Panel*bf16x3Panel) +
		bf16x3Aligned
}

// matMulBF16x3Blocked multiplies tiles of x by panels of weights, which it gathers when their turn
// comes. Meanwhile the next panel is fetched.
func matMulBF16x3Blocked(y []float32, ldy int, b Blocked, from, to int, w []uint16, n int,
	scratch []float32) {
	scratch = aligned(scratch, bf16x3BlockedScratch(n)-bf16x3Aligned)
	p := bf16x3Product{x: b, w: w, panel: scratch[:panelFloats], sums: scratch[panelFloats:]}
	top := b.Row(from)
	for c0 := 0; c0 < n; c0 += MatMulManyCols { // whose sums are kept at once
		c1 := min(c0+MatMulManyCols, n)
		for t0 := from; t0 < to; t0 += bf16x3Tiles {
			t1 := min(t0+bf16x3Tiles, to)
			p.multiply(c0, c1, t0, t1)
			for t := t0; t < t1; t++ {
				r := b.Row(t)
				transpose(y[(r-top)*ldy+c0:], ldy, p.sums[(t-t0)*bf16x3Cols:], bf16x3Ld, c1-c0,
					b.Row(t+1)-r)
			}
		}
	}
}

// bf16x3Product is a product of blocked rows.
type bf16x3Product struct {
	x     Blocked
	w     []uint16
	panel []float32
	sums  []float32 // of some weight rows by up to bf16x3Tiles tiles
}

// multiply writes the sums of weight rows c0 to c1-1 by tiles t0 to t1-1.
func (p *bf16x3Product) multiply(c0, c1, t0, t1 int) {
	k := p.x.cols
	depth := blockLen(k, bf16x3Depth, bf16x3Step)
	args := bf16x3Args{config: unsafe.Pointer(&bf16x3Shapes[bf16x3Cols]), ldx: bf16x3Cols * 4,
		ldc: bf16x3Ld * 4}
	args.setGathered(p.panel)
	for k0 := 0; k0 < k; k0 += depth {
		d := min(depth, k-k0)
		args.steps = uintptr(bf16x3Steps(d))
		for c := c0; c < c1; c += bf16x3Panel {
			gatherPanel(p.panel, p.w[c*k+k0:], k, min(bf16x3Panel, c1-c), d)
			next := c*k + bf16x3Panel*k + k0
			if c+bf16x3Panel >= c1 {
				next = c0*k + k0 + depth
			}
			for t := t0; t < t1; t += 2 {
				args.x[0], args.c = p.x.bf16x3At(t, k0),
					unsafe.Pointer(&p.sums[(c-c0)*bf16x3Ld+(t-t0)*bf16x3Cols])
				if t+1 == t1 {
					args.fetch = 0
					args.multiplyOne()
					continue
				}
				args.x[1] = p.x.bf16x3At(t+1, k0)
				args.fetch, args.fetchStep = uintptr(unsafe.Pointer(&p.w[0]))+uintptr(2*(next+(t-t0)*2*k)), uintptr(2*k)
				bf16x3Tile2AMX(&args)
			}
		}
		args.again = addAgain
	}
}
