package chat

// What a guarded template runs with: a budget of steps and bytes, from which every function pays,
// and those functions by name. The jinja_ files after it each hold a group of them.

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/ardanlabs/jinja"
)

type (
	value  = jinja.Value
	kwargs = map[string]jinja.Value
)

// env is what a guarded template runs with: the functions it calls, each of which pays from one
// budget, so that the time and memory of a rendering are bounded whatever the template does.
type env struct {
	steps int // calls and loop passes left
	bytes int // bytes of text and of list cells left
}

const (
	maxSteps    = 2_000_000
	maxBytes    = 64 << 20 // plus a multiple of the request
	maxOutput   = 128 << 20
	maxDepth    = 120 // of nested values
	cellBytes   = 16  // what a list item or dict entry counts as
	maxRangeLen = 100_000
)

var errBudget = fmt.Errorf("%w: the template takes too many steps or too much memory", ErrLimit)

// pay takes one step and n bytes.
func (e *env) pay(n int) error {
	e.steps -= 1 + n>>10
	e.bytes -= n
	if e.steps < 0 || e.bytes < 0 || n < 0 {
		return errBudget
	}
	return nil
}

// text pays for a string and returns it as a value.
func (e *env) text(s string) (value, error) { return jinja.NewString(s), e.pay(len(s)) }

func (e *env) list(items []value) (value, error) {
	return jinja.NewList(items), e.pay(cellBytes * len(items))
}

// functions are the names a guarded template calls.
func (e *env) functions() map[string]value {
	fns := map[string]func([]value, kwargs) (value, error){
		"out": e.out, "iter": e.iter, "pass": e.pass, "macro": e.macro, "store": e.store, "key": e.str,
		"attr": e.attr, "item": e.item, "slice": e.slice, "method": e.method, "filter": e.filter, "test": e.test,
		"range": e.rangeOf, "raise_exception": e.raise, "strftime_now": e.now, "joiner": e.joiner, "cycler": e.cycler,
		"cat": e.cat, "add": e.add, "sub": e.arith('-'), "mul": e.mul, "div": e.arith('/'), "floordiv": e.arith('f'),
		"mod": e.mod, "pow": e.arith('p'),
		"eq": e.compare("eq"), "ne": e.compare("ne"), "lt": e.compare("lt"), "gt": e.compare("gt"),
		"le": e.compare("le"), "ge": e.compare("ge"), "in": e.compare("in"), "notin": e.compare("notin"),
	}
	out := make(map[string]value, len(fns))
	for name, fn := range fns {
		out[reserved+name] = jinja.NewCallable(name, func(args []value, kw kwargs) (value, error) {
			if err := e.pay(0); err != nil {
				return jinja.Undefined(), err
			}
			return fn(args, kw)
		})
	}
	// The engine's own functions of these names must not be reached by way of a variable.
	for _, name := range []string{"range", "raise_exception", "strftime_now", "joiner", "cycler"} {
		out[name] = out[reserved+name]
	}
	out["namespace"], out["dict"] = jinja.Undefined(), jinja.Undefined()
	return out
}

// arg is the i-th positional argument or the keyword argument of that name; Undefined if there is
// none.
func arg(args []value, kw kwargs, i int, name string) value {
	if i < len(args) {
		return args[i]
	}
	if v, ok := kw[name]; ok {
		return v
	}
	return jinja.Undefined()
}

func typeError(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrRefused, fmt.Sprintf(format, args...))
}

func (e *env) out(args []value, _ kwargs) (value, error) {
	s, err := e.toString(args[0])
	if err != nil {
		return jinja.Undefined(), err
	}
	return e.text(s)
}

func (e *env) str(args []value, _ kwargs) (value, error) { return e.out(args, nil) }

// pass pays for the text of one pass of a macro.
func (e *env) pass(args []value, _ kwargs) (value, error) {
	return jinja.NewString(""), e.pay(int(args[0].AsInt()))
}

func (e *env) macro(args []value, _ kwargs) (value, error) {
	if !args[0].IsCallable() {
		return args[0], typeError("macro %s is called before it is defined", args[1].AsString())
	}
	return args[0], nil
}

