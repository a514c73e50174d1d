package preprocess

// PNG's filters, which store a row as differences from its neighbors.

import (
	"encoding/binary"
	"math/bits"
)

// unfilter undoes a row's filter. It reports false for an unknown one.
//
// Shapes: cur, raw and prev have one length; bpp is bytes a pixel, at least 1.
// Source: PNG specification, 9.2.
func unfilter(filter byte, cur, raw, prev []uint8, bpp int) bool {
	raw, prev = raw[:len(cur)], prev[:len(cur)]
	switch filter {
	case 0:
		copy(cur, raw)
	case 1:
		copy(cur, raw[:min(bpp, len(raw))])
		for i := bpp; i < len(cur); i++ {
			cur[i] = raw[i] + cur[i-bpp]
		}
	case 2:
		i := 0
		for ; i+8 <= len(cur); i += 8 { // eight sums at a time, without carries between them
			a, b := binary.LittleEndian.Uint64(raw[i:]), binary.LittleEndian.Uint64(prev[i:])
			const low = 0x7f7f7f7f7f7f7f7f
			binary.LittleEndian.PutUint64(cur[i:], (a&low+b&low)^(a^b)&^low)
		}
		for ; i < len(cur); i++ {
			cur[i] = raw[i] + prev[i]
		}
	case 3:
		for i := range min(bpp, len(cur)) {
			cur[i] = raw[i] + prev[i]/2
		}
		for i := bpp; i < len(cur); i++ {
			cur[i] = raw[i] + uint8((int(cur[i-bpp])+int(prev[i]))/2)
		}
	case 4:
		paethRow(cur, raw, prev, bpp)
	default:
		return false
	}
	return true
}

// paethRow undoes the Paeth filter. Three and four bytes a pixel have their left neighbors in
// registers.
func paethRow(cur, raw, prev []uint8, bpp int) {
	switch bpp {
	case 3:
		var a0, a1, a2, c0, c1, c2 int
		for len(cur) >= 3 && len(raw) >= 3 && len(prev) >= 3 {
			b0, b1, b2 := int(prev[0]), int(prev[1]), int(prev[2])
			a0 = int(raw[0]+paeth(a0, b0, c0)) & 255
			a1 = int(raw[1]+paeth(a1, b1, c1)) & 255
			a2 = int(raw[2]+paeth(a2, b2, c2)) & 255
			cur[0], cur[1], cur[2] = uint8(a0), uint8(a1), uint8(a2)
			c0, c1, c2 = b0, b1, b2
			cur, raw, prev = cur[3:], raw[3:], prev[3:]
		}
	case 4:
		var a0, a1, a2, a3, c0, c1, c2, c3 int
		for len(cur) >= 4 && len(raw) >= 4 && len(prev) >= 4 {
			b0, b1, b2, b3 := int(prev[0]), int(prev[1]), int(prev[2]), int(prev[3])
			a0 = int(raw[0]+paeth(a0, b0, c0)) & 255
			a1 = int(raw[1]+paeth(a1, b1, c1)) & 255
			a2 = int(raw[2]+paeth(a2, b2, c2)) & 255
			a3 = int(raw[3]+paeth(a3, b3, c3)) & 255
			cur[0], cur[1], cur[2], cur[3] = uint8(a0), uint8(a1), uint8(a2), uint8(a3)
			c0, c1, c2, c3 = b0, b1, b2, b3
			cur, raw, prev = cur[4:], raw[4:], prev[4:]
		}
	default:
		for i := range cur {
			a, c := 0, 0
			if i >= bpp {
				a, c = int(cur[i-bpp]), int(prev[i-bpp])
			}
			cur[i] = raw[i] + paeth(a, int(prev[i]), c)
		}
	}
}

// paeth picks of a (left), b (above) and c (above left) the nearest to a+b-c.
func paeth(a, b, c int) uint8 {
	pa, pb := b-c, a-c
	pc := pa + pb
	pa, pb, pc = abs(pa), abs(pb), abs(pc)
	if pb < pa {
		pa, a = pb, b
	}
	if pc < pa {
		a = c
	}
	return uint8(a)
}

func abs(x int) int {
	m := x >> (bits.UintSize - 1)
	return (x ^ m) - m
}
