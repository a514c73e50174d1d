package qwenvl

// Objects of the JSON that requests are kept in. Package encoding/json folds the case of keys,
// keeps the last of two equal keys and passes over unknown ones, each of which would lose what
// somebody wrote; here they are errors.

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/qwenvl/qwenvl/internal/strictjson"
)

// object is a JSON object whose values are taken one by one. The first error stays.
type object struct {
	field string // of the request, for errors
	rest  map[string][]byte
	err   error // *RequestError
}

func openObject(field string, data []byte) *object {
	o := &object{field: field, rest: map[string][]byte{}}
	if len(data) > maxJSON {
		o.problem("JSON of %d bytes, at most %d", len(data), maxJSON)
		return o
	}
	r := newReader(data)
	err := r.Fields(twice, func(key string) (err error) {
		o.rest[key], err = r.Raw()
		return err
	})
	if err == nil {
		err = r.End()
	}
	o.failed("", err)
	return o
}

// twice is the error of a key that an object has twice.
func twice(key string) error { return fmt.Errorf("key %.40q twice", key) }

func newReader(data []byte) *strictjson.Reader {
	return &strictjson.Reader{Data: data, Fail: func(pos int, problem string) error {
		return fmt.Errorf("%s, at byte %d", problem, pos)
	}}
}

func (o *object) fail(err error) {
	if o.err == nil {
		o.err = err
	}
}

func (o *object) problem(format string, args ...any) {
	o.fail(requestError(o.field, fmt.Sprintf(format, args...)))
}

// failed notes an error of a key's value, or of the object.
func (o *object) failed(key string, err error) {
	switch {
	case err == nil:
	case key == "":
		o.problem("bad JSON: %v", err)
	default:
		o.problem("%s: %v", key, err)
	}
}

func (o *object) has(key string) bool { return o.rest[key] != nil }

// take takes a value; nil, and an error: it is not there.
func (o *object) take(key string) []byte {
	raw := o.rest[key]
	if delete(o.rest, key); raw == nil {
		o.problem("without %s", key)
	}
	return raw
}

// end returns the first error, which may be that a key has not been taken.
func (o *object) end() error {
	for _, key := range slices.Sorted(maps.Keys(o.rest)) {
		o.problem("unknown key %.40q", key)
	}
	return o.err
}

func (o *object) str(key string) string {
	raw := o.take(key)
	if raw == nil {
		return ""
	}
	s, err := o.text(raw)
	o.failed(key, err)
	return s
}

func (o *object) text(raw []byte) (string, error) {
	if raw[0] != '"' {
		return "", errors.New("not a string")
	}
	s, err := newReader(raw).Str()
	return string(s), err
}

func (o *object) base64(key string) []byte {
	raw := o.take(key)
	if raw == nil {
		return nil
	}
	if raw[0] != '"' {
		o.failed(key, errors.New("not a string"))
		return nil
	}
	s, err := newReader(raw).Str()
	if err != nil {
		o.failed(key, err)
		return nil
	}
	out := make([]byte, base64.StdEncoding.DecodedLen(len(s)))
	n, err := base64.StdEncoding.Decode(out, s)
	o.failed(key, err)
	return out[:n:n]
}

// int takes a whole number; 0: it is not there.
func (o *object) int(key string) int {
	if !o.has(key) {
		return 0
	}
	raw := o.take(key)
	n, err := strconv.Atoi(string(raw))
	if err != nil {
		o.failed(key, fmt.Errorf("%.40q is not a whole number", raw))
	}
	return n
}

func (o *object) number(key string) float64 {
	raw := o.take(key)
	f, err := strconv.ParseFloat(string(raw), 64)
	if raw != nil && err != nil {
		o.failed(key, fmt.Errorf("%.40q is not a number", raw))
	}
	return f
}

func (o *object) seconds(key string, raw []byte) time.Duration {
	d, err := parseSeconds(string(raw))
	if raw != nil && err != nil {
		o.failed(key, fmt.Errorf("%.40q is not a number of seconds", raw))
	}
	return d
}

// bool takes a boolean; false: it is not there.
func (o *object) bool(key string) bool {
	if !o.has(key) {
		return false
	}
	raw := string(o.take(key))
	if raw != "true" && raw != "false" {
		o.problem("%s: not a boolean", key)
	}
	return raw == "true"
}

// maxItems bounds lists of a request, so that small JSON makes no large one.
const maxItems = 1 << 16

// list takes an array and calls element for each.
func (o *object) list(key string, element func(i int, raw []byte)) {
	raw := o.take(key)
	if raw == nil {
		return
	}
	if raw[0] != '[' {
		o.failed(key, errors.New("not a list"))
		return
	}
	n := 0
	r := newReader(raw)
	o.failed(key, r.Array(func() error {
		raw, err := r.Raw()
		if err == nil && n == maxItems {
			err = fmt.Errorf("more than %d", maxItems)
		}
		if err == nil {
			element(n, raw)
		}
		n++
		return err
	}))
}

// decode takes a value as encoding/json reads it, but strictly; nothing: it is not there.
func (o *object) decode(key string, into any) {
	if !o.has(key) {
		return
	}
	raw := o.take(key)
	err := uniqueKeys(newReader(raw), nil)
	if err == nil {
		err = strictDecode(raw, into)
	}
	var placed *RequestError
	if errors.As(err, &placed) {
		o.fail(placed)
	}
	o.failed(key, err)
}

// uniqueKeys checks that no object in a value has a key twice, nor one that known, unless nil, does
// not know.
func uniqueKeys(r *strictjson.Reader, known func(key string) bool) error {
	switch r.Next() {
	case '{':
		return r.Fields(twice, func(key string) error {
			if known != nil && !known(key) {
				return fmt.Errorf("unknown key %.40q", key)
			}
			return uniqueKeys(r, known)
		})
	case '[':
		return r.Array(func() error { return uniqueKeys(r, known) })
	}
	_, err := r.Raw()
	return err
}

// strictDecode refuses unknown fields, and keeps numbers as they are written where the type is any.
func strictDecode(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	d.UseNumber()
	err := d.Decode(into)
	var other *json.UnmarshalTypeError
	if errors.As(err, &other) { // its own words name types of this package
		if other.Field == "" {
			return fmt.Errorf("a JSON %s is none", other.Value)
		}
		return fmt.Errorf("%s: a JSON %s in place of %s", other.Field, other.Value, other.Type)
	}
	return err
}
