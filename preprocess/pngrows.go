package preprocess

// PNG's rows: inflated, their filters undone (pngfilter.go), and set into the picture pass by pass.

import (
	"bytes"

	"github.com/qwenvl/qwenvl/internal/inflate"
)

// pngPass is one pass over the picture: which columns and rows it has.
type pngPass struct{ x, y, dx, dy int }

var (
	pngWhole = []pngPass{{0, 0, 1, 1}}
	pngAdam7 = []pngPass{
		{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2},
	}
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
	fw, fh := int(c.still.w), int(c.still.h)
	size := int(c.depth) * int(pngChannels[c.color]) // of a pixel, in bits
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
	return pngCut("not enough pixels")
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
