package family

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"math"
	"strconv"
)

// Bounds of what is read: published configurations have some kilobytes, vocabularies up to 20 megabytes.
const (
	maxFile       = 16 << 20
	maxVocabulary = 256 << 20
)

// object is a JSON object of a configuration file. Its methods read one key each; the first problem is kept, and
// later reads give harmless values, so that a family reads as a list of keys.
type object struct {
	file string
	path string // of this object, with a trailing dot
	keys map[string]json.RawMessage
	err  *error // shared with the objects inside
}

// readObject reads a file of the checkpoint. A missing file is an empty object when optional.
func readObject(fsys fs.FS, name string, optional bool) (object, error) {
	data, err := readFile(fsys, name)
	if optional && data == nil && err == nil {
		data = []byte("{}")
	}
	switch {
	case err != nil:
		return object{}, err
	case data == nil:
		return object{}, &ConfigError{File: name, Problem: "missing", Err: fs.ErrNotExist}
	}
	return parseObject(name, data)
}

// readFile returns a file's contents, nil when there is no such file.
func readFile(fsys fs.FS, name string) ([]byte, error) { return readUpTo(fsys, name, maxFile) }

// readLarge is readFile for vocabularies.
func readLarge(fsys fs.FS, name string) ([]byte, error) { return readUpTo(fsys, name, maxVocabulary) }

func readUpTo(fsys fs.FS, name string, limit int) ([]byte, error) {
	f, err := fsys.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, &ConfigError{File: name, Problem: "not readable", Err: err}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if err != nil {
		return nil, &ConfigError{File: name, Problem: "not readable", Err: err}
	}
	if len(data) > limit {
		return nil, &ConfigError{File: name, Problem: "larger than " + strconv.Itoa(limit) + " bytes"}
	}
	if data == nil {
		data = []byte{}
	}
	return data, nil
}

func parseObject(name string, data []byte) (object, error) {
	o := object{file: name, err: new(error)}
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&o.keys); err != nil {
		return object{}, &ConfigError{File: name, Problem: "not a JSON object", Err: err}
	}
	if o.keys == nil {
		return object{}, &ConfigError{File: name, Problem: "not a JSON object"}
	}
	if _, err := dec.Token(); err != io.EOF {
		return object{}, &ConfigError{File: name, Problem: "more than one JSON value"}
	}
	return o, nil
}

func (o object) fail(key, problem string, cause error) {
	if *o.err == nil {
		*o.err = &ConfigError{File: o.file, Field: o.path + key, Problem: problem, Err: cause}
	}
}

func (o object) unsupported(key, value string) {
	if *o.err == nil {
		*o.err = &UnsupportedError{File: o.file, Field: o.path + key, Value: value}
	}
}

// has reports whether the key is there with a value other than null.
func (o object) has(key string) bool {
	raw, ok := o.keys[key]
	return ok && string(raw) != "null"
}

// sub returns the object under key; an absent one is empty.
func (o object) sub(key string) object {
	in := object{file: o.file, path: o.path + key + ".", err: o.err}
	if o.has(key) {
		if err := json.Unmarshal(o.keys[key], &in.keys); err != nil {
			o.fail(key, "not a JSON object", err)
		}
	}
	return in
}

// int reads a whole number in 1…limit.
func (o object) int(key string, limit int) int { return o.intIn(key, 1, limit) }

func (o object) intIn(key string, least, most int) int {
	if !o.has(key) {
		o.fail(key, "missing", nil)
		return least
	}
	v, err := strconv.ParseInt(string(o.keys[key]), 10, 64)
	if err != nil {
		o.fail(key, "not a whole number", nil)
		return least
	}
	if v < int64(least) || v > int64(most) {
		o.fail(key, strconv.FormatInt(v, 10)+" is not in "+strconv.Itoa(least)+"…"+strconv.Itoa(most), nil)
		return least
	}
	return int(v)
}

// intOr is int with a value for an absent key.
func (o object) intOr(key string, limit, absent int) int {
	if !o.has(key) {
		return absent
	}
	return o.int(key, limit)
}

// float reads a finite number greater than zero and below limit.
func (o object) float(key string, limit float64) float64 {
	if !o.has(key) {
		o.fail(key, "missing", nil)
		return 1
	}
	v, err := strconv.ParseFloat(string(o.keys[key]), 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		o.fail(key, "not a finite number", nil)
		return 1
	}
	if v <= 0 || v >= limit {
		o.fail(key, strconv.FormatFloat(v, 'g', -1, 64)+" is not between 0 and "+strconv.FormatFloat(limit, 'g', -1, 64), nil)
		return 1
	}
	return v
}

func (o object) floatOr(key string, limit, absent float64) float64 {
	if !o.has(key) {
		return absent
	}
	return o.float(key, limit)
}

func (o object) stringOr(key, absent string) string {
	if !o.has(key) {
		return absent
	}
	var s string
	if err := json.Unmarshal(o.keys[key], &s); err != nil {
		o.fail(key, "not a string", nil)
	}
	return s
}

func (o object) boolOr(key string, absent bool) bool {
	if !o.has(key) {
		return absent
	}
	var b bool
	if err := json.Unmarshal(o.keys[key], &b); err != nil {
		o.fail(key, "not true or false", nil)
	}
	return b
}

// list reads an array of exactly n values, n < 0 for any number up to 64.
func list[T any](o object, key string, n int) []T {
	v := listOf[T](o, key, 64)
	if n >= 0 && len(v) != n {
		o.fail(key, strconv.Itoa(len(v))+" entries, want "+strconv.Itoa(n), nil)
		return make([]T, n)
	}
	return v
}

// listOf reads an array of at most limit values.
func listOf[T any](o object, key string, limit int) []T {
	var v []T
	if err := json.Unmarshal(o.keys[key], &v); err != nil {
		o.fail(key, "not an array of the right kind", nil)
		return nil
	}
	if len(v) > limit {
		o.fail(key, strconv.Itoa(len(v))+" entries, at most "+strconv.Itoa(limit), nil)
		return nil
	}
	return v
}

// ids reads a token id or a list of them.
func (o object) ids(key string) []int {
	if !o.has(key) {
		return nil
	}
	var one int
	if json.Unmarshal(o.keys[key], &one) == nil {
		return o.checkIDs(key, []int{one})
	}
	return o.checkIDs(key, list[int](o, key, -1))
}

func (o object) checkIDs(key string, ids []int) []int {
	for _, id := range ids {
		if id < 0 || id > math.MaxInt32 {
			o.fail(key, strconv.Itoa(id)+" is no token id", nil)
			return nil
		}
	}
	return ids
}
