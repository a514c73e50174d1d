package chat

// The filters of guarded templates, with Jinja's results.

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ardanlabs/jinja"
)

// filter is "value | name(args)".
func (e *env) filter(args []value, kw kwargs) (value, error) {
	return e.apply(args[0].AsString(), args[1:], kw)
}

func (e *env) apply(name string, args []value, kw kwargs) (value, error) {
	v := args[0]
	switch name {
	case "tojson":
		return e.tojson(args, kw)
	case "default", "d":
		empty := v.IsUndefined() || arg(args, kw, 2, "boolean").IsTruthy() && !v.IsTruthy()
		if !empty {
			return v, nil
		}
		if d := arg(args, kw, 1, "default_value"); !d.IsUndefined() {
			return d, nil
		}
		return jinja.NewString(""), nil
	case "length", "count":
		if v.IsString() {
			return jinja.NewInt(int64(utf8.RuneCountInString(v.AsString()))), e.pay(len(v.AsString()))
		}
		items, err := e.items(v)
		return jinja.NewInt(int64(len(items))), err
	case "join":
		return e.join(args, kw)
	case "items":
		if v.IsUndefined() {
			return jinja.NewList(nil), nil
		}
		if !v.IsDict() {
			return v, typeError("can only get item pairs from a mapping")
		}
		return e.dictMethod(v.AsDict(), "items", nil, nil)
	case "int", "float":
		return convert(name, v, arg(args, kw, 1, "default"))
	case "abs", "round":
		return round(name, v, arg(args, kw, 1, "precision"), arg(args, kw, 2, "method"))
	case "safe":
		if !v.IsString() {
			return v, fmt.Errorf("%w: safe of %s", ErrUnsupported, typeName(v))
		}
		return v, nil
	case "string", "trim", "lower", "upper", "title", "capitalize", "replace", "indent":
		s, err := e.toString(v)
		if err == nil {
			err = e.pay(len(s))
		}
		if err != nil {
			return v, err
		}
		return e.stringFilter(name, s, args, kw)
	}
	return e.listFilter(name, args, kw)
}

func (e *env) stringFilter(name, s string, args []value, kw kwargs) (value, error) {
	switch name {
	case "trim":
		rest := args[1:]
		if c := arg(args, kw, 1, "chars"); c.IsString() {
			rest = []value{c}
		}
		return e.stringMethod(s, "strip", rest, nil)
	case "title":
		return e.text(title(s, func(r rune) bool { return isSpace(r) || strings.ContainsRune("-({[<", r) }))
	case "replace":
		return e.replace(s, args[1:], kw)
	case "indent":
		width := strings.Repeat(" ", 4)
		switch w := arg(args, kw, 1, "width"); {
		case w.IsString():
			width = w.AsString()
		case w.IsInt():
			if w.AsInt() > 1000 {
				return jinja.Undefined(), errBudget
			}
			width = strings.Repeat(" ", int(max(w.AsInt(), 0)))
		}
		first, blank := arg(args, kw, 2, "first").IsTruthy(), arg(args, kw, 3, "blank").IsTruthy()
		parts := lines(s + "\n")
		if err := e.pay(len(width) * len(parts)); err != nil {
			return jinja.Undefined(), err
		}
		for i := range parts {
			if i == 0 && first || i > 0 && (blank || parts[i] != "") {
				parts[i] = width + parts[i]
			}
		}
		return e.text(strings.Join(parts, "\n"))
	case "string":
		return e.text(s)
	}
	return e.stringMethod(s, name, nil, nil)
}

func (e *env) join(args []value, kw kwargs) (value, error) {
	items, err := e.items(args[0])
	if err != nil {
		return jinja.Undefined(), err
	}
	sep, err := e.toString(arg(args, kw, 1, "d"))
	if err != nil {
		return jinja.Undefined(), err
	}
	path := arg(args, kw, 2, "attribute")
	var b strings.Builder
	for i, x := range items {
		if x, err = e.path(x, path); err != nil {
			return jinja.Undefined(), err
		}
		s, err := e.toString(x)
		if err == nil {
			err = e.pay(len(s) + len(sep))
		}
		if err != nil {
			return jinja.Undefined(), err
		}
		if i > 0 {
			b.WriteString(sep)
		}
		b.WriteString(s)
	}
	return jinja.NewString(b.String()), nil
}

