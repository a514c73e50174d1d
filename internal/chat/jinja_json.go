package chat

// The filter tojson of guarded templates. json.go writes the JSON of the known templates.

import (
	"fmt"
	"strings"

	"github.com/ardanlabs/jinja"
)

// jsonStyle holds the options of tojson.
type jsonStyle struct {
	item, key string
	indent    string
	multiline bool
	sortKeys  bool
}

// tojson writes a value as Python's json.dumps(ensure_ascii=False) does.
func (e *env) tojson(args []value, kw kwargs) (value, error) {
	style := jsonStyle{item: ", ", key: ": "}
	switch n := arg(args[:1], kw, 9, "indent"); {
	case n.IsInt() && n.AsInt() <= 64:
		style.indent, style.multiline = strings.Repeat(" ", int(max(n.AsInt(), 0))), true
		style.item = ","
	case n.IsString() && len(n.AsString()) <= 64:
		style.indent, style.multiline, style.item = n.AsString(), true, ","
	case !n.IsUndefined() && !n.IsNone():
		return jinja.Undefined(), fmt.Errorf("%w: tojson with this indent", ErrUnsupported)
	}
	if s, ok := kw["separators"]; ok && !s.IsNone() {
		if !s.IsList() || s.AsList().Len() != 2 || !s.AsList().Get(0).IsString() || !s.AsList().Get(1).IsString() {
			return jinja.Undefined(), typeError("tojson: separators are two strings")
		}
		style.item, style.key = s.AsList().Get(0).AsString(), s.AsList().Get(1).AsString()
	}
	style.sortKeys = kw["sort_keys"].IsTruthy()
	if kw["ensure_ascii"].IsTruthy() || len(args) > 1 {
		return jinja.Undefined(), fmt.Errorf("%w: tojson with these arguments", ErrUnsupported)
	}
	var b strings.Builder
	if err := e.writeJSON(&b, args[0], &style, 0); err != nil {
		return jinja.Undefined(), err
	}
	return e.text(b.String())
}

func (e *env) writeJSON(b *strings.Builder, v value, s *jsonStyle, depth int) error {
	if depth > maxDepth || b.Len() > e.bytes {
		return errBudget
	}
	if err := e.pay(len(s.item) + len(s.key) + depth*len(s.indent)); err != nil {
		return err
	}
	newline := func(depth int) {
		if s.multiline {
			b.WriteByte('\n')
			for range depth {
				b.WriteString(s.indent)
			}
		}
	}
	switch {
	case v.IsNone():
		b.WriteString("null")
	case v.IsBool():
		fmt.Fprint(b, v.AsBool())
	case v.IsInt():
		fmt.Fprint(b, v.AsInt())
	case v.IsFloat():
		b.WriteString(floatRepr(v.AsFloat(), "Infinity"))
	case v.IsString():
		quoteJSON(b, v.AsString())
	case v.IsList():
		items := v.AsList().Items
		b.WriteByte('[')
		for i, x := range items {
			if i > 0 {
				b.WriteString(s.item)
			}
			newline(depth + 1)
			if err := e.writeJSON(b, x, s, depth+1); err != nil {
				return err
			}
		}
		if len(items) > 0 {
			newline(depth)
		}
		b.WriteByte(']')
	case v.IsDict():
		d := v.AsDict()
		keys := d.Keys
		if s.sortKeys {
			keys = sortedKeys(d.Data)
		}
		b.WriteByte('{')
		for i, k := range keys {
			if i > 0 {
				b.WriteString(s.item)
			}
			newline(depth + 1)
			quoteJSON(b, k)
			b.WriteString(s.key)
			if err := e.writeJSON(b, d.Data[k], s, depth+1); err != nil {
				return err
			}
		}
		if len(keys) > 0 {
			newline(depth)
		}
		b.WriteByte('}')
	default:
		return typeError("tojson of %s", typeName(v))
	}
	return nil
}
