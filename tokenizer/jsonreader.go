package tokenizer

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonReader reads JSON strictly and without building a tree: valid UTF-8, no lone surrogates, no trailing data, bounded depth.
// Package encoding/json repairs strings, folds the case of keys and takes a key twice; a vocabulary must not be read so.
type jsonReader struct {
	file  string
	data  []byte
	pos   int
	depth int
	buf   []byte // of strings with escapes
}

func (r *jsonReader) fail(problem string) error {
	return formatError(r.file, "byte "+strconv.Itoa(r.pos), "bad JSON: %s", problem)
}

func (r *jsonReader) space() {
	for r.pos < len(r.data) {
		switch r.data[r.pos] {
		case ' ', '\t', '\n', '\r':
			r.pos++
		default:
			return
		}
	}
}

// next returns the first byte of the next value or mark, 0 at the end.
func (r *jsonReader) next() byte {
	r.space()
	if r.pos < len(r.data) {
		return r.data[r.pos]
	}
	return 0
}

func (r *jsonReader) expect(c byte) error {
	if r.next() != c {
		return r.fail("no " + strconv.QuoteRune(rune(c)) + " where one is due")
	}
	r.pos++
	return nil
}

// end checks that nothing follows.
func (r *jsonReader) end() error {
	if r.next(); r.pos != len(r.data) {
		return r.fail("data after the value")
	}
	return nil
}

// object calls member with each key in turn; member reads the value. The key is valid until then only.
func (r *jsonReader) object(member func(key []byte) error) error {
	return r.list('{', '}', func() error {
		key, err := r.str()
		if err != nil {
			return err
		}
		if err := r.expect(':'); err != nil {
			return err
		}
		return member(key)
	})
}

// fields is object for one with known keys: it refuses a key that comes twice.
func (r *jsonReader) fields(path string, member func(key string) error) error {
	seen := make(map[string]bool)
	return r.object(func(key []byte) error {
		k := string(key)
		if seen[k] {
			return formatError(r.file, path, "key %s twice", quote(k))
		}
		seen[k] = true
		return member(k)
	})
}

// array calls element for each element; element reads it.
func (r *jsonReader) array(element func() error) error { return r.list('[', ']', element) }

func (r *jsonReader) list(open, closing byte, item func() error) error {
	if err := r.expect(open); err != nil {
		return err
	}
	if r.depth++; r.depth > maxDepth {
		return r.fail("too deep")
	}
	defer func() { r.depth-- }()
	if r.next() == closing {
		r.pos++
		return nil
	}
	for {
		if err := item(); err != nil {
			return err
		}
		switch r.next() {
		case ',':
			r.pos++
		case closing:
			r.pos++
			return nil
		default:
			return r.fail("a list without an end")
		}
	}
}

// str reads a string. The result is valid until the next call.
func (r *jsonReader) str() ([]byte, error) {
	if err := r.expect('"'); err != nil {
		return nil, err
	}
	start := r.pos
	for r.pos < len(r.data) {
		switch c := r.data[r.pos]; {
		case c == '"':
			s := r.data[start:r.pos]
			r.pos++
			if !utf8.Valid(s) {
				return nil, r.fail("a string that is not UTF-8")
			}
			return s, nil
		case c == '\\':
			return r.escaped(start)
		case c < 0x20:
			return nil, r.fail("a control character in a string")
		}
		r.pos++
	}
	return nil, r.fail("a string without an end")
}

// escaped goes on with a string that starts at start and has its first escape at pos.
func (r *jsonReader) escaped(start int) ([]byte, error) {
	r.buf = append(r.buf[:0], r.data[start:r.pos]...)
	for r.pos < len(r.data) {
		c := r.data[r.pos]
		switch {
		case c == '"':
			r.pos++
			if !utf8.Valid(r.buf) {
				return nil, r.fail("a string that is not UTF-8")
			}
			return r.buf, nil
		case c < 0x20:
			return nil, r.fail("a control character in a string")
		case c != '\\':
			r.buf = append(r.buf, c)
			r.pos++
			continue
		}
		if r.pos+1 >= len(r.data) {
			break
		}
		e := r.data[r.pos+1]
		r.pos += 2
		if e == 'u' {
			char, err := r.unicodeEscape()
			if err != nil {
				return nil, err
			}
			r.buf = utf8.AppendRune(r.buf, char)
			continue
		}
		i := bytes.IndexByte([]byte(`"\/bfnrt`), e)
		if i < 0 {
			return nil, r.fail("an unknown escape")
		}
		r.buf = append(r.buf, "\"\\/\b\f\n\r\t"[i])
	}
	return nil, r.fail("a string without an end")
}

// unicodeEscape reads what follows \u, with the second half of a surrogate pair.
func (r *jsonReader) unicodeEscape() (rune, error) {
	hi, ok := r.hex4()
	if !ok {
		return 0, r.fail("a bad \\u escape")
	}
	if !utf16.IsSurrogate(hi) {
		return hi, nil
	}
	if !bytes.HasPrefix(r.data[r.pos:], []byte(`\u`)) {
		return 0, r.fail("half a surrogate pair")
	}
	r.pos += 2
	lo, ok := r.hex4()
	char := utf16.DecodeRune(hi, lo)
	if !ok || char == utf8.RuneError {
		return 0, r.fail("half a surrogate pair")
	}
	return char, nil
}

func (r *jsonReader) hex4() (rune, bool) {
	if len(r.data)-r.pos < 4 {
		return 0, false
	}
	v, err := strconv.ParseUint(string(r.data[r.pos:r.pos+4]), 16, 16)
	r.pos += 4
	return rune(v), err == nil
}

// id reads a token id: a whole number from 0 to maxVocab−1.
func (r *jsonReader) id() (id int, ok bool) {
	r.space()
	start := r.pos
	for r.pos < len(r.data) && r.data[r.pos] >= '0' && r.data[r.pos] <= '9' {
		r.pos++
	}
	id, ok = parseID(r.data[start:r.pos])
	follow := r.next()
	return id, ok && (follow == ',' || follow == '}' || follow == ']')
}

// parseID reads decimal digits.
func parseID(digits []byte) (id int, ok bool) {
	if len(digits) == 0 || len(digits) > 1 && digits[0] == '0' {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		if id = id*10 + int(c-'0'); id >= maxVocab {
			return 0, false
		}
	}
	return id, true
}

// boolean reads true or false.
func (r *jsonReader) boolean(field string) (bool, error) {
	switch raw, err := r.raw(); {
	case err != nil:
		return false, err
	case string(raw) == "true":
		return true, nil
	case string(raw) == "false":
		return false, nil
	}
	return false, formatError(r.file, field, "neither true nor false")
}

// raw reads any value and returns its text.
func (r *jsonReader) raw() ([]byte, error) {
	c := r.next()
	start := r.pos
	var err error
	switch {
	case c == '{':
		err = r.object(func([]byte) error { _, err := r.raw(); return err })
	case c == '[':
		err = r.array(func() error { _, err := r.raw(); return err })
	case c == '"':
		_, err = r.str()
	default: // a number, true, false or null
		for r.pos < len(r.data) && wordByte(r.data[r.pos]) {
			r.pos++
		}
		if !json.Valid(r.data[start:r.pos]) {
			err = r.fail("no value where one is due")
		}
	}
	return r.data[start:r.pos], err
}

func wordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c == 'E' || c == '-' || c == '+' || c == '.'
}
