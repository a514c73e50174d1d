package preprocess

import (
	"bytes"
	"image"
	"image/jpeg"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkJPEGToPatches is the whole way from a 12-megapixel photo to patches at the release's
// largest budget.
func BenchmarkJPEGToPatches(b *testing.B) {
	small := mustDecode(b, DecodeOptions{}, formats, "photo_420.jpg")
	big := Resize(small, 4000, 3000)
	rgba := image.NewRGBA(image.Rect(0, 0, 4000, 3000))
	for i := range 4000 * 3000 {
		copy(rgba.Pix[4*i:], big.Pix[3*i:3*i+3])
		rgba.Pix[4*i+3] = 255
	}
	var buf bytes.Buffer
	require.NoError(b, jpeg.Encode(&buf, rgba, nil))
	cfg := second(3136, 12845056)
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Decode(buf.Bytes(), DecodeOptions{}); err != nil {
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
