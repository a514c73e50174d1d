package preprocess

// BMP: rows of 1 to 32 bits a pixel, by palette or masks, as Pillow reads them. Headers are in
// bmpheader.go, run-length codes in bmprle.go.

import "io"

const bmpFormat = "bmp"

func bmpError(reason string) error { return &FormatError{Format: bmpFormat, Reason: reason} }

func bmpUnread(feature string) error {
	return &UnsupportedError{Format: bmpFormat, Feature: feature}
}

func bmpCut(reason string) error {
	return &FormatError{Format: bmpFormat, Reason: reason, Err: io.ErrUnexpectedEOF}
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
	short := bmpCut("too short for its size")
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
