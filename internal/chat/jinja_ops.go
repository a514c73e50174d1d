package chat

// The operators of guarded templates: arithmetic, comparison, membership, attributes, items and
// slices. They follow Python's rules: what Python refuses is an error here and not a guess.

import (
	"fmt"
	"math"
	"math/bits"
	"strings"
	"unicode/utf8"

	"github.com/ardanlabs/jinja"
)

func (e *env) cat(args []value, _ kwargs) (value, error) {
	a, err := e.toString(args[0])
	if err != nil {
		return jinja.Undefined(), err
	}
	b, err := e.toString(args[1])
	if err != nil {
		return jinja.Undefined(), err
	}
	return e.concat(a, b)
}

func (e *env) concat(a, b string) (value, error) {
	if err := e.pay(len(a) + len(b)); err != nil {
		return jinja.Undefined(), err
	}
	return jinja.NewString(a + b), nil
}

func (e *env) add(args []value, kw kwargs) (value, error) {
	a, b := args[0], args[1]
	switch {
	case a.IsString() && b.IsString():
		return e.concat(a.AsString(), b.AsString())
	case a.IsList() && b.IsList():
		n := a.AsList().Len() + b.AsList().Len()
		if err := e.pay(cellBytes * n); err != nil {
			return jinja.Undefined(), err
		}
		return jinja.NewList(append(append(make([]value, 0, n), a.AsList().Items...), b.AsList().Items...)), nil
	}
	return e.arith('+')(args, kw)
}

func (e *env) mul(args []value, kw kwargs) (value, error) {
	a, b := args[0], args[1]
	if a.IsInt() && (b.IsString() || b.IsList()) {
		a, b = b, a
	}
	if !b.IsInt() || !a.IsString() && !a.IsList() {
		return e.arith('*')(args, kw)
	}
	n := max(b.AsInt(), 0)
	size := 0
	if a.IsString() {
		size = len(a.AsString())
	} else {
		size = cellBytes * a.AsList().Len()
	}
	if size == 0 {
		n = 0
	}
	if n > int64(maxBytes/max(size, 1)) {
		return jinja.Undefined(), errBudget
	}
	if err := e.pay(size * int(n)); err != nil {
		return jinja.Undefined(), err
	}
	if a.IsString() {
		return jinja.NewString(strings.Repeat(a.AsString(), int(n))), nil
	}
	var items []value
	for range n {
		items = append(items, a.AsList().Items...)
	}
	return jinja.NewList(items), nil
}

func (e *env) mod(args []value, kw kwargs) (value, error) {
	if !args[0].IsString() {
		return e.arith('%')(args, kw)
	}
	rest := []value{args[1]}
	if args[1].IsList() {
		rest = args[1].AsList().Items
	}
	format := args[0].AsString()
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		i++
		switch {
		case i < len(format) && format[i] == '%':
			b.WriteByte('%')
		case i < len(format) && (format[i] == 's' || format[i] == 'd') && len(rest) > 0:
			if format[i] == 'd' && !rest[0].IsInt() {
				return jinja.Undefined(), typeError("%%d needs an integer")
			}
			s, err := e.toString(rest[0])
			if err == nil {
				err = e.pay(len(s))
			}
			if err != nil {
				return jinja.Undefined(), err
			}
			b.WriteString(s)
			rest = rest[1:]
		default:
			return jinja.Undefined(), fmt.Errorf("%w: format %.40q", ErrUnsupported, format)
		}
	}
	if len(rest) > 0 {
		return jinja.Undefined(), typeError("not all arguments of a format were used")
	}
	return e.text(b.String())
}

// number reads an integer, boolean or float.
func number(v value) (i int64, f float64, isFloat, ok bool) {
	switch {
	case v.IsInt():
		return v.AsInt(), float64(v.AsInt()), false, true
	case v.IsBool():
		if v.AsBool() {
			return 1, 1, false, true
		}
		return 0, 0, false, true
	case v.IsFloat():
		return 0, v.AsFloat(), true, true
	}
	return 0, 0, false, false
}