// path follows a dotted attribute; no path is the value itself.
func (e *env) path(v, path value) (value, error) {
	if path.IsUndefined() || path.IsNone() {
		return v, nil
	}
	s, err := e.toString(path)
	if err != nil {
		return v, err
	}
	for _, name := range strings.Split(s, ".") {
		key := jinja.NewString(name)
		if n, err := strconv.ParseInt(name, 10, 64); err == nil && v.IsList() {
			key = jinja.NewInt(n)
		}
		if v, err = e.item([]value{v, key}, nil); err != nil {
			return v, err
		}
	}
	return v, nil
}

func (e *env) listFilter(name string, args []value, kw kwargs) (value, error) {
	items, err := e.items(args[0])
	if err != nil {
		return jinja.Undefined(), err
	}
	if err := e.pay(cellBytes * len(items)); err != nil {
		return jinja.Undefined(), err
	}
	fail := func(err error) (value, error) { return jinja.Undefined(), err }
	switch name {
	case "list":
		return jinja.NewList(slices.Clone(items)), nil
	case "first", "last":
		if len(items) == 0 {
			return jinja.Undefined(), nil
		}
		if name == "first" {
			return items[0], nil
		}
		return items[len(items)-1], nil
	case "reverse":
		out := slices.Clone(items)
		slices.Reverse(out)
		if !args[0].IsString() {
			return jinja.NewList(out), nil
		}
		return e.join([]value{jinja.NewList(out)}, nil)
	case "map":
		return e.mapItems(items, args, kw)
	case "select", "reject", "selectattr", "rejectattr":
		return e.selectItems(name, items, args[1:])
	case "sort", "dictsort", "unique", "min", "max":
		return e.sorted(name, args, items, kw)
	case "sum":
		total := arg(args, kw, 2, "start")
		if total.IsUndefined() {
			total = jinja.NewInt(0)
		}
		for _, x := range items {
			if x, err = e.path(x, arg(args, kw, 1, "attribute")); err != nil {
				return fail(err)
			}
			if total, err = e.arith('+')([]value{total, x}, nil); err != nil {
				return fail(err)
			}
		}
		return total, nil
	case "batch":
		n := arg(args, kw, 1, "linecount")
		if !n.IsInt() || n.AsInt() < 1 || !arg(args, kw, 2, "fill_with").IsUndefined() {
			return fail(fmt.Errorf("%w: batch with these arguments", ErrUnsupported))
		}
		var out []value
		for chunk := range slices.Chunk(items, int(min(n.AsInt(), maxBytes))) {
			out = append(out, jinja.NewList(slices.Clone(chunk)))
		}
		return jinja.NewList(out), e.pay(2 * cellBytes * len(out))
	}
	return fail(fmt.Errorf("%w: filter %.40q", ErrUnsupported, name))
}

func (e *env) mapItems(items []value, args []value, kw kwargs) (value, error) {
	out := make([]value, len(items))
	path, byAttr := kw["attribute"]
	for i, x := range items {
		var err error
		switch {
		case byAttr:
			if x, err = e.path(x, path); err == nil && x.IsUndefined() {
				x = arg(nil, kw, 0, "default")
			}
		case len(args) > 1 && args[1].IsString() && knownFilters[args[1].AsString()]:
			x, err = e.apply(args[1].AsString(), append([]value{x}, args[2:]...), kw)
		default:
			err = fmt.Errorf("%w: map with these arguments", ErrUnsupported)
		}
		if err == nil {
			err = e.pay(0)
		}
		if err != nil {
			return jinja.Undefined(), err
		}
		out[i] = x
	}
	return jinja.NewList(out), nil
}

func (e *env) selectItems(name string, items, args []value) (value, error) {
	var path value
	if strings.HasSuffix(name, "attr") {
		if len(args) == 0 {
			return path, typeError("%s needs an attribute", name)
		}
		path, args = args[0], args[1:]
	}
	var out []value
	for _, x := range items {
		v, err := e.path(x, path)
		if err != nil {
			return jinja.Undefined(), err
		}
		ok := v.IsTruthy()
		if len(args) > 0 {
			if !args[0].IsString() || !knownTests[args[0].AsString()] {
				return jinja.Undefined(), fmt.Errorf("%w: %s with this test", ErrUnsupported, name)
			}
			if ok, err = e.tests(args[0].AsString(), v, args[1:]); err != nil {
				return jinja.Undefined(), err
			}
		}
		if err := e.pay(0); err != nil {
			return jinja.Undefined(), err
		}
		if ok == strings.HasPrefix(name, "select") {
			out = append(out, x)
		}
	}
	return jinja.NewList(out), nil
}

