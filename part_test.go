package qwenvl_test

// Where pictures come from: URLs, readers, and limits that stand beside them.

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"image"
	"io"
	"math"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/preprocess"
)

// A data: URL is the picture's bytes, however it is written.
func TestImageURL(t *testing.T) {
	m := loadTiny(t)
	data := pngBytes(t, picture(70, 45))
	want := generate(t, m, ask(qwenvl.ImageBytes(data), qwenvl.Text("What?"))).Tokens
	std := base64.StdEncoding.EncodeToString(data)
	lines := ""
	for i := 0; i < len(std); i += 76 {
		lines += std[i:min(i+76, len(std))] + "\r\n\t "
	}
	escaped := "" // every byte
	for _, b := range data {
		escaped += "%" + string("0123456789abcdef"[b>>4]) + string("0123456789ABCDEF"[b&15])
	}
	for name, u := range map[string]string{
		"plain":           "data:image/png;base64," + std,
		"no type":         "data:;base64," + std,
		"another type":    "data:image/jpeg;base64," + std,
		"parameters":      "data:image/png;charset=utf-8;name=a.png;base64," + std,
		"upper case":      "DATA:IMAGE/PNG;BASE64," + std,
		"blanks":          "  data:image/png; base64 ," + lines + "\n",
		"lines":           "data:image/png;base64,\n" + lines,
		"URL's alphabet":  "data:image/png;base64," + base64.URLEncoding.EncodeToString(data),
		"no padding":      "data:image/png;base64," + base64.RawURLEncoding.EncodeToString(data),
		"escaped base64":  "data:image/png;base64," + url.QueryEscape(std),
		"percent":         "data:image/png," + escaped,
		"some percent":    "data:," + strings.NewReplacer("%61", "a", "%4E", "N").Replace(escaped),
		"quoted comma":    "data:image/png;base64," + strings.ReplaceAll(std, "A", "%41"),
		"raw bytes":       "data:image/png," + strings.ReplaceAll(string(data), "%", "%25"),
		"percent newline": "data:image/png;base64," + std[:40] + "%0D%0A%20" + std[40:],
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, want, generate(t, m, ask(qwenvl.ImageURL(u), qwenvl.Text("What?"))).Tokens)
		})
	}
}

// What cannot be read says what to do instead, without the URL, which may hold secrets.
func TestImageURLRefuses(t *testing.T) {
	m := loadTiny(t, qwenvl.WithDecodeOptions(preprocess.DecodeOptions{
		Limits: preprocess.DecodeLimits{MaxBytes: 5000},
	}))
	long := strings.Repeat("A", 1<<20)
	for name, c := range map[string]struct{ url, problem string }{
		"http":               {"http://host/secret.png", "fetches nothing; fetch it and give its bytes to ImageBytes"},
		"https":              {"HTTPS://user:secret@host/a.png", "ImageReader"},
		"ftp":                {"ftp://host/secret", `"ftp"`},
		"s3":                 {"s3://secret/a.png", `"s3"`},
		"blob":               {"blob:secret", `"blob"`},
		"file":               {"file:///secret.png", "ImageFile"},
		"path":               {"/secret/a.png", "give the path of a file to ImageFile"},
		"drive":              {`C:\secret\a.png`, "ImageFile"},
		"empty":              {"", "not a URL"},
		"long scheme":        {long + ":x", "AAAAA"[:0]},
		"no comma":           {"data:image/png;base64", "comma"},
		"no data":            {"data:image/png;base64,", "no data"},
		"only data":          {"data:,", "no data"},
		"bad character":      {"data:;base64,iVBO*w0K", "base64"},
		"one left over":      {"data:;base64,iVBOR", "base64"},
		"behind padding":     {"data:;base64,iVBORw==iVBO", "behind its padding"},
		"much padding":       {"data:;base64,iVBORw===", "padding"},
		"little padding":     {"data:;base64,iVBORw=", "padding"},
		"fragment":           {"data:;base64,iVBORw#secret", "base64"},
		"cut percent":        {"data:,%8", "two digits"},
		"bad percent":        {"data:,%zz", "two digits"},
		"bad percent 64":     {"data:;base64,iVB%4", "two digits"},
		"not base64":         {"data:image/png;base64 x,iVBO", "text, not a picture"},
		"text":               {"data:text/plain,hello", "text, not a picture"},
		"long":               {"data:;base64," + long, "over the limit of 5000"},
		"long percent":       {"data:," + long, "over the limit of 5000"},
		"blanks without end": {"data:;base64," + strings.Repeat(" ", 1<<20), "no data"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := m.Generate(context.Background(), ask(qwenvl.Text("x"), qwenvl.ImageURL(c.url)))
			var e *qwenvl.RequestError
			require.ErrorAs(t, err, &e)
			require.Equal(t, "Messages[0].Parts[1]", e.Field)
			require.ErrorContains(t, err, c.problem)
			require.NotContains(t, err.Error(), "secret")
			require.Less(t, len(err.Error()), 300)
		})
	}
}

