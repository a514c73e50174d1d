package preprocess

// The orientation that a camera wrote, from EXIF or XMP, and turning the picture upright.

import (
	"bytes"
	"encoding/binary"
)

// orientationOf returns the orientation 1..8 that EXIF states, else XMP, else 0.
//
// Source: EXIF 2.32, tag 0x0112; Pillow, Image.getexif for the fallback to XMP.
func orientationOf(exif, xmp []byte) int {
	if v, ok := exifOrientation(exif); ok {
		return v
	}
	key := []byte("tiff:Orientation")
	for {
		_, rest, found := bytes.Cut(xmp, key)
		if !found {
			return 0
		}
		for _, open := range []string{`="`, ">"} {
			if v, ok := bytes.CutPrefix(rest, []byte(open)); ok && len(v) > 0 && v[0] >= '0' && v[0] <= '9' {
				return int(v[0] - '0')
			}
		}
		xmp = rest
	}
}

// exifOrientation looks the tag up in the first directory of a TIFF structure.
func exifOrientation(p []byte) (int, bool) {
	if len(p) < 8 {
		return 0, false
	}
	var order binary.ByteOrder = binary.LittleEndian
	if string(p[:2]) == "MM" {
		order = binary.BigEndian
	} else if string(p[:2]) != "II" {
		return 0, false
	}
	at := int64(order.Uint32(p[4:]))
	if at+2 > int64(len(p)) {
		return 0, false
	}
	dir := p[at:]
	n := int(order.Uint16(dir))
	for dir = dir[2:]; n > 0 && len(dir) >= 12; n, dir = n-1, dir[12:] {
		if order.Uint16(dir) != 0x0112 {
			continue
		}
		switch order.Uint16(dir[2:]) {
		case 1, 6, 7:
			return int(dir[8]), true
		case 3, 8:
			return int(order.Uint16(dir[8:])), true
		case 4, 9:
			return int(min(order.Uint32(dir[8:]), 255)), true
		}
		return 0, false
	}
	return 0, false
}

// upright undoes an EXIF orientation; values outside 2..8 change nothing. 5..8 swap width and
// height.
func upright(m *Image, orientation int) *Image {
	if orientation < 2 || orientation > 8 {
		return m
	}
	out := *m
	if orientation >= 5 {
		out.Width, out.Height = m.Height, m.Width
	}
	if m.Pix == nil { // only the size is asked for
		return &out
	}
	out.Pix = make([]uint8, len(m.Pix))
	// Output pixel (x, y) is read at start + x·dx + y·dy of the stored picture.
	w, h := m.Width, m.Height
	var start, dx, dy int
	switch orientation {
	case 2: // mirrored left to right
		start, dx, dy = w-1, -1, w
	case 3: // turned by 180 degrees
		start, dx, dy = w*h-1, -1, -w
	case 4: // mirrored top to bottom
		start, dx, dy = w*(h-1), 1, -w
	case 5: // mirrored at the main diagonal
		start, dx, dy = 0, w, 1
	case 6: // to be turned clockwise
		start, dx, dy = w*(h-1), -w, 1
	case 7: // mirrored at the other diagonal
		start, dx, dy = w*h-1, -w, -1
	case 8: // to be turned counter-clockwise
		start, dx, dy = w-1, w, -1
	}
	i := 0
	for y := range out.Height {
		src := start + y*dy
		for range out.Width {
			s := m.Pix[3*src : 3*src+3 : 3*src+3]
			d := out.Pix[i : i+3 : i+3]
			d[0], d[1], d[2] = s[0], s[1], s[2]
			i, src = i+3, src+dx
		}
	}
	return &out
}
