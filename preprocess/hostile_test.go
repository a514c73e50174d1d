package preprocess

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// bounded runs f and fails when it allocates over 64 MB or takes over 5 seconds.
func bounded(t *testing.T, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	f()
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<20))
	require.Less(t, time.Since(start), 5*time.Second)
}

// refused decodes and wants a typed error that names this package and leaks nothing.
func refused(t *testing.T, data []byte) error {
	t.Helper()
	var err error
	bounded(t, func() {
		var m *Image
		m, err = Decode(data, DecodeOptions{})
		require.Nil(t, m)
	})
	requireTyped(t, err)
	return err
}

func requireTyped(t testing.TB, err error) {
	t.Helper()
	require.Error(t, err)
	switch err.(type) {
	case *FormatError, *UnsupportedError, *LimitError:
	default:
		t.Fatalf("%T", err)
	}
	require.True(t, strings.HasPrefix(err.Error(), "preprocess: "), err)
	require.NotContains(t, err.Error(), "0xc0")
}

// pngHeader is a PNG of which only the header and an empty IDAT exist.
func pngHeader(w, h uint32, depth, color byte) []byte {
	chunk := func(b []byte, id string, body []byte) []byte {
		b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
		b = append(append(b, id...), body...)
		return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[len(b)-len(body)-4:]))
	}
	ihdr := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	return chunk(chunk([]byte("\x89PNG\r\n\x1a\n"), "IHDR", append(ihdr, depth, color, 0, 0, 0)), "IDAT", nil)
}

func TestPictureBombs(t *testing.T) {
	var limit *LimitError
	var format *FormatError
	require.ErrorAs(t, refused(t, pngHeader(50000, 50000, 8, 6)), &limit)
	require.ErrorAs(t, refused(t, pngHeader(1<<31-1, 1<<31-1, 16, 6)), &limit)
	require.ErrorAs(t, refused(t, pngHeader(13000, 13000, 16, 6)), &format, "under the limits, but 45 bytes cannot hold it")
	require.ErrorAs(t, refused(t, pngHeader(0, 5, 8, 6)), &format)

	jpg := bytes.Clone(readFile(t, formats, "baseline_420.jpg"))
	sof := bytes.Index(jpg, []byte{0xff, 0xc0})
	copy(jpg[sof+5:], []byte{0xff, 0xff, 0xff, 0xff})
	require.ErrorAs(t, refused(t, jpg), &limit)
	copy(jpg[sof+5:], []byte{0x20, 0, 0x20, 0})
	require.ErrorAs(t, refused(t, jpg), &format)

	gif := bytes.Clone(readFile(t, formats, "still.gif"))
	at := frameOf(t, gif)
	copy(gif[at+5:], []byte{0xff, 0xff, 0xff, 0xff})
	require.ErrorAs(t, refused(t, gif), &limit)
	copy(gif[at+5:], []byte{0, 0x20, 0, 0x20})
	require.ErrorAs(t, refused(t, gif), &format)

	bmp := bytes.Clone(readFile(t, formats, "rgb24.bmp"))
	copy(bmp[18:], []byte{0xff, 0x1f, 0, 0, 0xff, 0x1f, 0, 0})
	require.ErrorAs(t, refused(t, bmp), &format)
	copy(bmp[18:], []byte{0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0x7f})
	refused(t, bmp)
	copy(bmp[18:], make([]byte, 8))
	require.ErrorAs(t, refused(t, bmp), &format, "0x0")
	copy(bmp[18:], []byte{0xff, 0x1f, 0, 0, 0xff, 0x1f, 0, 0, 1, 0, 8, 0, 1, 0, 0, 0}) // run-length codes
	require.ErrorAs(t, refused(t, bmp), &format)

	webp := bytes.Clone(readFile(t, formats, "alpha.webp"))
	if i := bytes.Index(webp, []byte("VP8X")); i > 0 {
		copy(webp[i+12:], []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
		require.ErrorAs(t, refused(t, webp), &limit)
	}
	_, err := Decode(make([]byte, 11), DecodeOptions{Limits: DecodeLimits{MaxBytes: 10}})
	require.ErrorAs(t, err, &limit)
	_, err = Decode(readFile(t, formats, "rgb8.png"), DecodeOptions{Limits: DecodeLimits{MaxPixels: 61*45 - 1}})
	require.ErrorAs(t, err, &limit)
	_, err = Decode(readFile(t, formats, "rgb8.png"), DecodeOptions{Limits: DecodeLimits{MaxSide: 60}})
	require.ErrorAs(t, err, &limit)
	_, err = Decode(readFile(t, formats, "rgb8.png"), DecodeOptions{Limits: DecodeLimits{MaxPixels: 61 * 45, MaxSide: 61}})
	require.NoError(t, err)
}

// TestMetadataBombs: compressed text that grows is bounded, one by one and together.
func TestMetadataBombs(t *testing.T) {
	deflated := func(n int) string {
		var b bytes.Buffer
		z := zlib.NewWriter(&b)
		_, err := z.Write(make([]byte, n))
		require.NoError(t, err)
		require.NoError(t, z.Close())
		return b.String()
	}
	small, large := deflated(1<<20), deflated(64<<20)
	var limit *LimitError
	for _, bomb := range []struct{ id, body string }{
		{"zTXt", "a\x00\x00" + large}, {"iTXt", "a\x00\x01\x00\x00\x00" + large}, {"iCCP", "a\x00\x00" + large},
	} {
		body := &bytes.Buffer{}
		body.Write(pngHeader(1, 1, 8, 2)[:33])
		writeChunk(body, bomb.id, bomb.body)
		body.Write(pngHeader(1, 1, 8, 2)[33:])
		require.ErrorAs(t, refused(t, body.Bytes()), &limit)
	}
	many := &bytes.Buffer{}
	many.Write(pngHeader(1, 1, 8, 2)[:33])
	for range 400 {
		writeChunk(many, "iCCP", "a\x00\x00"+small)
	}
	_, err := Decode(many.Bytes(), DecodeOptions{})
	require.ErrorAs(t, err, &limit)
}

func writeChunk(b *bytes.Buffer, id, body string) {
	head := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	b.Write(head)
	b.WriteString(id + body)
	b.Write(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(id+body))))
}

