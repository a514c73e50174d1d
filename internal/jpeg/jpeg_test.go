package jpeg

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const pictures = "../../testdata/images/jpeg"

// goldens reads what Pillow makes of each file.
func goldens(t testing.TB) map[string][]string {
	data, err := os.ReadFile(filepath.Join(pictures, "golden.txt"))
	require.NoError(t, err)
	all := map[string][]string{}
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		all[f[0]] = f[1:]
	}
	require.Greater(t, len(all), 80)
	return all
}

func readFile(t testing.TB, name string) []byte {
	data, err := os.ReadFile(filepath.Join(pictures, name))
	require.NoError(t, err)
	return data
}

// TestAsPillow: files of every kind, whole and damaged, give the samples that Pillow gives, or are
// refused where it refuses.
func TestAsPillow(t *testing.T) {
	for name, want := range goldens(t) {
		t.Run(name, func(t *testing.T) {
			data := readFile(t, name)
			pix, err := Decode(data, 100)
			if want[0] == "refused" {
				requireTyped(t, err)
				require.Nil(t, pix)
				return
			}
			require.NoError(t, err)
			h, err := ReadHeader(data)
			require.NoError(t, err)
			channels := max(h.Components, 3)
			size := []string{strconv.Itoa(h.Width), strconv.Itoa(h.Height), strconv.Itoa(channels)}
			require.Equal(t, want[:3], size)
			require.Len(t, pix, channels*h.Width*h.Height)
			sum := sha256.Sum256(pix)
			require.Equal(t, want[3], hex.EncodeToString(sum[:]))
		})
	}
}

// TestMutations changes one byte at a time, in headers as in data: Pillow's samples, or an error
// where it refuses.
func TestMutations(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(pictures, "mutations.txt"))
	require.NoError(t, err)
	refused, read := 0, 0
	for line := range strings.Lines(string(text)) {
		name, want, _ := strings.Cut(strings.TrimSpace(line), " ")
		data := readFile(t, name)
		require.Len(t, want, 8*(len(data)-2))
		for i := 2; i < len(data); i++ {
			for k, v := range []byte{0, 0xff, data[i] ^ 1, data[i] ^ 0x10} {
				token := want[8*(i-2)+2*k:][:2]
				if token == ".." {
					continue
				}
				changed := bytes.Clone(data)
				changed[i] = v
				pix, err := Decode(changed, 100)
				if token == "--" {
					refused++
					require.Error(t, err, "%s: byte %d as %#x", name, i, v)
					requireTyped(t, err)
					continue
				}
				read++
				require.NoError(t, err, "%s: byte %d as %#x", name, i, v)
				sum := sha256.Sum256(pix)
				require.Equal(t, token, hex.EncodeToString(sum[:1]), "%s: byte %d as %#x", name, i, v)
			}
		}
	}
	require.Greater(t, refused, 1500)
	require.Greater(t, read, 4000)
}

func requireTyped(t testing.TB, err error) {
	t.Helper()
	require.Error(t, err)
	var format FormatError
	var unsupported UnsupportedError
	if !errors.As(err, &format) && !errors.As(err, &unsupported) && !errors.Is(err, ErrScans) {
		t.Fatalf("%T %v", err, err)
	}
}

// TestCut: of a picture that is cut anywhere, nothing is returned, or, when only its end mark is
// missing, all of it.
func TestCut(t *testing.T) {
	accepted := 0
	for _, name := range []string{
		"s_2x2.jpg", "gray_2x2.jpg", "restarts.jpg", "progressive_1x2.jpg", "arithmetic.jpg",
		"lossless_1.jpg",
	} {
		data := readFile(t, name)
		want, err := Decode(data, 100)
		require.NoError(t, err)
		for n := range data {
			pix, err := Decode(data[:n], 100)
			if err != nil {
				requireTyped(t, err)
				continue
			}
			accepted++
			require.Equal(t, want, pix, "%s cut at %d", name, n)
			require.GreaterOrEqual(t, n, len(data)-2, name)
		}
	}
	require.Less(t, accepted, 12)
}

