package preprocess

// The orientation that a camera wrote, from EXIF or XMP, and turning the picture upright.

import (
	"bytes"
	"encoding/binary"
	"math"
)

// orientationOf returns the orientation 1..8 that EXIF states, else XMP, else 0.
//
// Errors: *FormatError for EXIF that stops Pillow.
// preambles is how many "Exif\0\0" may stand before EXIF's structure.
// Source: EXIF 2.32, tag 0x0112; Pillow, Image.getexif for the fallback to XMP.
func orientationOf(format string, exif []byte, preambles int, xmp []byte) (int, error) {
	if v, ok, err := exifOrientation(format, exif, preambles); ok || err != nil {
		return v, err
	}
	return xmpOrientation(xmp), nil
}

// xmpOrientation returns the digit behind the first key with an attribute's or an element's mark.
func xmpOrientation(xmp []byte) int {
	key := []byte("tiff:Orientation")
	for {
		_, rest, found := bytes.Cut(xmp, key)
		if !found {
			return 0
		}
		for _, open := range []string{`="`, ">"} {
			v, ok := bytes.CutPrefix(rest, []byte(open))
			if ok && len(v) > 0 && v[0] >= '0' && v[0] <= '9' {
				return int(v[0] - '0')
			}
		}
		xmp = rest
	}
}

func brokenEXIF(format, reason string) error {
	reason = "EXIF: " + reason + "; IgnoreOrientation reads the picture without it"
	return &FormatError{Format: format, Reason: reason}
}

// exifOrientation looks the tag up in the first directory of a TIFF structure. It reports whether
// the tag is there; the value is 0 where it is none of 1 to 8, or of a type that Pillow keeps as
// bytes or text.
//
// Source: Pillow, Image.Exif.load; TiffImagePlugin.ImageFileDirectory_v2.load.
func exifOrientation(format string, p []byte, preambles int) (int, bool, error) {
	for range preambles {
		p = bytes.TrimPrefix(p, []byte("Exif\x00\x00"))
	}
	if len(p) == 0 {
		return 0, false, nil
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch string(p[:min(4, len(p))]) {
	case "II*\x00", "II\x00*":
	case "MM\x00*", "MM*\x00", "MM\x00+":
		order = binary.BigEndian
	case "II+\x00":
		return 0, false, brokenEXIF(format, "BigTIFF")
	default:
		return 0, false, brokenEXIF(format, "no TIFF header")
	}
	if len(p) < 8 {
		return 0, false, brokenEXIF(format, "cut in its header")
	}
	at := int64(order.Uint32(p[4:]))
	if at+2 > int64(len(p)) {
		return 0, false, nil
	}
	dir := p[at:]
	n := int(order.Uint16(dir))
	total := int64(0) // of values that stand elsewhere: more than there are bytes is skipped
	for dir = dir[2:]; n > 0 && len(dir) >= 12; n, dir = n-1, dir[12:] {
		kind, count := order.Uint16(dir[2:]), int64(order.Uint32(dir[4:]))
		size, known := exifSizes[kind]
		if !known || count == 0 {
			continue
		}
		value := dir[8:12]
		if size *= count; size > 4 {
			start := int64(order.Uint32(value))
			if total += size; total > int64(len(p)) {
				continue
			}
			if start+size > int64(len(p)) {
				return 0, false, nil // here Pillow stops reading
			}
			value = p[start:]
		}
		if order.Uint16(dir) == 0x0112 {
			return orientationValue(order, kind, value), true, nil
		}
	}
	return 0, false, nil
}

// exifSizes are the bytes of one value by type.
var exifSizes = map[uint16]int64{
	1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8,
}

// orientationValue reads the first value of a tag; any number that equals 1 to 8 counts.
func orientationValue(order binary.ByteOrder, kind uint16, p []byte) int {
	v := 0.0
	switch kind {
	case 3:
		v = float64(order.Uint16(p))
	case 4, 13:
		v = float64(order.Uint32(p))
	case 5:
		v = float64(order.Uint32(p)) / float64(order.Uint32(p[4:]))
	case 6:
		v = float64(int8(p[0]))
	case 8:
		v = float64(int16(order.Uint16(p)))
	case 9:
		v = float64(int32(order.Uint32(p)))
	case 10:
		v = float64(int32(order.Uint32(p))) / float64(int32(order.Uint32(p[4:])))
	case 11:
		v = float64(math.Float32frombits(order.Uint32(p)))
	case 12:
		v = math.Float64frombits(order.Uint64(p))
	case 16:
		v = float64(order.Uint64(p))
	}
	for i := range 9 {
		if v == float64(i) {
			return i
		}
	}
	return 0
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
