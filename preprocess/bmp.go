package preprocess

// BMP: the size is checked against the limits and the file's length, the pixels are those of
// golang.org/x/image/bmp, read as Pillow reads them.

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"io"

	"golang.org/x/image/bmp"
)

const bmpFormat = "bmp"

// decodeBMP reads uncompressed bitmaps of 1, 2, 4, 8, 24 and 32 bits a pixel.
func decodeBMP(data []byte, o DecodeOptions, pixels bool) (*Image, int, error) {
	c, err := bmp.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, 0, bmpError(err)
	}
	if err := o.Limits.size(bmpFormat, int64(c.Width), int64(c.Height)); err != nil {
		return nil, 0, err
	}
	bits := int64(binary.LittleEndian.Uint16(data[28:])) // DecodeConfig read 54 bytes at least
	if (int64(c.Width)*bits+31)/32*4*int64(c.Height) > int64(len(data)) {
		return nil, 0, &FormatError{Format: bmpFormat, Reason: "too short for its size", Err: io.ErrUnexpectedEOF}
	}
	if !pixels {
		return &Image{Width: c.Width, Height: c.Height}, 0, nil
	}
	m, err := bmp.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, 0, bmpError(err)
	}
	if binary.LittleEndian.Uint32(data[30:]) == 0 {
		o.Alpha = AlphaDrop // without bit fields the fourth byte has no meaning, whatever the header's version
	}
	img := convert(m, o)
	if p, ok := m.(*image.Paletted); ok && grayRamp(p.Palette) {
		img.Indexed, img.Pad = false, [3]uint8{}
	}
	return img, 0, nil
}

func bmpError(err error) error {
	if errors.Is(err, bmp.ErrUnsupported) {
		return &UnsupportedError{Format: bmpFormat, Feature: "header version, compression or bits a pixel", Err: err}
	}
	return &FormatError{Format: bmpFormat, Err: err}
}
