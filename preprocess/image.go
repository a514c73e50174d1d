package preprocess

// Pictures as all later stages read them, and Decode: it tells the container by its first bytes,
// has its file (png.go, jpeg.go, …) check headers against the limits and decode, and turns the
// result upright.

import (
	"bytes"
	"image"
)

// Image is a picture as every later stage reads it: RGB, 8 bits a sample, rows from the top, no
// padding.
type Image struct {
	Width, Height int
	Pix           []uint8 // 3·Width·Height bytes: R, G, B of each pixel

	// Indexed says that the file held palette indices or single bits. Pillow resizes such a picture
	// in its own mode by nearest neighbor, which a Config may ask for.
	Indexed bool
	// Pad is the color that sample value 0 stands for in the file's own mode: palette entry 0, else
	// black.
	Pad [3]uint8
}

// NewImage returns a black picture. It panics when a side is below 1.
func NewImage(width, height int) *Image {
	if width < 1 || height < 1 {
		panic(badSide)
	}
	return &Image{Width: width, Height: height, Pix: make([]uint8, 3*width*height)}
}

const (
	badSide  = "preprocess: picture side below 1"
	badImage = "preprocess: length of Pix is not 3*Width*Height"
)

// check panics unless the picture is consistent: pictures are made by this package or by Go code,
// not by files.
func (m *Image) check() {
	if m.Width < 1 || m.Height < 1 {
		panic(badSide)
	}
	if len(m.Pix) != 3*m.Width*m.Height {
		panic(badImage)
	}
}

// AlphaMode says what happens to transparency.
type AlphaMode int

const (
	AlphaDrop  AlphaMode = iota // ignore it and keep the stored color, as Pillow's convert("RGB") does
	AlphaWhite                  // blend with white, rounding as Pillow's Image.paste with a mask
)

// Gray16Mode says how 16-bit gray without alpha becomes 8-bit.
type Gray16Mode int

const (
	Gray16High Gray16Mode = iota // the high byte
	Gray16Clip                   // min(sample, 255), as Pillow's convert from mode I;16
)

// DecodeLimits bound what a file may claim. Zero values stand for the defaults.
type DecodeLimits struct {
	MaxBytes  int // length of the file; default 256 MiB
	MaxPixels int // width·height; default 178,956,970, where Pillow starts to warn of a bomb
	MaxSide   int // width, height; default 1<<20
	MaxScans  int // scans of a JPEG; default 128 (encoders write 1 to 12)
}

func (l DecodeLimits) withDefaults() DecodeLimits {
	for _, f := range []struct {
		v *int
		d int
	}{{&l.MaxBytes, 256 << 20}, {&l.MaxPixels, 178956970}, {&l.MaxSide, 1 << 20}, {&l.MaxScans, 128}} {
		if *f.v <= 0 {
			*f.v = f.d
		}
	}
	return l
}

// size checks the size that a header states. Width and height are passed as int64 so that no header
// wraps an int.
func (l DecodeLimits) size(format string, w, h int64) error {
	switch {
	case w < 1 || h < 1:
		return &FormatError{Format: format, Reason: "width or height is 0"}
	case w > int64(l.MaxSide):
		return &LimitError{What: "width", Got: w, Max: int64(l.MaxSide)}
	case h > int64(l.MaxSide):
		return &LimitError{What: "height", Got: h, Max: int64(l.MaxSide)}
	case w > int64(l.MaxPixels)/h:
		return &LimitError{What: "pixels", Got: w * h, Max: int64(l.MaxPixels)}
	}
	return nil
}

// DecodeOptions choose among the ways to read a file. The zero value is what the reference models
// were given.
type DecodeOptions struct {
	Alpha             AlphaMode
	Gray16            Gray16Mode
	IgnoreOrientation bool // do not turn the picture upright by its EXIF or XMP orientation
	Limits            DecodeLimits
	Decoders          *Decoders // of containers that this package does not read; nil for none
}

// Decode reads a JPEG, PNG, GIF (first frame), WebP (first frame) or BMP file, and what o.Decoders
// know.
//
// Errors: *FormatError for broken data, *UnsupportedError for other containers and unread features,
// *LimitError for sizes over o.Limits. The header is checked before any pixel is allocated, and so
// is whether the file is long enough to hold the picture it claims. An error of one of o.Decoders
// is wrapped in a *FormatError.
// Source: Pillow, ImageOps.exif_transpose(im).convert("RGB").
func Decode(data []byte, o DecodeOptions) (*Image, error) { return decode(data, o, true) }

