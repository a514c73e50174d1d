package family

// How a family reads its configuration: one key at a time, each with its range and its default. The
// keys come from any checkpoint (internal/checkpoint), which knows where each stands; a problem is
// kept with that place, the first one counts, and later reads give harmless values. So a family
// reads as a list of keys, without an error in every line.

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/internal/strictjson"
)

// object is an object of keys.
type object struct {
	checkpoint.Keys
	path string // of this object, with a trailing dot
	err  *error // shared with the objects inside
}

// section reads a section of the checkpoint's configuration.
func section(from checkpoint.Checkpoint, s checkpoint.Section) (object, error) {
	keys, err := from.Keys(s)
	return object{Keys: keys, err: new(error)}, err
}

func (o object) fail(key, problem string, cause error) {
	if *o.err == nil {
		file, field := o.At(o.path + key)
		*o.err = &checkpoint.Error{File: file, Field: field, Problem: problem, Err: cause}
	}
}

// unsupported refuses a value.
func (o object) unsupported(key, value string) {
	o.fail(key, shown(value), checkpoint.ErrUnsupported)
}

// shown quotes at most 60 bytes of a value.
func shown(value string) string {
	start, more := value[:min(len(value), 60)], ""
	if len(start) < len(value) {
		more = "…"
	}
	return strconv.QuoteToASCII(start) + more
}

// sub returns the object under key; an absent one is empty.
func (o object) sub(key string) object {
	in := o
	in.path, in.Values = o.path+key+".", nil
	if o.Has(key) {
		at := func(path string) (file, field string) { return o.At(o.path + path) }
		keys, err := checkpoint.Keys{Values: o.Values, Place: at}.Object(key)
		if in.Values = keys.Values; err != nil && *o.err == nil {
			*o.err = err
		}
	}
	return in
}

// int reads a whole number in 1…limit.
func (o object) int(key string, limit int) int { return o.intIn(key, 1, limit) }

func (o object) intIn(key string, least, most int) int {
	if !o.Has(key) {
		o.fail(key, "missing", nil)
		return least
	}
	v, err := strconv.ParseFloat(string(o.Values[key]), 64) // 3136.0 is whole as well
	if err != nil || v != math.Trunc(v) {
		o.fail(key, "not a whole number", nil)
		return least
	}
	if v < float64(least) || v > float64(most) {
		shown := strconv.FormatFloat(v, 'f', -1, 64)
		if len(shown) > 20 {
			shown = strconv.FormatFloat(v, 'g', -1, 64)
		}
		o.fail(key, fmt.Sprintf("%s is not in %d…%d", shown, least, most), nil)
		return least
	}
	return int(v)
}

// intOr is int with a value for an absent key.
func (o object) intOr(key string, limit, absent int) int {
	if !o.Has(key) {
		return absent
	}
	return o.int(key, limit)
}

// float reads a finite number greater than zero and below limit.
func (o object) float(key string, limit float64) float64 {
	if !o.Has(key) {
		o.fail(key, "missing", nil)
		return 1
	}
	v, err := strconv.ParseFloat(string(o.Values[key]), 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		o.fail(key, "not a finite number", nil)
		return 1
	}
	if v <= 0 || v >= limit {
		o.fail(key, fmt.Sprintf("%g is not between 0 and %g", v, limit), nil)
		return 1
	}
	return v
}

func (o object) floatOr(key string, limit, absent float64) float64 {
	if !o.Has(key) {
		return absent
	}
	return o.float(key, limit)
}

// act refuses activations other than those.
func (o object) act(known ...string) {
	if act := o.stringOr("hidden_act", known[0]); !slices.Contains(known, act) {
		o.unsupported("hidden_act", act)
	}
}

func (o object) stringOr(key, absent string) string { return valueOr(o, key, "a string", absent) }

func (o object) boolOr(key string, absent bool) bool {
	return valueOr(o, key, "true or false", absent)
}

// flag is boolOr for keys of which Python asks whether they are true: 1 is, 0 and null are not.
func (o object) flag(key string, absent bool) bool {
	switch raw := string(o.Values[key]); raw {
	case "0", "1", "null":
		return raw == "1"
	}
	return o.boolOr(key, absent)
}

// valueOr reads a value of a kind that has no range.
func valueOr[T any](o object, key, kind string, absent T) (v T) {
	if !o.Has(key) {
		return absent
	}
	if err := json.Unmarshal(o.Values[key], &v); err != nil {
		o.fail(key, "not "+kind, nil)
	}
	return v
}

// list reads an array of exactly n values, n < 0 for any number up to 64.
func list[T any](o object, key string, n int) []T {
	var v []T
	most := 64
	if n >= 0 {
		most = n
	}
	bad := errors.New("not an array of the right kind")
	r := strictjson.Reader{Data: o.Values[key], Fail: func(int, string) error { return bad }}
	err := r.Array(func() error {
		raw, err := r.Raw()
		var one T
		switch {
		case err != nil:
			return err
		case len(v) == most:
			return fmt.Errorf("more than %d entries", most)
		case string(raw) == "null" || json.Unmarshal(raw, &one) != nil:
			return bad
		}
		v = append(v, one)
		return nil
	})
	if err == nil && len(v) < n {
		err = fmt.Errorf("%d entries, want %d", len(v), n)
	}
	if err != nil {
		o.fail(key, err.Error(), nil)
		return make([]T, max(n, 0))
	}
	return v
}