// A reader is read once, by the first request that has a copy of the part.
func TestImageReader(t *testing.T) {
	m := loadTiny(t)
	data := pngBytes(t, picture(70, 45))
	want := generate(t, m, ask(qwenvl.ImageBytes(data), qwenvl.Text("What?"))).Tokens
	for name, r := range map[string]io.Reader{
		"bytes": bytes.NewReader(data), "small pieces": iotest.OneByteReader(bytes.NewReader(data)),
		"end with data": iotest.DataErrReader(bytes.NewReader(data)),
	} {
		part := qwenvl.ImageReader(r)
		copied := part
		copied.Name = "copy"
		var wg sync.WaitGroup
		for range 3 {
			for _, p := range []qwenvl.Part{part, copied} {
				wg.Go(func() {
					resp, err := m.Generate(context.Background(), ask(p, qwenvl.Text("What?")))
					if err != nil || len(resp.Tokens) != len(want) {
						t.Errorf("%s: %v", name, err)
					}
				})
			}
		}
		wg.Wait()
		require.Equal(t, want, generate(t, m, ask(part, qwenvl.Text("What?"))).Tokens, name)
	}
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(b []byte) (int, error) { return f(b) }

// What is wrong with a reader is the part's error, each time.
func TestImageReaderRefuses(t *testing.T) {
	const most = 4000
	m := loadTiny(t, qwenvl.WithDecodeOptions(preprocess.DecodeOptions{
		Limits: preprocess.DecodeLimits{MaxBytes: most},
	}))
	broken := errors.New("line cut")
	asked := 0
	for name, c := range map[string]struct {
		r       io.Reader
		problem string
	}{
		"nil":         {nil, "nil io.Reader"},
		"nil pointer": {(*bytes.Buffer)(nil), "panicked"},
		"empty":       {strings.NewReader(""), "no data"},
		"no picture":  {strings.NewReader("hello"), "text, not a picture"},
		"error":       {iotest.ErrReader(broken), "line cut"},
		"late error":  {io.MultiReader(bytes.NewReader(pngBytes(t, picture(9, 9))), iotest.ErrReader(broken)), "line cut"},
		"cut":         {bytes.NewReader(pngBytes(t, picture(9, 9))[:20]), "png"},
		"panic":       {readFunc(func([]byte) (int, error) { panic("no") }), "panicked: no"},
		"exit":        {readFunc(func([]byte) (int, error) { runtime.Goexit(); return 0, nil }), "gave up"},
		"nothing":     {readFunc(func([]byte) (int, error) { return 0, nil }), io.ErrNoProgress.Error()},
		"too many":    {readFunc(func(b []byte) (int, error) { return len(b) + 1, nil }), "more than it was asked for"},
		"negative":    {readFunc(func(b []byte) (int, error) { return -1, nil }), "more than it was asked for"},
		"endless":     {readFunc(func(b []byte) (int, error) { asked += len(b); return len(b), nil }), "over the limit of 4000"},
	} {
		part := qwenvl.ImageReader(c.r)
		for range 2 {
			_, err := m.CountTokensContext(context.Background(), ask(part))
			var e *qwenvl.RequestError
			require.ErrorAs(t, err, &e, name)
			require.Equal(t, "Messages[0].Parts[0]", e.Field, name)
			require.ErrorContains(t, err, c.problem, name)
		}
		_, err := m.Features(context.Background(), part)
		require.ErrorContains(t, err, c.problem, name)
	}
	require.Equal(t, most+1, asked)
	_, err := m.CountTokens(ask(qwenvl.ImageReader(iotest.ErrReader(broken))))
	require.ErrorIs(t, err, broken)
}

// A reader that blocks holds up nobody whose context ends, nor Close; what it gives later counts.
func TestImageReaderBlocks(t *testing.T) {
	m := loadTiny(t)
	data := pngBytes(t, picture(70, 45))
	r, w := io.Pipe()
	part := qwenvl.ImageReader(r)
	for _, use := range []func(context.Context) error{
		func(ctx context.Context) error { _, err := m.Generate(ctx, ask(part)); return err },
		func(ctx context.Context) error { _, err := m.CountTokensContext(ctx, ask(part)); return err },
		func(ctx context.Context) error { _, err := m.Features(ctx, part); return err },
	} {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		require.ErrorIs(t, use(ctx), context.DeadlineExceeded) // who waits for the reader never ends
		cancel()
	}
	closed := loadTiny(t)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, err := closed.CountTokensContext(ctx, ask(part))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, closed.Close())

	go func() {
		_, _ = w.Write(data)
		_ = w.Close()
	}()
	want := generate(t, m, ask(qwenvl.ImageBytes(data))).Tokens
	require.Equal(t, want, generate(t, m, ask(part)).Tokens)
}

