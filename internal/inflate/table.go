package inflate

// Tables for Huffman codes: one step for short codes, two for long ones, and zlib's rules on which
// sets of code lengths count.

import "math/bits"

// An entry of a table holds, from the lowest bit: the bits to drop (8), the number of extra bits
// (4), four flags, and a value (16): a literal, a base, or where a second table starts. Of an entry
// that links to a second table the extra bits are those that index it.
const (
	flagInvalid = 1 << 12
	flagLink    = 1 << 13
	flagEnd     = 1 << 14
	flagLiteral = 1 << 15

	litBits  = 10 // bits that index the first table of literals and lengths
	distBits = 8
	maxBits  = 15

	invalid = flagInvalid | 1
)

var (
	litSymbols  [288]uint32 // flags, extra bits and values of the symbols
	distSymbols [32]uint32
	lenSymbols  [19]uint32

	fixedLit, fixedDist []uint32
)

func init() {
	for i := range litSymbols {
		litSymbols[i] = flagInvalid
	}
	for i := range 256 {
		litSymbols[i] = flagLiteral | uint32(i)<<16
	}
	litSymbols[256] = flagEnd
	base := uint32(3)
	for i := range uint32(28) {
		extra := uint32(0)
		if i >= 8 {
			extra = i/4 - 1
		}
		litSymbols[257+i] = extra<<8 | base<<16
		base += 1 << extra
	}
	litSymbols[285] = 258 << 16
	base = 1
	for i := range uint32(30) {
		extra := uint32(0)
		if i >= 4 {
			extra = i/2 - 1
		}
		distSymbols[i] = extra<<8 | base<<16
		base += 1 << extra
	}
	distSymbols[30], distSymbols[31] = flagInvalid, flagInvalid
	for i := range lenSymbols {
		lenSymbols[i] = uint32(i) << 16
	}

	var lens [288]uint8
	for i := range lens {
		switch {
		case i < 144:
			lens[i] = 8
		case i < 256:
			lens[i] = 9
		case i < 280:
			lens[i] = 7
		default:
			lens[i] = 8
		}
	}
	fixedLit, _ = build(nil, lens[:], litSymbols[:], litBits, false)
	for i := range 32 {
		lens[i] = 5
	}
	fixedDist, _ = build(nil, lens[:32], distSymbols[:], distBits, false)
}

// build writes the table of a set of code lengths over t. It reports false for a set with too many
// codes, and for one with too few, unless whole is false and there is none, or one of one bit.
func build(t []uint32, lens []uint8, symbols []uint32, first int, whole bool) ([]uint32, bool) {
	var count [maxBits + 1]int
	longest := 0
	for _, n := range lens {
		count[n]++
		longest = max(longest, int(n))
	}
	left := 1
	for n := 1; n <= maxBits; n++ {
		if left = left<<1 - count[n]; left < 0 {
			return t, false
		}
	}
	if left > 0 && (longest > 1 || whole && longest > 0) {
		return t, false
	}
	t = t[:0]
	for range 1 << first {
		t = append(t, invalid)
	}
	if longest == 0 {
		return t, !whole
	}

	var sorted [288]uint16
	var next [maxBits + 1]int
	for n := 1; n < maxBits; n++ {
		next[n+1] = next[n] + count[n]
	}
	for s, n := range lens {
		if n > 0 {
			sorted[next[n]] = uint16(s)
			next[n]++
		}
	}
	code, at := uint32(0), 0
	prefix, start, width := uint32(1)<<31, 0, 0 // of the second table in progress
	for n := 1; n <= longest; n++ {
		for ; count[n] > 0; count[n]-- {
			e := symbols[sorted[at]]
			at++
			rev := bits.Reverse32(code) >> (32 - n)
			code++
			if n <= first {
				for i := rev; i < 1<<first; i += 1 << n {
					t[i] = e | uint32(n)
				}
				continue
			}
			if low := rev & (1<<first - 1); low != prefix {
				prefix, start = low, len(t)
				width = n - first
				for room := 1<<width - count[n]; room > 0 && width+first < longest; {
					width++
					room = room<<1 - count[width+first]
				}
				for range 1 << width {
					t = append(t, invalid)
				}
				t[low] = flagLink | uint32(start)<<16 | uint32(width)<<8 | uint32(first)
			}
			for i := rev >> first; i < 1<<width; i += 1 << (n - first) {
				t[start+int(i)] = e | uint32(n-first)
			}
		}
		code <<= 1
	}
	return t, true
}
