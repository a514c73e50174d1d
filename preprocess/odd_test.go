package preprocess

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// oddFile is an odd picture with what Pillow makes of it: "WIDTHxHEIGHT crc32", or "refuse" and an
// error.
type oddFile struct {
	name, want string
	data       []byte
}

// readOdd reads what make_odd.py writes.
func readOdd(t testing.TB, path string) (files []oddFile) {
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	b, err := io.ReadAll(z)
	require.NoError(t, err)
	for len(b) > 0 {
		name, rest, _ := bytes.Cut(b, []byte{0})
		want, rest, _ := bytes.Cut(rest, []byte{0})
		n := binary.LittleEndian.Uint32(rest)
		files = append(files, oddFile{string(name), string(want), rest[4 : 4+n : 4+n]})
		b = rest[4+n:]
	}
	require.NotEmpty(t, files)
	return files
}

// oddResult decodes as Pillow converts, and returns the result in its form and DecodeSize's.
func oddResult(data []byte) (result, size string) {
	o := DecodeOptions{Gray16: Gray16Clip}
	m, err := Decode(data, o)
	if err != nil {
		return "refuse", ""
	}
	if s, err := DecodeSize(data, o); err == nil {
		size = fmt.Sprintf("%dx%d", s.W, s.H)
	}
	return fmt.Sprintf("%dx%d %08x", m.Width, m.Height, crc32.ChecksumIEEE(m.Pix)), size
}

// TestOddAsPillow: what Pillow reads of odd and damaged files is read as it reads it, and what it
// refuses is refused. make_odd.py makes thousands more.
func TestOddAsPillow(t *testing.T) {
	read := map[byte]int{}
	for _, f := range readOdd(t, filepath.Join(formats, "odd.gz")) {
		got, size := oddResult(f.data)
		if strings.HasPrefix(f.want, "refuse") {
			require.Equal(t, "refuse", got, f.name)
			_, err := Decode(f.data, DecodeOptions{})
			requireTyped(t, err)
			continue
		}
		require.Equal(t, f.want, got, f.name)
		require.Equal(t, got[:strings.IndexByte(got, ' ')], size, f.name)
		read[f.name[0]]++
	}
	for kind, n := range read {
		require.Greater(t, n, 20, string(kind))
	}
	require.Len(t, read, len("pgbwe"))
}

// The readers of each container, on odd files and what becomes of them, without the guard that
// turns panics into errors.
func FuzzPNG(f *testing.F)  { fuzzReader(f, 'p', decodePNG) }
func FuzzGIF(f *testing.F)  { fuzzReader(f, 'g', decodeGIF) }
func FuzzBMP(f *testing.F)  { fuzzReader(f, 'b', decodeBMP) }
func FuzzWebP(f *testing.F) { fuzzReader(f, 'w', decodeWebP) }

func fuzzReader(f *testing.F, kind byte, read decoder) {
	name := ""
	for _, c := range readOdd(f, filepath.Join(formats, "odd.gz")) {
		if c.name[0] == kind || c.name[0] == 'e' {
			f.Add(c.data)
			if c.name[0] == kind {
				name, _, _ = sniff(c.data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if got, _, _ := sniff(data); got != name {
			return
		}
		o := DecodeOptions{Limits: DecodeLimits{MaxPixels: 1 << 18}.withDefaults()}
		o.Alpha = AlphaMode(len(data) % 2)
		m, _, err := read(data, o, true)
		if err != nil {
			requireTyped(t, err)
			return
		}
		m.check()
		size, _, err := read(data, o, false)
		if err != nil || size.Width != m.Width || size.Height != m.Height {
			t.Fatal(size, err)
		}
	})
}

func FuzzOrientation(f *testing.F) {
	f.Add([]byte("II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00"), 1)
	f.Add([]byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x05\x00\x00\x00\x01"+
		"\x00\x00\x00\x08"), 2)
	f.Add([]byte(`tiff:Orientation="6" tiff:Orientation>3`), 0)
	f.Fuzz(func(t *testing.T, p []byte, preambles int) {
		v, ok, err := exifOrientation("jpeg", p, preambles&3)
		if v < 0 || v > 8 || v > 0 && !ok {
			t.Fatal(v, ok)
		}
		if err != nil {
			requireTyped(t, err)
		}
		if v := xmpOrientation(p); v < 0 || v > 9 {
			t.Fatal(v)
		}
	})
}
