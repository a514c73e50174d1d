//go:build gc && !noasm && !purego

package kernel

// Matrix products of many rows on amd64, by micro-kernels: a tile of x times a panel of w, both
// interleaved lane by lane, so that a sum register does for one lane what an inner-product tile
// does for all, and the bits are the same. The loops over blocks are those of BLIS: panels of w are
// copied when their turn comes, tiles of x beforehand (matmul_blocked.go).

import "unsafe"

// microArgs is what one call of micro<rows> reads: a tile of x and a panel of w, blocked by
// interleave, of equal steps. The products are added to y.
type microArgs struct {
	y     unsafe.Pointer
	ldy   uintptr // bytes between rows
	x, w  unsafe.Pointer
	steps uintptr // of each lane

	// What is fetched into the second level of the cache: the line there every two steps, which
	// moves on by fetchStep bytes then, and by fetchGap after each lane.
	fetch, fetchStep, fetchGap uintptr
}

// interleaveArgs is what interleave<format> reads: it blocks as many rows as a vector has lanes.
type interleaveArgs struct {
	to     unsafe.Pointer
	pitch  uintptr // bytes between lanes
	stride uintptr // bytes between steps
	steps  uintptr
	rows   [16]unsafe.Pointer
}

const (
	// microBlock is the most rows of x that are multiplied by one panel after another: with a panel
	// they stay in the second level of the cache.
	microBlock = 72
	// lanePadFloats is the gap between the lanes of an operand.
	lanePadFloats = 64 / 4

	edgeFloats = 12 * 32 // the largest tile
	endFloats  = 16 * 16 // a vector of each row that is interleaved
)

// blockedScratch returns the scratch of matMulBlocked: panels of w, each up to a whole one with its
// gaps, a tile of results, the ends of rows, and room to align them.
func blockedScratch(n, k int, bf16 bool) int {
	if bf16 && usesBF16x3(formatBF16, k) {
		return bf16x3BlockedScratch(n)
	}
	depth := min((k+15)&^15, maxDepth)
	cols := (min(n, MatMulManyCols) + 31) &^ 31
	return cols*(depth+lanePadFloats) + edgeFloats + endFloats + cacheLine/4
}

func blockedHeight(k int, bf16 bool) int {
	if bf16 && usesBF16x3(formatBF16, k) {
		return bf16x3Cols
	}
	t, _ := tilesFor(k)
	return t.micro
}

func blockedSharing(k int, bf16 bool) int {
	if bf16 && usesBF16x3(formatBF16, k) {
		return bf16x3Tiles
	}
	return 0
}

// blockedLen counts for each tile its rows with all of k, up to whole steps, and the gaps of each
// block of k.
func blockedLen(rows, k int, bf16 bool) int {
	if bf16 && usesBF16x3(formatBF16, k) {
		return bf16x3BlockedLen(rows, k)
	}
	t, ok := tilesFor(k)
	if !ok || rows < MatMulManyRows {
		return 0
	}
	tiles := (rows + t.micro - 1) / t.micro
	return t.blockedAt(rows, tiles, k)
}

// blockedAt returns where a tile begins, given its first row: tiles follow each other, and in a
// tile the blocks of k.
func (t tiles) blockedAt(row, tile, k int) int {
	depth := depthOf(k)
	blocks := (k + depth - 1) / depth
	return t.lanes * ((k+t.lanes-1)/t.lanes*row + blocks*lanePadFloats*tile)
}

func fillBlocked(b Blocked, x []float32, ldx, from, to int) {
	if b.bf16 && usesBF16x3(formatBF16, b.cols) {
		bf16x3Fill(b, x, ldx, from, to)
		return
	}
	t, _ := tilesFor(b.cols)
	depth := depthOf(b.cols)
	var ends [endFloats]float32
	for i := from; i < to; i++ {
		r0, r1 := b.Row(i), b.Row(i+1)
		at := t.blockedAt(r0, i, b.cols)
		for k0 := 0; k0 < b.cols; k0 += depth {
			d := min(depth, b.cols-k0)
			t.interleave(b.data[at:], r1-r0, weights{f32: x}, r0*ldx+k0, ldx, r1-r0, d, ends[:])
			at += t.tileLen(r1-r0, d)
		}
	}
}

