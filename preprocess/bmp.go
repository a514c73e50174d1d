package preprocess

// BMP: headers of Windows and OS/2, palettes and masks, as Pillow takes them. A bitmap may come
// without a file header, as a clipboard holds it. Run-length codes are in bmprle.go.

import (
	"encoding/binary"
	"io"
)

const bmpFormat = "bmp"

func bmpError(reason string) error { return &FormatError{Format: bmpFormat, Reason: reason} }

func bmpUnread(feature string) error { return &UnsupportedError{Format: bmpFormat, Feature: feature} }

var bmpShort = &FormatError{Format: bmpFormat, Reason: "cut in its headers", Err: io.ErrUnexpectedEOF}

const (
	bmpRaw = iota
	bmpRLE8
	bmpRLE4
	bmpMasks
)

// bmpHeader is what the headers say.
type bmpHeader struct {
	w, h        int64
	bottomUp    bool
	bits        int
	compression uint32
	masks       [4]uint32 // of red, green, blue and alpha
	start       int64     // of the pixels

	entry   int    // bytes of a palette's entry
	palette []byte // blue, green, red and, of four, one more; nil without one
	gray    bool   // the palette is a gray scale
	two     bool   // and has two colors at most
}

// bmpHeaders are the sizes of headers that are read.
func isBMPHeader(size uint32) bool {
	switch size {
	case 12, 40, 52, 56, 64, 108, 124:
		return true
	}
	return false
}

// walkBMP reads the headers and the palette.
//
// Source: Pillow, BmpImagePlugin.py: _open and _bitmap.
func walkBMP(data []byte) (b bmpHeader, err error) {
	le := binary.LittleEndian
	at := 0
	if data[0] == 'B' && data[1] == 'M' {
		if at = 14; len(data) < at {
			return b, bmpShort
		}
		b.start = int64(le.Uint32(data[10:]))
	}
	if len(data) < at+4 {
		return b, bmpShort
	}
	size := le.Uint32(data[at:])
	if int64(size) > int64(len(data)-at) {
		return b, bmpShort
	}
	if !isBMPHeader(size) {
		return b, bmpUnread("header of this size")
	}
	p := data[at : at+int(size)]
	colors := int64(0)
	if size == 12 {
		b.w, b.h = int64(le.Uint16(p[4:])), int64(le.Uint16(p[6:]))
		b.bits, b.bottomUp, b.entry = int(le.Uint16(p[10:])), true, 3
	} else {
		b.w, b.h = int64(le.Uint32(p[4:])), int64(le.Uint32(p[8:]))
		if b.bottomUp = p[11] != 0xff; !b.bottomUp {
			b.h = 1<<32 - b.h
		}
		b.bits, b.compression, b.entry = int(le.Uint16(p[14:])), le.Uint32(p[16:]), 4
		colors = int64(le.Uint32(p[32:]))
	}
	next := at + int(size)
	if b.compression == bmpMasks {
		from, n := p[min(40, len(p)):], 4
		if size < 56 {
			n = 3
		}
		if size == 40 { // the masks follow
			if len(data) < next+12 {
				return b, bmpShort
			}
			from, next = data[next:], next+12
		}
		for i := range n {
			b.masks[i] = le.Uint32(from[4*i:])
		}
	}
	if colors == 0 {
		colors = 1 << min(b.bits, 32)
	}
	if b.start == int64(14+size) && b.bits <= 8 {
		b.start += int64(b.entry) * colors
	}
	if b.bits != 1 && b.bits != 4 && b.bits != 8 {
		if b.start == 0 {
			b.start = int64(next)
		}
		return b, nil
	}
	if colors > 1<<16 {
		return b, bmpError("palette of over 65536 colors")
	}
	b.palette = data[next:min(next+b.entry*int(colors), len(data))]
	if b.start == 0 {
		b.start = int64(next + len(b.palette))
	}
	b.gray, b.two = true, colors <= 2
	for i := range int(colors) {
		v := byte(i)
		if colors == 2 && i == 1 {
			v = 255
		}
		e := b.palette[min(i*b.entry, len(b.palette)):]
		if len(e) < 3 || e[0] != v || e[1] != v || e[2] != v {
			b.gray = false
			break
		}
	}
	return b, nil
}

// bmpLayout says where the bytes of a pixel are.
type bmpLayout struct{ r, g, b, a int } // offsets; a is -1 without alpha

// bmpLayouts are the masks of 32 bits that Pillow knows.
var bmpLayouts = map[[4]uint32]bmpLayout{
	{0xff0000, 0xff00, 0xff, 0}:          {2, 1, 0, -1},
	{0xff000000, 0xff0000, 0xff00, 0}:    {3, 2, 1, -1},
	{0xff000000, 0xff00, 0xff, 0}:        {3, 1, 0, -1},
	{0xff000000, 0xff0000, 0xff00, 0xff}: {3, 2, 1, 0},
	{0xff, 0xff00, 0xff0000, 0xff000000}: {0, 1, 2, 3},
	{0xff0000, 0xff00, 0xff, 0xff000000}: {2, 1, 0, 3},
	{0xff000000, 0xff00, 0xff, 0xff0000}: {3, 1, 0, 2},
	{}:                                   {2, 1, 0, 3},
}

// bmpRow reads one row: how many bits a pixel takes, and a function that brings them to RGB.
type bmpRow struct {
	bits int
	row  func(dst, src []uint8)
}