// sorted serves the filters that order values: strings without regard to case, as Jinja does unless
// told otherwise.
func (e *env) sorted(name string, args, items []value, kw kwargs) (value, error) {
	if len(args) > 1 {
		return jinja.Undefined(), fmt.Errorf("%w: %s with positional arguments", ErrUnsupported, name)
	}
	if by := kw["by"]; name == "dictsort" && by.IsString() && by.AsString() != "key" {
		return jinja.Undefined(), fmt.Errorf("%w: dictsort by value", ErrUnsupported)
	}
	type keyed struct{ key, item value }
	all := make([]keyed, len(items))
	for i, x := range items {
		k, err := e.path(x, arg(nil, kw, 0, "attribute"))
		if err != nil {
			return jinja.Undefined(), err
		}
		if k.IsString() && !kw["case_sensitive"].IsTruthy() {
			if k, err = e.text(strings.ToLower(k.AsString())); err != nil {
				return jinja.Undefined(), err
			}
		}
		all[i] = keyed{k, x}
	}
	if name == "unique" {
		var out []value
		for i := range all {
			seen := false
			for j := 0; j < i && !seen; j++ {
				var err error
				if seen, err = e.equal(all[i].key, all[j].key, 0); err != nil {
					return jinja.Undefined(), err
				}
			}
			if !seen {
				out = append(out, all[i].item)
			}
		}
		return jinja.NewList(out), nil
	}
	var failed error
	slices.SortStableFunc(all, func(a, b keyed) int {
		c, err := e.order(a.key, b.key)
		if err == nil {
			err = e.pay(0)
		}
		if err != nil {
			failed = err
		}
		if kw["reverse"].IsTruthy() {
			return -c
		}
		return c
	})
	if failed != nil {
		return jinja.Undefined(), failed
	}
	out := make([]value, len(all))
	for i, x := range all {
		out[i] = x.item
		if name == "dictsort" {
			v, err := e.item([]value{args[0], x.item}, nil)
			if err != nil {
				return v, err
			}
			out[i] = jinja.NewList([]value{x.item, v})
		}
	}
	switch {
	case name != "min" && name != "max":
		return jinja.NewList(out), e.pay(2 * cellBytes * len(out))
	case len(out) == 0:
		return jinja.Undefined(), nil
	case name == "min":
		return out[0], nil
	}
	last := len(all) - 1 // the first of those that are largest
	for last > 0 {
		if c, _ := e.order(all[last-1].key, all[last].key); c != 0 {
			break
		}
		last--
	}
	return out[last], nil
}

func convert(name string, v, missing value) (value, error) {
	_, f, isFloat, ok := number(v)
	if v.IsString() {
		s := strings.ReplaceAll(trimSpace(v.AsString()), "_", "")
		if n, err := strconv.ParseInt(s, 10, 64); err == nil && name == "int" {
			return jinja.NewInt(n), nil
		}
		var err error
		f, err = strconv.ParseFloat(s, 64)
		isFloat, ok = true, err == nil
	}
	switch {
	case !ok && !missing.IsUndefined():
		return missing, nil
	case !ok && name == "int":
		return jinja.NewInt(0), nil
	case !ok || name == "float":
		return jinja.NewFloat(f), nil
	case !isFloat:
		i, _, _, _ := number(v)
		return jinja.NewInt(i), nil
	case math.Abs(f) < 1<<62:
		return jinja.NewInt(int64(f)), nil
	}
	return v, fmt.Errorf("%w: integer out of range", ErrLimit)
}

func round(name string, v, precision, method value) (value, error) {
	i, f, isFloat, ok := number(v)
	if !ok {
		return v, typeError("%s of %s", name, typeName(v))
	}
	if name == "abs" {
		if isFloat {
			return jinja.NewFloat(math.Abs(f)), nil
		}
		return jinja.NewInt(max(i, -i)), nil
	}
	digits := int64(0)
	if precision.IsInt() {
		digits = precision.AsInt()
	}
	if digits < 0 || digits > 15 {
		return v, fmt.Errorf("%w: round to %d digits", ErrUnsupported, digits)
	}
	how := "common"
	if method.IsString() {
		how = method.AsString()
	}
	switch scale := math.Pow(10, float64(digits)); how {
	case "common": // exact decimal rounding, half to even, as Python's round
		if !isFloat {
			return v, nil
		}
		f, _ = strconv.ParseFloat(strconv.FormatFloat(f, 'f', int(digits), 64), 64)
	case "ceil":
		f = math.Ceil(f*scale) / scale
	case "floor":
		f = math.Floor(f*scale) / scale
	default:
		return v, typeError("round: method %.20q", how)
	}
	return jinja.NewFloat(f), nil
}
