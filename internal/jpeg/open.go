package jpeg

// The headers as Pillow's Image.open walks them. It is stricter than libjpeg-turbo in places and
// laxer in others, so this walk only finds what a file claims and what is refused at once.

import (
	"bytes"
	"encoding/binary"
	"slices"
)

const errShortApp = FormatError("application segment cut short")

// walk is a position in a file.
type walk struct {
	data []byte
	at   int
}

// segment returns the body of the segment whose length stands next. Lengths below 2 are an empty
// body.
func (w *walk) segment() ([]byte, error) {
	if w.at+2 > len(w.data) {
		return nil, ErrTruncated
	}
	n := max(int(w.data[w.at])<<8|int(w.data[w.at+1])-2, 0)
	w.at += 2
	if w.at+n > len(w.data) {
		return nil, ErrTruncated
	}
	w.at += n
	return w.data[w.at-n : w.at], nil
}

// ReadHeader reads up to the first scan.
//
// Errors: FormatError, UnsupportedError.
// Source: Pillow, JpegImagePlugin.JpegImageFile.
func ReadHeader(data []byte) (Header, error) {
	var h Header
	if len(data) < 3 || string(data[:3]) != "\xff\xd8\xff" {
		return h, FormatError("no start of a picture")
	}
	w := &walk{data, 2}
	var profile [][]byte
	for {
		k := bytes.IndexByte(data[w.at:], 0xff) // anything between segments is passed over
		if k < 0 {
			return h, ErrTruncated
		}
		w.at += k
		for w.at < len(data) && data[w.at] == 0xff {
			w.at++
		}
		if w.at == len(data) {
			return h, ErrTruncated
		}
		marker := data[w.at]
		w.at++
		switch {
		case marker == 0 || marker >= 0xd0 && marker <= 0xd9 || marker >= 0xf0 && marker != 0xfe,
			marker == 0xc8:
			continue // stuffed byte, RSTn, SOI, EOI, JPGn, JPG: no body
		case marker < 0xc0:
			return h, FormatError("reserved marker")
		}
		body, err := w.segment()
		if err != nil {
			return h, err
		}
		switch {
		case marker == markerSOS:
			if h.Components == 0 {
				return h, FormatError("no frame header")
			}
			if h.Width == 0 || h.Height == 0 {
				return h, FormatError("width or height is 0")
			}
			return h, nil
		case isSOF(marker), marker == 0xde:
			if len(profile) > 0 && len(slices.MinFunc(profile, bytes.Compare)) < 14 {
				return h, errShortApp
			}
			profile = nil
			err = h.frame(marker, body)
		case marker == markerDQT:
			err = checkDQT(body)
		case marker >= markerAPP0 && marker <= markerAPP0+15:
			if marker == markerAPP0+2 && bytes.HasPrefix(body, []byte("ICC_PROFILE\x00")) {
				profile = append(profile, body)
			}
			err = h.application(marker, body)
		}
		if err != nil {
			return h, err
		}
	}
}

func isSOF(marker byte) bool {
	return marker >= 0xc0 && marker <= 0xcf &&
		marker != markerDHT && marker != 0xc8 && marker != markerDAC
}

func (h *Header) frame(marker byte, p []byte) error {
	if len(p) < 6 || (len(p)-6)%3 != 0 {
		return FormatError("frame header of a wrong length")
	}
	h.Height, h.Width, h.Components = int(p[1])<<8|int(p[2]), int(p[3])<<8|int(p[4]), int(p[5])
	h.Arithmetic = marker >= 0xc9
	if p[0] != 8 {
		return UnsupportedError("samples of other than 8 bits")
	}
	if h.Components != 1 && h.Components != 3 && h.Components != 4 {
		return UnsupportedError("other than 1, 3 or 4 components")
	}
	return nil
}

func checkDQT(p []byte) error {
	for len(p) > 0 {
		n := 65
		if p[0] >= 16 {
			n = 129
		}
		if len(p) < n {
			return FormatError("quantization table cut short")
		}
		p = p[n:]
	}
	return nil
}

// application keeps EXIF and XMP, and refuses the few short bodies on which Pillow gives up.
func (h *Header) application(marker byte, p []byte) error {
	const exif, xmp = "Exif\x00\x00", "http://ns.adobe.com/xap/1.0/\x00"
	switch has := func(s string) bool { return bytes.HasPrefix(p, []byte(s)) }; {
	case marker == markerAPP0 && has("JFIF") && len(p) < 7,
		marker == markerAPP0+14 && has("Adobe") && len(p) < 7:
		return errShortApp
	case marker == markerAPP0 && has("JFIF") && len(p) >= 12:
		h.Density = h.Density || p[7] == 1 || p[7] == 2
	case marker == markerAPP0+13 && has("Photoshop 3.0\x00"):
		return checkPhotoshop(p[14:])
	case marker == markerAPP0+1 && has(exif):
		if h.EXIF == nil {
			h.EXIF = p[len(exif):len(p):len(p)]
		} else {
			h.EXIF = append(h.EXIF, p[len(exif):]...)
		}
	case marker == markerAPP0+1 && has(xmp):
		h.XMP = p[len(xmp):]
	}
	return nil
}

// checkPhotoshop walks the resources of Photoshop. Pillow gives up on one that ends right behind
// its number.
func checkPhotoshop(p []byte) error {
	even := func(n int) int { return n + n&1 }
	for at := 0; at+6 <= len(p) && string(p[at:at+4]) == "8BIM"; {
		at += 6
		if at == len(p) {
			return errShortApp
		}
		if at = even(at + 1 + int(p[at])); at+4 > len(p) {
			return nil
		}
		n := binary.BigEndian.Uint32(p[at:])
		if at += 4; n > uint32(len(p)-at) {
			return nil
		}
		at = even(at + int(n))
	}
	return nil
}
