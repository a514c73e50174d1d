package preprocess

// JPEG: internal/jpeg gives the samples that Pillow gives; here are the limits, the orientation
// and the errors.

import (
	"errors"
	"io"

	"github.com/qwenvl/qwenvl/internal/jpeg"
)

const jpegFormat = "jpeg"

func decodeJPEG(data []byte, o DecodeOptions, pixels bool) (*Image, int, error) {
	h, err := jpeg.ReadHeader(data)
	if err != nil {
		return nil, 0, jpegError(err, o)
	}
	if err := o.Limits.size(jpegFormat, int64(h.Width), int64(h.Height)); err != nil {
		return nil, 0, err
	}
	// Each 8x8 block of the first component takes one bit at least, in a progressive file's DC
	// scan. Arithmetic coding does with less where nothing changes.
	blocks := int64(h.Width+7) / 8 * (int64(h.Height+7) / 8)
	if h.Arithmetic {
		blocks /= 64
	}
	if blocks/8 > int64(len(data)) {
		return nil, 0, &FormatError{
			Format: jpegFormat, Reason: "too short for its size", Err: io.ErrUnexpectedEOF,
		}
	}
	orientation := 0
	if !o.IgnoreOrientation {
		orientation, err = orientationOf(jpegFormat, h.EXIF, 1, h.XMP)
		if err != nil && h.Density {
			return nil, 0, err
		}
		// Without a density Pillow has looked for one in EXIF before, and kept quiet.
	}
	if !pixels {
		return &Image{Width: h.Width, Height: h.Height}, orientation, nil
	}
	pix, err := jpeg.Decode(data, o.Limits.MaxScans)
	if err != nil {
		return nil, 0, jpegError(err, o)
	}
	if h.Components == 4 {
		n := h.Width * h.Height
		convertCMYK(pix[:3*n], pix) // each pixel's three bytes come to lie before its four
		pix = pix[: 3*n : 3*n]
	}
	return &Image{Width: h.Width, Height: h.Height, Pix: pix}, orientation, nil
}

func jpegError(err error, o DecodeOptions) error {
	var unsupported jpeg.UnsupportedError
	switch {
	case errors.Is(err, jpeg.ErrScans):
		limit := int64(o.Limits.MaxScans)
		return &LimitError{What: "scans", Got: limit + 1, Max: limit}
	case errors.As(err, &unsupported):
		return &UnsupportedError{Format: jpegFormat, Feature: string(unsupported)}
	case errors.Is(err, jpeg.ErrTruncated):
		return &FormatError{Format: jpegFormat, Reason: err.Error(), Err: io.ErrUnexpectedEOF}
	}
	return &FormatError{Format: jpegFormat, Reason: err.Error()}
}
