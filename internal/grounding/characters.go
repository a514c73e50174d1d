package grounding

// Characters, words, blanks and comments.

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// pass goes over a character of n bytes that means nothing here, or over the word that it begins.
func (r *reader) pass(n int) { r.at = max(r.at+n, r.word(r.at)) }

// word returns where the word that begins at a place ends.
func (r *reader) word(at int) int {
	for at < len(r.text) {
		c, n := utf8.DecodeRuneInString(r.text[at:])
		if !isWord(c) {
			break
		}
		at += n
	}
	return at
}

func isWord(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) || c == '_' }

// skip goes over blanks and comments, and reports whether there were any.
func (r *reader) skip() bool {
	start := r.at
	if r.at = r.space(r.at); r.at > start && r.top().kind == list {
		top := r.top()
		top.over = top.over || len(top.items) > 0 && top.items[len(top.items)-1].end == start
	}
	rest := r.text[r.at:]
	switch {
	case strings.HasPrefix(rest, "#") && !r.top().due, strings.HasPrefix(rest, "//"):
		if n := strings.IndexByte(rest, '\n'); n >= 0 {
			r.at += n
		} else {
			r.at = len(r.text)
		}
	case strings.HasPrefix(rest, "/*") && !r.noComment:
		if n := strings.Index(rest[2:], "*/"); n >= 0 {
			r.at += n + 4
		} else {
			r.noComment = true
		}
	}
	return r.at > start
}

// space returns where the blanks from at on end. A line's end that was escaped is one too.
func (r *reader) space(at int) int {
	for at < len(r.text) {
		c, n := utf8.DecodeRuneInString(r.text[at:])
		switch {
		case unicode.IsSpace(c) || c == '\uFEFF' || c == '\u200B':
		case c == '\\' && at+1 < len(r.text) && strings.IndexByte("nrt", r.text[at+1]) >= 0:
			n = 2
		default:
			return at
		}
		at += n
	}
	return at
}

// wide is punctuation in the width of Chinese characters.
var wide = strings.NewReplacer("：", ":", "，", ",", "、", ",", "；", ",", "［", "[", "］", "]",
	"【", "[", "】", "]", "（", "(", "）", ")", "｛", "{", "｝", "}")

// char returns the character at a place and its length, full-width punctuation as ASCII and
// semicolons as commas; 0 at the end.
func (r *reader) char(at int) (rune, int) {
	if at >= len(r.text) {
		return 0, 0
	}
	if c := r.text[at]; c == ';' {
		return ',', 1
	} else if isASCII(c) {
		return rune(c), 1
	}
	c, n := utf8.DecodeRuneInString(r.text[at:])
	if c > 0x3000 && unicode.IsPunct(c) {
		c, _ = utf8.DecodeRuneInString(wide.Replace(string(c)))
	}
	return c, n
}
