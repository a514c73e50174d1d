package weights

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds the nesting of JSON values that are skipped.
const maxDepth = 64

// scanner reads JSON strictly from valid UTF-8: encoding/json folds the case of keys, keeps the last of two equal
// keys and repairs broken text, any of which lets two readers see two different files. It allocates nothing but strings
// with escapes in them; other strings are parts of text.
type scanner struct {
	file, part string // for errors
	text       string
	pos        int
}

// newScanner checks that text is valid UTF-8.
func newScanner(file, part, text string) (*scanner, error) {
	s := &scanner{file: file, part: part, text: text}
	if !utf8.ValidString(text) {
		return nil, s.fail(part, "is not valid UTF-8")
	}
	return s, nil
}

func (s *scanner) fail(field, reason string) error {
	return &FormatError{File: s.file, Field: strings.Clone(field), Reason: reason}
}

func (s *scanner) syntax(want string) error {
	return s.fail(s.part, fmt.Sprintf("byte %d: not %s", s.pos, want))
}

func (s *scanner) space() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// peek returns the next byte after white space, 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.pos == len(s.text) {
		return 0
	}
	return s.text[s.pos]
}

// take consumes c if it comes next.
func (s *scanner) take(c byte) bool {
	if s.peek() != c || s.pos == len(s.text) {
		return false
	}
	s.pos++
	return true
}

func (s *scanner) expect(c byte) error {
	if !s.take(c) {
		return s.syntax(`"` + string(rune(c)) + `"`)
	}
	return nil
}

// end expects nothing but white space.
func (s *scanner) end() error {
	if s.space(); s.pos != len(s.text) {
		return s.syntax("the end")
	}
	return nil
}

// object reads an object, calling member at each value.
func (s *scanner) object(member func(key string) error) error {
	if err := s.expect('{'); err != nil {
		return err
	}
	if s.take('}') {
		return nil
	}
	for {
		key, err := s.str()
		if err != nil {
			return err
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		if err := member(key); err != nil {
			return err
		}
		if s.take('}') {
			return nil
		}
		if err := s.expect(','); err != nil {
			return err
		}
	}
}

// array reads an array, calling element at each value.
func (s *scanner) array(element func() error) error {
	if err := s.expect('['); err != nil {
		return err
	}
	if s.take(']') {
		return nil
	}
	for {
		if err := element(); err != nil {
			return err
		}
		if s.take(']') {
			return nil
		}
		if err := s.expect(','); err != nil {
			return err
		}
	}
}

// uint reads a number that is plain digits and fits 64 bits.
func (s *scanner) uint() (uint64, error) {
	s.space()
	start, v := s.pos, uint64(0)
	for ; s.pos < len(s.text) && s.text[s.pos]-'0' <= 9; s.pos++ {
		d := uint64(s.text[s.pos] - '0')
		if v > (1<<64-1-d)/10 {
			return 0, s.syntax("a number below 2^64")
		}
		v = v*10 + d
	}
	if s.pos == start || s.text[start] == '0' && s.pos > start+1 {
		return 0, s.syntax("a whole number")
	}
	return v, nil
}

// str reads a string.
func (s *scanner) str() (string, error) {
	if err := s.expect('"'); err != nil {
		return "", err
	}
	for start := s.pos; s.pos < len(s.text); s.pos++ {
		switch c := s.text[s.pos]; {
		case c == '"':
			s.pos++
			return s.text[start : s.pos-1], nil
		case c == '\\':
			return s.escaped(start)
		case c < 0x20:
			return "", s.syntax("a character allowed in a string")
		}
	}
	return "", s.syntax("the end of the string")
}

// escaped goes on with a string, begun at start, at its first backslash.
func (s *scanner) escaped(start int) (string, error) {
	out := []byte(s.text[start:s.pos])
	for s.pos < len(s.text) {
		c := s.text[s.pos]
		switch {
		case c == '"':
			s.pos++
			return string(out), nil
		case c < 0x20:
			return "", s.syntax("a character allowed in a string")
		case c != '\\':
			out = append(out, c)
			s.pos++
			continue
		}
		r, err := s.escape()
		if err != nil {
			return "", err
		}
		out = utf8.AppendRune(out, r)
	}
	return "", s.syntax("the end of the string")
}

// escape reads one escape sequence; half a surrogate pair is an error.
func (s *scanner) escape() (rune, error) {
	if s.pos+1 >= len(s.text) {
		return 0, s.syntax("an escape sequence")
	}
	c := s.text[s.pos+1]
	if c != 'u' {
		i := strings.IndexByte(`"\/bfnrt`, c)
		if i < 0 {
			return 0, s.syntax("an escape sequence")
		}
		s.pos += 2
		return rune("\"\\/\b\f\n\r\t"[i]), nil
	}
	r, ok := s.hex4()
	if !ok {
		return 0, s.syntax("an escape sequence")
	}
	if !utf16.IsSurrogate(r) {
		return r, nil
	}
	low, ok := s.hex4()
	pair := utf16.DecodeRune(r, low)
	if !ok || pair == utf8.RuneError {
		return 0, s.syntax("a surrogate pair")
	}
	return pair, nil
}

// hex4 reads \uXXXX.
func (s *scanner) hex4() (rune, bool) {
	if s.pos+6 > len(s.text) || s.text[s.pos] != '\\' || s.text[s.pos+1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range []byte(s.text[s.pos+2 : s.pos+6]) {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	s.pos += 6
	return r, true
}

// skip reads past any value.
func (s *scanner) skip(depth int) error {
	if depth > maxDepth {
		return s.syntax("nested less deeply")
	}
	switch c := s.peek(); c {
	case '{':
		return s.object(func(string) error { return s.skip(depth + 1) })
	case '[':
		return s.array(func() error { return s.skip(depth + 1) })
	case '"':
		_, err := s.str()
		return err
	case 't', 'f', 'n':
		for _, word := range [...]string{"true", "false", "null"} {
			if strings.HasPrefix(s.text[s.pos:], word) {
				s.pos += len(word)
				return nil
			}
		}
	default:
		if c == '-' || '0' <= c && c <= '9' {
			return s.number()
		}
	}
	return s.syntax("a value")
}

// number reads past a number of any kind.
func (s *scanner) number() error {
	digits := func() int {
		start := s.pos
		for s.pos < len(s.text) && s.text[s.pos]-'0' <= 9 {
			s.pos++
		}
		return s.pos - start
	}
	has := func(set string) bool {
		if s.pos < len(s.text) && strings.IndexByte(set, s.text[s.pos]) >= 0 {
			s.pos++
			return true
		}
		return false
	}
	has("-")
	zero := s.pos < len(s.text) && s.text[s.pos] == '0'
	if n := digits(); n == 0 || zero && n > 1 {
		return s.syntax("a number")
	}
	if has(".") && digits() == 0 {
		return s.syntax("a number")
	}
	if has("eE") {
		has("+-")
		if digits() == 0 {
			return s.syntax("a number")
		}
	}
	return nil
}
