package checkpoint

// Keys by name, wherever they come from. A value is a JSON text: those of JSON files are taken as
// they stand, unread, and other containers write theirs so. What a value must be is the business of
// who reads it (internal/family, object.go).

import (
	"encoding/json"
	"strconv"

	"github.com/qwenvl/qwenvl/internal/strictjson"
)

// Keys is an object of named values.
type Keys struct {
	File   string // in which they stand
	Values map[string]json.RawMessage
	// Place, where set, tells where the value at a dotted path stands, when that is not File and
	// path.
	Place func(path string) (file, field string)
}

// Has reports whether the key is there with a value other than null.
func (k Keys) Has(key string) bool {
	raw, ok := k.Values[key]
	return ok && string(raw) != "null"
}

// At tells where the value at a dotted path stands; "" is all of them.
func (k Keys) At(path string) (file, field string) {
	if k.Place != nil {
		return k.Place(path)
	}
	return k.File, path
}

// Object returns the keys of the object that is the value of a key.
//
// Errors: *[Error] for a value that is none.
func (k Keys) Object(key string) (Keys, error) {
	in := Keys{File: k.File, Place: func(path string) (file, field string) {
		if path != "" {
			path = "." + path
		}
		return k.At(key + path)
	}}
	var err error
	in.Values, err = parse(k.Values[key], func(problem string) error {
		file, field := k.At(key)
		return &Error{File: file, Field: field, Problem: problem}
	})
	return in, err
}

// ParseKeys reads a file that is one JSON object. Of equal keys the last counts, as in the
// reference.
//
// Errors: *[Error].
func ParseKeys(file string, data []byte) (Keys, error) {
	values, err := parse(data, func(problem string) error {
		return &Error{File: file, Problem: problem}
	})
	return Keys{File: file, Values: values}, err
}

// parse reads one object as Python does, which writes numbers that JSON has not.
func parse(data []byte, fail func(problem string) error) (map[string]json.RawMessage, error) {
	values := map[string]json.RawMessage{}
	r := strictjson.Reader{Data: data, NaN: true, Fail: func(pos int, problem string) error {
		return fail("not a JSON object: byte " + strconv.Itoa(pos) + ": " + problem)
	}}
	err := r.Object(func(key []byte) error {
		name := string(key)
		raw, err := r.Raw()
		values[name] = raw
		return err
	})
	if err == nil {
		err = r.End()
	}
	return values, err
}