// frameOf returns where a GIF's first frame starts, which has no colors of its own.
func frameOf(t *testing.T, data []byte) int {
	f, err := walkGIF(data)
	require.NoError(t, err)
	require.Equal(t, byte(','), data[f.pixels-11])
	return f.pixels - 11
}

func TestNoPicture(t *testing.T) {
	var format *FormatError
	var unsupported *UnsupportedError
	require.ErrorAs(t, refused(t, nil), &format)
	require.ErrorAs(t, refused(t, []byte{}), &format)
	for _, s := range []string{"x", "hello", "<svg>", "II*\x00", "MM\x00*\x00", "P6\n1 1\n255\nabc", "\x00\x00\x00\x20ftypavif", "%PDF-1.7"} {
		require.ErrorAs(t, refused(t, []byte(s)), &unsupported, s)
	}
	for _, s := range []string{"\xff\xd8", "\xff\xd8\xff", "\xff\xd8\xff\xe1\xff\xff", "\x89PNG\r\n\x1a\n", "GIF89a", "GIF87a\x01\x00\x01\x00\x00\x00\x00;",
		"RIFF\x00\x00\x00\x00WEBP", "RIFF\xff\xff\xff\xffWEBPVP8 \xff\xff\xff\xff", "BM"} {
		require.ErrorAs(t, refused(t, []byte(s)), &format, "%q", s)
	}
	require.ErrorAs(t, refused(t, readFile(t, formats, "truncated.jpg")), &format)
}

// TestTruncated cuts every file at each 1/64: an error, or (where only trailing data is lost) the
// very same picture.
func TestTruncated(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(formats, "*.*"))
	require.NoError(t, err)
	cuts, whole := 0, 0
	for _, path := range paths {
		data := readFile(t, path)
		want, err := Decode(data, DecodeOptions{IgnoreOrientation: true})
		if err != nil {
			continue // goldens and containers not read
		}
		for i := range 64 {
			m, err := Decode(data[:len(data)*i/64], DecodeOptions{IgnoreOrientation: true})
			if cuts++; err == nil {
				whole++
				require.Equal(t, want, m, "%s cut at %d/64", path, i)
				continue
			}
			requireTyped(t, err)
		}
	}
	require.Greater(t, cuts, 80*64)
	t.Logf("%d cuts, %d without loss", cuts, whole)
	require.Less(t, whole, cuts/5)
}

