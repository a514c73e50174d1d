//go:build (amd64 || arm64) && gc && !noasm && !purego

package kernel

import "unsafe"

// quantArgs is what one call of a tile, int8Tile or int4Tile, reads: rows rows of activations by the 32 columns of one
// panel, over some groups of k.
type quantArgs struct {
	q      unsafe.Pointer // row 0, at the first group
	ldq    uintptr        // bytes between rows
	scale  unsafe.Pointer // of the rows, at the first group
	sums   unsafe.Pointer // likewise
	lds    uintptr        // bytes between rows of both
	w      unsafe.Pointer // the panel, at the first group
	wscale unsafe.Pointer // its scales: f32 (int8Tile) or bf16 (int4Tile)
	y      unsafe.Pointer
	ldy    uintptr // bytes between rows
	rows   uintptr
	steps  uintptr // of 4 elements of k in a group
	groups uintptr // counted down by the tile
	resume uintptr // 1: add to y, 0: start from zero; set by the tile
}

const (
	// quantDepth is how much of k a block of activations has; quantBlock is its size in bytes, which stays in the second level
	// of the cache beside a block of weights.
	quantDepth = 2048
	quantBlock = 256 << 10
)

func matMulPacked(y []float32, ldy int, x quantized, m int, p packed, panel0, count, n int) {
	t, ok := quantTilesFor()
	if !ok || p.groups == 0 {
		matMulPackedGo(y, ldy, x, m, p, panel0, count, n)
		return
	}
	c := quantCall{quantTiles: t, y: y, ldy: ldy, x: x, p: p, n: n, int4: p.group == GroupInt4}
	c.matMulBest(m, panel0, count)
}

// quantCall is what stays the same in one product.
type quantCall struct {
	quantTiles
	y      []float32
	ldy    int
	x      quantized
	p      packed
	n      int
	int4   bool // whether the tiles are those for 4 bits
	panel  int  // the current one
	group0 int  // where the current block begins
}

// matMul multiplies a block of activations, which stays in the cache, by one panel after the other.
func (c *quantCall) matMul(m, panel0, count int) {
	depth, height := c.p.groups, m
	if m > c.rows(c.int4) { // more than one tile
		depth, height = c.block(m, quantDepth/c.p.group)
	}
	base, size := unsafe.Pointer(&c.p.bytes[0]), c.p.blockBytes()
	for m0 := 0; m0 < m; m0 += height {
		for c.group0 = 0; c.group0 < c.p.groups; c.group0 += depth {
			groups := min(depth, c.p.groups-c.group0)
			for c.panel = panel0; c.panel < panel0+count; c.panel++ {
				at := c.panel*c.p.groups + c.group0
				var scale unsafe.Pointer
				if c.int4 {
					scale = unsafe.Pointer(&c.p.bf16[at*PanelRows])
				} else {
					scale = unsafe.Pointer(&c.p.f32[at*PanelRows])
				}
				c.tiles(m0, min(height, m-m0), groups, unsafe.Add(base, at*size), scale)
			}
		}
	}
}

// block chooses the size of a block of activations: groups of k, at most limit, and rows.
func (c *quantCall) block(m, limit int) (groups, rows int) {
	groups = blockLen(c.p.groups, limit, 1)
	tile := c.rows(c.int4)
	return groups, blockLen(m, max(1, quantBlock/(groups*c.p.group*tile))*tile, tile)
}

// tiles multiplies rows m0..m0+m-1 by one panel, over some groups that begin at w and scale.
func (c *quantCall) tiles(m0, m, groups int, w, scale unsafe.Pointer) {
	x, c0 := c.x, c.panel*PanelRows
	args := quantArgs{
		ldq: uintptr(x.stride), lds: uintptr(c.p.groups) * 4, w: w, wscale: scale, steps: uintptr(c.p.group / 4),
	}
	width := min(PanelRows, c.n-c0)
	tile := c.rows(c.int4)
	count := (m + tile - 1) / tile
	for i := range count { // of nearly equal heights
		r0, r1 := m0+m*i/count, m0+m*(i+1)/count
		args.q = unsafe.Pointer(&x.q[r0*x.stride+c.group0*c.p.group])
		args.scale = unsafe.Pointer(&x.scale[r0*c.p.groups+c.group0])
		args.sums = unsafe.Pointer(&x.sums[r0*c.p.groups+c.group0])
		args.rows, args.groups, args.resume = uintptr(r1-r0), uintptr(groups), flag(c.group0 > 0)
		if width < PanelRows {
			c.cutTile(args, r0, r1, c0, width)
			continue
		}
		args.y, args.ldy = unsafe.Pointer(&c.y[r0*c.ldy+c0]), uintptr(c.ldy)*4
		c.tile(c.int4, &args)
	}
}

// cutTile computes a tile of the last panel, where y has fewer columns than that, on the side.
func (c *quantCall) cutTile(args quantArgs, r0, r1, c0, width int) {
	var y [12 * PanelRows]float32
	if args.resume != 0 {
		for r := r0; r < r1; r++ {
			copy(y[(r-r0)*PanelRows:], c.y[r*c.ldy+c0:][:width])
		}
	}
	args.y, args.ldy = unsafe.Pointer(&y[0]), PanelRows*4
	c.tile(c.int4, &args)
	for r := r0; r < r1; r++ {
		copy(c.y[r*c.ldy+c0:][:width], y[(r-r0)*PanelRows:])
	}
}
