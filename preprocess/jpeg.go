package preprocess

// JPEG: a walk over the markers, for limits, orientation, and what image/jpeg does not tell of
// files with four components; then its planes, which ycc.go brings to RGB as libjpeg-turbo does.

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"io"
)

// jpegHeader is what a walk over the markers finds.
type jpegHeader struct {
	width, height int
	components    int
	sampling      [4]uint8 // H<<4|V of each component
	scans         int
	firstScan     int   // offset of the first SOS marker, 0 if none
	adobe         []int // offsets of the transform byte in Adobe segments before the first scan
	transform     int   // the last of those bytes, -1 if none
	exif, xmp     []byte
}

const jpegFormat = "jpeg"

// walkJPEG reads all markers. Entropy-coded data is skipped byte by byte, so its time is linear in
// the file.
func walkJPEG(data []byte) (h jpegHeader, err error) {
	h.transform = -1
	for i := 2; i < len(data); {
		k := bytes.IndexByte(data[i:], 0xff)
		if k < 0 || i+k+1 >= len(data) {
			break
		}
		i += k
		marker := data[i+1]
		if marker == 0xff { // fill byte
			i++
			continue
		}
		if marker == 0xd9 { // EOI
			break
		}
		if marker == 0 || marker == 1 || marker >= 0xd0 && marker <= 0xd8 { // stuffed byte, TEM, RSTn, SOI: no length
			i += 2
			continue
		}
		if i+4 > len(data) {
			break
		}
		n := int(data[i+2])<<8 | int(data[i+3])
		if n < 2 || i+2+n > len(data) {
			return h, &FormatError{Format: jpegFormat, Reason: "segment reaches past the end", Err: io.ErrUnexpectedEOF}
		}
		h.segment(marker, i, data[i+4:i+2+n])
		i += 2 + n
	}
	switch {
	case h.components == 0:
		return h, &FormatError{Format: jpegFormat, Reason: "no frame header"}
	case h.scans == 0:
		return h, &FormatError{Format: jpegFormat, Reason: "no scan"}
	}
	return h, nil
}

func (h *jpegHeader) segment(marker byte, at int, p []byte) {
	switch {
	case marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc:
		if h.components != 0 || len(p) < 6 {
			return // image/jpeg refuses a second or short frame header itself
		}
		h.height, h.width, h.components = int(p[1])<<8|int(p[2]), int(p[3])<<8|int(p[4]), int(p[5])
		for c := 0; c < min(h.components, 4) && 7+3*c < len(p); c++ {
			h.sampling[c] = p[7+3*c]
		}
	case marker == 0xda:
		if h.scans++; h.scans == 1 {
			h.firstScan = at
		}
	case marker == 0xe1 && h.exif == nil && bytes.HasPrefix(p, []byte("Exif\x00\x00")):
		h.exif = p[6:]
	case marker == 0xe1 && h.xmp == nil && bytes.HasPrefix(p, []byte("http://ns.adobe.com/xap/1.0/\x00")):
		h.xmp = p[29:]
	case marker == 0xee && h.scans == 0 && len(p) >= 12 && bytes.HasPrefix(p, []byte("Adobe")):
		h.adobe, h.transform = append(h.adobe, at+4+11), int(p[11])
	}
}