// iter checks what a loop runs over and pays for its passes.
func (e *env) iter(args []value, _ kwargs) (value, error) {
	items, err := e.items(args[0])
	if err != nil {
		return jinja.Undefined(), err
	}
	names, weight := int(args[1].AsInt()), int(args[2].AsInt())
	if names > 1 {
		for _, x := range items {
			if !x.IsList() || x.AsList().Len() != names {
				return jinja.Undefined(), typeError("loop over %d names needs lists of %d", names, names)
			}
		}
	}
	e.steps -= len(items)
	if n := len(items); n > 0 && weight > maxBytes/n {
		return jinja.Undefined(), errBudget
	}
	if err := e.pay(weight * len(items)); err != nil {
		return jinja.Undefined(), err
	}
	return e.list(items)
}

// items is what iterating over a value gives.
func (e *env) items(v value) ([]value, error) {
	switch {
	case v.IsUndefined():
		return nil, nil
	case v.IsList():
		return v.AsList().Items, nil
	case v.IsDict():
		keys := v.AsDict().OrderedKeys()
		out := make([]value, len(keys))
		for i, k := range keys {
			out[i] = jinja.NewString(k)
		}
		return out, e.pay(cellBytes * len(out))
	case v.IsString():
		if err := e.pay(2 * cellBytes * len(v.AsString())); err != nil {
			return nil, err
		}
		var out []value
		for _, r := range v.AsString() {
			out = append(out, jinja.NewString(string(r)))
		}
		return out, nil
	}
	return nil, typeError("%s is not iterable", typeName(v))
}

// store checks a value before it becomes an attribute of a namespace: it may not contain that
// namespace, or printing it would never end. As in the reference only namespaces can be written to,
// and the ones a template makes are dicts here.
func (e *env) store(args []value, _ kwargs) (value, error) {
	if !args[0].IsDict() {
		return args[0], typeError("cannot set an attribute of %s", typeName(args[0]))
	}
	found, err := e.reaches(args[1], args[0].AsDict(), 0)
	if err == nil && found {
		err = typeError("a namespace cannot hold itself")
	}
	return args[1], err
}

func (e *env) reaches(v value, target *jinja.Dict, depth int) (bool, error) {
	if depth > maxDepth {
		return false, errBudget
	}
	e.steps--
	if e.steps < 0 {
		return false, errBudget
	}
	switch {
	case v.IsList():
		for _, x := range v.AsList().Items {
			if found, err := e.reaches(x, target, depth+1); found || err != nil {
				return found, err
			}
		}
	case v.IsDict():
		if v.AsDict() == target {
			return true, nil
		}
		for _, x := range v.AsDict().Data {
			if found, err := e.reaches(x, target, depth+1); found || err != nil {
				return found, err
			}
		}
	}
	return false, nil
}

func (e *env) raise(args []value, _ kwargs) (value, error) {
	if len(args) == 0 {
		return jinja.Undefined(), typeError("raise_exception")
	}
	s, _ := e.toString(args[0])
	return jinja.Undefined(), typeError("%.400s", s)
}

func (e *env) rangeOf(args []value, _ kwargs) (value, error) {
	var n [3]int64
	for i, a := range args {
		if i > 2 || !a.IsInt() {
			return jinja.Undefined(), typeError("range takes one to three integers")
		}
		n[i] = a.AsInt()
	}
	start, stop, step := n[0], n[1], n[2]
	switch len(args) {
	case 0:
		return jinja.Undefined(), typeError("range takes one to three integers")
	case 1:
		start, stop, step = 0, n[0], 1
	case 2:
		step = 1
	}
	if step == 0 {
		return jinja.Undefined(), typeError("range: step 0")
	}
	var out []value
	for i := start; step > 0 && i < stop || step < 0 && i > stop; {
		if len(out) == maxRangeLen { // the sandbox of the reference has the same limit
			return jinja.Undefined(), fmt.Errorf("%w: range of more than %d", ErrLimit, maxRangeLen)
		}
		out = append(out, jinja.NewInt(i))
		next := i + step
		if (step > 0) != (next > i) {
			break // past the last integer
		}
		i = next
	}
	return e.list(out)
}

