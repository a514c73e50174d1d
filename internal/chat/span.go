package chat

// Prompt text that remembers who wrote it. The tokenizer recognizes special tokens in trusted spans
// only.

import (
	"strings"
	"unicode/utf8"
)

// Span is a run of prompt text. Trusted text was written by the template, so special tokens are
// recognized in it; the rest came from outside and is plain text whatever it spells. The border
// between two spans is not a token border: plain text on both sides is tokenized as one string.
// Only Boundary, set on the span after it, makes one (the Qwen-VL v1 prompt is tokenized piece by
// piece).
type Span struct {
	Text     string
	Trusted  bool
	Boundary bool
}

// Join is the prompt as one string.
func Join(spans []Span) string {
	var b strings.Builder
	for _, s := range spans {
		b.WriteString(s.Text)
	}
	return b.String()
}

// spans collects text, merging neighbors of the same kind.
type spans []Span

func (s *spans) add(text string, trusted bool) {
	if text == "" {
		return
	}
	if n := len(*s); n > 0 && (*s)[n-1].Trusted == trusted {
		(*s)[n-1].Text += text
		return
	}
	*s = append(*s, Span{Text: text, Trusted: trusted})
}

func (s *spans) write(text string)  { s.add(text, true) }  // the template's own
func (s *spans) insert(text string) { s.add(text, false) } // from outside

// boundary makes a token border before what is added next.
func (s *spans) boundary() { *s = append(*s, Span{Trusted: true, Boundary: true}) }

func (s *spans) append(t spans) {
	for _, x := range t {
		s.add(x.Text, x.Trusted)
	}
}

// slice keeps bytes [lo, hi) of the joined text.
func (s spans) slice(lo, hi int) spans {
	var out spans
	at := 0
	for _, x := range s {
		if x.Boundary && lo <= at && at < hi {
			out.boundary()
		}
		a, b := max(lo-at, 0), min(hi-at, len(x.Text))
		if a < b {
			out.add(x.Text[a:b], x.Trusted)
		}
		at += len(x.Text)
	}
	return out
}

// trim drops white space at both ends as Python's str.strip does.
func (s spans) trim() spans {
	text := Join(s)
	left := len(text) - len(strings.TrimLeftFunc(text, isSpace))
	return s.slice(left, max(left, len(strings.TrimRightFunc(text, isSpace))))
}

// isSpace is Python's str.isspace: Go's unicode.IsSpace and the four information separators.
func isSpace(r rune) bool {
	switch {
	case r < utf8.RuneSelf:
		return r == ' ' || r >= '\t' && r <= '\r' || r >= 0x1c && r <= 0x1f
	case r == 0x85, r == 0xa0, r == 0x1680, r >= 0x2000 && r <= 0x200a, r == 0x2028, r == 0x2029, r == 0x202f, r == 0x205f, r == 0x3000:
		return true
	}
	return false
}

func trimSpace(s string) string { return strings.TrimFunc(s, isSpace) }