func decodeJPEG(data []byte, o DecodeOptions, pixels bool) (*Image, int, error) {
	h, err := walkJPEG(data)
	if err != nil {
		return nil, 0, err
	}
	if err := o.Limits.size(jpegFormat, int64(h.width), int64(h.height)); err != nil {
		return nil, 0, err
	}
	if h.scans > o.Limits.MaxScans {
		return nil, 0, &LimitError{What: "scans", Got: int64(h.scans), Max: int64(o.Limits.MaxScans)}
	}
	// Each 8x8 block of the first component takes one bit at least, in a progressive file's DC
	// scan.
	if blocks := int64(h.width+7) / 8 * (int64(h.height+7) / 8); blocks/8 > int64(len(data)) {
		return nil, 0, &FormatError{Format: jpegFormat, Reason: "too short for its size", Err: io.ErrUnexpectedEOF}
	}
	orientation, err := orientationOf(jpegFormat, h.exif, h.xmp)
	if err != nil {
		orientation = 0
	}
	if !pixels {
		return &Image{Width: h.width, Height: h.height}, orientation, nil
	}
	if h.components == 4 {
		m, err := decodeCMYK(data, h)
		return m, orientation, err
	}
	m, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, 0, jpegError(err)
	}
	return convert(m, o), orientation, nil
}

func jpegError(err error) error {
	var unsupported jpeg.UnsupportedError
	if errors.As(err, &unsupported) {
		return &UnsupportedError{Format: jpegFormat, Feature: "JPEG process, sampling or color model", Err: err}
	}
	return &FormatError{Format: jpegFormat, Err: err}
}

// decodeCMYK reads CMYK and YCCK. image/jpeg would convert YCCK itself with repeated chroma, so it
// is told that the four components are plain CMYK; subsampled ones, which it repeats, are picked
// out and upsampled here.
//
// The sample values count as inverted (Adobe's convention) with or without Adobe's marker, as in
// Pillow.
func decodeCMYK(data []byte, h jpegHeader) (*Image, error) {
	head := bytes.Clone(data[:h.firstScan])
	for _, at := range h.adobe {
		head[at] = 0
	}
	marker := []byte("\xff\xd8\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00")
	m, err := jpeg.Decode(io.MultiReader(bytes.NewReader(marker), bytes.NewReader(head[2:]), bytes.NewReader(data[h.firstScan:])))
	if err != nil {
		return nil, jpegError(err)
	}
	raw, ok := m.(*image.CMYK)
	if !ok {
		return nil, &UnsupportedError{Format: jpegFormat, Feature: "color model of four components"}
	}
	dst := NewImage(raw.Rect.Dx(), raw.Rect.Dy())
	w, sub := dst.Width, h.sampling[1] != h.sampling[0]
	cw, ch := (w+1)/2, (dst.Height+1)/2
	near, far := make([]uint8, cw), make([]uint8, cw)
	up := [2][]uint8{make([]uint8, 2*cw), make([]uint8, 2*cw)}
	ink, rgb := make([]uint8, 4*w), make([]uint8, 3*w)
	planes := [3][]uint8{make([]uint8, w), make([]uint8, w), make([]uint8, w)}
	for y := range dst.Height {
		row := raw.Pix[y*raw.Stride:][:4*w]
		copy(ink, row)
		for c := 0; c < 2 && sub; c++ {
			rn, rf := nearFar(y, 2, ch)
			for x := range cw {
				near[x], far[x] = 255-raw.Pix[2*rn*raw.Stride+8*x+1+c], 255-raw.Pix[2*rf*raw.Stride+8*x+1+c]
			}
			upsampleJPEG(up[c], near, far, 2, 2, y)
			for x := range w {
				ink[4*x+1+c] = 255 - up[c][x]
			}
		}
		if h.transform > 0 { // YCCK: the stored C, M, Y are the inverse of RGB made from Y, Cb, Cr; K is not touched
			for x := range w {
				planes[0][x], planes[1][x], planes[2][x] = 255-ink[4*x], 255-ink[4*x+1], 255-ink[4*x+2]
			}
			convertYCC(rgb, planes[0], planes[1], planes[2])
			for x := range w {
				// stored = 255 - rgb, and the Adobe inversion makes it rgb again
				ink[4*x], ink[4*x+1], ink[4*x+2] = rgb[3*x], rgb[3*x+1], rgb[3*x+2]
			}
		}
		convertCMYK(dst.Pix[3*w*y:][:3*w], ink)
	}
	return dst, nil
}
