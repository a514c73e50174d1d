package preprocess

// WebP: chunks, limits, alpha and the first frame of animations; the bitstream goes to
// golang.org/x/image. Lossy planes are converted in webpyuv.go.

import (
	"bytes"
	"encoding/binary"
	"image"
	"io"

	"golang.org/x/image/vp8l"
	"golang.org/x/image/webp"
)

const webpFormat = "webp"

// webpFrame holds the chunks of a still picture or of an animation's first frame.
type webpFrame struct {
	alpha, lossy, lossless []byte // bodies of ALPH, VP8 and VP8L
	exif, xmp              []byte
	canvasW, canvasH       int // 0 without VP8X
	x, y                   int // place of the frame on the canvas
	animated               bool
}

// walkRIFF calls f for each chunk until it returns false. A chunk cut off by the end of the data is
// an error.
func walkRIFF(p []byte, f func(id string, body []byte) bool) error {
	for len(p) >= 8 {
		n := int64(binary.LittleEndian.Uint32(p[4:]))
		if n > int64(len(p)-8) {
			return &FormatError{Format: webpFormat, Reason: "chunk reaches past the end", Err: io.ErrUnexpectedEOF}
		}
		if !f(string(p[:4]), p[8:8+n]) {
			return nil
		}
		p = p[min(8+n+n&1, int64(len(p))):]
	}
	return nil
}

func u24(p []byte) int { return int(p[0]) | int(p[1])<<8 | int(p[2])<<16 }

func (f *webpFrame) chunk(id string, body []byte) bool {
	switch {
	case id == "ALPH" && f.alpha == nil && f.lossy == nil:
		f.alpha = body
	case id == "VP8 " && f.lossy == nil && f.lossless == nil:
		f.lossy = body
	case id == "VP8L" && f.lossy == nil && f.lossless == nil:
		f.lossless = body
	}
	return true
}

func walkWebP(data []byte) (f webpFrame, err error) {
	// Bytes after the RIFF chunk are no part of the picture.
	if n := int64(binary.LittleEndian.Uint32(data[4:])); n+8 < int64(len(data)) && n >= 4 {
		data = data[:n+8]
	}
	err = walkRIFF(data[12:], func(id string, body []byte) bool {
		switch {
		case id == "VP8X" && len(body) >= 10:
			f.canvasW, f.canvasH = u24(body[4:])+1, u24(body[7:])+1
		case id == "ANMF" && !f.animated && len(body) >= 16:
			f.animated = true
			f.x, f.y = 2*u24(body), 2*u24(body[3:])
			if walkRIFF(body[16:], f.chunk) != nil {
				return false
			}
		case id == "EXIF" && f.exif == nil:
			f.exif = body
		case id == "XMP " && f.xmp == nil:
			f.xmp = body
		case !f.animated:
			f.chunk(id, body)
		}
		return true
	})
	if err == nil && f.lossy == nil && f.lossless == nil {
		err = &FormatError{Format: webpFormat, Reason: "no picture chunk"}
	}
	return f, err
}

// size reads the frame's size from its own header, which rules over the canvas.
func (f *webpFrame) size() (w, h int, err error) {
	if f.lossy != nil {
		if p := f.lossy; len(p) >= 10 && p[3] == 0x9d && p[4] == 0x01 && p[5] == 0x2a {
			return int(binary.LittleEndian.Uint16(p[6:]) & 0x3fff), int(binary.LittleEndian.Uint16(p[8:]) & 0x3fff), nil
		}
		return 0, 0, &FormatError{Format: webpFormat, Reason: "VP8 frame header"}
	}
	c, err := vp8l.DecodeConfig(bytes.NewReader(f.lossless))
	if err != nil {
		return 0, 0, &FormatError{Format: webpFormat, Reason: "VP8L header", Err: err}
	}
	return c.Width, c.Height, nil
}

func decodeWebP(data []byte, o DecodeOptions, pixels bool) (*Image, int, error) {
	f, err := walkWebP(data)
	if err != nil {
		return nil, 0, err
	}
	w, h, err := f.size()
	if err != nil {
		return nil, 0, err
	}
	if err := o.Limits.size(webpFormat, int64(w), int64(h)); err != nil {
		return nil, 0, err
	}
	cw, ch := w, h
	if f.canvasW > 0 {
		cw, ch = f.canvasW, f.canvasH
		if err := o.Limits.size(webpFormat, int64(cw), int64(ch)); err != nil {
			return nil, 0, err
		}
	}
	if !f.animated && (cw != w || ch != h) || f.x > cw-w || f.y > ch-h {
		return nil, 0, &FormatError{Format: webpFormat, Reason: "frame does not fit its canvas"}
	}
	orientation := 0
	if !o.IgnoreOrientation {
		if orientation, err = orientationOf(webpFormat, f.exif, f.xmp); err != nil {
			return nil, 0, err
		}
	}
	if !pixels {
		return &Image{Width: cw, Height: ch}, orientation, nil
	}
	m, err := webp.Decode(f.file(w, h))
	if err != nil {
		return nil, 0, &FormatError{Format: webpFormat, Err: err}
	}
	if r := m.Bounds(); r.Dx() != w || r.Dy() != h {
		return nil, 0, &FormatError{Format: webpFormat, Reason: "decoded size differs from the header"}
	}
	var img *Image
	switch m := m.(type) {
	case *image.YCbCr:
		img = convertWebP(m, nil, 0, o.Alpha)
	case *image.NYCbCrA:
		img = convertWebP(&m.YCbCr, m.A, m.AStride, o.Alpha)
	default:
		img = convert(m, o)
	}
	return onCanvas(img, cw, ch, f.x, f.y, o.Alpha), orientation, nil
}

// file writes a minimal container around the frame: the decoder stops at chunks and flags that
// libwebp passes over.
func (f *webpFrame) file(w, h int) io.Reader {
	var head, parts []byte
	add := func(id string, body []byte) {
		parts = append(parts, id...)
		parts = binary.LittleEndian.AppendUint32(parts, uint32(len(body)))
		parts = append(parts, body...)
		if len(body)&1 == 1 {
			parts = append(parts, 0)
		}
	}
	if f.lossy != nil {
		if f.alpha != nil {
			add("VP8X", []byte{0x10, 0, 0, 0, byte(w - 1), byte((w - 1) >> 8), byte((w - 1) >> 16),
				byte(h - 1), byte((h - 1) >> 8), byte((h - 1) >> 16)})
			add("ALPH", f.alpha)
		}
		add("VP8 ", f.lossy)
	} else {
		add("VP8L", f.lossless)
	}
	head = append(head, "RIFF"...)
	head = binary.LittleEndian.AppendUint32(head, uint32(len(parts)+4))
	head = append(head, "WEBP"...)
	return io.MultiReader(bytes.NewReader(head), bytes.NewReader(parts))
}

// onCanvas places an animation's frame on its canvas, which starts transparent black.
func onCanvas(m *Image, w, h, x, y int, mode AlphaMode) *Image {
	if w == m.Width && h == m.Height {
		return m
	}
	canvas := NewImage(w, h)
	if mode == AlphaWhite {
		for i := range canvas.Pix {
			canvas.Pix[i] = 255
		}
	}
	for row := range m.Height {
		copy(canvas.Pix[3*((y+row)*w+x):], m.Pix[3*row*m.Width:][:3*m.Width])
	}
	return canvas
}