// DecodeSize returns the size of the picture that Decode makes of a file, orientation applied, from
// its headers alone; what o.Decoders know is decoded for it.
//
// Errors: those of Decode that headers give rise to. Damage behind the headers is left for Decode
// to find.
func DecodeSize(data []byte, o DecodeOptions) (Size, error) {
	return sizeOf(decode(data, o, false))
}

func sizeOf(m *Image, err error) (Size, error) {
	if err != nil {
		return Size{}, err
	}
	return Size{m.Width, m.Height}, nil
}

func decode(data []byte, o DecodeOptions, pixels bool) (*Image, error) {
	o.Limits = o.Limits.withDefaults()
	if len(data) > o.Limits.MaxBytes {
		return nil, &LimitError{What: "bytes", Got: int64(len(data)), Max: int64(o.Limits.MaxBytes)}
	}
	format, read, advice := find(data, o.Decoders)
	if read == nil {
		switch {
		case format != "":
			return nil, &UnsupportedError{Format: format, Feature: advice}
		case len(data) == 0:
			return nil, &FormatError{Format: "picture", Reason: "no data"}
		case len(bytes.TrimLeft(data, "\x00")) == 0:
			return nil, &FormatError{Format: "picture", Reason: "nothing but zero bytes"}
		}
		return nil, &UnsupportedError{
			Format: "picture", Feature: "container not recognized: convert it to PNG or JPEG",
		}
	}
	m, orientation, err := guarded(format, data, o, pixels, read)
	if err != nil {
		return nil, err
	}
	if !o.IgnoreOrientation {
		m = upright(m, orientation)
	}
	return m, nil
}

// decoder reads one container. It returns the picture as stored and its EXIF orientation (0 if
// none). Without pixels it stops behind the headers, and of the Image only the sides are set.
type decoder func(data []byte, o DecodeOptions, pixels bool) (*Image, int, error)

// guarded turns a panic of a decoder into an error: the decoders are other people's code fed with
// hostile bytes.
func guarded(
	format string, data []byte, o DecodeOptions, pixels bool, read decoder,
) (m *Image, orientation int, err error) {
	defer func() {
		if recover() != nil {
			m, orientation, err = nil, 0, &FormatError{Format: format, Reason: "the decoder gave up"}
		}
	}()
	return read(data, o, pixels)
}

// find returns the name and the decoder of a container. Without a decoder it is not read, and
// advice says what to do.
func find(data []byte, more *Decoders) (format string, read decoder, advice string) {
	if format, read := more.find(data, true); read != nil {
		return format, read, ""
	}
	format, read, advice = sniff(data)
	if read == nil {
		if format, read := more.find(data, false); read != nil {
			return format, read, ""
		}
	}
	return format, read, advice
}

// ownFormat tells a format that this package reads itself.
func ownFormat(name string) bool {
	switch name {
	case jpegFormat, pngFormat, gifFormat, webpFormat, bmpFormat:
		return true
	}
	return false
}

// FromImage converts a picture already in memory.
//
// The alpha rule is that of Decode: dropping alpha keeps the color before premultiplication. An
// image.YCbCr is taken as JPEG's full-range colors with chroma upsampled as libjpeg does; the
// planes of a lossy WebP are something else, so pass a WebP file's bytes to Decode instead. Bounds
// need not start at (0, 0).
//
// Errors: *FormatError for a nil or empty picture or one whose pixel slices are too short,
// *LimitError.
func FromImage(m image.Image, o DecodeOptions) (*Image, error) { return fromImage(m, o, true) }

// FromImageSize is DecodeSize for a picture in memory.
func FromImageSize(m image.Image, o DecodeOptions) (Size, error) {
	return sizeOf(fromImage(m, o, false))
}

func fromImage(m image.Image, o DecodeOptions, pixels bool) (*Image, error) {
	o.Limits = o.Limits.withDefaults()
	read := func([]byte, DecodeOptions, bool) (*Image, int, error) {
		img, err := readMemory("picture", m, o, pixels)
		return img, 0, err
	}
	img, _, err := guarded("picture", nil, o, pixels, read)
	return img, err
}

// readMemory converts a picture in memory within the limits. It may panic on an inconsistent one.
func readMemory(format string, m image.Image, o DecodeOptions, pixels bool) (*Image, error) {
	if m == nil {
		return nil, &FormatError{Format: format, Reason: "nil image.Image"}
	}
	r := m.Bounds()
	w, h := int64(r.Max.X)-int64(r.Min.X), int64(r.Max.Y)-int64(r.Min.Y)
	if err := o.Limits.size(format, w, h); err != nil {
		return nil, err
	}
	if !pixels {
		return &Image{Width: int(w), Height: int(h)}, nil
	}
	return convert(m, o), nil
}
