package preprocess

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestResizeAsPillow compares hashes of noise resized by Pillow 13.0.0 to 260 sizes, shrinking and
// growing.
func TestResizeAsPillow(t *testing.T) {
	lines := bufio.NewScanner(bytes.NewReader(readFile(t, formats, "resize.txt")))
	n := 0
	for lines.Scan() {
		var w, h, w2, h2 int
		var bicubic, nearest string
		_, err := fmt.Sscan(lines.Text(), &w, &h, &w2, &h2, &bicubic, &nearest)
		require.NoError(t, err)
		src := noise(w, h)
		require.Equal(t, bicubic, hash(Resize(src, w2, h2)), lines.Text())
		require.Equal(t, nearest, hash(resizeNearest(src, w2, h2)), lines.Text())
		n++
	}
	require.Equal(t, 260, n)
}

func hash(m *Image) string {
	h := sha256.Sum256(m.Pix)
	return hex.EncodeToString(h[:12])
}

func TestResizeDoesNotAlias(t *testing.T) {
	src := noise(9, 7)
	before := hash(src)
	for _, s := range []Size{{9, 7}, {9, 14}, {4, 7}, {3, 3}} {
		out := Resize(src, s.W, s.H)
		clear(out.Pix)
	}
	require.Equal(t, before, hash(src))
}

func TestResizePanicsOnMisuse(t *testing.T) {
	require.PanicsWithValue(t, badSide, func() { Resize(noise(2, 2), 0, 3) })
	require.PanicsWithValue(t, badImage, func() { Resize(&Image{Width: 2, Height: 2, Pix: make([]uint8, 5)}, 3, 3) })
}

func BenchmarkResize(b *testing.B) {
	for _, c := range []struct{ w, h, w2, h2 int }{{1600, 1200, 1596, 1204}, {1600, 1200, 392, 280}} {
		b.Run(fmt.Sprintf("from=%dx%d/to=%dx%d", c.w, c.h, c.w2, c.h2), func(b *testing.B) {
			src := noise(c.w, c.h)
			b.SetBytes(int64(len(src.Pix)))
			b.ReportAllocs()
			for b.Loop() {
				Resize(src, c.w2, c.h2)
			}
		})
	}
}
