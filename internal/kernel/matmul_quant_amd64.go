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
	case t == tilesQuantAVX512VNNI && !int4:
		return 12
	case t == tilesQuantAVXVNNI, t == tilesQuantAVX2 && int4:
		return 6
	}
	return 8
}

// unpacks reports whether so many rows are multiplied by 4-bit weights as if those were of 8 bits: where there is no other way,
// or they take many tiles; never with AVX2, which multiplies small weights faster.
func (t quantTiles) unpacks(m int) bool {
	return t == tilesQuantAVXVNNI || t == tilesQuantAVX512VNNI && m > 5*t.rows(true)
}

// unpack writes some parts of one group of a panel of int4 in the layout of int8.
func (t quantTiles) unpack(dst, src *uint8, parts uintptr) {
	if t == tilesQuantAVX512VNNI {
		unpackInt4AVX512VNNI(dst, src, parts)
	} else {
		unpackInt4AVX2(dst, src, parts)
	}
}

func (t quantTiles) tile(int4 bool, args *quantArgs) {
	switch {
	case t == tilesQuantAVX512VNNI && int4:
		int4TileAVX512VNNI(args)
	case t == tilesQuantAVX512VNNI:
		int8TileAVX512VNNI(args)
	case t == tilesQuantAVXVNNI:
		int8TileAVXVNNI(args)
	case int4:
		int4TileAVX2(args)
	default:
		int8TileAVX2(args)
	}
}
