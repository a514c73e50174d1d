//go:build gc && !noasm && !purego

package kernel

import "unsafe"

// amxArgs is what one call of int8TileAMX reads: the products of quantArgs, in steps of up to 64 elements of k, and what lies between one group
// and the next. A group is a part of k, whose products are added to those before, or another panel. steps counts those of a group.
type amxArgs struct {
	quantArgs                   // of which q, w, wscale and groups move along
	config       unsafe.Pointer // the shapes of the tile registers
	stepQ, stepW uintptr        // bytes of a row and of the panel that one step takes
	nextQ, nextW uintptr        // bytes from the end of a group to the next; as the others, modulo 2^64
	nextScale    uintptr
	nextSums     uintptr
	nextY        uintptr
	again        uintptr // a mask: whether groups after the first are added to y
}

//go:noescape
func int8TileAMX(args *amxArgs)

const (
	amxWords = 16 // of 4 bytes, in a row of a tile register, which has as many rows
	addAgain = 1<<16 - 1
)

// tileSize is the shape of a tile register: its rows, and the bytes of each.
type tileSize struct{ height, bytes uint8 }

// tileConfig is what LDTILECFG reads for those shapes. Registers without rows, or bytes, are not used.
// Source: Intel's manual, volume 2, "LDTILECFG".
func tileConfig(sizes [8]tileSize) (config [64]uint8) {
	const palette, rowBytes, heights = 0, 16, 48 // where they lie
	config[palette] = 1
	for tile, s := range sizes {
		if s.height > 0 && s.bytes > 0 {
			config[rowBytes+2*tile], config[heights+tile] = s.bytes, s.height
		}
	}
	return config
}

// tileShape is the shapes of the tile registers of int8TileAMX, for rows of up to 32 and steps of so many times 4 elements of k.
func tileShape(rows, words int) [64]uint8 {
	low, high := uint8(min(rows, 16)), uint8(max(rows-16, 0))
	return tileConfig([8]tileSize{
		{low, 64}, {low, 64}, {high, 64}, {high, 64}, {low, uint8(4 * words)}, {high, uint8(4 * words)}, {uint8(words), 64}, {uint8(words), 64},
	})
}

// tileShapes are the shapes for whole steps, by rows.
var tileShapes = func() (shapes [tallest + 1][64]uint8) {
	for rows := range shapes {
		shapes[rows] = tileShape(rows, amxWords)
	}
	return shapes
}()

// int8AMX multiplies some groups, parts of k.
func int8AMX(args *quantArgs) {
	call := amxArgs{quantArgs: *args, config: unsafe.Pointer(&tileShapes[args.rows]), stepQ: 4 * amxWords, stepW: 4 * amxWords * PanelRows,
		nextScale: 4, nextSums: SumsPerGroup * 4, again: addAgain}
	call.steps /= amxWords
	int8TileAMX(&call)
	args.resume = 1
}

// keysAMX is matMulKeys: panels one after the other are the groups of one tile.
func keysAMX(y []float32, ldy int, q []int8, qscale []float32, sums []int32, m int, panels []uint8, scales []float32, count, k int) {
	stride, depth := HeadStride(k), HeadDepth(k)
	steps := (depth/4 + amxWords - 1) / amxWords
	for depth/4%steps != 0 { // of equal length
		steps++
	}
	words := depth / 4 / steps
	call := amxArgs{
		quantArgs: quantArgs{ldq: uintptr(stride), lds: 4, ldsums: 4, ldy: uintptr(ldy) * 4},
		stepQ:     4 * uintptr(words), stepW: 4 * uintptr(words) * PanelRows,
		nextQ: -uintptr(depth), nextW: uintptr(stride-depth) * PanelRows, nextY: PanelRows * 4,
	}
	var shape [64]uint8
	call.config = unsafe.Pointer(&shape)
	for r0 := 0; r0 < m; r0 += tallest {
		rows := min(tallest, m-r0)
		shape = tileShape(rows, words)
		call.q, call.scale, call.sums = unsafe.Pointer(&q[r0*stride]), unsafe.Pointer(&qscale[r0]), unsafe.Pointer(&sums[r0])
		call.w, call.wscale, call.y = unsafe.Pointer(&panels[0]), unsafe.Pointer(&scales[0]), unsafe.Pointer(&y[r0*ldy])
		call.rows, call.steps, call.groups = uintptr(rows), uintptr(steps), uintptr(count)
		int8TileAMX(&call)
	}
}
