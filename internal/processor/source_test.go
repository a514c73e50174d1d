package processor

// Where pictures come from, as far as the root package's tests do not see it.

import (
	"bytes"
	"encoding/base64"
	"errors"
	"image"
	"image/png"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/preprocess"
)

// FuzzURL: any URL gives data within the limit or an error, and data comes back from each way to
// write it.
func FuzzURL(f *testing.F) {
	for _, s := range []string{
		"", "x", "data:,", "data:;base64,", "data:image/png;base64,iVBORw0KGgo=", "DATA:a;b=c;BASE64 ,i V\nB%4f-_",
		"data:,%", "data:,%4", "data:,%zz", "http://host", "data:;base64,====", ":", "data:;base64,A",
		strings.Repeat("\x02", 300) + ":", "\U0010ffff\U0010ffff://x",
	} {
		f.Add(s)
	}
	const limit = 1000
	f.Fuzz(func(t *testing.T, s string) {
		data, err := parseURL(s, limit)
		if err != nil && len(err.Error()) > 200 {
			t.Fatalf("%q: long error", s)
		}
		if len(data) > limit+1 {
			t.Fatalf("%q: %d bytes", s, len(data))
		}
		if len(s) > limit {
			return
		}
		for _, way := range []string{
			"," + url.PathEscape(s), ";base64," + base64.StdEncoding.EncodeToString([]byte(s)),
			"a/b;base64," + base64.RawURLEncoding.EncodeToString([]byte(s)),
			";base64," + url.PathEscape(base64.StdEncoding.EncodeToString([]byte(s))),
		} {
			data, err := parseURL("data:"+way, limit)
			if err != nil || string(data) != s {
				t.Fatalf("%q as %q: %q, %v", s, way, data, err)
			}
		}
	})
}

// The key of a picture that a program's own decoder reads is that of its pixels: the decoder's name
// does not say what it does.
func TestKeyOfDecoders(t *testing.T) {
	first, second := gray(60, 60), gray(60, 60)
	second.Pix[0]++
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, first))
	key := func(m image.Image, data string) [32]byte {
		p := open(t, "qwen2_vl-tiny", func(c *Config) {
			c.Decode.Decoders = preprocess.NewDecoders(preprocess.Decoder{
				Name: "mine", Sniff: func(d []byte) bool { return bytes.HasPrefix(d, []byte("mine")) },
				Decode: func([]byte) (image.Image, error) {
					if m == nil {
						return nil, errors.New("broken")
					}
					return m, nil
				},
			})
		})
		x, err := p.Medium(background, &Source{Content: Content{Kind: PictureBytes, Data: []byte(data)}})
		require.NoError(t, err)
		return x.Key()
	}
	require.Equal(t, key(first, "mine"), key(first, "mine too"))
	require.NotEqual(t, key(first, "mine"), key(second, "mine"))
	require.Equal(t, key(nil, b.String()), key(first, b.String()), "the library's own formats")

	plain := open(t, "qwen2_vl-tiny")
	x, err := plain.Medium(background, &Source{Content: Content{Kind: PictureBytes, Data: b.Bytes()}})
	require.NoError(t, err)
	require.Equal(t, x.Key(), key(nil, b.String()), "decoders that are not asked change nothing")
}

// Frames may be files, too.
func TestVideoOfFiles(t *testing.T) {
	p := open(t, "qwen2_vl-tiny")
	frames := []image.Image{gray(60, 61), gray(60, 61), gray(60, 61)}
	files := Content{Kind: Video}
	for _, m := range frames {
		var b bytes.Buffer
		require.NoError(t, png.Encode(&b, m))
		files.Files = append(files.Files, b.Bytes())
	}
	files.SetRate(2)
	want, err := p.Medium(background, &Source{Content: EvenVideo(frames, 2)})
	require.NoError(t, err)
	got, err := p.Medium(background, &Source{Content: files})
	require.NoError(t, err)
	a, err := want.Pixels(background)
	require.NoError(t, err)
	b, err := got.Pixels(background)
	require.NoError(t, err)
	require.Equal(t, a, b)
	require.Equal(t, want.StepTimes, got.StepTimes)

	files.Files[1] = files.Files[1][:20]
	_, err = p.Medium(background, &Source{Field: "f", Content: files})
	require.ErrorContains(t, err, "frame 1: preprocess: png")
}
