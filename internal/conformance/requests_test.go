package conformance_test

import (
	"context"
	"image"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/hooks"
	"github.com/qwenvl/qwenvl/internal/processor"
)

// The requests that several tests make.

func ask(parts ...qwenvl.Part) qwenvl.Request {
	return qwenvl.Request{
		Messages: []qwenvl.Message{qwenvl.User(parts...)}, MaxTokens: 4, Sampling: qwenvl.Greedy(),
	}
}

func picture(w, h int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = byte(i * 31 / 7)
	}
	return img
}

func frames(sizes ...int) []image.Image {
	var out []image.Image
	for _, n := range sizes {
		out = append(out, picture(n, n))
	}
	return out
}

// ids returns the tokens of a request's prompt.
func ids(t testing.TB, m *qwenvl.Model, r qwenvl.Request) []int {
	t.Helper()
	var p *processor.Prompt
	r.MaxTokens = 1
	look := &hooks.Hooks{Prompt: func(x *processor.Prompt) { p = x }}
	_, err := m.Generate(hooks.With(context.Background(), look), r)
	require.NoError(t, err)
	return p.Tokens
}

// story is a request whose answer is long and holds characters of several tokens.
func story(n int) qwenvl.Request {
	r := ask(qwenvl.Image(picture(90, 60)), qwenvl.Text("Tell me a story."))
	r.MaxTokens = n
	return r
}

func endless(ctx context.Context) context.Context {
	return hooks.With(ctx, &hooks.Hooks{IgnoreEOS: true})
}

func generate(t testing.TB, m *qwenvl.Model, r qwenvl.Request) *qwenvl.Response {
	t.Helper()
	resp, err := m.Generate(context.Background(), r)
	require.NoError(t, err)
	return resp
}

// specials returns the special tokens among ids, in order.
func specials(ids []int) []int {
	var out []int
	for _, x := range ids {
		if x >= 576 {
			out = append(out, x)
		}
	}
	return out
}
