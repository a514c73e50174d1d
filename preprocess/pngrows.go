package preprocess

// PNG's rows: inflated, their filters undone, and set into the picture pass by pass.

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/bits"

	"github.com/qwenvl/qwenvl/internal/inflate"
)

// pngPass is one pass over the picture: which columns and rows it has.
type pngPass struct{ x, y, dx, dy int }

var (
	pngWhole = []pngPass{{0, 0, 1, 1}}
	pngAdam7 = []pngPass{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}}
)

// size returns how many columns and rows of w × h the pass has.
func (p pngPass) size(w, h int) (int, int) {
	return (w - p.x + p.dx - 1) / p.dx, (h - p.y + p.dy - 1) / p.dy
}

// pixels decodes the picture. A stream that ends behind a row leaves the rest as zero samples.
//
// Source: Pillow, ZipDecode.c; an interlaced frame starts at the picture's corner wherever it lies.
func (c *pngChunks) pixels(o DecodeOptions) (*Image, error) {
	s, err := c.samples(o)
	if err != nil {
		return nil, err
	}
	m := NewImage(int(c.w), int(c.h))
	m.Indexed, m.Pad = s.indexed, s.pad
	fw, fh, size := int(c.still.w), int(c.still.h), int(c.depth)*int(pngChannels[c.color]) // size in bits
	passes, origin := pngWhole, 3*(int(c.still.y)*m.Width+int(c.still.x))
	if c.interlaced {
		passes, origin = pngAdam7, 0
	}
	total := 0
	for _, p := range passes {
		if w, h := p.size(fw, fh); w > 0 && h > 0 {
			total += h * (1 + (w*size+7)/8)
		}
	}
	blank := s.blank()
	if c.interlaced || fw < m.Width || fh < m.Height {
		fill(m.Pix, blank)
	}

	in, ends := joined(c.data)
	most := 1 + (fw*size+7)/8
	z := inflate.NewReader(in, total, most)
	direct := s.direct && !c.interlaced // rows become what they are in the picture
	rows := [2][]uint8{make([]uint8, most-1), make([]uint8, most-1)}
	line := make([]uint8, 3*fw)
	for _, p := range passes {
		w, h := p.size(fw, fh)
		if w <= 0 || h <= 0 {
			continue
		}
		n := (w*size + 7) / 8
		prev := rows[0][:n]
		clear(prev)
		for y := range h {
			raw, st := z.Next(1 + n)
			if len(raw) < 1+n {
				last := z.UsedAtLast()
				if st != inflate.End || len(raw) > 0 || last == 0 || blockEnd(ends, last) < z.Used() {
					return nil, streamError(st)
				}
				for ; y < h && !c.interlaced; y++ {
					fill(m.Pix[origin+3*m.Width*y:][:3*fw], blank)
				}
				return m, c.end(ends, last)
			}
			dst := m.Pix[origin+3*(p.y+y*p.dy)*m.Width:]
			cur := rows[y&1^1][:n]
			if direct {
				cur = dst[:n:n]
			}
			if !unfilter(raw[0], cur, raw[1:], prev, (size+7)/8) {
				return nil, pngError("unknown filter")
			}
			prev = cur
			switch {
			case direct:
			case c.interlaced:
				s.row(line[:3*w], cur)
				for x := range w {
					copy(dst[3*(p.x+x*p.dx):][:3], line[3*x:3*x+3])
				}
			default:
				s.row(dst[:3*w:3*w], cur)
			}
		}
	}
	used := z.Used()
	if z.Tail(blockEnd(ends, used)) == inflate.Broken {
		return nil, streamError(inflate.Broken)
	}
	return m, c.end(ends, used)
}

// end refuses a file that is cut in a chunk which the pixels did not need.
func (c *pngChunks) end(ends []int, used int) error {
	if n := len(ends); c.cut && n > 1 && blockEnd(ends, used) <= ends[n-2] {
		return streamError(inflate.Short)
	}
	return nil
}

func streamError(st inflate.Status) error {
	if st == inflate.Broken {
		return pngError("damaged pixels")
	}
	return &FormatError{Format: pngFormat, Reason: "not enough pixels", Err: io.ErrUnexpectedEOF}
}

func fill(dst []uint8, pixel [3]uint8) {
	for i := 0; i+3 <= len(dst); i += 3 {
		copy(dst[i:i+3], pixel[:])
	}
}

// joined returns chunks as one, and where each ends.
func joined(chunks [][]byte) ([]byte, []int) {
	ends := make([]int, len(chunks))
	n := 0
	for i, p := range chunks {
		n += len(p)
		ends[i] = n
	}
	if len(chunks) == 1 {
		return chunks[0], ends
	}
	return bytes.Join(chunks, nil), ends
}

// blockEnd returns the end of the block that holds byte used-1. Pillow hands chunks to zlib in
// blocks of 64 KiB at most; in the block that completes a row zlib goes on as far as it can.
func blockEnd(ends []int, used int) int {
	start := 0
	for _, end := range ends {
		if used <= end {
			return min(start+(max(used-1-start, 0)>>16+1)<<16, end)
		}
		start = end
	}
	return start
}

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
