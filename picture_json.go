package qwenvl

// Pictures as files, for JSON: what a program has decoded becomes a PNG whose pixels every model
// sees as it sees the picture's own.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"slices"

	"github.com/qwenvl/qwenvl/internal/processor"
	"github.com/qwenvl/qwenvl/preprocess"
)

// pictureJSON is a picture's file: its own, or one made of it.
func pictureJSON(c *processor.Content) (f frameJSON, err error) {
	switch c.Kind {
	case processor.Picture:
		return memoryJSON(c.Frames[0])
	case processor.PictureReader:
		if c.Reader == nil {
			return f, errors.New("a nil io.Reader")
		}
		const limit = 256 << 20 // of preprocess.DecodeLimits
		if f.Data, err = c.Reader.Bytes(context.Background(), limit); err != nil {
			return f, err
		}
		if len(f.Data) > limit {
			return f, fmt.Errorf("a reader of more than %d bytes", limit)
		}
	default:
		f.Data = c.Data
	}
	if f.Data == nil {
		f.Data = []byte{}
	}
	f.MediaType = mediaType(f.Data)
	return f, nil
}

// mediaType names a picture file's format for other readers; "": not known.
func mediaType(data []byte) string {
	for _, m := range []struct{ begin, name string }{
		{"\xff\xd8\xff", "image/jpeg"}, {"\x89PNG\r\n\x1a\n", "image/png"}, {"GIF8", "image/gif"},
		{"BM", "image/bmp"}, {"II*\x00", "image/tiff"}, {"MM\x00*", "image/tiff"},
		{"%PDF-", "application/pdf"},
	} {
		if bytes.HasPrefix(data, []byte(m.begin)) {
			return m.name
		}
	}
	if len(data) < 12 {
		return ""
	}
	switch begin, brand := string(data[:4]), string(data[8:12]); {
	case begin == "RIFF" && brand == "WEBP":
		return "image/webp"
	case string(data[4:8]) == "ftyp" && brand == "avif":
		return "image/avif"
	case string(data[4:8]) == "ftyp" && (brand == "heic" || brand == "heix" || brand == "mif1"):
		return "image/heic"
	}
	return ""
}

// memoryJSON makes a file of a decoded picture.
func memoryJSON(m image.Image) (frameJSON, error) {
	m, err := lossless(m)
	if err != nil {
		return frameJSON{}, err
	}
	var b bytes.Buffer
	enc := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := enc.Encode(&b, m); err != nil {
		return frameJSON{}, err
	}
	return frameJSON{"image/png", b.Bytes()}, nil
}

// lossless returns a picture that PNG can hold and that preprocess brings to the same RGB as m,
// under any of its options: gray, 16-bit gray and palettes stay what they are, since options or
// families treat them in ways of their own. All else becomes the colors that preprocess sees, with
// their alpha.
func lossless(m image.Image) (out image.Image, err error) {
	rgb, err := preprocess.FromImage(m, preprocess.DecodeOptions{})
	if err != nil {
		return nil, err
	}
	defer func() {
		if v := recover(); v != nil { // a method of m
			out, err = nil, fmt.Errorf("reading the picture panicked: %v", v)
		}
	}()
	switch m := m.(type) {
	case *image.Gray, *image.Gray16:
		return m, nil
	case *image.Paletted:
		return closed(m), nil
	}
	alpha := func(int, int) uint8 { return 255 }
	switch m := m.(type) {
	case *image.YCbCr, *image.CMYK:
	case *image.RGBA:
		alpha = func(x, y int) uint8 { return m.RGBAAt(x, y).A }
	case *image.NRGBA:
		alpha = func(x, y int) uint8 { return m.NRGBAAt(x, y).A }
	default:
		alpha = func(x, y int) uint8 {
			_, _, _, a := m.At(x, y).RGBA()
			return uint8(a >> 8)
		}
	}
	r := m.Bounds()
	all := image.NewNRGBA(image.Rect(0, 0, rgb.Width, rgb.Height))
	for i, j := 0, 0; j < len(all.Pix); i, j = i+3, j+4 {
		x, y := i/3%rgb.Width, i/3/rgb.Width
		copy(all.Pix[j:j+3], rgb.Pix[i:i+3])
		all.Pix[j+3] = alpha(r.Min.X+x, r.Min.Y+y)
	}
	return all, nil
}

// closed returns a picture whose palette has all the colors that its pixels name: preprocess reads
// those behind its end as black.
func closed(m *image.Paletted) *image.Paletted {
	out := *m
	out.Palette = slices.Clone(m.Palette[:min(len(m.Palette), 256)])
	r := m.Rect
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			for int(m.ColorIndexAt(x, y)) >= len(out.Palette) {
				out.Palette = append(out.Palette, color.Black)
			}
		}
	}
	return &out
}
