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
