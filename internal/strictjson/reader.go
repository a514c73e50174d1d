// Package strictjson reads JSON strictly and without building a tree.
//
// Package encoding/json folds the case of keys, keeps the last of two equal keys and repairs broken
// text, any of which lets two readers see two different files. This reader takes valid UTF-8, no
// lone surrogates, no trailing data and at most [MaxDepth] levels. Its memory is that of the
// longest string with escapes: every other string is a part of the data.
//
// It walks: a caller asks for what is due next (an object, a string, a number) and gets it or an
// error. The caller makes the errors, which name its file; so a walk needs no wrapping at its end.
// Vocabularies, headers of weight files and their indexes are read so whole; of configuration files
// only the keys, since what a value must be is asked key by key (internal/family).
package strictjson

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxDepth bounds the nesting of objects and arrays.
const MaxDepth = 64

// Reader reads one JSON value from Data, from Pos on.
type Reader struct {
	Data []byte
	Pos  int // of the next byte
	// NaN lets Raw take NaN, Infinity and -Infinity as values, which Python writes.
	NaN bool
	// Fail makes the error for a problem at a byte of Data.
	Fail func(pos int, problem string) error

	depth int
	buf   []byte // of strings with escapes
}

func (r *Reader) fail(problem string) error { return r.Fail(r.Pos, problem) }

// Next returns the first byte of the next value or mark, 0 at the end.
func (r *Reader) Next() byte {
	for r.Pos < len(r.Data) {
		switch c := r.Data[r.Pos]; c {
		case ' ', '\t', '\n', '\r':
			r.Pos++
		default:
			return c
		}
	}
	return 0
}

func (r *Reader) expect(c byte) error {
	if r.Next() != c {
		return r.fail("no " + strconv.Quote(string(rune(c))) + " where one is due")
	}
	r.Pos++
	return nil
}

// End checks that nothing follows.
func (r *Reader) End() error {
	if r.Next(); r.Pos != len(r.Data) {
		return r.fail("data after the end of the value")
	}
	return nil
}

// Object calls member with each key in turn; member reads the value. The key is valid until then.
func (r *Reader) Object(member func(key []byte) error) error {
	return r.list('{', '}', func() error {
		key, err := r.Str()
		if err != nil {
			return err
		}
		if err := r.expect(':'); err != nil {
			return err
		}
		return member(key)
	})
}

// Fields is Object for one whose keys must differ: at a key that comes again it returns twice's
// error. Its memory is that of the keys.
func (r *Reader) Fields(twice, member func(key string) error) error {
	seen := make(map[string]bool)
	return r.Object(func(key []byte) error {
		if seen[string(key)] {
			return twice(string(key))
		}
		k := string(key)
		seen[k] = true
		return member(k)
	})
}

// Array calls element for each element; element reads it.
func (r *Reader) Array(element func() error) error { return r.list('[', ']', element) }

func (r *Reader) list(open, closing byte, item func() error) error {
	if err := r.expect(open); err != nil {
		return err
	}
	if r.depth++; r.depth > MaxDepth {
		return r.fail("nested too deeply")
	}
	defer func() { r.depth-- }()
	if r.Next() == closing {
		r.Pos++
		return nil
	}
	for {
		if err := item(); err != nil {
			return err
		}
		switch r.Next() {
		case ',':
			r.Pos++
		case closing:
			r.Pos++
			return nil
		default:
			return r.fail("a list without an end")
		}
	}
}

// Str reads a string. The result is valid until the next call.
func (r *Reader) Str() ([]byte, error) {
	if err := r.expect('"'); err != nil {
		return nil, err
	}
	r.buf = r.buf[:0] // what stands before start
	start := r.Pos
	for r.Pos < len(r.Data) {
		switch c := r.Data[r.Pos]; {
		case c == '"':
			s := r.Data[start:r.Pos]
			r.Pos++
			if len(r.buf) > 0 {
				r.buf = append(r.buf, s...)
				s = r.buf
			}
			if !utf8.Valid(s) {
				return nil, r.fail("a string that is not UTF-8")
			}
			return s, nil
		case c == '\\':
			r.buf = append(r.buf, r.Data[start:r.Pos]...)
			char, err := r.escape()
			if err != nil {
				return nil, err
			}
			r.buf = utf8.AppendRune(r.buf, char)
			start = r.Pos
		case c < 0x20:
			return nil, r.fail("a control character in a string")
		default:
			r.Pos++
		}
	}
	return nil, r.fail("a string without an end")
}

