//go:build gc && !noasm && !purego

package kernel

import "github.com/qwenvl/qwenvl/internal/cpu"

//go:noescape
func int8TileNEON(args *quantArgs)

//go:noescape
func int4TileNEON(args *quantArgs)

//go:noescape
func int8TileDotProd(args *quantArgs)

//go:noescape
func int4TileDotProd(args *quantArgs)

//go:noescape
func int8TileI8MM(args *quantArgs)

//go:noescape
func int4TileI8MM(args *quantArgs)

// quantTiles is the set of tiles of one instruction set.
type quantTiles int

const (
	tilesQuantNEON quantTiles = iota
	tilesQuantDotProd
	tilesQuantI8MM
)

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

// rows returns the height of the highest tile for weights of 8 or 4 bits.
func (t quantTiles) rows(bool) int {
	if t == tilesQuantI8MM {
		return 6
	}
	return 8
}

func (t quantTiles) tile(int4 bool, args *quantArgs) {
	switch {
	case t == tilesQuantI8MM && int4:
		int4TileI8MM(args)
	case t == tilesQuantI8MM:
		int8TileI8MM(args)
	case t == tilesQuantDotProd && int4:
		int4TileDotProd(args)
	case t == tilesQuantDotProd:
		int8TileDotProd(args)
	case int4:
		int4TileNEON(args)
	default:
		int8TileNEON(args)
	}
}

// matMulBest is matMul: masking half bytes costs little beside the products of a tile.
func (c *quantCall) matMulBest(m, panel0, count int) { c.matMul(m, panel0, count) }
