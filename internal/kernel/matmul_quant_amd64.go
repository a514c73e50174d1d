//go:build gc && !noasm && !purego

package kernel

import "github.com/qwenvl/qwenvl/internal/cpu"

//go:noescape
func int8TileAVX512VNNI(args *quantArgs)

//go:noescape
func int4TileAVX512VNNI(args *quantArgs)

//go:noescape
func unpackInt4AVX512VNNI(dst, src *uint8, parts uintptr)

//go:noescape
func int8TileAVXVNNI(args *quantArgs)

//go:noescape
func int8TileAVX2(args *quantArgs)

//go:noescape
func int4TileAVX2(args *quantArgs)

//go:noescape
func unpackInt4AVX2(dst, src *uint8, parts uintptr)

// quantTiles is the set of tiles of one instruction set.
type quantTiles int

const (
	tilesQuantAVX2 quantTiles = iota
	tilesQuantAVXVNNI
	tilesQuantAVX512VNNI
	tilesQuantAMX // for many rows, with those of AVX-512 for the rest
)

const (
	tallest = 32 // rows of the highest tile of any set

	// amxGroups is how many groups of a panel, in bytes, fit into the first level of the cache beside rows and results.
	amxGroups = 4
	// amxFew is up to how many rows the tile of AVX-512 is faster than that of AMX, whose time does not depend on the rows.
	amxFew = 3
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

// forRows returns the tiles for m rows.
func (t quantTiles) forRows(m int) quantTiles {
	if cpu.AMX && t == tilesQuantAVX512VNNI && m > t.rows(false) {
		return tilesQuantAMX
	}
	return t
}

// rows returns the height of the highest tile for weights of 8 or 4 bits.
func (t quantTiles) rows(int4 bool) int {
	switch {
	case t == tilesQuantAMX && !int4:
		return tallest
	case t == tilesQuantAVX512VNNI && !int4:
		return 12
	case t == tilesQuantAVXVNNI, t == tilesQuantAVX2 && int4:
		return 6
	}
	return 8
}

// cut returns the rows of tile i of count, of nearly equal heights or, where a tile takes the same time for any, the highest but for the last.
func (t quantTiles) cut(m, i, count int) (r0, r1 int) {
	if t == tilesQuantAMX {
		return i * tallest, min((i+1)*tallest, m)
	}
	return m * i / count, m * (i + 1) / count
}

// depth returns how many of some groups all rows are multiplied by before the next ones.
func (t quantTiles) depth(groups int) int {
	if t == tilesQuantAMX {
		return min(groups, amxGroups)
	}
	return groups
}

// cacheBytes is the size of a block of activations.
func (t quantTiles) cacheBytes() int {
	if t == tilesQuantAMX { // the processors that have it have 2 MB of second-level cache
		return 1 << 20
	}
	return 256 << 10
}

// unpacks reports whether so many rows are multiplied by 4-bit weights as if those were of 8 bits: where there is no other way,
// or they take many tiles; never with AVX2, which multiplies small weights faster.
func (t quantTiles) unpacks(m int) bool {
	return t == tilesQuantAVXVNNI || t == tilesQuantAMX || t == tilesQuantAVX512VNNI && m > 5*t.rows(true)
}

// unpack writes some parts of one group of a panel of int4 in the layout of int8.
func (t quantTiles) unpack(dst, src *uint8, parts uintptr) {
	if t >= tilesQuantAVX512VNNI {
		unpackInt4AVX512VNNI(dst, src, parts)
	} else {
		unpackInt4AVX2(dst, src, parts)
	}
}

func (t quantTiles) tile(int4 bool, args *quantArgs) {
	args.ahead = fetchAhead.packed
	switch {
	case t == tilesQuantAMX && args.rows > amxFew:
		int8AMX(args)
	case t >= tilesQuantAVX512VNNI && int4:
		int4TileAVX512VNNI(args)
	case t >= tilesQuantAVX512VNNI:
		int8TileAVX512VNNI(args)
	case t == tilesQuantAVXVNNI:
		int8TileAVXVNNI(args)
	case int4:
		int4TileAVX2(args)
	default:
		int8TileAVX2(args)
	}
}