// escape reads a backslash and what follows it, with the second half of a surrogate pair.
func (r *Reader) escape() (rune, error) {
	if r.Pos++; r.Pos == len(r.Data) {
		return 0, r.fail("a string without an end")
	}
	c := r.Data[r.Pos]
	r.Pos++
	if c != 'u' {
		i := bytes.IndexByte([]byte(`"\/bfnrt`), c)
		if i < 0 {
			return 0, r.fail("an unknown escape")
		}
		return rune("\"\\/\b\f\n\r\t"[i]), nil
	}
	hi, ok := r.hex4()
	if !ok {
		return 0, r.fail("a bad \\u escape")
	}
	if !utf16.IsSurrogate(hi) {
		return hi, nil
	}
	if !bytes.HasPrefix(r.Data[r.Pos:], []byte(`\u`)) {
		return 0, r.fail("half a surrogate pair")
	}
	r.Pos += 2
	lo, ok := r.hex4()
	char := utf16.DecodeRune(hi, lo)
	if !ok || char == utf8.RuneError {
		return 0, r.fail("half a surrogate pair")
	}
	return char, nil
}

func (r *Reader) hex4() (rune, bool) {
	if len(r.Data)-r.Pos < 4 {
		return 0, false
	}
	v, err := strconv.ParseUint(string(r.Data[r.Pos:r.Pos+4]), 16, 16)
	r.Pos += 4
	return rune(v), err == nil
}

// Uint reads a number that is plain digits and fits 64 bits.
func (r *Reader) Uint() (uint64, error) {
	r.Next()
	start, v := r.Pos, uint64(0)
	for ; r.Pos < len(r.Data) && r.Data[r.Pos]-'0' <= 9; r.Pos++ {
		d := uint64(r.Data[r.Pos] - '0')
		if v > (1<<64-1-d)/10 {
			return 0, r.fail("a number that is not below 2^64")
		}
		v = v*10 + d
	}
	zero := r.Pos > start+1 && r.Data[start] == '0'
	if r.Pos == start || zero || r.Pos < len(r.Data) && wordByte(r.Data[r.Pos]) {
		return 0, r.fail("not a whole number")
	}
	return v, nil
}

// Raw reads any value and returns its text. Keys in it may come twice.
func (r *Reader) Raw() ([]byte, error) {
	c := r.Next()
	start := r.Pos
	var err error
	switch {
	case c == '{':
		err = r.Object(func([]byte) error { _, err := r.Raw(); return err })
	case c == '[':
		err = r.Array(func() error { _, err := r.Raw(); return err })
	case c == '"':
		_, err = r.Str()
	default: // a number, true, false or null
		for r.Pos < len(r.Data) && wordByte(r.Data[r.Pos]) {
			r.Pos++
		}
		switch {
		case json.Valid(r.Data[start:r.Pos]):
		case r.NaN && r.notNumber(start):
		case c == '-' || c >= '0' && c <= '9':
			err = r.fail("a malformed number")
		default:
			err = r.fail("no value where one is due")
		}
	}
	return r.Data[start:r.Pos], err
}

// notNumber skips a word of Python's for what no number of JSON is.
func (r *Reader) notNumber(start int) bool {
	for _, word := range []string{"NaN", "Infinity", "-Infinity"} {
		if bytes.HasPrefix(r.Data[start:], []byte(word)) {
			end := start + len(word)
			if end < len(r.Data) && (wordByte(r.Data[end]) || r.Data[end]-'A' < 26) {
				return false
			}
			r.Pos = end
			return true
		}
	}
	return false
}

func wordByte(c byte) bool {
	digit := c >= '0' && c <= '9'
	return digit || c >= 'a' && c <= 'z' || c == 'E' || c == '-' || c == '+' || c == '.'
}
