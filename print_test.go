package qwenvl_test

// Parts and messages print what they are, not what is in them.

import (
	"bytes"
	"fmt"
	"image"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
)

func TestPrint(t *testing.T) {
	big := picture(1000, 999)
	limited := qwenvl.ImageFile("a.jpg")
	limited.Name, limited.MinPixels, limited.MaxPixels = "cat", 5, 9
	clip := qwenvl.VideoClip{Frames: []image.Image{big, big}, Duration: time.Minute}
	for want, p := range map[string]qwenvl.Part{
		`text ""`:        {},
		`text "a\n\xff"`: qwenvl.Text("a\n\xff"),
		`text "` + strings.Repeat("é", 30) + `"… of 200000 bytes`: qwenvl.Text(strings.Repeat("é", 100_000)),
		"image, 1000×999":        qwenvl.Image(big),
		"image, nil":             qwenvl.Image(nil),
		"image, broken":          qwenvl.Image((*image.RGBA)(nil)),
		`image file "a.jpg"`:     qwenvl.ImageFile("a.jpg"),
		"image of 1000000 bytes": qwenvl.ImageBytes(make([]byte, 1e6)),
		`image file "a.jpg", name "cat", MinPixels 5, MaxPixels 9`:      limited,
		`image URL "https:"… of 26 bytes`:                               qwenvl.ImageURL("https://secret@host/secret"),
		`image URL "` + strings.Repeat("x", 20) + `"… of 1000000 bytes`: qwenvl.ImageURL(strings.Repeat("x", 1e6)),
		"image of a reader":                         qwenvl.ImageReader(bytes.NewReader(make([]byte, 1e6))),
		"video of 2 frames, 1000×999, 1.5 a second": qwenvl.Video([]image.Image{big, big}, 1.5),
		"video of 0 frames, 2 a second":             qwenvl.Video(nil, 2),
		"video of 2 frames, 1000×999 in 1m0s":       qwenvl.Clip(clip),
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			require.Equal(t, want, fmt.Sprintf(verb, p), verb)
		}
		require.Equal(t, want, fmt.Sprint(&p))
		require.Equal(t, want, p.String())
	}
	m := qwenvl.User(qwenvl.Image(big), qwenvl.Text("What?"))
	require.Equal(t, `user: [image, 1000×999; text "What?"]`, fmt.Sprint(m))
	require.Equal(t, m.String(), fmt.Sprintf("%#v", m))
	require.Less(t, len(fmt.Sprintf("%+v", ask(qwenvl.Image(big), qwenvl.ImageBytes(make([]byte, 1e6))))), 500)
	many := qwenvl.User(make([]qwenvl.Part, 100_000)...)
	require.Less(t, len(many.String()), 500)
	require.Contains(t, many.String(), "99984 more")

	r := ask(qwenvl.Image(big), qwenvl.ImageBytes(make([]byte, 1e6)))
	r.Messages = append(make([]qwenvl.Message, 1000), r.Messages...)
	require.Less(t, len(r.String()), 500)
	require.Contains(t, r.String(), "985 more")
	r.Messages, r.MaxTokens = []qwenvl.Message{m, m}, 7
	require.Equal(t, m.String()+"; "+m.String()+", MaxTokens 7", fmt.Sprint(r))
	require.Equal(t, r.String(), r.LogValue().String())

	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("asked", "message", m, "part", m.Parts[0])
	require.Less(t, log.Len(), 300)
	require.Contains(t, log.String(), `user: [image, 1000×999`)
}
