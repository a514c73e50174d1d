package qwenvl_test

// How often, and when, pictures are decoded.

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/preprocess"
)

// counted is a decoder of pictures behind a mark, or of PNG, that counts.
type counted struct {
	sniffed, decoded atomic.Int64
	mark             string
}

func (c *counted) sniff(data []byte) bool {
	c.sniffed.Add(1)
	return bytes.HasPrefix(data, []byte(c.mark))
}

func (c *counted) decode(data []byte) (image.Image, error) {
	c.decoded.Add(1)
	return png.Decode(bytes.NewReader(bytes.TrimPrefix(data, []byte("mine:"))))
}

// A picture is decoded once for a request, by the library's decoders or others; its tokens are
// counted without.
func TestOneDecodeForARequest(t *testing.T) {
	file := pngBytes(t, picture(70, 45))
	path := filepath.Join(t.TempDir(), "a.png")
	require.NoError(t, os.WriteFile(path, file, 0o600))
	plain := loadTiny(t)
	want := generate(t, plain, ask(qwenvl.ImageBytes(file), qwenvl.Text("What?")))

	// In place of the library's own: sizes come from its headers no more.
	own := &counted{mark: "\x89PNG"}
	m := loadTiny(t, qwenvl.WithDecoder("png", own.sniff, own.decode))
	for name, part := range map[string]qwenvl.Part{
		"bytes": qwenvl.ImageBytes(file), "file": qwenvl.ImageFile(path), "reader": qwenvl.ImageReader(bytes.NewReader(file)),
	} {
		own.decoded.Store(0)
		got := generate(t, m, ask(part, qwenvl.Text("What?")))
		require.Equal(t, want.Tokens, got.Tokens, name)
		require.EqualValues(t, 1, own.decoded.Load(), name)
		_, err := m.Features(context.Background(), part)
		require.NoError(t, err)
		require.EqualValues(t, 2, own.decoded.Load(), name)
	}
	own.decoded.Store(0)
	part := qwenvl.ImageBytes(file)
	generate(t, m, ask(part, qwenvl.Text("and"), part, part))
	require.EqualValues(t, 3, own.decoded.Load(), "three pictures")

	// Beside them: what they read themselves, nobody else is asked about.
	other := &counted{mark: "mine:"}
	m = loadTiny(t, qwenvl.WithDecoder("mine", other.sniff, other.decode))
	require.Equal(t, want.Tokens, generate(t, m, ask(part, qwenvl.Text("What?"))).Tokens)
	require.Zero(t, other.sniffed.Load())
	mine := qwenvl.ImageBytes(append([]byte("mine:"), file...))
	require.Equal(t, want.Tokens, generate(t, m, ask(mine, qwenvl.Text("What?"))).Tokens)
	require.EqualValues(t, 1, other.decoded.Load())
	n, err := m.CountTokens(ask(mine, qwenvl.Text("What?")))
	require.NoError(t, err)
	require.Equal(t, want.Usage.PromptTokens, n)
	require.EqualValues(t, 2, other.decoded.Load())
}

