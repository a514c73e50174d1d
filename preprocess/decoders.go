package preprocess

// Containers that this package does not read, by decoders that a program brings along.

import (
	"image"
	"slices"
)

// Decoder reads one more container: HEIC, TIFF, a page of a PDF.
type Decoder struct {
	// Name names the container in errors: "heic". The name of a format that this package reads
	// itself ("jpeg", "png", "gif", "webp", "bmp") puts the decoder before this package's own.
	Name string
	// Sniff tells the container by its first bytes. It must not keep or change data.
	Sniff func(data []byte) bool
	// Decode returns the picture, upright: no orientation is applied to it. Transparency and
	// 16-bit gray are brought to RGB as FromImage does.
	Decode func(data []byte) (image.Image, error)
}

// Decoders are the decoders that a program adds, in the order in which they are asked. They are
// asked about files that begin like no format of this package, and before a name is found for what
// is not read. They must be safe for concurrent use.
type Decoders struct{ list []Decoder }

// NewDecoders returns a set of decoders. It panics when a name, Sniff or Decode is missing.
func NewDecoders(list ...Decoder) *Decoders {
	for _, d := range list {
		if d.Name == "" || d.Sniff == nil || d.Decode == nil {
			panic("preprocess: decoder without a name, Sniff or Decode")
		}
	}
	return &Decoders{slices.Clone(list)}
}

// List returns the decoders in their order.
func (s *Decoders) List() []Decoder {
	if s == nil {
		return nil
	}
	return slices.Clone(s.list)
}

// find returns the first decoder that knows the data. own says whether to ask those that stand
// before this package's own or the others.
func (s *Decoders) find(data []byte, own bool) (string, decoder) {
	if s == nil {
		return "", nil
	}
	for _, d := range s.list {
		if ownFormat(d.Name) == own && sniffs(d, data) {
			return d.Name, d.read
		}
	}
	return "", nil
}

// sniffs asks a decoder. One that panics does not know the data.
func sniffs(d Decoder, data []byte) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	return d.Sniff(data)
}

// read decodes and converts. The size is known only then, so it is what the limits are held
// against.
func (d Decoder) read(data []byte, o DecodeOptions, pixels bool) (*Image, int, error) {
	m, err := d.Decode(data)
	if err != nil {
		return nil, 0, &FormatError{Format: d.Name, Err: err}
	}
	img, err := readMemory(d.Name, m, o, pixels)
	return img, 0, err
}
