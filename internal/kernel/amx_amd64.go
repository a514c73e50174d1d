//go:build gc && !noasm && !purego

package kernel

// Products of 8-bit weights in tiles of AMX. One call takes all rows of a chunk by a panel; what a
// tile begins with is prepared here as a list of loops, because the kernel converts the sums of one
// tile among the products of the next. matmul_quant_asm.go cuts the rows; values_amx_amd64.go and
// bf16x3_amd64.go are the other users of these registers.

import "unsafe"

// amxArgs is what one call of int8TileAMX reads: the products of tiles of up to 32 rows by 32
// columns, in groups of some steps of up to 64 elements of k. Groups come in loops of equal length;
// in a loop they follow each other in rows or in columns.
type amxArgs struct {
	config           unsafe.Pointer // the shapes of the tile registers
	loop             *amxLoop       // moves along
	groups           uintptr        // of all loops, counted down
	tiles            uintptr        // groups of a loop
	rows, steps      uintptr
	ldq, lds, ldsums uintptr // bytes between rows
	stepQ, stepW     uintptr // bytes of a row and of the panel that one step takes

	// Bytes from a group to the next of its loop; of q and w, from its end. They are modulo 2^64.
	nextQ, nextW, nextWScale, nextScale, nextSums uintptr

	// What the tile keeps: the rest of the loop, what the next group begins with, the bytes between
	// rows of the last one, the weights to fetch, and addresses in its frame: the place for the
	// next group's sums, and for what lies on the side.
	//lint:ignore U1000 only the assembly uses it
	left, wscale, scale, sums, from, to uintptr
	//lint:ignore U1000 only the assembly uses it
	ldfrom, ldto, fetch, room, side uintptr
}

// amxLoop is what a loop begins with, and what its products are added to and where that is written:
// on the side, if from or to is nil.
type amxLoop struct {
	q, w, wscale, scale, sums unsafe.Pointer
	from, to                  unsafe.Pointer
	ldfrom, ldto              uintptr // bytes between rows
	nextFrom, nextTo          uintptr // bytes between groups
	add                       uintptr // a mask: whether there is something to add to
}

const (
	amxWords = 16 // of 4 bytes, in a row of a tile register, which has as many rows
	amxRows  = 32 // of a tile
	addAgain = 1<<16 - 1
)

// tileSize is the shape of a tile register: its rows, and the bytes of each.
type tileSize struct{ height, bytes uint8 }

// tileConfig is what LDTILECFG reads for those shapes. Registers without rows, or bytes, are not
// used.
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

// tileShape is the shapes of the tile registers of int8TileAMX, for rows of up to 32 and steps of
// so many times 4 elements of k.
func tileShape(rows, words int) [64]uint8 {
	low, high := uint8(min(rows, 16)), uint8(max(rows-16, 0))
	return tileConfig([8]tileSize{
		{low, 64}, {low, 64}, {high, 64}, {high, 64}, {low, uint8(4 * words)},
		{high, uint8(4 * words)}, {uint8(words), 64}, {uint8(words), 64},
	})
}

// tileShapes are the shapes for whole steps, by rows.
var tileShapes = func() (shapes [amxRows + 1][64]uint8) {
	for rows := range shapes {
		shapes[rows] = tileShape(rows, amxWords)
	}
	return shapes
}()

// int8AMX multiplies rows by some groups of one panel: first as many whole tiles as there are,
// together, then the rest.
func int8AMX(args *quantArgs) {
	rest := args.rows % amxRows
	if tiles := args.rows / amxRows; tiles > 0 {
		tilesAMX(*args, tiles, amxRows)
	}
	last := *args
	args.resume = 1
	if rest == 0 {
		return
	}
	whole := args.rows - rest
	last.q, last.scale, last.sums = unsafe.Add(args.q, whole*args.ldq),
		unsafe.Add(args.scale, whole*args.lds), unsafe.Add(args.sums, whole*args.ldsums)
	last.y, last.rows = unsafe.Add(args.y, whole*args.ldy), rest
	if rest <= amxFew {
		int8TileAVX512VNNI(&last)
	} else {
		tilesAMX(last, 1, rest)
	}
}

