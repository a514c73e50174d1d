package preprocess

// BMP's headers, of Windows and OS/2, with masks and palette. A bitmap may come without a file
// header, as a clipboard holds it.

import "encoding/binary"

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

// isBMPHeader tells the sizes of headers that are read.
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
			return b, bmpCut("cut in its headers")
		}
		b.start = int64(le.Uint32(data[10:]))
	}
	if len(data) < at+4 {
		return b, bmpCut("cut in its headers")
	}
	size := le.Uint32(data[at:])
	if int64(size) > int64(len(data)-at) {
		return b, bmpCut("cut in its headers")
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
				return b, bmpCut("cut in its headers")
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
