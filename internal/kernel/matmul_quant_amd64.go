//go:build gc && !noasm && !purego

package kernel

// The tiles of the packed products on amd64: their heights, and which of them rows go
// through. matmul_quant_asm.go cuts the work; matmul_quant_arm64.go is the same for arm64.

import "github.com/qwenvl/qwenvl/internal/cpu"

// quantTiles is the set of tiles of one instruction set.
type quantTiles int

const (
	tilesQuantAVX2 quantTiles = iota
	tilesQuantAVXVNNI
	tilesQuantAVX512VNNI
	tilesQuantAMX // for many rows, with those of AVX-512 for the rest
)

const (
	tallest = amxRows // rows of the highest tile of any set
	// amxPass is how many rows int8AMX takes at once. Its tile has room for their sums.
	amxPass = 384
	// amxFew is up to how many rows the tile of AVX-512 is faster than that of AMX, whose time does
	// not depend on the rows.
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
		return amxRows
	case t == tilesQuantAVX512VNNI && !int4:
		return 12
	case t == tilesQuantAVXVNNI, t == tilesQuantAVX2 && int4:
		return 6
	}
	return 8
}

// pass returns how many rows one call of tile may take.
func (t quantTiles) pass(int4 bool) int {
	if t == tilesQuantAMX && !int4 {
		return amxPass
	}
	return t.rows(int4)
}

// cut returns the rows of tile i of count: of nearly equal heights, which for AMX consist of whole
// tiles but for the last.
func (t quantTiles) cut(m, i, count int) (r0, r1 int) {
	if t == tilesQuantAMX {
		tiles := (m + amxRows - 1) / amxRows
		return tiles * i / count * amxRows, min(tiles*(i+1)/count*amxRows, m)
	}
	return m * i / count, m * (i + 1) / count
}

// cacheBytes is the size of a block of activations.
func (t quantTiles) cacheBytes() int {
	if t == tilesQuantAMX { // the processors that have it have 2 MB of second-level cache
		return 1 << 20
	}
	return 256 << 10
}

// unpacks reports whether so many rows are multiplied by 4-bit weights as if those were of 8 bits:
// where there is no other way, or they take many tiles; never with AVX2, which multiplies small
// weights faster.
func (t quantTiles) unpacks(m int) bool {
	return t == tilesQuantAVXVNNI || t == tilesQuantAMX || t == tilesQuantAVX512VNNI &&
		m > 5*t.rows(true)
}

// unpackDepth is how many groups of 4-bit weights are unpacked at once for many rows, as many as
// fill the first level of the cache; for AMX, which takes one after the other, no fewer than of
// bytes.
func (t quantTiles) unpackDepth() int {
	if t == tilesQuantAMX {
		return quantDepth
	}
	return 4
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
	args.distance = prefetchDistance.packed
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