// TestBlocks: where blocks of the file end does not show. A picture whose data lies beyond the
// first blocks is the same as at the start.
func TestBlocks(t *testing.T) {
	for _, name := range []string{
		"s_2x2.jpg", "restarts.jpg", "progressive_2x2.jpg", "scans.jpg", "lossless_5.jpg",
	} {
		data := readFile(t, name)
		want, err := Decode(data, 100)
		require.NoError(t, err)
		for _, before := range []int{blockSize, 2 * blockSize} {
			for at := 20; at < len(data)+20; at += 37 {
				moved := bytes.Clone(data[:2])
				for pad := before - at; pad > 0; { // comments up to where a block ends within data
					n := min(pad, 60000)
					if rest := pad - n; rest > 0 && rest < 4 {
						n -= 4
					}
					if n < 4 {
						break
					}
					moved = append(moved, 0xff, markerCOM, byte((n-2)>>8), byte(n-2))
					moved = append(moved, make([]byte, n-4)...)
					pad -= n
				}
				pix, err := Decode(append(moved, data[2:]...), 100)
				require.NoError(t, err, "%s at %d", name, at)
				require.Equal(t, want, pix)
			}
		}
	}
	// The arithmetic decoder cannot wait for a second block.
	data := readFile(t, "arithmetic.jpg")
	behind := func(end int) []byte { // the file with a comment that has it end at this offset
		n := end - len(data) - 2
		long := append(bytes.Clone(data[:2]), 0xff, markerCOM, byte(n>>8), byte(n))
		return append(append(long, make([]byte, n-2)...), data[2:]...)
	}
	_, err := Decode(behind(blockSize), 100)
	require.NoError(t, err)
	_, err = Decode(behind(blockSize+60), 100)
	require.ErrorIs(t, err, errWait)
}

func TestScansAreLimited(t *testing.T) {
	data := readFile(t, "progressive_1x2.jpg")
	_, err := Decode(data, 3)
	require.ErrorIs(t, err, ErrScans)
	_, err = Decode(data, bytes.Count(data, []byte{0xff, markerSOS}))
	require.NoError(t, err)
}

// TestHeader reads metadata: EXIF segments are joined, the last XMP counts.
func TestHeader(t *testing.T) {
	data := readFile(t, "s_2x2.jpg")
	segment := func(body string) []byte {
		n, marker := len(body)+2, byte(markerAPP0+1)
		if body[0] == 'J' {
			marker = markerAPP0
		}
		return append([]byte{0xff, marker, byte(n >> 8), byte(n)}, body...)
	}
	var all []byte
	const xmp = "http://ns.adobe.com/xap/1.0/\x00"
	for _, s := range []string{
		"Exif\x00\x00one", xmp + "first", "Exif\x00\x00two", xmp + "second", "Exif\x00",
		"JFIF\x00\x01\x01\x01\x00\x48\x00\x48",
	} {
		all = append(all, segment(s)...)
	}
	h, err := ReadHeader(append(append(bytes.Clone(data[:2]), all...), data[2:]...))
	require.NoError(t, err)
	require.Equal(t, Header{
		Width: 37, Height: 29, Components: 3, EXIF: []byte("onetwo"), XMP: []byte("second"),
		Density: true,
	}, h)
}

// TestMemory: a picture of one scan takes a few rows beside its pixels, one of several its
// coefficients.
func TestMemory(t *testing.T) {
	for name, limit := range map[string]int{"s_2x2.jpg": 1 << 20, "progressive_2x2.jpg": 4 << 20} {
		data := readFile(t, name)
		for _, m := range []byte{0xc0, 0xc2} {
			if at := bytes.Index(data, []byte{0xff, m, 0, 17}); at > 0 {
				copy(data[at+5:], []byte{4, 0, 4, 0}) // 1024 by 1024
			}
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		pix, err := Decode(data, 100)
		runtime.ReadMemStats(&after)
		require.NoError(t, err)
		require.Len(t, pix, 3<<20)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(3<<20+limit), name)
	}
}

// TestPhotoshop: resources that end behind a number are refused, as Pillow trips over them.
func TestPhotoshop(t *testing.T) {
	for body, ok := range map[string]bool{
		"": true, "8BIM": true, "8BIM\x04\x04": false, "8BIM\x04\x04\x00\x00": true,
		"8BIM\x04\x04\x00\x00\xff\xff\xff\xff": true, "8BIM\x04\x04\x00\x00\x00\x00\x00\x01x": true,
		"8BIM\x04\x04\x01x\x00\x00\x00\x00\x008BIM\x04\x04":     true,
		"8BIM\x04\x04\x00\x00\x00\x00\x00\x01x\x008BIM\x04\x04": false,
	} {
		require.Equal(t, ok, checkPhotoshop([]byte(body)) == nil, "%q", body)
	}
}

// FuzzJPEG: any bytes give a picture of the size that the header states, or a typed error.
func FuzzJPEG(f *testing.F) {
	for name := range goldens(f) {
		f.Add(readFile(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := ReadHeader(data)
		if err != nil {
			requireTyped(t, err)
			_, again := Decode(data, 20)
			require.Equal(t, err, again)
			return
		}
		if h.Width*h.Height > 1<<18 {
			return
		}
		pix, err := Decode(data, 20)
		if err != nil {
			requireTyped(t, err)
			return
		}
		require.Len(t, pix, max(h.Components, 3)*h.Width*h.Height)
	})
}