// Limits that cannot be kept are named where they stand.
func TestPixelLimits(t *testing.T) {
	m := loadTiny(t)
	request := func(partMin, partMax, requestMin, requestMax int, parts ...qwenvl.Part) qwenvl.Request {
		p := qwenvl.Image(picture(60, 60))
		p.MinPixels, p.MaxPixels = partMin, partMax
		r := ask(append([]qwenvl.Part{qwenvl.Text("x"), p}, parts...)...)
		r.MinPixels, r.MaxPixels = requestMin, requestMax
		return r
	}
	const part = "Messages[0].Parts[1]."
	textOnly := ask(qwenvl.Text("x"))
	textOnly.MaxPixels = -5
	limitedText := qwenvl.Text("x")
	limitedText.MinPixels = -5
	for name, c := range map[string]struct {
		r     qwenvl.Request
		field string
	}{
		"request's least":           {request(0, 0, -1, 0), "MinPixels"},
		"request's most":            {request(0, 0, 0, math.MinInt), "MaxPixels"},
		"huge":                      {request(0, 0, 0, 1<<28+1), "MaxPixels"},
		"part's least":              {request(-1, 0, 0, 0), part + "MinPixels"},
		"part's most":               {request(0, -1, 0, 0), part + "MaxPixels"},
		"part's huge":               {request(0, math.MaxInt, 0, 0), part + "MaxPixels"},
		"crossed in the request":    {request(0, 0, 8000, 4000), "MinPixels"},
		"crossed in the part":       {request(8000, 4000, 0, 0), part + "MinPixels"},
		"part's least over":         {request(8000, 0, 0, 4000), part + "MinPixels"},
		"part's most under":         {request(0, 4000, 8000, 0), part + "MaxPixels"},
		"under the checkpoint's":    {request(0, 0, 0, 1), "MaxPixels"},
		"part's under":              {request(0, 1, 0, 0), part + "MaxPixels"},
		"over the checkpoint's":     {request(0, 0, 1<<28, 0), "MinPixels"},
		"part's over":               {request(1<<28, 0, 0, 0), part + "MinPixels"},
		"without pictures":          {textOnly, "MaxPixels"},
		"of a text":                 {ask(limitedText), "Messages[0].Parts[0].MinPixels"},
		"part corrects the request": {request(100, 9000, 8000, 4000), ""},
		"none":                      {request(0, 0, 0, 0), ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := m.CountTokens(c.r)
			if c.field == "" {
				require.NoError(t, err)
				return
			}
			var e *qwenvl.RequestError
			require.ErrorAs(t, err, &e)
			require.Equal(t, c.field, e.Field, "%v", err)
		})
	}
	video := qwenvl.Video([]image.Image{picture(60, 60), picture(60, 60)}, 1)
	video.MaxPixels = 1
	_, err := m.CountTokens(ask(video))
	require.ErrorContains(t, err, "request: Messages[0].Parts[0].MaxPixels: ")
}
