package grounding

// Where strings end. Models forget to escape quotes, and to close them: a quote ends its
// string if what follows it can follow a string. A string that no quote ends is cut before the next
// key, or at the next closing bracket.

import (
	"slices"
	"strings"
	"unicode"
)

// run is a way to look for the end of a string: by its closing quote, as a value or an element.
type run struct {
	closing string
	value   bool
}

// stretch is what such a look found: no end from one place to another, where a key begins or the
// text ends. It is remembered, for the next string may begin within it.
type stretch struct {
	from, to int
	doubtful []int // quotes that are followed by a comma and no key
}

// quoted reads a string, the value of a key or an element of a list.
func (r *reader) quoted(value bool) node {
	closing, n := quoteAt(r.text, r.at)
	start, from := r.at, r.at+n
	doubled := false
	if rest := r.text[from:]; strings.HasPrefix(rest, closing) {
		c, _ := r.char(from + len(closing))
		if doubled = isWord(c); doubled {
			from += len(closing)
		}
	}
	end, good := r.stringEnd(run{closing, value}, from)
	r.at = end
	if good {
		r.at += len(closing)
	}
	s := unescape(r.text[from:end])
	if closing[0] == '\\' {
		s = unescape(s)
	}
	if strings.Count(s, closing)%2 == 1 { // one of the string's own was doubled
		switch own, trimmed := strings.CutSuffix(s, closing); {
		case !doubled:
			s = strings.TrimPrefix(own, closing)
		case trimmed:
			s = own
		default:
			s = closing + s // it begins with a word in quotes
		}
	}
	if !good {
		s = strings.TrimRight(s, ", \t\r\n")
	}
	return node{kind: words, quoted: true, start: start, end: r.at, text: s,
		cut: !good && r.at == len(r.text)}
}

// stringEnd returns where the string from a place on ends, and whether a quote stands there.
func (r *reader) stringEnd(by run, from int) (end int, good bool) {
	s := r.runs[by]
	if s == nil || from < s.from || from > s.to {
		if s, end = r.look(by, from); s == nil {
			return end, true
		}
		if r.runs == nil {
			r.runs = map[run]*stretch{}
		}
		r.runs[by] = s
	}
	i, _ := slices.BinarySearch(s.doubtful, from)
	if s.doubtful = s.doubtful[i:]; len(s.doubtful) > 0 {
		return s.doubtful[0], true
	}
	rest := r.text[from:s.to]
	i = bracket(rest)
	last := strings.TrimRight(rest[max(len(rest)-maxKey, 0):], " \t\r\n")
	if i >= 0 && (rest[i] == '}' || !strings.HasSuffix(last, ",")) {
		return from + i, false
	}
	return s.to, false
}

// bracket returns where a string that is not closed meets the end of its line, or a closing bracket
// that it has not opened itself; -1: it does not.
func bracket(s string) int {
	i := strings.IndexAny(s, "}]\n")
	if i < 0 || s[i] != ']' || strings.IndexByte(s[:i], '[') < 0 {
		return i
	}
	j := strings.IndexAny(s[i+1:], "}]\n")
	if j < 0 {
		return -1
	}
	return i + 1 + j
}

// look searches for the quote that ends a string.
func (r *reader) look(by run, from int) (s *stretch, end int) {
	s = &stretch{from: from}
	for at := from; at < len(r.text); {
		if !strings.HasPrefix(r.text[at:], by.closing) {
			if r.text[at] == '\\' {
				at++
			}
			at++
			continue
		}
		switch r.after(by, at) {
		case ends:
			return nil, at
		case doubtful:
			s.doubtful = append(s.doubtful, at)
		case keyBegins:
			s.to = at
			return s, 0
		}
		at += len(by.closing)
	}
	s.to = len(r.text)
	return s, 0
}

// sense is what a quote in a string means.
type sense uint8

const (
	inner sense = iota
	ends
	doubtful  // it may end the string
	keyBegins // it opens a key: the string was not closed
)

// after tells by what follows a quote what it means.
func (r *reader) after(by run, at int) sense {
	behind := at + len(by.closing)
	next := r.space(behind)
	c, n := r.char(next)
	if !by.value {
		_, q := quoteAt(r.text, next)
		if c == 0 || q > 0 && next > behind || strings.ContainsRune(",:]})", c) {
			return ends
		}
		return inner
	}
	switch c {
	case 0, '}', ']', '`':
		return ends
	case ',':
		then := r.space(next + n)
		d, m := r.char(then)
		for ; d == ',' && then < behind+maxKey; d, m = r.char(then) {
			then = r.space(then + m)
		}
		key, ok := r.keyAt(then, true)
		cut := key.quoted && key.end == len(r.text)
		if ok || cut || strings.ContainsRune("\x00}]{[.#/", d) {
			return ends
		}
		return doubtful
	case '#', '/':
		if next > behind {
			return ends
		}
	case '{', '[', '(':
		then := r.space(next + n)
		if d, _ := r.char(then); d == ',' || d == '}' {
			return ends // stray
		}
		if key, ok := r.keyAt(then, true); c == '{' && ok && key.quoted {
			return ends // the object was not closed
		}
	case ':', '\\': // stray
		if d, _ := r.char(r.space(next + n)); d == ',' || d == '}' {
			return ends
		}
	}
	if key, ok := r.keyAt(at, true); ok && key.quoted && next == behind {
		return keyBegins
	}
	if key, ok := r.keyAt(next, true); ok && next > behind {
		line := strings.IndexByte(r.text[behind:next], '\n') >= 0
		if key.quoted || line || roleOf(key.name) != noRole {
			return ends // a comma is missing
		}
	}
	return inner
}

// bare reads a word without quotes, the value of a key or an element of a list. A number that the
// text ends with may lack digits, and is none.
func (r *reader) bare(value bool) node {
	start := r.at
	c, n := r.char(r.at)
	counts := c >= '0' && c <= '9' || strings.ContainsRune("+-.", c)
	for r.at < len(r.text) && !r.endsBare(c, n, value && !counts) {
		if unicode.IsSpace(c) && (counts || !value) || !value && c == ')' {
			break
		}
		if _, q := quoteAt(r.text, r.at); q > 0 && c != '\\' {
			next := r.space(r.at + q)
			if d, _ := r.char(next); strings.ContainsRune(",]}\x00", d) {
				text := r.text[start:r.at]
				r.at += q // its opening quote is missing
				return scalar(unescape(strings.TrimSpace(text)), start, r.at)
			}
			if c != '\'' {
				break
			}
		}
		if r.at += n; c == '\\' && r.at < len(r.text) && !counts {
			_, n = r.char(r.at)
			r.at += n
		}
		c, n = r.char(r.at)
	}
	if counts && r.at == len(r.text) {
		return node{start: start, end: r.at, cut: true}
	}
	text := strings.TrimSpace(r.text[start:r.at])
	if counts {
		text = strings.TrimRight(text, `:\`) // stray
	}
	return scalar(text, start, r.at)
}

// endsBare reports whether a character ends a word. A comma may be a part of words if no key
// follows it.
func (r *reader) endsBare(c rune, n int, words bool) bool {
	switch c {
	case ']', '}', '\n', 0:
		return true
	case ',':
		next := r.space(r.at + n)
		d, _ := r.char(next)
		_, ok := r.keyAt(next, true)
		return !words || ok || strings.ContainsRune("\x00}]{[.,#/\"'", d)
	}
	return false
}
