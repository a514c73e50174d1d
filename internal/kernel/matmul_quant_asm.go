//go:build (amd64 || arm64) && gc && !noasm && !purego

package kernel

// Packed products in assembly: how rows and panels are cut into calls of a tile, the same on both
// architectures. A block of activations stays in the cache while panels pass; 4-bit weights are
// unpacked first where many rows share that.

import "unsafe"

// quantArgs is what one call of a tile, int8Tile or int4Tile, reads: rows rows of activations by
// the 32 columns of one panel, over some groups of k.
type quantArgs struct {
	q        unsafe.Pointer // row 0, at the first group
	ldq      uintptr        // bytes between rows
	scale    unsafe.Pointer // of the rows, at the first group
	lds      uintptr        // bytes between rows
	sums     unsafe.Pointer // of the rows, at the first group
	ldsums   uintptr        // bytes between rows
	w        unsafe.Pointer // the panel, at the first group
	wscale   unsafe.Pointer // its scales: f32 (int8Tile) or bf16 (int4Tile)
	y        unsafe.Pointer
	ldy      uintptr // bytes between rows
	rows     uintptr
	steps    uintptr // of 4 elements of k in a group
	groups   uintptr // counted down by the tile
	resume   uintptr // 1: add to y, 0: start from zero; set by the tile
	distance uintptr // how many bytes ahead few rows fetch weights (amd64)
	//lint:ignore U1000 only the assembly uses it
	parts uintptr // where the tile keeps the address of a group's steps and zeros
}

const (
	cacheLine = 64

	// quantDepth is how many groups of k a block of activations has, which stays in the second
	// level of the cache beside a block of weights.
	quantDepth = 2048 / Group
)

func matMulPacked(y []float32, ldy int, x quantized, m int, p packed, panel0, count, n int) {
	t, ok := quantTilesFor()
	if !ok || p.groups == 0 {
		matMulPackedGo(y, ldy, x, m, p, panel0, count, n)
		return
	}
	c := quantCall{quantTiles: t.forRows(m), y: y, ldy: ldy, x: x, p: p, n: n, int4: p.int4}
	if c.int4 && c.unpacks(m) {
		c.int4 = false
		c.matMulUnpacked(m, panel0, count)
		return
	}
	c.matMul(m, panel0, count)
}

func tileRows() int {
	t, ok := quantTilesFor()
	if !ok {
		return 1
	}
	return t.forRows(tallest).rows(false)
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
		depth, height = c.block(m, quantDepth)
	}
	for m0 := 0; m0 < m; m0 += height {
		for c.group0 = 0; c.group0 < c.p.groups; c.group0 += depth {
			groups := min(depth, c.p.groups-c.group0)
			for c.panel = panel0; c.panel < panel0+count; c.panel++ {
				at := (c.panel*c.p.groups + c.group0) * PanelRows
				var scale unsafe.Pointer
				if c.int4 {
					scale = unsafe.Pointer(&c.p.bf16[at])
				} else {
					scale = unsafe.Pointer(&c.p.f32[at])
				}
				c.tileRows(m0, min(height, m-m0), groups,
					unsafe.Pointer(&c.p.block(c.panel, c.group0)[0]), scale)
			}
		}
	}
}

// matMulUnpacked is matMul for weights of 4 bits, a block of which is unpacked once for all rows.
func (c *quantCall) matMulUnpacked(m, panel0, count int) {
	if m <= c.rows(false) {
		var room [blockInt8 + cacheLine]uint8
		c.unpackBlocks(room[:], 1, m, m, panel0, count)
		return
	}
	var room [quantDepth*blockInt8 + cacheLine]uint8
	depth, height := c.block(m, c.unpackDepth())
	c.unpackBlocks(room[:], depth, height, m, panel0, count)
}

