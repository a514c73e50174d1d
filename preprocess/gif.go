package preprocess

// GIF: the first frame on its screen, found and colored as Pillow does: bytes between blocks are
// passed over, and without a color table samples are gray. The codes are read in giflzw.go.

import (
	"encoding/binary"
	"image"
	"io"
)

const gifFormat = "gif"

func gifError(reason string) error { return &FormatError{Format: gifFormat, Reason: reason} }

func gifCut(reason string) error {
	return &FormatError{Format: gifFormat, Reason: reason, Err: io.ErrUnexpectedEOF}
}

var gifShort = gifCut("ends before the first frame")

// gifFrame is the first frame and what its colors are.
type gifFrame struct {
	screenW, screenH int
	rect             image.Rectangle
	transparent      int    // index of the transparent color, -1 if none
	palette          []byte // nil: samples are gray
	gray             bool   // Pillow's mode is gray, whatever the palette
	interlaced       bool
	bits             int // of a sample, as the codes have them
	pixels           int // offset of the blocks of codes
}

// gifCursor reads as a file is read: at its end there is less, or nothing.
type gifCursor struct {
	data []byte
	at   int
}

func (c *gifCursor) read(n int) []byte {
	p := c.data[c.at:min(c.at+n, len(c.data))]
	c.at += len(p)
	return p
}

// block reads a sub-block: nil at the last, which is empty, and at the end of the file.
func (c *gifCursor) block() []byte {
	if n := c.read(1); len(n) == 1 && n[0] > 0 {
		return c.read(int(n[0]))
	}
	return nil
}

func (c *gifCursor) skipBlocks() {
	for len(c.block()) > 0 {
	}
}

// colors reads a color table of 2<<bits entries: nil for one that is a gray scale.
func (c *gifCursor) colors(bits int) ([]byte, bool) {
	p := c.read(6 << bits)
	if len(p) < 6<<bits {
		return nil, false
	}
	for i, v := range p {
		if int(v) != i/3 {
			return p, true
		}
	}
	return nil, true
}

// walkGIF reads blocks up to the first frame's codes.
//
// Source: Pillow, GifImagePlugin.py: _open and _seek.
func walkGIF(data []byte) (f gifFrame, err error) {
	c := &gifCursor{data, 13}
	if len(data) < 13 {
		return f, gifShort
	}
	le := binary.LittleEndian
	f.screenW, f.screenH, f.transparent = int(le.Uint16(data[6:])), int(le.Uint16(data[8:])), -1
	ok := true
	if data[10]&0x80 != 0 {
		if f.palette, ok = c.colors(int(data[10] & 7)); !ok {
			return f, gifShort
		}
	}
	f.gray = f.palette == nil
	for {
		kind := c.read(1)
		if len(kind) == 0 {
			return f, gifShort
		}
		switch kind[0] {
		case ';':
			return f, gifError("no frame")
		case '!':
			if err := f.extension(c); err != nil {
				return f, err
			}
		case ',':
			p := c.read(9)
			if len(p) < 9 {
				return f, gifShort
			}
			x, y := int(le.Uint16(p)), int(le.Uint16(p[2:]))
			f.rect = image.Rect(x, y, x+int(le.Uint16(p[4:])), y+int(le.Uint16(p[6:])))
			f.interlaced = p[8]&0x40 != 0
			if p[8]&0x80 != 0 {
				local, ok := c.colors(int(p[8] & 7))
				if !ok {
					return f, gifShort
				}
				// Beside a local gray scale Pillow keeps the global colors.
				if f.gray = local == nil; local != nil {
					f.palette = local
				}
			}
			bits := c.read(1)
			if len(bits) == 0 {
				return f, gifShort
			}
			f.bits, f.pixels = int(bits[0]), c.at
			return f, nil
		}
	}
}

// extension reads an extension, of which the transparent color counts.
func (f *gifFrame) extension(c *gifCursor) error {
	label := c.read(1)
	if len(label) == 0 {
		return gifShort
	}
	block := c.block()
	switch {
	case label[0] == 0xf9 && block != nil:
		if len(block) < 3 || block[0]&1 != 0 && len(block) < 4 {
			return gifError("graphic control is too short")
		}
		if block[0]&1 != 0 {
			f.transparent = int(block[3])
		}
	case label[0] == 0xfe:
		if len(block) > 0 {
			c.skipBlocks()
		}
		return nil
	case label[0] == 0xff && len(block) >= 11 && string(block[:11]) == "NETSCAPE2.0":
		c.block()
	}
	c.skipBlocks() // Pillow does so even behind an empty block
	return nil
}

// decodeGIF reads the first frame onto the whole screen, which grows to hold it. Outside the frame
// lies the transparent color, else entry 0.
func decodeGIF(data []byte, o DecodeOptions, pixels bool) (*Image, int, error) {
	f, err := walkGIF(data)
	if err != nil {
		return nil, 0, err
	}
	w, h := max(f.screenW, f.rect.Max.X), max(f.screenH, f.rect.Max.Y)
	if err := o.Limits.size(gifFormat, int64(w), int64(h)); err != nil {
		return nil, 0, err
	}
	if f.rect.Empty() {
		return nil, 0, gifError("empty frame")
	}
	// A string of n samples needs n entries of the table, so a code of k bits stands for 2^k at
	// most.
	fw, fh := f.rect.Dx(), f.rect.Dy()
	if int64(fw)*int64(fh)/(4096*8/12) > int64(len(data)) {
		return nil, 0, gifCut("too short for its size")
	}
	if !pixels {
		return &Image{Width: w, Height: h}, 0, nil
	}
	samples := make([]uint8, fw*fh)
	if err := readLZW(samples, data[f.pixels:], f.bits); err != nil {
		return nil, 0, err
	}
	m := NewImage(w, h)
	table := f.table(o.Alpha)
	if !f.gray {
		m.Indexed, m.Pad = true, table[0]
	}
	if fw < w || fh < h {
		fill(m.Pix, table[max(f.transparent, 0)])
	}
	put := func(y int) {
		lookUp(m.Pix[3*((f.rect.Min.Y+y)*w+f.rect.Min.X):][:3*fw], samples[:fw], 8, table)
		samples = samples[fw:]
	}
	if !f.interlaced {
		for y := range fh {
			put(y)
		}
		return m, 0, nil
	}
	for _, pass := range [4][2]int{{0, 8}, {4, 8}, {2, 4}, {1, 2}} {
		for y := pass[0]; y < fh; y += pass[1] {
			put(y)
		}
	}
	return m, 0, nil
}

// table gives the pixel of every sample. Entries that a palette lacks are black.
func (f *gifFrame) table(mode AlphaMode) *[256][3]uint8 {
	var t [256][3]uint8
	for i := range t {
		p := [3]uint8{uint8(i), uint8(i), uint8(i)}
		if f.palette != nil {
			p = [3]uint8{}
			if 3*i < len(f.palette) {
				copy(p[:], f.palette[3*i:])
			}
		}
		a := uint8(255)
		if i == f.transparent {
			a = 0
		}
		put(t[i][:], p[0], p[1], p[2], a, mode)
	}
	return &t
}