// reader chooses how rows are read.
func (b *bmpHeader) reader(o DecodeOptions) (r bmpRow, err error) {
	switch b.bits {
	case 1, 4, 8, 16, 24, 32:
	default:
		return r, bmpUnread("bits a pixel that are not 1, 4, 8, 16, 24 or 32")
	}
	masked := b.compression == bmpMasks
	rgb := [3]uint32{b.masks[0], b.masks[1], b.masks[2]}
	const masks = "these masks of colors"
	switch {
	case b.compression > bmpMasks:
		return r, bmpUnread("this compression (a JPEG or PNG inside, or unknown)")
	case masked && b.bits <= 8:
		return r, bmpUnread(masks)
	case (b.compression == bmpRLE8 || b.compression == bmpRLE4) && b.bits > 8:
		return r, bmpError("run-length codes of over 8 bits a pixel")
	}
	r.bits = b.bits
	switch b.bits {
	case 16:
		green := uint(5)
		switch {
		case masked && rgb == [3]uint32{0xf800, 0x7e0, 0x1f}:
			green = 6
		case masked && rgb != [3]uint32{0x7c00, 0x3e0, 0x1f}:
			return r, bmpUnread(masks)
		}
		r.row = func(dst, src []uint8) { bmp16(dst, src, green) }
	case 24:
		if masked && rgb != [3]uint32{0xff0000, 0xff00, 0xff} {
			return r, bmpUnread(masks)
		}
		r.row = func(dst, src []uint8) { bmpBytes(dst, src, 3, bmpLayout{2, 1, 0, -1}, AlphaDrop) }
	case 32:
		l := bmpLayout{2, 1, 0, -1} // without masks the fourth byte has no meaning
		if masked {
			var known bool
			if l, known = bmpLayouts[b.masks]; !known {
				return r, bmpUnread(masks)
			}
		}
		r.row = func(dst, src []uint8) { bmpBytes(dst, src, 4, l, o.Alpha) }
	default:
		table, err := b.table()
		if err != nil {
			return r, err
		}
		switch {
		case b.compression != bmpRaw: // decoded to a byte a sample
			r.bits = 8
		case b.gray && b.two: // whatever the header says
			r.bits = 1
		case b.gray:
			r.bits = 8
		}
		r.row = func(dst, src []uint8) { lookUp(dst, src, r.bits, table) }
	}
	return r, nil
}

// table gives the pixel of every sample. Entries that a palette lacks are black.
func (b *bmpHeader) table() (*[256][3]uint8, error) {
	var t [256][3]uint8
	for i := range t {
		e := b.palette[min(i*b.entry, len(b.palette)):]
		switch {
		case b.gray && b.two:
			t[i] = [3]uint8{uint8(255 * min(i, 1)), uint8(255 * min(i, 1)), uint8(255 * min(i, 1))}
		case b.gray:
			t[i] = [3]uint8{uint8(i), uint8(i), uint8(i)}
		case len(e) >= b.entry:
			t[i] = [3]uint8{e[2], e[1], e[0]}
		}
	}
	if !b.gray && len(b.palette)/b.entry > 256 {
		return nil, bmpError("palette of over 256 colors")
	}
	return &t, nil
}

func decodeBMP(data []byte, o DecodeOptions, pixels bool) (*Image, int, error) {
	b, err := walkBMP(data)
	if err != nil {
		return nil, 0, err
	}
	if err := o.Limits.size(bmpFormat, b.w, b.h); err != nil {
		return nil, 0, err
	}
	r, err := b.reader(o)
	if err != nil {
		return nil, 0, err
	}
	w, h := int(b.w), int(b.h)
	stride, n := (w*b.bits+31)/32*4, (w*r.bits+7)/8
	rle := b.compression == bmpRLE8 || b.compression == bmpRLE4
	short := &FormatError{Format: bmpFormat, Reason: "too short for its size", Err: io.ErrUnexpectedEOF}
	switch {
	case rle && !readBMPRuns(nil, data, b.start, w, h, b.compression == bmpRLE4):
		return nil, 0, short
	case rle:
		stride, n = w, w
	case n > stride:
		return nil, 0, bmpError("palette of a gray scale with fewer bits a pixel")
	case b.start+int64(h-1)*int64(stride)+int64(n) > int64(len(data)):
		return nil, 0, short
	}
	if !pixels {
		return &Image{Width: w, Height: h}, 0, nil
	}
	src := data[min(b.start, int64(len(data))):]
	if rle {
		src = make([]uint8, w*h)
		readBMPRuns(src, data, b.start, w, h, b.compression == bmpRLE4)
	}
	m := NewImage(w, h)
	if m.Indexed = b.bits <= 8 && !(b.gray && !b.two); m.Indexed && !b.gray {
		r.row(m.Pad[:], make([]uint8, 1))
	}
	for y := range h {
		to := y
		if b.bottomUp {
			to = h - 1 - y
		}
		r.row(m.Pix[3*w*to:][:3*w], src[y*stride:][:n])
	}
	return m, 0, nil
}

// bmp16 reads 5 bits a sample, or 6 of green.
func bmp16(dst, src []uint8, green uint) {
	for len(dst) >= 3 && len(src) >= 2 {
		v := uint32(src[0]) | uint32(src[1])<<8
		most := uint32(1)<<green - 1
		dst[0] = uint8(v >> (5 + green) & 31 * 255 / 31)
		dst[1] = uint8(v >> 5 & most * 255 / most)
		dst[2] = uint8(v & 31 * 255 / 31)
		dst, src = dst[3:], src[2:]
	}
}

// bmpBytes reads pixels of size bytes.
func bmpBytes(dst, src []uint8, size int, l bmpLayout, mode AlphaMode) {
	for len(dst) >= 3 && len(src) >= size {
		dst[0], dst[1], dst[2] = src[l.r], src[l.g], src[l.b]
		if l.a >= 0 && mode == AlphaWhite {
			put(dst, src[l.r], src[l.g], src[l.b], src[l.a], mode)
		}
		dst, src = dst[3:], src[size:]
	}
}
