//go:build gc && !noasm && !purego

package kernel

import (
	"unsafe"

	"github.com/qwenvl/qwenvl/internal/cpu"
)

//go:noescape
func int8TileAVX512VNNI(args *quantArgs)

//go:noescape
func int4TileAVX512VNNI(args *quantArgs)

//go:noescape
func unpackInt4AVX512VNNI(dst, src *uint8, groups uintptr)

//go:noescape
func int8TileAVXVNNI(args *quantArgs)

//go:noescape
func int4TileAVXVNNI(args *quantArgs)

//go:noescape
func int8TileAVX2(args *quantArgs)

//go:noescape
func int4TileAVX2(args *quantArgs)

//go:noescape
func unpackInt4AVX2(dst, src *uint8, groups uintptr)

// unpackGroups is the number of groups of 4-bit weights that are unpacked at once.
const unpackGroups = 16

// quantTiles is the set of tiles of one instruction set.
type quantTiles int

const (
	tilesQuantAVX2 quantTiles = iota
	tilesQuantAVXVNNI
	tilesQuantAVX512VNNI
)

func quantTilesFor() (t quantTiles, ok bool) {
	switch {
	case cpu.AVX512VNNI:
		return tilesQuantAVX512VNNI, true
	case cpu.AVXVNNI:
		return tilesQuantAVXVNNI, true
	case cpu.AVX2:
		return tilesQuantAVX2, true
	}
	return 0, false
}

// rows returns the height of the highest tile for weights of 8 or 4 bits.
func (t quantTiles) rows(int4 bool) int {
	switch {
	case t == tilesQuantAVX512VNNI:
		return 12
	case t == tilesQuantAVXVNNI && int4:
		return 4
	case t == tilesQuantAVX2 && !int4:
		return 8
	}
	return 6
}

// unpacks reports whether so many rows are multiplied by 4-bit weights as if those were of 8 bits: it pays from some tiles
// on, and never with AVX2, which multiplies small weights faster.
func (t quantTiles) unpacks(m int) bool {
	return t != tilesQuantAVX2 && m > 8*t.rows(true)
}

func (t quantTiles) tile(int4 bool, args *quantArgs) {
	switch {
	case t == tilesQuantAVX512VNNI && int4:
		int4TileAVX512VNNI(args)
	case t == tilesQuantAVX512VNNI:
		int8TileAVX512VNNI(args)
	case t == tilesQuantAVXVNNI && int4:
		int4TileAVXVNNI(args)
	case t == tilesQuantAVXVNNI:
		int8TileAVXVNNI(args)
	case int4:
		int4TileAVX2(args)
	default:
		int8TileAVX2(args)
	}
}

// matMulBest multiplies by weights of 4 bits either as they are or unpacked.
func (c *quantCall) matMulBest(m, panel0, count int) {
	if !c.int4 || !c.unpacks(m) {
		c.matMul(m, panel0, count)
		return
	}
	c.int4 = false
	c.matMulUnpacked(m, panel0, count)
}

// matMulUnpacked is matMul for weights of 4 bits, a block of which is unpacked once for all rows.
func (c *quantCall) matMulUnpacked(m, panel0, count int) {
	var bytes [unpackGroups*GroupInt4*PanelRows + cacheLine]uint8
	var scale [unpackGroups * PanelRows]float32
	block := bytes[(cacheLine-uintptr(unsafe.Pointer(&bytes[0]))%cacheLine)%cacheLine:]
	depth, height := c.block(m, unpackGroups)
	for m0 := 0; m0 < m; m0 += height {
		for c.group0 = 0; c.group0 < c.p.groups; c.group0 += depth {
			groups := min(depth, c.p.groups-c.group0)
			for c.panel = panel0; c.panel < panel0+count; c.panel++ {
				at := c.panel*c.p.groups + c.group0
				src := &c.p.bytes[at*blockInt4]
				if c.quantTiles == tilesQuantAVX512VNNI {
					unpackInt4AVX512VNNI(&block[0], src, uintptr(groups))
				} else {
					unpackInt4AVX2(&block[0], src, uintptr(groups))
				}
				bf16ToF32(scale[:groups*PanelRows], c.p.bf16[at*PanelRows:][:groups*PanelRows])
				c.tiles(m0, min(height, m-m0), groups, unsafe.Pointer(&block[0]), unsafe.Pointer(&scale[0]))
			}
		}
	}
}
