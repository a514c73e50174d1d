package preprocess

import (
	"bytes"
	"image"
	"image/jpeg"
	"testing"

	"github.com/stretchr/testify/require"
)

// photo is a picture of 12 megapixels, and as a JPEG of image/jpeg.
func photo(b *testing.B) (*Image, []byte) {
	small := mustDecode(b, DecodeOptions{}, formats, "photo_420.jpg")
	big := Resize(small, 4000, 3000)
	rgba := image.NewRGBA(image.Rect(0, 0, 4000, 3000))
	for i := range 4000 * 3000 {
		copy(rgba.Pix[4*i:], big.Pix[3*i:3*i+3])
		rgba.Pix[4*i+3] = 255
	}
	var buf bytes.Buffer
	require.NoError(b, jpeg.Encode(&buf, rgba, nil))
	return big, buf.Bytes()
}

// BenchmarkDecode has Decode beside image/jpeg with FromImage: a large photograph, and small ones
// of the kinds that image/jpeg does not write.
func BenchmarkDecode(b *testing.B) {
	_, large := photo(b)
	files := map[string][]byte{"12 megapixels": large}
	for _, name := range []string{"photo_444.jpg", "photo_420_progressive.jpg", "gray.jpg"} {
		files[name] = readFile(b, formats, name)
	}
	for name, data := range files {
		b.Run(name+"/ours", func(b *testing.B) {
			for b.Loop() {
				if _, err := Decode(data, DecodeOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/standard", func(b *testing.B) {
			for b.Loop() {
				m, err := jpeg.Decode(bytes.NewReader(data))
				if err != nil {
					b.Fatal(err)
				}
				if _, err := FromImage(m, DecodeOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkJPEGToPatches is the whole way from a 12-megapixel photo to patches at the release's
// largest budget.
func BenchmarkJPEGToPatches(b *testing.B) {
	big, data := photo(b)
	cfg := second(3136, 12845056)
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Decode(data, DecodeOptions{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("patches", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := cfg.Image(big, Limits{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
