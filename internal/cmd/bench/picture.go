package main

// A synthetic picture of any size, and a request with it.

import (
	"fmt"
	"image"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/hooks"
	"github.com/qwenvl/qwenvl/internal/processor"
)

// picture draws a synthetic picture with detail at all scales.
func picture(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			at := m.PixOffset(x, y)
			m.Pix[at], m.Pix[at+1], m.Pix[at+2], m.Pix[at+3] = uint8(x^y), uint8(x*255/w), uint8((x*x+y*y)>>6), 0xff
		}
	}
	return m
}

// see generates n tokens from a picture, at its own size, and a text. It returns also how many
// patches the picture became.
func (b *bencher) see(m *image.NRGBA, text string, n int) (*qwenvl.Response, int, error) {
	size := m.Rect.Size()
	patches := 0
	ctx := hooks.With(b.ctx, &hooks.Hooks{IgnoreEOS: true, Prompt: func(p *processor.Prompt) {
		for _, m := range p.Media {
			patches += m.Grid.Patches()
		}
	}})
	resp, err := b.model.Generate(ctx, qwenvl.Request{
		Messages:  []qwenvl.Message{qwenvl.User(qwenvl.Image(m), qwenvl.Text(text))},
		MinPixels: size.X * size.Y, MaxPixels: size.X * size.Y,
		MaxTokens: n, Sampling: qwenvl.Greedy(),
	})
	if err != nil {
		return nil, 0, err
	}
	side := b.model.Info().PatchSize
	if side == 0 || size.X%side != 0 || size.Y%side != 0 || patches != size.X/side*(size.Y/side) {
		return nil, 0, fmt.Errorf("a picture of %dx%d is not a whole number of merged patches: it became %d patches", size.X, size.Y, patches)
	}
	return resp, patches, nil
}
