package grounding

// Quotes, and keys with what stands around them.

import (
	"strings"
	"unicode/utf8"
)

// quoteAt returns the quote that closes what the one at a place opens, and the length of the one
// there; 0: there is none. Quotes are escaped where a string holds the JSON of another.
func quoteAt(text string, at int) (closing string, n int) {
	if at >= len(text) || isASCII(text[at]) && strings.IndexByte("\"'\\&", text[at]) < 0 {
		return "", 0
	}
	for _, q := range [...][2]string{{`"`, `"`}, {`'`, `'`}, {`\"`, `\"`}, {`\'`, `\'`},
		{"“", "”"}, {"”", "”"}, {"‘", "’"}, {"＂", "＂"}, {entity, entity}} {
		if strings.HasPrefix(text[at:], q[0]) {
			return q[1], len(q[0])
		}
	}
	return "", 0
}

// entity is a quote in HTML.
const entity = "&quot;"

func isQuote(text string, at int) bool {
	_, n := quoteAt(text, at)
	return n > 0
}

func isASCII(c byte) bool { return c < utf8.RuneSelf }

// keySpan is a key and the colon behind it.
type keySpan struct {
	name             string
	end              int  // behind the colon, or where it should be
	quoted, assigned bool // by = in place of the colon
}

// valueAt reports whether a list or a string, and no key, stands behind the blanks at a place.
func (r *reader) valueAt(at int) bool {
	at = r.space(at)
	c, _ := r.char(at)
	_, isKey := r.keyAt(at, true)
	return c == '[' || isQuote(r.text, at) && !isKey
}

// bounding is a word that begins a key of two words also where keys have no quotes.
const bounding = "bounding "

// keyAt reads the key that stands at a place, if one does. A quote of it may be missing or doubled;
// strictly it is words only.
func (r *reader) keyAt(at int, strict bool) (k keySpan, ok bool) {
	closing, n := quoteAt(r.text, at)
	k.quoted = n > 0
	at += n
	window := r.text[at:min(at+maxKey, len(r.text))]
	words := len(window)
	for i, c := range window {
		if !isWord(c) && c != '-' && c != ' ' && c != '.' && c != '#' {
			words = i
			break
		}
	}
	end := words
	if k.quoted && !strict {
		if i := strings.Index(window, closing); i >= 0 && !strings.Contains(window[:i], "\n") &&
			!strings.Contains(window[:i], ": ") {
			end = i
		}
	}
	if !k.quoted {
		first := 0
		if len(window) > len(bounding) && strings.EqualFold(window[:len(bounding)], bounding) {
			first = len(bounding)
		}
		if end = words; first < words {
			if i := strings.IndexByte(window[first:words], ' '); i >= 0 {
				end = first + i
			}
		}
	}
	k.name = strings.TrimSpace(window[:end])
	if k.name == "" {
		return k, false
	}
	if at += end; k.quoted {
		at = r.space(at)
	}
	for range 2 {
		_, n := quoteAt(r.text, at)
		at += n
	}
	at = r.space(at)
	c, n := r.char(at)
	if !strict && k.quoted && strings.HasPrefix(r.text[at+n:], ":") && roleOf(k.name) != noRole {
		at += n // something has slipped in before the colon
		c, n = ':', 1
	}
	k.assigned = c == '='
	if c == ':' || c == '=' {
		for at += n; at < len(r.text) && strings.IndexByte(":>", r.text[at]) >= 0; at++ {
		}
		k.end = at
		return k, true
	}
	k.end = at
	// The colon may be missing, or something else stand for it.
	if strict || !k.quoted || roleOf(k.name) == noRole {
		return k, false
	}
	if c != 0 && strings.ContainsRune(",]){(", c) && r.valueAt(at+n) {
		k.end = at + n
		return k, true
	}
	return k, isQuote(r.text, at) || c == '[' || c == '{'
}
