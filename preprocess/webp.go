package preprocess

// WebP: the first frame on its canvas. Its chunks are found in webpchunks.go, the bitstream goes to
// golang.org/x/image, and lossy planes are converted in webpyuv.go.

import (
	"bytes"
	"encoding/binary"
	"image"
	"io"

	"golang.org/x/image/webp"
)

const webpFormat = "webp"

func webpError(reason string) error { return &FormatError{Format: webpFormat, Reason: reason} }

func webpCut(reason string) error {
	return &FormatError{Format: webpFormat, Reason: reason, Err: io.ErrUnexpectedEOF}
}

func decodeWebP(data []byte, o DecodeOptions, pixels bool) (*Image, int, error) {
	file, err := walkWebP(data)
	if err != nil {
		return nil, 0, err
	}
	f := file.first
	for _, s := range [2]Size{{f.w, f.h}, {file.w, file.h}} {
		if err := o.Limits.size(webpFormat, int64(s.W), int64(s.H)); err != nil {
			return nil, 0, err
		}
	}
	orientation := 0
	if !o.IgnoreOrientation {
		if orientation, err = orientationOf(webpFormat, file.exif, 2, file.xmp); err != nil {
			return nil, 0, err
		}
	}
	if !pixels {
		return &Image{Width: file.w, Height: file.h}, orientation, nil
	}
	if file.flags&(webpAnimation|webpAlpha) == webpAnimation {
		o.Alpha = AlphaDrop // without the flag an animation is opaque, and its canvas black
	}
	m, err := webp.Decode(f.file())
	if err != nil {
		return nil, 0, &FormatError{Format: webpFormat, Err: err}
	}
	if r := m.Bounds(); r.Dx() != f.w || r.Dy() != f.h {
		return nil, 0, webpError("decoded size differs from the header")
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
	return onCanvas(img, file.w, file.h, f.x, f.y, o.Alpha), orientation, nil
}

// file writes a minimal container around the frame: the decoder stops at chunks and flags that
// libwebp passes over.
func (f *webpFrame) file() io.Reader {
	w, h := f.w, f.h
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
