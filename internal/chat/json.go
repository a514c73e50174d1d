package chat

// JSON as the known templates print it: Python's json.dumps, with keys in the order given.

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// node is a JSON value with its object keys in the order given. Numbers keep their text.
type node struct {
	kind  byte // 'n' null, 't' true, 'f' false, '0' number, 's' string, '[' list, '{' object
	text  string
	keys  []string
	items []node
}

const maxJSONDepth = 100

// parseJSON decodes one JSON value. A key given twice keeps its first place and its last value, as
// in Python.
func parseJSON(raw []byte) (node, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	v, err := decodeNode(d, 0)
	if err != nil {
		return node{}, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return node{}, errors.New("data after the value")
	}
	return v, nil
}

func decodeNode(d *json.Decoder, depth int) (node, error) {
	if depth > maxJSONDepth {
		return node{}, fmt.Errorf("deeper than %d levels", maxJSONDepth)
	}
	tok, err := d.Token()
	if err != nil {
		return node{}, err
	}
	switch t := tok.(type) {
	case nil:
		return node{kind: 'n'}, nil
	case bool:
		if t {
			return node{kind: 't'}, nil
		}
		return node{kind: 'f'}, nil
	case json.Number:
		return node{kind: '0', text: t.String()}, nil
	case string:
		return node{kind: 's', text: t}, nil
	case json.Delim:
		v := node{kind: byte(t)}
		var at map[string]int
		if t == '{' {
			at = make(map[string]int)
		}
		for d.More() {
			key := ""
			if t == '{' {
				k, err := d.Token()
				if err != nil {
					return node{}, err
				}
				key, _ = k.(string) // the decoder lets only strings stand here
			}
			x, err := decodeNode(d, depth+1)
			if err != nil {
				return node{}, err
			}
			if i, dup := at[key]; t == '{' && dup {
				v.items[i] = x
				continue
			}
			if t == '{' {
				at[key] = len(v.items)
				v.keys = append(v.keys, key)
			}
			v.items = append(v.items, x)
		}
		_, err := d.Token()
		return v, err
	}
	return node{}, fmt.Errorf("unexpected token %v", tok)
}

// dumps writes the value as Python's json.dumps(ensure_ascii=False) does.
func (v *node) dumps(b *strings.Builder) {
	switch v.kind {
	case 'n':
		b.WriteString("null")
	case 't':
		b.WriteString("true")
	case 'f':
		b.WriteString("false")
	case '0':
		b.WriteString(numberText(v.text, "Infinity"))
	case 's':
		quoteJSON(b, v.text)
	case '[':
		b.WriteByte('[')
		for i := range v.items {
			if i > 0 {
				b.WriteString(", ")
			}
			v.items[i].dumps(b)
		}
		b.WriteByte(']')
	case '{':
		b.WriteByte('{')
		for i := range v.items {
			if i > 0 {
				b.WriteString(", ")
			}
			quoteJSON(b, v.keys[i])
			b.WriteString(": ")
			v.items[i].dumps(b)
		}
		b.WriteByte('}')
	}
}

// str is Python's str() of a value that is neither list nor object.
func (v *node) str() string {
	switch v.kind {
	case 'n':
		return "None"
	case 't':
		return "True"
	case 'f':
		return "False"
	case '0':
		return numberText(v.text, "inf")
	}
	return v.text
}

// numberText is what Python prints after reading the JSON number: integers digit for digit, floats
// by repr.
func numberText(s, inf string) string {
	if !strings.ContainsAny(s, ".eE") {
		if s == "-0" {
			return "0"
		}
		return s
	}
	f, _ := strconv.ParseFloat(s, 64) // out of range gives ±Inf, which Python reads too
	return floatRepr(f, inf)
}

// floatRepr is Python's repr of a float: shortest digits, an exponent below 1e-4 and from 1e16.
func floatRepr(f float64, inf string) string {
	switch {
	case math.IsInf(f, 1):
		return inf
	case math.IsInf(f, -1):
		return "-" + inf
	case math.IsNaN(f):
		if inf == "inf" {
			return "nan"
		}
		return "NaN"
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

func quoteJSON(b *strings.Builder, s string) {
	const hex = "0123456789abcdef"
	b.WriteByte('"')
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b.WriteString(s[from:i])
		from = i + 1
		b.WriteByte('\\')
		switch c {
		case '"', '\\':
			b.WriteByte(c)
		case '\n':
			b.WriteByte('n')
		case '\r':
			b.WriteByte('r')
		case '\t':
			b.WriteByte('t')
		case '\b':
			b.WriteByte('b')
		case '\f':
			b.WriteByte('f')
		default:
			b.WriteString("u00")
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	b.WriteString(s[from:])
	b.WriteByte('"')
}
