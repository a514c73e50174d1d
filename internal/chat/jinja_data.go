package chat

// The variables of a rendering, from a request: messages, tools and the caller's own, with text
// from outside shielded.

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"github.com/ardanlabs/jinja"
)

// data builds the variables of a rendering: insertion-ordered values, with text from outside
// shielded. size is about how many bytes they hold.
func (t *jinjaTemplate) data(r *Request, s *shield) (map[string]value, int, error) {
	b := &dataBuilder{shield: s}
	data := make(map[string]value)
	for _, k := range sortedKeys(r.Vars) {
		v, err := b.any(r.Vars[k], 0)
		if err != nil {
			return nil, 0, failf(ErrVariable, variableField(k), "%v", err)
		}
		data[k] = v
	}
	for k, v := range t.tokens {
		data[k] = jinja.NewString(v)
	}
	messages := make([]value, len(r.Messages))
	for i := range r.Messages {
		m, err := b.message(&r.Messages[i], i)
		if err != nil {
			return nil, 0, err
		}
		messages[i] = m
	}
	data["messages"] = jinja.NewList(messages)
	data["tools"] = jinja.None()
	if len(r.Tools) > 0 {
		tools := make([]value, len(r.Tools))
		for i, raw := range r.Tools {
			v, err := b.json(raw)
			if err != nil {
				return nil, 0, failf(ErrJSON, toolField(i), "%v", err)
			}
			tools[i] = v
		}
		data["tools"] = jinja.NewList(tools)
	}
	data["add_generation_prompt"] = jinja.NewBool(r.AddGenerationPrompt)
	return data, b.size, s.err
}

type dataBuilder struct {
	shield *shield
	size   int
}

func (b *dataBuilder) text(s string) value {
	b.size += len(s) + cellBytes
	return jinja.NewString(b.shield.protect(s))
}

func object(pairs ...any) value {
	d := jinja.NewDict()
	for i := 0; i < len(pairs); i += 2 {
		d.AsDict().Set(pairs[i].(string), pairs[i+1].(value))
	}
	return d
}

func (b *dataBuilder) message(m *Message, i int) (value, error) {
	out := object("role", jinja.NewString(m.Role))
	set := out.AsDict().Set
	if m.HasStringContent {
		set("content", b.text(m.text()))
	} else {
		parts := make([]value, len(m.Content))
		for j, p := range m.Content {
			typ := jinja.NewString(p.Kind.String())
			if p.Kind == Text {
				parts[j] = object("type", typ, "text", b.text(p.Text))
			} else {
				parts[j] = object("type", typ, p.Kind.String(), b.text(p.Name))
			}
			b.size += 4 * cellBytes
		}
		set("content", jinja.NewList(parts))
	}
	if m.Reasoning != "" {
		set("reasoning_content", b.text(m.Reasoning))
		set("thinking", b.text(m.Reasoning))
	}
	if len(m.ToolCalls) > 0 {
		calls := make([]value, len(m.ToolCalls))
		for j, c := range m.ToolCalls {
			fn := object("name", b.text(c.Name))
			if c.Arguments != nil {
				v, err := b.json(c.Arguments)
				if err != nil {
					return out, failf(ErrJSON, callField(i, j)+".Arguments", "%v", err)
				}
				fn.AsDict().Set("arguments", v)
			}
			calls[j] = object("type", jinja.NewString("function"), "function", fn)
			if c.ID != "" {
				calls[j].AsDict().Set("id", b.text(c.ID))
			}
		}
		set("tool_calls", jinja.NewList(calls))
	}
	if m.ToolCallID != "" {
		set("tool_call_id", b.text(m.ToolCallID))
	}
	if m.Name != "" {
		set("name", b.text(m.Name))
	}
	b.size += 8 * cellBytes
	return out, nil
}

func (b *dataBuilder) json(raw json.RawMessage) (value, error) {
	n, err := parseJSON(raw)
	if err != nil {
		return jinja.Undefined(), err
	}
	return b.node(&n)
}

func (b *dataBuilder) node(n *node) (value, error) {
	b.size += 2 * cellBytes
	switch n.kind {
	case 't', 'f':
		return jinja.NewBool(n.kind == 't'), nil
	case 's':
		return b.text(n.text), nil
	case '0':
		text := numberText(n.text, "inf")
		if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			return jinja.NewInt(i), nil
		}
		f, err := strconv.ParseFloat(n.text, 64)
		if text == n.text && !isFloatText(n.text) || err != nil && !math.IsInf(f, 0) {
			return jinja.Undefined(), fmt.Errorf("integer %.30s needs more than 64 bits", n.text)
		}
		return jinja.NewFloat(f), nil
	case '[':
		items := make([]value, len(n.items))
		for i := range n.items {
			v, err := b.node(&n.items[i])
			if err != nil {
				return v, err
			}
			items[i] = v
		}
		return jinja.NewList(items), nil
	case '{':
		d := jinja.NewDict()
		for i := range n.items {
			v, err := b.node(&n.items[i])
			if err != nil {
				return v, err
			}
			b.size += len(n.keys[i])
			d.AsDict().Set(b.shield.protect(n.keys[i]), v)
		}
		return d, nil
	}
	return jinja.None(), nil
}

func isFloatText(s string) bool {
	for i := range len(s) {
		if s[i] == '.' || s[i]|0x20 == 'e' {
			return true
		}
	}
	return false
}

// any converts a variable of the caller's. Maps have no order in Go: their keys are sorted.
func (b *dataBuilder) any(v any, depth int) (value, error) {
	if depth > maxJSONDepth {
		return jinja.Undefined(), fmt.Errorf("nested deeper than %d", maxJSONDepth)
	}
	switch x := v.(type) {
	case nil:
		return jinja.None(), nil
	case bool:
		return jinja.NewBool(x), nil
	case int:
		return jinja.NewInt(int64(x)), nil
	case int64:
		return jinja.NewInt(x), nil
	case float64:
		return jinja.NewFloat(x), nil
	case string:
		return b.text(x), nil
	case json.Number:
		return b.json(json.RawMessage(x))
	case json.RawMessage:
		return b.json(x)
	case []any:
		items := make([]value, len(x))
		for i := range x {
			item, err := b.any(x[i], depth+1)
			if err != nil {
				return item, err
			}
			items[i] = item
		}
		return jinja.NewList(items), nil
	case map[string]any:
		d := jinja.NewDict()
		for _, k := range sortedKeys(x) {
			item, err := b.any(x[k], depth+1)
			if err != nil {
				return item, err
			}
			d.AsDict().Set(b.shield.protect(k), item)
		}
		return d, nil
	}
	return jinja.Undefined(), fmt.Errorf("unsupported type %T", v)
}

// avoidVars makes the private-use characters differ from those in the variables.
func avoidVars(p *privateRunes, v any, depth int) error {
	if depth > maxJSONDepth {
		return failf(ErrLimit, "Template", "nested deeper than %d", maxJSONDepth)
	}
	switch x := v.(type) {
	case string:
		p.avoid(x)
	case json.RawMessage:
		p.avoidJSON(x)
	case []any:
		for _, y := range x {
			if err := avoidVars(p, y, depth+1); err != nil {
				return err
			}
		}
	case map[string]any:
		for k, y := range x {
			p.avoid(k)
			if err := avoidVars(p, y, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}