func (e *env) arith(op byte) func([]value, kwargs) (value, error) {
	return func(args []value, _ kwargs) (value, error) {
		a, x, fa, oka := number(args[0])
		b, y, fb, okb := number(args[1])
		if !oka || !okb {
			return jinja.Undefined(), typeError("no arithmetic between %s and %s", typeName(args[0]), typeName(args[1]))
		}
		if (op == '/' || op == 'f' || op == '%') && y == 0 {
			return jinja.Undefined(), typeError("division by zero")
		}
		if op != '/' && !fa && !fb && (op != 'p' || b >= 0) {
			n, ok := intArith(op, a, b)
			if !ok {
				return jinja.Undefined(), fmt.Errorf("%w: integer out of range", ErrLimit)
			}
			return jinja.NewInt(n), nil
		}
		switch op {
		case '+':
			x += y
		case '-':
			x -= y
		case '*':
			x *= y
		case '/':
			x /= y
		case 'f':
			x = math.Floor(x / y)
		case '%':
			x -= y * math.Floor(x/y)
		case 'p':
			x = math.Pow(x, y)
		}
		return jinja.NewFloat(x), nil
	}
}

// intArith computes with integers; ok is false where int64 does not hold the result.
func intArith(op byte, a, b int64) (n int64, ok bool) {
	switch op {
	case '+':
		n = a + b
		return n, (n > a) == (b > 0)
	case '-':
		n = a - b
		return n, (n < a) == (b > 0)
	case '*':
		if a == 0 || b == 0 {
			return 0, true
		}
		hi, lo := bits.Mul64(magnitude(a), magnitude(b))
		return a * b, hi == 0 && lo <= math.MaxInt64
	case 'f', '%':
		if a == math.MinInt64 && b == -1 {
			return 0, op == '%'
		}
		q, r := a/b, a%b
		if r != 0 && (r < 0) != (b < 0) {
			q, r = q-1, r+b
		}
		if op == '%' {
			return r, true
		}
		return q, true
	case 'p':
		n, ok = 1, true
		for ; b > 0 && ok; b-- {
			if a == 0 || a == 1 {
				return a, true
			}
			if a == -1 {
				return 1 - 2*(b&1), true
			}
			n, ok = intArith('*', n, a)
		}
		return n, ok
	}
	return 0, false
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

func (e *env) compare(op string) func([]value, kwargs) (value, error) {
	return func(args []value, _ kwargs) (value, error) {
		ok, err := e.holds(op, args[0], args[1])
		return jinja.NewBool(ok), err
	}
}

func (e *env) holds(op string, a, b value) (bool, error) {
	switch op {
	case "eq":
		return e.equal(a, b, 0)
	case "ne":
		ok, err := e.equal(a, b, 0)
		return !ok, err
	case "in":
		return e.contains(b, a)
	case "notin":
		ok, err := e.contains(b, a)
		return !ok, err
	}
	c, err := e.order(a, b)
	if err != nil {
		return false, err
	}
	switch op {
	case "lt":
		return c < 0, nil
	case "gt":
		return c > 0, nil
	case "le":
		return c <= 0, nil
	}
	return c >= 0, nil
}

func (e *env) order(a, b value) (int, error) {
	if a.IsString() && b.IsString() {
		return strings.Compare(a.AsString(), b.AsString()), e.pay(min(len(a.AsString()), len(b.AsString())))
	}
	_, x, _, oka := number(a)
	_, y, _, okb := number(b)
	if !oka || !okb {
		return 0, typeError("no order between %s and %s", typeName(a), typeName(b))
	}
	switch {
	case x < y:
		return -1, nil
	case x > y:
		return 1, nil
	}
	return 0, nil
}

func (e *env) equal(a, b value, depth int) (bool, error) {
	if depth > maxDepth {
		return false, errBudget
	}
	if err := e.pay(0); err != nil {
		return false, err
	}
	if i, x, fa, oka := number(a); oka {
		j, y, fb, okb := number(b)
		if !fa && !fb {
			return okb && i == j, nil
		}
		return okb && x == y, nil
	}
	switch {
	case a.IsString() && b.IsString():
		return a.AsString() == b.AsString(), e.pay(min(len(a.AsString()), len(b.AsString())))
	case a.IsList() && b.IsList():
		x, y := a.AsList().Items, b.AsList().Items
		if len(x) != len(y) {
			return false, nil
		}
		for i := range x {
			if ok, err := e.equal(x[i], y[i], depth+1); !ok || err != nil {
				return false, err
			}
		}
		return true, nil
	case a.IsDict() && b.IsDict():
		x, y := a.AsDict(), b.AsDict()
		if x.Len() != y.Len() {
			return false, nil
		}
		for _, k := range x.Keys {
			other, has := y.Get(k)
			if !has {
				return false, nil
			}
			if ok, err := e.equal(x.Data[k], other, depth+1); !ok || err != nil {
				return false, err
			}
		}
		return true, nil
	}
	return a.IsNone() && b.IsNone() || a.IsUndefined() && b.IsUndefined(), nil
}

func (e *env) contains(box, v value) (bool, error) {
	switch {
	case box.IsUndefined():
		return false, nil
	case box.IsDict():
		return v.IsString() && box.AsDict().Has(v.AsString()), nil
	case box.IsString():
		if !v.IsString() {
			return false, typeError("only a string is in a string, not %s", typeName(v))
		}
		return strings.Contains(box.AsString(), v.AsString()), e.pay(len(box.AsString()))
	case box.IsList():
		for _, x := range box.AsList().Items {
			if ok, err := e.equal(x, v, 0); ok || err != nil {
				return ok, err
			}
		}
		return false, nil
	}
	return false, typeError("nothing is in %s", typeName(box))
}

func (e *env) attr(args []value, _ kwargs) (value, error) {
	obj, name := args[0], args[1].AsString()
	if obj.IsUndefined() {
		return obj, typeError("an undefined value has no attribute %q", name)
	}
	if obj.IsDict() {
		if v, ok := obj.AsDict().Get(name); ok {
			return v, nil
		}
	}
	return jinja.Undefined(), nil
}

func (e *env) item(args []value, kw kwargs) (value, error) {
	obj, key := args[0], args[1]
	switch {
	case obj.IsUndefined():
		return obj, typeError("an undefined value has no items")
	case obj.IsDict():
		k, err := e.toString(key)
		if err != nil {
			return obj, err
		}
		return e.attr([]value{obj, jinja.NewString(k)}, kw)
	case (obj.IsList() || obj.IsString()) && key.IsInt():
		if obj.IsString() {
			items, err := e.items(obj)
			if err != nil {
				return obj, err
			}
			obj = jinja.NewList(items)
		}
		i, n := key.AsInt(), int64(obj.AsList().Len())
		if i < 0 {
			i += n
		}
		if i >= 0 && i < n {
			return obj.AsList().Get(int(i)), nil
		}
	}
	return jinja.Undefined(), nil
}

func (e *env) slice(args []value, _ kwargs) (value, error) {
	obj := args[0]
	if obj.IsString() {
		s := obj.AsString()
		if !utf8.ValidString(s) { // cutting would change bytes that are not text
			return obj, typeError("slice of invalid UTF-8")
		}
	} else if !obj.IsList() {
		return obj, typeError("%s cannot be sliced", typeName(obj))
	}
	items, err := e.items(obj)
	if err != nil {
		return obj, err
	}
	lo, hi, step, err := sliceBounds(args[1:], len(items))
	if err != nil {
		return obj, err
	}
	var out []value
	for i := lo; step > 0 && i < hi || step < 0 && i > hi; i += step {
		out = append(out, items[i])
	}
	if obj.IsList() {
		return e.list(out)
	}
	var b strings.Builder
	for _, x := range out {
		b.WriteString(x.AsString())
	}
	return e.text(b.String())
}

// sliceBounds is Python's slice.indices.
func sliceBounds(args []value, n int) (lo, hi, step int, err error) {
	step = 1
	clamp := func(v value, missing, low, high int) (int, error) {
		if v.IsNone() || v.IsUndefined() {
			return missing, nil
		}
		if !v.IsInt() {
			return 0, typeError("slice bounds are integers, not %s", typeName(v))
		}
		i := v.AsInt()
		if i < 0 {
			i += int64(n)
		}
		return int(min(max(i, int64(low)), int64(high))), nil
	}
	if !args[2].IsNone() {
		if !args[2].IsInt() || args[2].AsInt() == 0 {
			return 0, 0, 0, typeError("a slice's step is an integer other than 0")
		}
		step = int(min(max(args[2].AsInt(), -int64(n)-1), int64(n)+1))
	}
	if step > 0 {
		if lo, err = clamp(args[0], 0, 0, n); err == nil {
			hi, err = clamp(args[1], n, 0, n)
		}
		return lo, hi, step, err
	}
	if lo, err = clamp(args[0], n-1, -1, n-1); err == nil {
		hi, err = clamp(args[1], -1, -1, n-1)
	}
	return lo, hi, step, err
}