func TestWithDecoder(t *testing.T) {
	c := &counted{mark: "mine:"}
	for _, option := range []qwenvl.Option{
		qwenvl.WithDecoder("", c.sniff, c.decode), qwenvl.WithDecoder("x", nil, c.decode), qwenvl.WithDecoder("x", c.sniff, nil),
	} {
		_, err := qwenvl.Load(tinyDir, option)
		require.ErrorContains(t, err, "WithDecoder")
	}
	broken := errors.New("no such page")
	yes := func([]byte) bool { return true }
	for name, c := range map[string]struct {
		option  qwenvl.Option
		problem string
	}{
		"error":          {qwenvl.WithDecoder("pdf", yes, func([]byte) (image.Image, error) { return nil, broken }), "pdf: no such page"},
		"nil":            {qwenvl.WithDecoder("pdf", yes, func([]byte) (image.Image, error) { return nil, nil }), "pdf"},
		"panic":          {qwenvl.WithDecoder("pdf", yes, func([]byte) (image.Image, error) { panic("no") }), "pdf"},
		"panic in sniff": {qwenvl.WithDecoder("pdf", func([]byte) bool { panic("no") }, c.decode), "text, not a picture"},
		"too large":      {qwenvl.WithDecoder("pdf", yes, func([]byte) (image.Image, error) { return &image.Uniform{}, nil }), "over the limit"},
		"empty":          {qwenvl.WithDecoder("pdf", yes, func([]byte) (image.Image, error) { return picture(0, 0), nil }), "pdf"},
	} {
		m := loadTiny(t, c.option)
		for range 2 {
			_, err := m.Generate(context.Background(), ask(qwenvl.ImageBytes([]byte("mine"))))
			var e *qwenvl.RequestError
			require.ErrorAs(t, err, &e, name)
			require.Equal(t, "Messages[0].Parts[0]", e.Field, name)
			require.ErrorContains(t, err, c.problem, name)
		}
		require.NotEmpty(t, generate(t, m, ask(qwenvl.Text("x"))).Tokens, "the model is usable")
	}
	// Beside those of WithDecodeOptions, whichever comes first.
	d := preprocess.DecodeOptions{Decoders: preprocess.NewDecoders(preprocess.Decoder{
		Name: "pdf", Sniff: func(d []byte) bool { return bytes.HasPrefix(d, []byte("%PDF")) },
		Decode: func([]byte) (image.Image, error) { return picture(9, 9), nil },
	})}
	for _, opts := range [][]qwenvl.Option{
		{qwenvl.WithDecodeOptions(d), qwenvl.WithDecoder("mine", c.sniff, c.decode)},
		{qwenvl.WithDecoder("mine", c.sniff, c.decode), qwenvl.WithDecodeOptions(d)},
	} {
		m := loadTiny(t, opts...)
		mine := append([]byte("mine:"), pngBytes(t, picture(9, 9))...)
		generate(t, m, ask(qwenvl.ImageBytes([]byte("%PDF")), qwenvl.ImageBytes(mine)))
	}
}

// large is a gray picture of three sides to four, as a file.
func large(t testing.TB, format string, width int) []byte {
	height := width / 4 * 3
	img := image.NewGray(image.Rect(0, 0, width, height))
	for i := range img.Pix {
		img.Pix[i] = byte(i>>3 ^ i>>9)
	}
	var b bytes.Buffer
	switch format {
	case "jpeg":
		require.NoError(t, jpeg.Encode(&b, img, nil))
	case "png":
		require.NoError(t, (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, img))
	case "webp": // lossless, of which only the header is right
		const n = 1 << 20
		b.WriteString("RIFF\x0c\x00\x10\x00WEBPVP8L\x00\x00\x10\x00\x2f")
		require.NoError(t, binary.Write(&b, binary.LittleEndian, uint32((height-1)<<14|width-1)))
		b.Write(make([]byte, n-5))
	}
	return b.Bytes()
}

// Sizes come from headers: counting the tokens of a large picture takes no memory for its pixels.
func TestCountTokensReadsHeaders(t *testing.T) {
	m := loadTiny(t)
	for _, format := range formats {
		r := ask(qwenvl.ImageBytes(large(t, format, 2000)), qwenvl.Text("What?"))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		const runs = 8
		for range runs {
			_, err := m.CountTokensContext(context.Background(), r)
			require.NoError(t, err)
		}
		runtime.ReadMemStats(&after)
		each := (after.TotalAlloc - before.TotalAlloc) / runs
		require.Less(t, each, uint64(256<<10), "%s of 3 million pixels", format)
	}
}

var formats = []string{"jpeg", "png", "webp"}

// BenchmarkCountTokens is the cost of counting a picture's tokens.
func BenchmarkCountTokens(b *testing.B) {
	m := loadTiny(b)
	for _, format := range formats {
		data := large(b, format, 4000) // 12 megapixels
		b.Run(format, func(b *testing.B) {
			r := ask(qwenvl.ImageBytes(data), qwenvl.Text("What?"))
			b.ReportAllocs()
			for b.Loop() {
				_, err := m.CountTokens(r)
				require.NoError(b, err)
			}
		})
	}
}
