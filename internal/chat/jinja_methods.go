package chat

// The methods of strings, lists and mappings in guarded templates, with Python's results.

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ardanlabs/jinja"
)

// method calls a method of a string, list or mapping. The methods that change a value are refused,
// as the sandbox of the reference does.
func (e *env) method(args []value, kw kwargs) (value, error) {
	name, obj, rest := args[0].AsString(), args[1], args[2:]
	switch {
	case obj.IsString():
		return e.stringMethod(obj.AsString(), name, rest, kw)
	case obj.IsDict():
		if f, ok := obj.AsDict().Get(name); ok && f.IsCallable() {
			return f.AsCallable().Fn(rest, kw)
		}
		return e.dictMethod(obj.AsDict(), name, rest, kw)
	case obj.IsList() && (name == "count" || name == "index"):
		n := 0
		for i, x := range obj.AsList().Items {
			ok, err := e.equal(x, arg(rest, kw, 0, "value"), 0)
			if err != nil {
				return jinja.Undefined(), err
			}
			if ok && name == "index" {
				return jinja.NewInt(int64(i)), nil
			}
			if ok {
				n++
			}
		}
		if name == "index" {
			return jinja.Undefined(), typeError("index: not in the list")
		}
		return jinja.NewInt(int64(n)), nil
	}
	return jinja.Undefined(), typeError("%s has no method %q that may be called", typeName(obj), name)
}

func (e *env) dictMethod(d *jinja.Dict, name string, args []value, kw kwargs) (value, error) {
	switch name {
	case "get":
		key, err := e.toString(arg(args, kw, 0, "key"))
		if err != nil {
			return jinja.Undefined(), err
		}
		if v, ok := d.Get(key); ok {
			return v, nil
		}
		if v := arg(args, kw, 1, "default"); !v.IsUndefined() {
			return v, nil
		}
		return jinja.None(), nil
	case "items", "keys", "values":
		var out []value
		for _, k := range d.OrderedKeys() {
			switch name {
			case "items":
				out = append(out, jinja.NewList([]value{jinja.NewString(k), d.Data[k]}))
			case "keys":
				out = append(out, jinja.NewString(k))
			default:
				out = append(out, d.Data[k])
			}
		}
		if err := e.pay(4 * cellBytes * len(out)); err != nil {
			return jinja.Undefined(), err
		}
		return e.list(out)
	}
	return jinja.Undefined(), typeError("a mapping has no method %q that may be called", name)
}

// stringArgs reads positional arguments that must be strings.
func stringArgs(name string, args []value, n int) ([]string, error) {
	if len(args) < n {
		return nil, typeError("%s needs %d arguments", name, n)
	}
	out := make([]string, n)
	for i := range out {
		if !args[i].IsString() {
			return nil, typeError("%s takes strings, not %s", name, typeName(args[i]))
		}
		out[i] = args[i].AsString()
	}
	return out, nil
}

// count reads an optional integer argument.
func countArg(v value, missing int) (int, error) {
	switch {
	case v.IsUndefined() || v.IsNone():
		return missing, nil
	case v.IsInt():
		return int(min(max(v.AsInt(), -1), maxBytes)), nil
	}
	return 0, typeError("expected an integer, not %s", typeName(v))
}

func (e *env) stringMethod(s, name string, args []value, kw kwargs) (value, error) {
	if err := e.pay(len(s)); err != nil {
		return jinja.Undefined(), err
	}
	fail := func(err error) (value, error) { return jinja.Undefined(), err }
	switch name {
	case "strip", "lstrip", "rstrip":
		in := isSpace
		if a := arg(args, nil, 0, ""); a.IsString() {
			set := a.AsString()
			if len(set) > 256 {
				return fail(errBudget)
			}
			in = func(r rune) bool { return strings.ContainsRune(set, r) }
		}
		if name != "rstrip" {
			s = strings.TrimLeftFunc(s, in)
		}
		if name != "lstrip" {
			s = strings.TrimRightFunc(s, in)
		}
		return e.text(s)
	case "split", "rsplit":
		limit, err := countArg(arg(args, kw, 1, "maxsplit"), -1)
		if err != nil {
			return fail(err)
		}
		return e.split(s, arg(args, kw, 0, "sep"), limit, name == "rsplit")
	case "splitlines":
		return e.strings(lines(s))
	case "startswith", "endswith":
		return e.affix(s, name, arg(args, nil, 0, ""))
	case "removeprefix", "removesuffix":
		a, err := stringArgs(name, args, 1)
		if err != nil {
			return fail(err)
		}
		if name == "removeprefix" {
			return e.text(strings.TrimPrefix(s, a[0]))
		}
		return e.text(strings.TrimSuffix(s, a[0]))
	case "upper":
		return e.text(strings.ToUpper(s))
	case "lower":
		return e.text(strings.ToLower(s))
	case "title":
		return e.text(title(s, func(r rune) bool { return !unicode.IsLetter(r) }))
	case "capitalize":
		return e.text(capitalize(s))
	case "replace":
		return e.replace(s, args, kw)
	case "find", "rfind", "index", "count":
		a, err := stringArgs(name, args, 1)
		if err != nil {
			return fail(err)
		}
		if name == "count" {
			return jinja.NewInt(int64(strings.Count(s, a[0]))), nil
		}
		at := strings.Index(s, a[0])
		if name == "rfind" {
			at = strings.LastIndex(s, a[0])
		}
		if at < 0 && name == "index" {
			return fail(typeError("index: substring not found"))
		}
		if at > 0 {
			at = utf8.RuneCountInString(s[:at])
		}
		return jinja.NewInt(int64(at)), nil
	case "join":
		return e.join([]value{arg(args, nil, 0, ""), jinja.NewString(s)}, nil)
	case "isdigit", "isspace", "isalpha", "isupper", "islower":
		return jinja.NewBool(isAll(s, name)), nil
	}
	return fail(fmt.Errorf("%w: string method %.40q", ErrUnsupported, name))
}

