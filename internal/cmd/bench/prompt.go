package main

// Texts whose prompts have an exact number of tokens.

import (
	"fmt"
	"strings"

	"github.com/qwenvl/qwenvl"
)

// count returns how many tokens the prompt of a text has, template included.
func (b *bencher) count(text string) (int, error) {
	return b.model.CountTokens(qwenvl.Request{Messages: []qwenvl.Message{qwenvl.User(qwenvl.Text(text))}})
}

// text returns a text whose prompt, template included, has exactly n tokens.
func (b *bencher) text(n int) (string, error) { return b.textFrom("", n) }

// textFrom is text with a beginning of digits.
func (b *bencher) textFrom(begin string, n int) (string, error) {
	empty, err := b.count("a")
	if err != nil {
		return "", err
	}
	if n < empty {
		return "", fmt.Errorf("a prompt has at least %d tokens with this checkpoint's template, want %d", empty, n)
	}
	// A run of one digit is a token each, whatever the vocabulary; letters may merge.
	for words := n - empty - len(begin); words <= n; words++ {
		s := begin[:min(len(begin), n-empty)] + strings.Repeat("7", max(0, words)) + "a"
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

// short returns the text that goes with a picture, and how many tokens its prompt has without the
// picture.
func (b *bencher) short() (string, int, error) {
	least, err := b.count("a")
	if err != nil {
		return "", 0, err
	}
	n := max(firstTokenText, least)
	text, err := b.text(n)
	return text, n, err
}