// unpackBlocks is matMulUnpacked for blocks of some groups and rows. room holds those of a panel,
// and can be aligned.
func (c *quantCall) unpackBlocks(room []uint8, depth, height, m, panel0, count int) {
	var scale [quantDepth * PanelRows]float32
	block := room[(cacheLine-uintptr(unsafe.Pointer(&room[0]))%cacheLine)%cacheLine:]
	for m0 := 0; m0 < m; m0 += height {
		for c.group0 = 0; c.group0 < c.p.groups; c.group0 += depth {
			groups := min(depth, c.p.groups-c.group0)
			for c.panel = panel0; c.panel < panel0+count; c.panel++ {
				for g := range groups {
					c.unpack(&block[g*blockInt8], &c.p.block(c.panel, c.group0+g)[0],
						uintptr(c.p.length(c.group0+g)/part))
				}
				at := (c.panel*c.p.groups + c.group0) * PanelRows
				bf16ToF32(scale[:groups*PanelRows], c.p.bf16[at:][:groups*PanelRows])
				c.tileRows(m0, min(height, m-m0), groups, unsafe.Pointer(&block[0]),
					unsafe.Pointer(&scale[0]))
			}
		}
	}
}

// block chooses the size of a block of activations: groups of k, at most limit, and rows.
func (c *quantCall) block(m, limit int) (groups, rows int) {
	groups = blockLen(c.p.groups, limit, 1)
	tile := c.rows(c.int4)
	return groups, blockLen(m, max(1, c.cacheBytes()/(groups*Group*tile))*tile, tile)
}

// blockSizes returns the bytes of a whole group of a panel and of its scales.
func (c *quantCall) blockSizes() (block, scales int) {
	if c.int4 {
		return blockBytes(true), PanelRows * 2
	}
	return blockBytes(false), PanelRows * 4
}

// tileRows multiplies rows m0..m0+m-1 by one panel, over some groups that begin at w and scale.
func (c *quantCall) tileRows(m0, m, groups int, w, scale unsafe.Pointer) {
	x, c0 := c.x, c.panel*PanelRows
	args := quantArgs{ldq: uintptr(x.stride), lds: uintptr(c.p.groups) * 4,
		ldsums: uintptr(c.p.groups) * SumsPerGroup * 4, w: w, wscale: scale}
	width := min(PanelRows, c.n-c0)
	tile := c.pass(c.int4)
	if width < PanelRows {
		tile = c.rows(c.int4)
	}
	count := (m + tile - 1) / tile
	for i := range count {
		r0, r1 := c.cut(m, i, count)
		r0, r1 = m0+r0, m0+r1
		args.q = unsafe.Pointer(&x.q[r0*x.stride+c.group0*Group])
		args.scale = unsafe.Pointer(&x.scale[r0*c.p.groups+c.group0])
		args.sums = unsafe.Pointer(&x.sums[(r0*c.p.groups+c.group0)*SumsPerGroup])
		args.rows, args.resume = uintptr(r1-r0), flag(c.group0 > 0)
		if width < PanelRows {
			c.cutTile(args, groups, r0, r1, c0, width)
			continue
		}
		args.y, args.ldy = unsafe.Pointer(&c.y[r0*c.ldy+c0]), uintptr(c.ldy)*4
		c.tileGroups(&args, groups)
	}
}

// tileGroups runs a tile over some groups: whole ones, and then the last of the row where it is
// shorter.
func (c *quantCall) tileGroups(args *quantArgs, groups int) {
	last := c.p.length(c.group0 + groups - 1)
	whole := groups
	if last < Group {
		whole--
	}
	if whole > 0 {
		args.steps, args.groups = Group/4, uintptr(whole)
		c.tile(c.int4, args)
	}
	if whole == groups {
		return
	}
	size, scaleSize := c.blockSizes()
	end := *args
	end.q = unsafe.Add(args.q, whole*Group)
	end.scale, end.sums = unsafe.Add(args.scale, whole*4),
		unsafe.Add(args.sums, whole*SumsPerGroup*4)
	end.w, end.wscale = unsafe.Add(args.w, whole*size), unsafe.Add(args.wscale, whole*scaleSize)
	end.steps, end.groups = uintptr(last/4), 1
	c.tile(c.int4, &end)
}

// cutTile computes a tile of the last panel, where y has fewer columns than that, on the side.
func (c *quantCall) cutTile(args quantArgs, groups, r0, r1, c0, width int) {
	var y [tallest * PanelRows]float32
	if args.resume != 0 {
		for r := r0; r < r1; r++ {
			copy(y[(r-r0)*PanelRows:], c.y[r*c.ldy+c0:][:width])
		}
	}
	args.y, args.ldy = unsafe.Pointer(&y[0]), PanelRows*4
	c.tileGroups(&args, groups)
	for r := r0; r < r1; r++ {
		copy(c.y[r*c.ldy+c0:][:width], y[(r-r0)*PanelRows:])
	}
}
