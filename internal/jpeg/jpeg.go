// Package jpeg decodes JPEG files to the very samples that Pillow 13 gives, which drives
// libjpeg-turbo 3.2 with its defaults: the slow integer transform, smooth upsampling of chroma,
// smoothing of blocks in progressive files that lack scans, and its ways with damage.
//
// It reads baseline, extended and progressive files with Huffman or arithmetic coding and lossless
// ones with Huffman coding, 8 bits a sample, one, three or four components in any sampling that
// libjpeg-turbo takes. What Pillow refuses is refused, arithmetic coding of more than 64 KiB too.
//
// The work is split as the standard splits it: open.go walks the headers as Pillow does, source.go
// and segments.go are the marker reader, frame.go sets a frame and its scans up, scan.go runs them
// over one of the entropy decoders (sequential.go, progressive.go, arith.go, lossless.go), and
// output.go turns coefficients (idct.go, smooth.go) into rows of color (upsample.go, color.go).
//
// Source: ITU-T T.81; for all that the standard leaves open, the behavior of libjpeg-turbo 3.2 as
// built into Pillow 13.
package jpeg

import "errors"

// Header is what stands before the first scan.
type Header struct {
	Width, Height int
	Components    int  // 1, 3 or 4
	Arithmetic    bool // coded arithmetically: such data has no least number of bits a block

	// EXIF is the TIFF structure of all EXIF segments joined, XMP the packet of the last XMP
	// segment; nil if there are none.
	EXIF, XMP []byte
	// Density says that a JFIF segment states pixels an inch or a centimeter. Pillow looks for
	// them in EXIF otherwise.
	Density bool
}

// FormatError reports data that does not follow the format, or of which the end is missing.
type FormatError string

func (e FormatError) Error() string { return string(e) }

// UnsupportedError reports a feature of the format that is not read.
type UnsupportedError string

func (e UnsupportedError) Error() string { return string(e) }

// ErrTruncated reports that the file ends before its picture does.
var ErrTruncated error = FormatError("the file ends before its picture does")

// ErrScans reports more scans than Decode was told to read.
var ErrScans = errors.New("more scans than allowed")

// Decode returns the picture's samples, row by row from the top: R, G, B of each pixel for one and
// three components, and for four C, M, Y, K, where 255 is full ink.
//
// A baseline picture takes a few rows of memory beside its result; one of several scans two bytes
// per coefficient.
//
// Errors: FormatError, UnsupportedError, ErrScans for more than maxScans scans.
func Decode(data []byte, maxScans int) ([]uint8, error) {
	if _, err := ReadHeader(data); err != nil { // what Pillow refuses before it decodes
		return nil, err
	}
	d := &decoder{src: newSource(data), maxScans: maxScans}
	return d.decode()
}