// TestGIFReadsFirstFrameOnly appends frames, and garbage, that must not matter.
func TestGIFReadsFirstFrameOnly(t *testing.T) {
	data := readFile(t, formats, "still.gif")
	want, err := Decode(data, DecodeOptions{})
	require.NoError(t, err)
	frame := data[frameOf(t, data) : len(data)-1]
	many := append(bytes.Clone(data[:len(data)-1]), bytes.Repeat(frame, 20000)...)
	bounded(t, func() {
		m, err := Decode(many, DecodeOptions{})
		require.NoError(t, err)
		require.Equal(t, want, m)
	})
	m, err := Decode(append(bytes.Clone(data[:len(data)-1]), "garbage"...), DecodeOptions{})
	require.NoError(t, err)
	require.Equal(t, want, m)
}

// TestJPEGScans repeats a scan a thousand times in a progressive file.
func TestJPEGScans(t *testing.T) {
	data := readFile(t, formats, "progressive_420.jpg")
	i := bytes.LastIndex(data, []byte{0xff, 0xda})
	many := append(bytes.Clone(data[:len(data)-2]), bytes.Repeat(data[i:len(data)-2], 1000)...)
	var limit *LimitError
	require.ErrorAs(t, refused(t, append(many, 0xff, 0xd9)), &limit)
	require.Equal(t, "scans", limit.What)
}

func TestIndexOutOfRange(t *testing.T) {
	// Missing entries are black.
	png := bytes.Clone(readFile(t, formats, "palette_2bit.png"))
	at := bytes.Index(png, []byte("PLTE"))
	n := binary.BigEndian.Uint32(png[at-4:])
	short := append(bytes.Clone(png[:at-4]), 0, 0, 0, 3)
	short = append(short, png[at:at+7]...)
	short = binary.BigEndian.AppendUint32(short, crc32.ChecksumIEEE(short[len(short)-7:]))
	short = append(short, png[at+8+int(n):]...)
	blackBut(t, short, [3]uint8(png[at+4:]))
	bmp := bytes.Clone(readFile(t, formats, "palette8.bmp"))
	colors := int(binary.LittleEndian.Uint32(bmp[10:])-54) / 4
	bmp = append(bmp[:54+4:54+4], bmp[54+4*colors:]...) // one color is left
	binary.LittleEndian.PutUint32(bmp[10:], 58)
	binary.LittleEndian.PutUint32(bmp[46:], 1)
	blackBut(t, bmp, [3]uint8{bmp[56], bmp[55], bmp[54]})
	gif := bytes.Clone(readFile(t, formats, "still.gif"))
	require.Greater(t, gif[10]&7, uint8(0))
	table := 6 << (gif[10] & 7)
	gif[10] &^= 7 // two colors are left
	gif = append(gif[:13+6:13+6], gif[13+table:]...)
	blackBut(t, gif, [3]uint8(gif[13:]), [3]uint8(gif[16:]))
}

// blackBut wants a picture of black and these colors alone.
func blackBut(t *testing.T, data []byte, colors ...[3]uint8) {
	m, err := Decode(data, DecodeOptions{})
	require.NoError(t, err)
	black := 0
	for i := 0; i < len(m.Pix); i += 3 {
		p := [3]uint8(m.Pix[i:])
		if p == [3]uint8{} {
			black++
		} else {
			require.Contains(t, colors, p)
		}
	}
	require.Positive(t, black)
}