// tileLen is the length of a tile of so many rows, or of a panel of so many columns, over a block
// of k.
func (t tiles) tileLen(rows, d int) int {
	return t.lanes * ((d+t.lanes-1)/t.lanes*rows + lanePadFloats)
}

// matMulBlocked multiplies tiles of x by panels of w, which it blocks when their turn comes.
// Meanwhile the next panel's weights are fetched.
func matMulBlocked(y []float32, ldy int, b Blocked, from, to int, w weights, n int,
	scratch []float32) {
	if usesBF16x3(w.format, b.cols) {
		matMulBF16x3Blocked(y, ldy, b, from, to, w.u16, n, scratch)
		return
	}
	t, _ := tilesFor(b.cols)
	for r := range b.Row(to) - b.Row(from) {
		clear(y[r*ldy:][:n])
	}
	p := blockedProduct{tiles: t, y: y, ldy: ldy, x: b, from: from, to: to, w: w}
	scratch = aligned(scratch, blockedScratch(n, b.cols, false)-cacheLine/4)
	p.edge, scratch = scratch[:edgeFloats], scratch[edgeFloats:]
	p.ends, p.panels = scratch[:endFloats], scratch[endFloats:]
	depth := depthOf(b.cols)
	for c0 := 0; c0 < n; c0 += MatMulManyCols {
		c1 := min(c0+MatMulManyCols, n)
		for k0 := 0; k0 < b.cols; k0 += depth {
			p.then = 0
			switch {
			case k0+depth < b.cols:
				p.then = w.address(c0*b.cols + k0 + depth)
			case c1 < n:
				p.then = w.address(c1 * b.cols)
			}
			p.block(c0, c1, k0, min(depth, b.cols-k0))
		}
	}
}

// blockedProduct is a product of blocked rows.
type blockedProduct struct {
	tiles
	y        []float32
	ldy      int
	x        Blocked
	from, to int // tiles of x
	w        weights
	then     uintptr // where the weights of the next block begin, or 0
	edge     []float32
	ends     []float32
	panels   []float32
}

// block adds the products of columns c0 to c1-1 over d elements from k0 on.
func (p *blockedProduct) block(c0, c1, k0, d int) {
	k, width := p.x.cols, 2*p.lanes
	panelLen := p.tileLen(width, d)
	top := p.x.Row(p.from)
	for first := p.from; first < p.to; first += microBlock / p.micro {
		last := min(first+microBlock/p.micro, p.to)
		at := 0
		for c := c0; c < c1; c += width {
			panel := p.panels[at:][:panelLen]
			at += panelLen
			if first == p.from {
				for half := range 2 {
					c := c + half*p.lanes
					p.interleave(panel[half*p.lanes:], width, p.w, c*k+k0, k, min(p.lanes, c1-c), d,
						p.ends)
				}
			}
			for i := first; i < last; i++ {
				r0, r1 := p.x.Row(i), p.x.Row(i+1)
				args := microArgs{x: p.tile(i, k0), w: unsafe.Pointer(&panel[0]),
					steps: uintptr((d + p.lanes - 1) / p.lanes)}
				args.fetch = uintptr(args.x)
				next := p.then
				if c+width < c1 {
					next = p.w.address((c+width)*k + k0)
				}
				if first == p.from {
					p.fetchPanel(&args, next, i-first, d)
				}
				p.microTile(p.y[(r0-top)*p.ldy+c:], p.ldy, r1-r0, min(width, c1-c), &args, p.edge)
			}
		}
	}
}

