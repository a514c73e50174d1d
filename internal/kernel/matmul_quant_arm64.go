//go:build gc && !noasm && !purego

package kernel

// The tiles of the packed products on arm64: their heights, and which of them runs.
// matmul_quant_asm.go cuts the work; matmul_quant_amd64.go is the same for amd64.

import "github.com/qwenvl/qwenvl/internal/cpu"

// quantTiles is the set of tiles of one instruction set.
type quantTiles int

const (
	tilesQuantNEON quantTiles = iota
	tilesQuantDotProd
	tilesQuantI8MM
)

// tallest is the rows of the highest tile of any set.
const tallest = 8

func quantTilesFor() (t quantTiles, ok bool) {
	switch {
	case cpu.I8MM:
		return tilesQuantI8MM, true
	case cpu.DotProd:
		return tilesQuantDotProd, true
	case cpu.NEON:
		return tilesQuantNEON, true
	}
	return 0, false
}

// rows returns the height of the highest tile.
func (t quantTiles) rows(bool) int {
	if t == tilesQuantI8MM {
		return 6
	}
	return 8
}

// pass returns how many rows one call of tile may take.
func (t quantTiles) pass(int4 bool) int { return t.rows(int4) }

// forRows returns the tiles for m rows, the same for any number.
func (t quantTiles) forRows(int) quantTiles { return t }

// cut returns the rows of tile i of count, of nearly equal heights.
func (t quantTiles) cut(m, i, count int) (r0, r1 int) { return m * i / count, m * (i + 1) / count }

// cacheBytes is the size of a block of activations.
func (t quantTiles) cacheBytes() int { return 256 << 10 }

// unpacks reports whether rows are multiplied by 4-bit weights as if those were of 8 bits: always.
func (t quantTiles) unpacks(int) bool { return true }

// unpackDepth is how many groups of 4-bit weights are unpacked at once for many rows, as many as
// fill the first level of the cache.
func (t quantTiles) unpackDepth() int { return 4 }

// unpack writes some parts of one group of a panel of int4 in the layout of int8.
func (t quantTiles) unpack(dst, src *uint8, parts uintptr) { unpackInt4NEON(dst, src, parts) }

func (t quantTiles) tile(_ bool, args *quantArgs) {
	switch t {
	case tilesQuantI8MM:
		int8TileI8MM(args)
	case tilesQuantDotProd:
		int8TileDotProd(args)
	default:
		int8TileNEON(args)
	}
}
