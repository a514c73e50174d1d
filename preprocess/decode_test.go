package preprocess

import (
	"bytes"
	"image"
	"image/color"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDecodeAsPillow compares every readable file with what Pillow 13.0.0 gives.
func TestDecodeAsPillow(t *testing.T) {
	for _, golden := range []string{"decoded", "extra"} {
		for name, want := range readTensors(t, filepath.Join(formats, golden+".safetensors.gz")) {
			t.Run(name, func(t *testing.T) {
				data := readFile(t, formats, name)
				o := DecodeOptions{}
				switch ext := filepath.Ext(name); {
				case ext == ".tif" || ext == ".ppm":
					_, err := Decode(data, o)
					var unsupported *UnsupportedError
					require.ErrorAs(t, err, &unsupported)
					return
				case name == "gray16.png":
					o.Gray16 = Gray16Clip
				}
				m, err := Decode(data, o)
				require.NoError(t, err)
				require.Equal(t, want.Shape, []int{m.Height, m.Width, 3})
				most := distance(t, m.Pix, want.bytes)
				require.Zero(t, most, "largest difference")
			})
		}
	}
}

func TestAlphaOnWhite(t *testing.T) {
	for name, want := range readTensors(t, filepath.Join(formats, "white.safetensors.gz")) {
		t.Run(name, func(t *testing.T) {
			m := mustDecode(t, DecodeOptions{Alpha: AlphaWhite}, formats, name)
			most := distance(t, m.Pix, want.bytes)
			require.Zero(t, most)
			dropped := mustDecode(t, DecodeOptions{}, formats, name)
			require.NotEqual(t, dropped.Pix, m.Pix)
		})
	}
}

func TestGray16High(t *testing.T) {
	m := mustDecode(t, DecodeOptions{}, formats, "gray16.png")
	clipped := mustDecode(t, DecodeOptions{Gray16: Gray16Clip}, formats, "gray16.png")
	require.NotEqual(t, clipped.Pix, m.Pix)
	// The file holds the 8-bit gray picture times 257.
	most := distance(t, m.Pix, mustDecode(t, DecodeOptions{}, formats, "gray8.png").Pix)
	require.Zero(t, most)
}

func TestIgnoreOrientation(t *testing.T) {
	for i := 1; i <= 8; i++ {
		m := mustDecode(t, DecodeOptions{IgnoreOrientation: true}, formats, "exif_"+string(rune('0'+i))+".jpg")
		require.Equal(t, [2]int{61, 45}, [2]int{m.Width, m.Height})
	}
}

func TestIndexed(t *testing.T) {
	for name, indexed := range map[string]bool{"palette.png": true, "gray1.png": true, "gray8.png": false, "rgb8.png": false,
		"still.gif": true, "grey.gif": true, "ramp.gif": false, "palette8.bmp": true, "grey.bmp": false, "baseline_444.jpg": false} {
		m := mustDecode(t, DecodeOptions{}, formats, name)
		require.Equal(t, indexed, m.Indexed, name)
		if !indexed {
			require.Equal(t, [3]uint8{}, m.Pad, name)
		}
	}
}

// TestFromImage holds conversions of pictures in memory against Decode and against each other.
func TestFromImage(t *testing.T) {
	src := mustDecode(t, DecodeOptions{}, formats, "alpha.png")
	r := image.Rect(-3, 5, -3+src.Width, 5+src.Height)
	nrgba, rgba, generic := image.NewNRGBA(r), image.NewRGBA(r), opaque{image.NewNRGBA(r)}
	nrgba64 := image.NewNRGBA64(r)
	i := 0
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			at := nrgba.PixOffset(x, y)
			p := nrgba.Pix[at : at+4]
			copy(p, src.Pix[i:i+3])
			p[3] = uint8(7 * x)
			rgba.Set(x, y, nrgba.At(x, y))
			generic.Image.(*image.NRGBA).Set(x, y, nrgba.At(x, y))
			c := nrgba.NRGBAAt(x, y)
			nrgba64.SetNRGBA64(x, y, color.NRGBA64{R: 257 * uint16(c.R), G: 257 * uint16(c.G), B: 257 * uint16(c.B), A: 257 * uint16(c.A)})
			i += 3
		}
	}
	for _, mode := range []AlphaMode{AlphaDrop, AlphaWhite} {
		want, err := FromImage(nrgba, DecodeOptions{Alpha: mode})
		require.NoError(t, err)
		if mode == AlphaDrop {
			require.Equal(t, src.Pix, want.Pix)
		}
		got, err := FromImage(opaque{rgba}, DecodeOptions{Alpha: mode})
		require.NoError(t, err)
		fast, err := FromImage(rgba, DecodeOptions{Alpha: mode})
		require.NoError(t, err)
		require.Equal(t, got.Pix, fast.Pix, "premultiplied, fast and generic path")
		got, err = FromImage(generic, DecodeOptions{Alpha: mode})
		require.NoError(t, err)
		wide, err := FromImage(nrgba64, DecodeOptions{Alpha: mode})
		require.NoError(t, err)
		require.Equal(t, want.Pix, wide.Pix)
		if mode == AlphaDrop { // a transparent pixel's color does not survive a general color.Color
			continue
		}
		most := distance(t, want.Pix, got.Pix)
		require.LessOrEqual(t, most, 1)
	}
}

