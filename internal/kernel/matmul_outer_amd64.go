//go:build gc && !noasm && !purego

package kernel

import "unsafe"

// outerArgs is what one call of outer<rows> reads: a tile of x and a panel of w, laid out by spread, of equal steps. The
// products are added to y.
type outerArgs struct {
	y     unsafe.Pointer
	ldy   uintptr // bytes between rows
	x, w  unsafe.Pointer
	steps uintptr // of each lane
}

// spreadArgs is what spread<format> reads: it lays out as many rows as a vector has lanes.
type spreadArgs struct {
	to     unsafe.Pointer
	pitch  uintptr // bytes between lanes
	stride uintptr // bytes between steps
	steps  uintptr
	rows   [16]unsafe.Pointer
}

const (
	// outerBlock is the most rows of x that are laid out at once: with one panel they stay in the second level of the cache.
	outerBlock = 72
	// lanePadFloats is the gap between the lanes of an operand.
	lanePadFloats = 64 / 4

	edgeFloats = 12 * 32 // the largest tile
	endFloats  = 16 * 16 // a vector of each row of a spread
)

// outerFloats returns the scratch of matMulOuter: the operands, each up to a whole tile or panel with its gaps, a tile of
// results and the ends of rows.
func outerFloats(m, n, k int) int {
	depth := min((k+15)&^15, maxDepth)
	rows, cols := min(m, outerBlock), (min(n, MatMulManyCols)+31)&^31
	return (rows+cols)*depth + (2*rows+cols)*lanePadFloats + edgeFloats + endFloats
}

// matMulOuter multiplies many rows: it lays out a part of w, then block after block of x, and multiplies each tile of x by
// each panel of w.
func (t tiles) matMulOuter(y []float32, ldy int, x []float32, ldx, m int, w weights, n, k int, scratch []float32) {
	panel := 2 * t.lanes // columns
	depth := depthOf(k)
	count := (m + t.outer - 1) / t.outer // tiles, of nearly equal heights
	block := outerBlock / t.outer
	scratch = aligned(scratch, outerFloats(m, n, k))
	edge, scratch := scratch[:edgeFloats], scratch[edgeFloats:]
	ends, scratch := scratch[:endFloats], scratch[endFloats:]
	for c0 := 0; c0 < n; c0 += MatMulManyCols {
		cols := min(MatMulManyCols, n-c0)
		panels := (cols + panel - 1) / panel
		for k0 := 0; k0 < k; k0 += depth {
			d := min(depth, k-k0)
			steps := (d + t.lanes - 1) / t.lanes
			panelLen := t.lanes * (steps*panel + lanePadFloats)
			for p := range panels {
				for half := range 2 {
					c := c0 + p*panel + half*t.lanes
					t.spread(scratch[p*panelLen+half*t.lanes:], panel, w, c*k+k0, k, min(t.lanes, n-c), d, ends)
				}
			}
			tiled := scratch[panels*panelLen:]
			for first := 0; first < count; first += block {
				last := min(first+block, count)
				at := 0
				for i := first; i < last; i++ {
					r0, r1 := m*i/count, m*(i+1)/count
					t.spread(tiled[at:], r1-r0, weights{f32: x}, r0*ldx+k0, ldx, r1-r0, d, ends)
					at += t.lanes * (steps*(r1-r0) + lanePadFloats)
				}
				for p := range panels {
					c := c0 + p*panel
					at := 0
					for i := first; i < last; i++ {
						r0, r1 := m*i/count, m*(i+1)/count
						args := outerArgs{x: unsafe.Pointer(&tiled[at]), w: unsafe.Pointer(&scratch[p*panelLen]), steps: uintptr(steps)}
						at += t.lanes * (steps*(r1-r0) + lanePadFloats)
						t.outerTile(y[r0*ldy+c:], ldy, r1-r0, min(panel, n-c), &args, edge)
					}
				}
			}
		}
	}
}

// outerTile multiplies one tile by one panel, of which cols columns are wanted.
func (t tiles) outerTile(y []float32, ldy, rows, cols int, args *outerArgs, edge []float32) {
	if cols == 2*t.lanes {
		args.y, args.ldy = unsafe.Pointer(&y[0]), uintptr(ldy)*4
		t.outerCall(rows, args)
		return
	}
	for r := range rows {
		copy(edge[r*32:], y[r*ldy:][:cols])
	}
	args.y, args.ldy = unsafe.Pointer(&edge[0]), 32*4
	t.outerCall(rows, args)
	for r := range rows {
		copy(y[r*ldy:][:cols], edge[r*32:])
	}
}

// spread lays out d elements of count rows of a matrix, the first of which starts at element first and the next ld further on.
// Where count is short of a vector's lanes, the last row stands in for the others; where it is not positive, nothing is
// done, for the columns are not wanted. Steps are stride elements apart; the last is filled up with zeros, of which ends
// holds the rows.
func (t tiles) spread(to []float32, stride int, w weights, first, ld, count, d int, ends []float32) {
	if count <= 0 {
		return
	}
	base, size := w.base()
	steps := (d + t.lanes - 1) / t.lanes
	whole := d / t.lanes
	args := spreadArgs{
		to:    unsafe.Pointer(&to[0]),
		pitch: uintptr(steps*stride+lanePadFloats) * 4, stride: uintptr(stride) * 4, steps: uintptr(whole),
	}
	for r := range t.lanes {
		args.rows[r] = unsafe.Add(base, (first+min(r, count-1)*ld)*size)
	}
	if whole > 0 {
		t.spreadCall(w.format, &args)
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
	t.spreadCall(w.format, &args)
}

func (t tiles) outerCall(rows int, args *outerArgs) {
	if t.lanes == 16 {
		outerAVX512(rows, args)
	} else {
		outerAVX2(rows, args)
	}
}

func (t tiles) spreadCall(format weightFormat, args *spreadArgs) {
	if t.lanes == 16 {
		spreadAVX512(format, args)
	} else {
		spreadAVX2(format, args)
	}
}