func TestWebPMismatch(t *testing.T) {
	data := readFile(t, formats, "lossy_alpha.webp")
	at := bytes.Index(data, []byte("ALPH"))
	require.Positive(t, at)
	for _, change := range []func(b []byte) []byte{
		func(b []byte) []byte { b[bytes.Index(b, []byte("VP8X"))+12] ^= 1; return b },                  // canvas width
		func(b []byte) []byte { b[bytes.Index(b, []byte("\x9d\x01\x2a"))+3] ^= 2; return b },           // frame width
		func(b []byte) []byte { binary.LittleEndian.PutUint32(b[at+4:], 1); return b },                 // chunk cut to one byte
		func(b []byte) []byte { b[at+8] = 3; return b },                                                // unknown compression
		func(b []byte) []byte { clear(b[at+9 : at+9+40]); b[at+8] = 1; return b },                      // broken alpha stream
		func(b []byte) []byte { copy(b[bytes.Index(b, []byte("VP8 ")):], "VP8?"); return b },           // no picture
		func(b []byte) []byte { copy(b[bytes.Index(b, []byte("VP8 ")):], "VP8L"); return b },           // other codec
		func(b []byte) []byte { binary.LittleEndian.PutUint32(b[at+4:], 0xfffffff0); return b },        // chunk past the end
		func(b []byte) []byte { return append(b[:bytes.Index(b, []byte("VP8 "))], "ANMF\x02\x00"...) }, // torn frame
	} {
		refused(t, change(bytes.Clone(data)))
	}
}

// TestBrokenOrientation: metadata never stops a picture from being read.
func TestBrokenOrientation(t *testing.T) {
	data := readFile(t, formats, "exif_6.jpg")
	at := bytes.Index(data, []byte("Exif\x00\x00")) + 6
	stored, err := Decode(data, DecodeOptions{IgnoreOrientation: true})
	require.NoError(t, err)
	same := 0
	for i := at; i < at+26; i++ {
		for _, v := range []byte{0, 1, 0x7f, 0xff} {
			b := bytes.Clone(data)
			b[i] = v
			m, err := Decode(b, DecodeOptions{})
			require.NoError(t, err)
			require.Equal(t, len(stored.Pix), len(m.Pix))
			if bytes.Equal(m.Pix, stored.Pix) {
				same++
			}
		}
	}
	require.Positive(t, same)
}

// TestTinyPictures: any decodable size gives tokens or a typed error.
func TestTinyPictures(t *testing.T) {
	cfg := second(3136, 12845056)
	for _, s := range []Size{{1, 1}, {1, 3}, {3, 1}, {1, 200}, {200, 1}, {27, 3}} {
		p, err := cfg.Image(noise(s.W, s.H), Limits{})
		require.NoError(t, err)
		require.Positive(t, p.N)
	}
	var size *SizeError
	for _, s := range []Size{{1, 201}, {1, 65535}, {65535, 1}} {
		_, err := cfg.Image(NewImage(s.W, s.H), Limits{})
		require.ErrorAs(t, err, &size)
	}
}

func FuzzDecode(f *testing.F) {
	paths, err := filepath.Glob(filepath.Join(formats, "*.*"))
	require.NoError(f, err)
	for _, path := range paths {
		if strings.HasSuffix(path, ".gz") || strings.HasSuffix(path, ".txt") {
			continue
		}
		data, err := os.ReadFile(path)
		require.NoError(f, err)
		f.Add(data, false, false)
	}
	f.Add(pngHeader(50000, 50000, 8, 6), true, true)
	cfg := second(3136, 28*28*16)
	f.Fuzz(func(t *testing.T, data []byte, white, clip bool) {
		o := DecodeOptions{Limits: DecodeLimits{MaxPixels: 1 << 20}}
		if white {
			o.Alpha = AlphaWhite
		}
		if clip {
			o.Gray16 = Gray16Clip
		}
		m, err := Decode(data, o)
		if err != nil {
			requireTyped(t, err)
			return
		}
		if m.Width < 1 || m.Height < 1 || len(m.Pix) != 3*m.Width*m.Height || m.Width*m.Height > 1<<20 {
			t.Fatalf("%dx%d, %d bytes", m.Width, m.Height, len(m.Pix))
		}
		if size, err := DecodeSize(data, o); err != nil || size != (Size{m.Width, m.Height}) {
			t.Fatal(size, err)
		}
		p, err := cfg.Image(m, Limits{})
		if ratio := max(m.Width, m.Height) > 200*min(m.Width, m.Height); ratio != (err != nil) {
			t.Fatalf("%dx%d: %v", m.Width, m.Height, err)
		}
		if err == nil && p.N != p.Grid.Patches() {
			t.Fatal(p.N, p.Grid)
		}
	})
}