// tile is where the elements from k0 on, which begin a block, of a tile of x lie.
func (p *blockedProduct) tile(i, k0 int) unsafe.Pointer {
	r, depth := p.x.Row(i), depthOf(p.x.cols)
	return unsafe.Pointer(&p.x.data[p.blockedAt(r, i, p.x.cols)+k0/depth*p.tileLen(p.x.Row(i+1)-r,
		depth)])
}

// fetchPanel makes a tile fetch a part of d elements of the rows of the panel that begins at next.
// One tile can do as much of as many rows as 16 bits for each element take.
func (p *blockedProduct) fetchPanel(args *microArgs, next uintptr, part, d int) {
	_, size := p.w.base()
	if part >= size || next == 0 {
		return
	}
	row := p.x.cols * size
	args.fetch = next + uintptr(part%2*p.lanes*row+part/2*2*d)
	args.fetchStep = uintptr(4 * p.lanes)
	args.fetchGap = uintptr(row) - args.steps/2*args.fetchStep
}

// address is where element i lies.
func (w weights) address(i int) uintptr {
	base, size := w.base()
	return uintptr(base) + uintptr(i*size)
}

// microTile multiplies one tile by one panel, of which cols columns are wanted.
func (t tiles) microTile(y []float32, ldy, rows, cols int, args *microArgs, edge []float32) {
	if cols == 2*t.lanes {
		args.y, args.ldy = unsafe.Pointer(&y[0]), uintptr(ldy)*4
		t.microCall(rows, args)
		return
	}
	for r := range rows {
		copy(edge[r*32:], y[r*ldy:][:cols])
	}
	args.y, args.ldy = unsafe.Pointer(&edge[0]), 32*4
	t.microCall(rows, args)
	for r := range rows {
		copy(y[r*ldy:][:cols], edge[r*32:])
	}
}

// interleave blocks d elements of count rows of a matrix, the first of which starts at element
// first and the next ld further on. Where count is short of a vector's lanes, the last row stands
// in for the others; where it is not positive, nothing is done, for the columns are not wanted.
// Steps are stride elements apart; the last is filled up with zeros, of which ends holds the rows.
func (t tiles) interleave(to []float32, stride int, w weights, first, ld, count, d int,
	ends []float32) {
	if count <= 0 {
		return
	}
	base, size := w.base()
	steps := (d + t.lanes - 1) / t.lanes
	whole := d / t.lanes
	args := interleaveArgs{
		to:    unsafe.Pointer(&to[0]),
		pitch: uintptr(steps*stride+lanePadFloats) * 4, stride: uintptr(stride) * 4,
		steps: uintptr(whole),
	}
	for r := range t.lanes {
		args.rows[r] = unsafe.Add(base, (first+min(r, count-1)*ld)*size)
	}
	if whole > 0 {
		t.interleaveCall(w.format, &args)
	}
	tail := d - whole*t.lanes
	if tail == 0 {
		return
	}
	clear(ends)
	lane := t.tailLane(tail)
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(&ends[0])), len(ends)*4)
	for r := range t.lanes {
		end := unsafe.Slice((*byte)(unsafe.Add(args.rows[r], whole*t.lanes*size)), tail*size)
		args.rows[r] = unsafe.Pointer(&bytes[r*64])
		copy(bytes[r*64+lane*size:], end)
	}
	args.to = unsafe.Pointer(&to[whole*stride])
	args.steps = 1
	t.interleaveCall(w.format, &args)
}

func (t tiles) microCall(rows int, args *microArgs) {
	if t.lanes == 16 {
		microAVX512(rows, args)
	} else {
		microAVX2(rows, args)
	}
}

func (t tiles) interleaveCall(format weightFormat, args *interleaveArgs) {
	if t.lanes == 16 {
		interleaveAVX512(format, args)
	} else {
		interleaveAVX2(format, args)
	}
}