// tilesAMX multiplies tiles of so many rows. All take their turn with one group, which stays in the
// first level of the cache meanwhile, and then with the next one. What they add up to lies on the
// side between a block's groups, without gaps, since y's rows may share a few sets of the cache.
func tilesAMX(args quantArgs, tiles, rows uintptr) {
	const ldside = PanelRows * 4
	size := args.steps * 4 // of a row's group
	for left := args.groups; ; {
		n := min(left, quantDepth)
		var loops [quantDepth]amxLoop
		for g := range n {
			loops[g] = amxLoop{
				q: unsafe.Add(args.q, g*size), w: unsafe.Add(args.w, g*size*PanelRows),
				wscale: unsafe.Add(args.wscale, g*PanelRows*4),
				scale:  unsafe.Add(args.scale, g*4), sums: unsafe.Add(args.sums, g*SumsPerGroup*4),
				ldfrom: ldside, nextFrom: rows * ldside, ldto: ldside, nextTo: rows * ldside,
				add: addAgain,
			}
		}
		loops[0].from, loops[0].ldfrom, loops[0].nextFrom, loops[0].add = args.y, args.ldy,
			rows*args.ldy, addAgain*args.resume
		loops[n-1].to, loops[n-1].ldto, loops[n-1].nextTo = args.y, args.ldy, rows*args.ldy
		int8TileAMX(&amxArgs{
			config: unsafe.Pointer(&tileShapes[rows]), loop: &loops[0], groups: n * tiles,
			tiles: tiles, rows: rows, steps: args.steps / amxWords,
			ldq: args.ldq, lds: args.lds, ldsums: args.ldsums, stepQ: 4 * amxWords,
			stepW: 4 * amxWords * PanelRows,
			nextQ: rows*args.ldq - size, nextW: -size * PanelRows, nextScale: rows * args.lds,
			nextSums: rows * args.ldsums,
		})
		if left -= n; left == 0 { // going on would leave pointers past the ends
			return
		}
		args.q, args.w, args.wscale = unsafe.Add(args.q, n*size),
			unsafe.Add(args.w, n*size*PanelRows), unsafe.Add(args.wscale, n*PanelRows*4)
		args.scale, args.sums, args.resume = unsafe.Add(args.scale, n*4),
			unsafe.Add(args.sums, n*SumsPerGroup*4), 1
	}
}

// keysAMX is matMulKeys: panels one after the other are the groups of one tile.
func keysAMX(y []float32, ldy int, q []int8, qscale []float32, sums []int32, m int, panels []uint8,
	scales []float32, count, k int) {
	stride, depth := HeadStride(k), HeadDepth(k)
	steps := (depth/4 + amxWords - 1) / amxWords
	for depth/4%steps != 0 { // of equal length
		steps++
	}
	words := depth / 4 / steps
	for r0 := 0; r0 < m; r0 += amxRows {
		rows := min(amxRows, m-r0)
		shape := tileShape(rows, words)
		to := unsafe.Pointer(&y[r0*ldy])
		loop := amxLoop{
			q: unsafe.Pointer(&q[r0*stride]), w: unsafe.Pointer(&panels[0]),
			wscale: unsafe.Pointer(&scales[0]), scale: unsafe.Pointer(&qscale[r0]),
			sums: unsafe.Pointer(&sums[r0]), from: to, to: to, ldfrom: uintptr(ldy) * 4,
			ldto: uintptr(ldy) * 4, nextFrom: PanelRows * 4, nextTo: PanelRows * 4,
		}
		int8TileAMX(&amxArgs{
			config: unsafe.Pointer(&shape), loop: &loop, groups: uintptr(count),
			tiles: uintptr(count), rows: uintptr(rows), steps: uintptr(steps),
			ldq: uintptr(stride), lds: 4, ldsums: 4, stepQ: 4 * uintptr(words),
			stepW: 4 * uintptr(words) * PanelRows,
			nextQ: -uintptr(depth), nextW: uintptr(stride-depth) * PanelRows,
			nextWScale: PanelRows * 4,
		})
	}
}