func isAll(s, name string) bool {
	cased := s != "" && name != "isupper" && name != "islower"
	for _, r := range s {
		switch name {
		case "isdigit":
			if !unicode.IsDigit(r) {
				return false
			}
		case "isspace":
			if !isSpace(r) {
				return false
			}
		case "isalpha":
			if !unicode.IsLetter(r) {
				return false
			}
		case "isupper", "islower":
			up, low := unicode.IsUpper(r), unicode.IsLower(r)
			if up && name == "islower" || low && name == "isupper" {
				return false
			}
			cased = cased || up || low
		}
	}
	return cased
}

func (e *env) affix(s, name string, v value) (value, error) {
	options := []value{v}
	if v.IsList() {
		options = v.AsList().Items
	}
	for _, o := range options {
		if !o.IsString() {
			return jinja.Undefined(), typeError("%s takes strings, not %s", name, typeName(o))
		}
		if name == "startswith" && strings.HasPrefix(s, o.AsString()) || name == "endswith" && strings.HasSuffix(s, o.AsString()) {
			return jinja.NewBool(true), nil
		}
	}
	return jinja.NewBool(false), nil
}

func (e *env) strings(parts []string) (value, error) {
	n := 0
	for _, p := range parts {
		n += len(p) + 2*cellBytes
	}
	if err := e.pay(n); err != nil {
		return jinja.Undefined(), err
	}
	out := make([]value, len(parts))
	for i, p := range parts {
		out[i] = jinja.NewString(p)
	}
	return jinja.NewList(out), nil
}

func (e *env) split(s string, sep value, limit int, fromRight bool) (value, error) {
	if sep.IsNone() || sep.IsUndefined() {
		if limit >= 0 {
			return jinja.Undefined(), fmt.Errorf("%w: split at white space with a limit", ErrUnsupported)
		}
		return e.strings(strings.FieldsFunc(s, isSpace))
	}
	if !sep.IsString() || sep.AsString() == "" {
		return jinja.Undefined(), typeError("split takes a separator that is not empty")
	}
	if err := e.pay(2 * cellBytes * strings.Count(s, sep.AsString())); err != nil {
		return jinja.Undefined(), err
	}
	parts := strings.Split(s, sep.AsString())
	if over := len(parts) - 1 - limit; limit >= 0 && over > 0 {
		if fromRight {
			parts = append([]string{strings.Join(parts[:over+1], sep.AsString())}, parts[over+1:]...)
		} else {
			parts = append(parts[:limit:limit], strings.Join(parts[limit:], sep.AsString()))
		}
	}
	return e.strings(parts)
}

// lines is Python's splitlines for the line ends that text holds in practice.
func lines(s string) []string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	if s == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}

func (e *env) replace(s string, args []value, kw kwargs) (value, error) {
	a, err := stringArgs("replace", args, 2)
	if err != nil {
		return jinja.Undefined(), err
	}
	n, err := countArg(arg(args, kw, 2, "count"), -1)
	if err != nil {
		return jinja.Undefined(), err
	}
	hits := strings.Count(s, a[0])
	if n >= 0 {
		hits = min(hits, n)
	}
	if len(a[1]) > 0 && hits > maxBytes/len(a[1]) {
		return jinja.Undefined(), errBudget
	}
	if err := e.pay(len(s) + hits*len(a[1])); err != nil {
		return jinja.Undefined(), err
	}
	return jinja.NewString(strings.Replace(s, a[0], a[1], n)), nil
}

// title puts each word's first letter in upper case and the rest in lower case.
func title(s string, between func(rune) bool) string {
	first := true
	return strings.Map(func(r rune) rune {
		if between(r) {
			first = true
			return r
		}
		if first {
			first = false
			return unicode.ToTitle(r)
		}
		return unicode.ToLower(r)
	}, s)
}

func capitalize(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToTitle(r)) + strings.ToLower(s[n:])
}
