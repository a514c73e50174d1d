package main

import (
	"fmt"
	"image"
	"strings"

	"github.com/qwenvl/qwenvl"
)

// count returns how many tokens the prompt of a text has, template included.
func (b *bencher) count(text string) (int, error) {
	return b.model.CountTokens(qwenvl.Request{Messages: []qwenvl.Message{qwenvl.User(qwenvl.Text(text))}})
}

// text returns a text whose prompt, template included, has exactly n tokens.
func (b *bencher) text(n int) (string, error) {
	empty, err := b.count("a")
	if err != nil {
		return "", err
	}
	if n < empty {
		return "", fmt.Errorf("a prompt has at least %d tokens with this checkpoint's template, want %d", empty, n)
	}
	// A run of one digit is a token each, whatever the vocabulary; letters may merge.
	for words := n - empty; words <= n; words++ {
		s := strings.Repeat("7", words) + "a"
		got, err := b.count(s)
		if err != nil {
			return "", err
		}
		if got == n {
			return s, nil
		}
	}
	return "", fmt.Errorf("no text was found whose prompt has exactly %d tokens", n)
}

// short returns the text that goes with a picture, and how many tokens its prompt has without the picture.
func (b *bencher) short() (string, int, error) {
	least, err := b.count("a")
	if err != nil {
		return "", 0, err
	}
	n := max(firstTokenText, least)
	text, err := b.text(n)
	return text, n, err
}

// picture draws a synthetic picture with detail at all scales.
func picture(w, h int) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			at := m.PixOffset(x, y)
			m.Pix[at], m.Pix[at+1], m.Pix[at+2], m.Pix[at+3] = uint8(x^y), uint8(x*255/w), uint8((x*x+y*y)>>6), 0xff
		}
	}
	return m
}