// opaque hides the concrete type of a picture.
type opaque struct{ image.Image }

func TestFromImageSubImage(t *testing.T) {
	for _, ratio := range []image.YCbCrSubsampleRatio{image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio422,
		image.YCbCrSubsampleRatio420, image.YCbCrSubsampleRatio440, image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410} {
		t.Run(ratio.String(), func(t *testing.T) {
			m := image.NewYCbCr(image.Rect(0, 0, 41, 37), ratio)
			n := noise(128, 64).Pix
			copy(m.Y, n)
			copy(m.Cb, n[5000:])
			copy(m.Cr, n[9000:])
			whole, err := FromImage(m, DecodeOptions{})
			require.NoError(t, err)
			// Away from its edges a crop has the pixels of the whole, wherever it starts in a
			// chroma sample.
			for x0 := 8; x0 < 12; x0++ {
				for y0 := 6; y0 < 8; y0++ {
					crop, err := FromImage(m.SubImage(image.Rect(x0, y0, 31, 29)), DecodeOptions{})
					require.NoError(t, err)
					for y := 4; y < crop.Height-4; y++ {
						a, b := 3*4, 3*(crop.Width-4)
						require.Equal(t, whole.row(y0 + y)[3*x0:][a:b], crop.row(y)[a:b])
					}
				}
			}
		})
	}
	negative := image.NewYCbCr(image.Rect(-3, -3, 9, 9), image.YCbCrSubsampleRatio420)
	m, err := FromImage(negative, DecodeOptions{})
	require.NoError(t, err)
	require.Equal(t, 12, m.Width)
}

func TestFromImageRefuses(t *testing.T) {
	var format *FormatError
	var limit *LimitError
	for name, c := range map[string]struct {
		m  image.Image
		as any
	}{
		"nil":       {nil, &format},
		"typed nil": {(*image.RGBA)(nil), &format},
		"empty":     {image.NewRGBA(image.Rect(0, 0, 0, 5)), &format},
		"short":     {&image.RGBA{Rect: image.Rect(0, 0, 9, 9), Stride: 36}, &format},
		"uniform":   {image.White, &limit},
	} {
		_, err := FromImage(c.m, DecodeOptions{})
		require.ErrorAs(t, err, c.as, name)
		require.True(t, strings.HasPrefix(err.Error(), "preprocess: "), err)
	}
}

// DecodeSize gives the size that Decode gives, for files as they are and with bits changed in their
// first bytes.
func TestDecodeSize(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(formats, "*.*"))
	require.NoError(t, err)
	same, turned := 0, 0
	check := func(name string, data []byte, o DecodeOptions) {
		m, err := Decode(data, o)
		size, sizeErr := DecodeSize(data, o)
		if err != nil {
			if sizeErr != nil {
				requireTyped(t, sizeErr)
			}
			return // the headers may be right all the same
		}
		require.NoError(t, sizeErr, name)
		require.Equal(t, Size{m.Width, m.Height}, size, name)
		same++
		if stored, err := DecodeSize(data, DecodeOptions{IgnoreOrientation: true}); err == nil && stored != size {
			turned++
		}
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for _, path := range paths {
		data := readFile(t, path)
		o := DecodeOptions{Limits: DecodeLimits{MaxPixels: 1 << 20}}
		check(path, data, o)
		for range 100 {
			b := bytes.Clone(data)
			b[rng.IntN(min(len(b), 400))] ^= 1 << rng.IntN(8)
			check(path, b, o)
		}
		o.IgnoreOrientation = true
		check(path, data, o)
	}
	require.Greater(t, same, 1000)
	require.Greater(t, turned, 100)
	for _, cut := range []string{"baseline_420.jpg", "rgb8.png"} { // damage behind the headers does not show
		data := readFile(t, formats, cut)
		_, err = Decode(data[:len(data)*3/4], DecodeOptions{})
		require.Error(t, err)
		_, err = DecodeSize(data[:len(data)*3/4], DecodeOptions{})
		require.NoError(t, err)
	}
}

func TestFromImageSize(t *testing.T) {
	size, err := FromImageSize(image.NewGray(image.Rect(-3, 5, 7, 6)), DecodeOptions{})
	require.NoError(t, err)
	require.Equal(t, Size{10, 1}, size)
	_, err = FromImageSize((*image.RGBA)(nil), DecodeOptions{})
	requireTyped(t, err)
	_, err = FromImageSize(image.White, DecodeOptions{})
	requireTyped(t, err)
}
