package preprocess

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"testing"

	"github.com/stretchr/testify/require"
)

func prefix(s string) func([]byte) bool {
	return func(data []byte) bool { return bytes.HasPrefix(data, []byte(s)) }
}

func TestDecoders(t *testing.T) {
	picture := image.NewNRGBA(image.Rect(2, 3, 5, 5))
	picture.Set(2, 3, color.NRGBA{R: 9, G: 8, B: 7, A: 128})
	whole := func([]byte) (image.Image, error) { return picture, nil }
	broken := errors.New("no such page")
	fail := func(err error) func([]byte) (image.Image, error) {
		return func([]byte) (image.Image, error) { return nil, err }
	}
	huge := func([]byte) (image.Image, error) {
		return &image.Uniform{C: color.White}, nil
	}
	png := readFile(t, formats, "rgb8.png")
	exif := readFile(t, formats, "exif_6.jpg")
	o := func(d ...Decoder) DecodeOptions { return DecodeOptions{Decoders: NewDecoders(d...)} }

	for name, c := range map[string]struct {
		data []byte
		o    DecodeOptions
		want Size // or as
		as   any
	}{
		"known": {[]byte("II*\x00"), o(Decoder{"tiff", prefix("II*"), whole}), Size{3, 2}, nil},
		"new":   {[]byte("%PDF"), o(Decoder{"pdf", prefix("%PDF"), whole}), Size{3, 2}, nil},
		"first counts": {[]byte("ab"),
			o(Decoder{"a", prefix("a"), whole}, Decoder{"b", prefix("ab"), fail(broken)}), Size{3, 2}, nil},
		"empty data": {nil, o(Decoder{"any", prefix(""), whole}), Size{3, 2}, nil},
		"own format": {png, o(Decoder{"any", prefix(""), whole}), Size{61, 45}, nil},
		"replaced":   {png, o(Decoder{"png", prefix("\x89PNG"), whole}), Size{3, 2}, nil},
		"not turned": {exif, o(Decoder{"jpeg", prefix("\xff\xd8"), whole}), Size{3, 2}, nil},
		"no match": {[]byte("%PDF"), o(Decoder{"tiff", prefix("II*"), whole}),
			Size{}, new(*UnsupportedError)},
		"error": {[]byte("x"), o(Decoder{"x", prefix("x"), fail(broken)}), Size{}, new(*FormatError)},
		"typed error": {[]byte("x"), o(Decoder{"x", prefix("x"), fail(&LimitError{What: "pages"})}),
			Size{}, new(*LimitError)},
		"nil":   {[]byte("x"), o(Decoder{"x", prefix("x"), fail(nil)}), Size{}, new(*FormatError)},
		"limit": {[]byte("x"), o(Decoder{"x", prefix("x"), huge}), Size{}, new(*LimitError)},
		"panic": {[]byte("x"), o(Decoder{"x", prefix("x"), func(data []byte) (image.Image, error) {
			return nil, errors.New(string(data[7:]))
		}}), Size{}, new(*FormatError)},
		"panic in sniff": {[]byte("x"), o(Decoder{"x", func(d []byte) bool { return d[9] == 0 }, whole}),
			Size{}, new(*UnsupportedError)},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := Decode(c.data, c.o)
			size, sizeErr := DecodeSize(c.data, c.o)
			if c.as != nil {
				require.ErrorAs(t, err, c.as)
				require.ErrorAs(t, sizeErr, c.as)
				return
			}
			require.NoError(t, err)
			require.NoError(t, sizeErr)
			require.Equal(t, c.want, Size{m.Width, m.Height})
			require.Equal(t, c.want, size)
		})
	}
	_, err := Decode([]byte("x"), o(Decoder{"heic", prefix("x"), fail(broken)}))
	require.ErrorIs(t, err, broken)
	require.EqualError(t, err, "preprocess: heic: no such page")

	m, err := Decode([]byte("x"), o(Decoder{"x", prefix("x"), whole}))
	require.NoError(t, err)
	require.Equal(t, []uint8{9, 8, 7}, m.Pix[:3])
	white := o(Decoder{"x", prefix("x"), whole})
	white.Alpha = AlphaWhite
	m, err = Decode([]byte("x"), white)
	require.NoError(t, err)
	require.Equal(t, []uint8{132, 131, 131}, m.Pix[:3])
}

func TestNewDecoders(t *testing.T) {
	for _, d := range []Decoder{{}, {Name: "x"}, {Name: "x", Sniff: prefix("")}} {
		require.Panics(t, func() { NewDecoders(d) })
	}
	list := []Decoder{{"x", prefix("x"), func([]byte) (image.Image, error) { return nil, nil }}}
	set := NewDecoders(list...)
	list[0].Name = "y"
	name, _ := set.find([]byte("x"), false)
	require.Equal(t, "x", name)
	require.Contains(t, map[DecodeOptions]bool{{Decoders: set}: true}, DecodeOptions{Decoders: set}) // comparable
}