func (e *env) joiner(args []value, kw kwargs) (value, error) {
	sep := ", "
	if s := arg(args, kw, 0, "sep"); s.IsString() {
		sep = s.AsString()
	}
	used := false
	return jinja.NewCallable("joiner", func([]value, kwargs) (value, error) {
		if !used {
			used = true
			return jinja.NewString(""), nil
		}
		return e.text(sep)
	}), nil
}

func (e *env) cycler(args []value, _ kwargs) (value, error) {
	if len(args) == 0 {
		return jinja.Undefined(), typeError("cycler needs items")
	}
	at := 0
	next := jinja.NewCallable("next", func([]value, kwargs) (value, error) {
		v := args[at%len(args)]
		at++
		return v, e.pay(0)
	})
	d := jinja.NewDict()
	d.AsDict().Set("next", next)
	return d, nil
}

// now is transformers' strftime_now.
func (e *env) now(args []value, _ kwargs) (value, error) {
	if len(args) != 1 || !args[0].IsString() {
		return jinja.Undefined(), typeError("strftime_now takes a format")
	}
	format, t := args[0].AsString(), time.Now()
	layouts := map[byte]string{'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'H': "15", 'I': "03", 'M': "04", 'S': "05",
		'p': "PM", 'B': "January", 'b': "Jan", 'A': "Monday", 'a': "Mon", 'j': "002", 'Z': "MST", 'z': "-0700"}
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		layout, ok := layouts[format[i]]
		switch {
		case format[i] == '%':
			b.WriteByte('%')
		case ok:
			b.WriteString(t.Format(layout))
		default:
			return jinja.Undefined(), fmt.Errorf("%w: date format %%%c", ErrUnsupported, format[i])
		}
	}
	return e.text(b.String())
}

func typeName(v value) string {
	switch {
	case v.IsUndefined():
		return "an undefined value"
	case v.IsNone():
		return "none"
	case v.IsBool():
		return "a boolean"
	case v.IsInt():
		return "an integer"
	case v.IsFloat():
		return "a float"
	case v.IsString():
		return "a string"
	case v.IsList():
		return "a list"
	case v.IsDict():
		return "a mapping"
	}
	return "a function"
}

// toString is Python's str(); Undefined prints as nothing.
func (e *env) toString(v value) (string, error) {
	if v.IsString() {
		return v.AsString(), nil
	}
	if v.IsUndefined() {
		return "", nil
	}
	var b strings.Builder
	err := e.repr(&b, v, 0)
	return b.String(), err
}

// repr is Python's repr().
func (e *env) repr(b *strings.Builder, v value, depth int) error {
	if depth > maxDepth || b.Len() > e.bytes {
		return errBudget
	}
	if err := e.pay(0); err != nil {
		return err
	}
	switch {
	case v.IsUndefined():
		b.WriteString("Undefined")
	case v.IsNone():
		b.WriteString("None")
	case v.IsBool():
		if v.AsBool() {
			b.WriteString("True")
		} else {
			b.WriteString("False")
		}
	case v.IsInt():
		fmt.Fprint(b, v.AsInt())
	case v.IsFloat():
		b.WriteString(floatRepr(v.AsFloat(), "inf"))
	case v.IsString():
		reprString(b, v.AsString())
	case v.IsList():
		b.WriteByte('[')
		for i, x := range v.AsList().Items {
			if i > 0 {
				b.WriteString(", ")
			}
			if err := e.repr(b, x, depth+1); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	case v.IsDict():
		b.WriteByte('{')
		for i, k := range v.AsDict().Keys {
			if i > 0 {
				b.WriteString(", ")
			}
			reprString(b, k)
			b.WriteString(": ")
			if err := e.repr(b, v.AsDict().Data[k], depth+1); err != nil {
				return err
			}
		}
		b.WriteByte('}')
	default:
		return typeError("cannot print %s", typeName(v))
	}
	return nil
}

func reprString(b *strings.Builder, s string) {
	q := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		q = '"'
	}
	b.WriteByte(q)
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\\' || r == rune(q):
			b.WriteByte('\\')
			b.WriteRune(r)
		case unicode.IsPrint(r) || r >= firstPrivate: // the private ones stand for text from outside
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(b, `\u%04x`, r)
		default:
			fmt.Fprintf(b, `\U%08x`, r)
		}
	}
	b.WriteByte(q)
}
