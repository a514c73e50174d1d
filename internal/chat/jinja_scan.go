package chat

// A template's text, cut into tags and what lies between, with Jinja's rules for white space; and
// the tokens inside of a tag.

import (
	"fmt"
	"strings"
)

// segment is a piece of a template: text to print, or the inside of a tag.
type segment struct {
	kind byte // 't' text, '{' expression, '%' statement
	text string
	line int
}

// scan cuts a template into text and tags and applies Jinja's white-space rules with trim_blocks
// and lstrip_blocks on:
//   - "-" at a tag strips all white space on that side; "+" keeps it all;
//   - otherwise a statement or comment alone on its line loses the blanks before it, and the newline after it.
//
// Both work on the text that touches the tag, never beyond another tag.
func scan(src string) ([]segment, error) {
	var out []segment
	line := 1
	lineStart := true // is the next text at the start of a line?
	for len(src) > 0 {
		open := nextTag(src)
		text, rest := src[:open], src[open:]
		if rest == "" {
			out = append(out, segment{'t', text, line})
			break
		}
		kind := rest[1]
		end, body, err := tagEnd(rest, kind)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line+strings.Count(text, "\n"), err)
		}
		keep := text
		switch {
		case strings.HasPrefix(body, "-"):
			body = body[1:]
			keep = strings.TrimRightFunc(text, isSpace)
		case strings.HasPrefix(body, "+"):
			body = body[1:]
		case kind != '{':
			from := strings.LastIndexByte(text, '\n') + 1
			if (from > 0 || lineStart) && trimSpace(text[from:]) == "" {
				keep = text[:from]
			}
		}
		if keep != "" {
			out = append(out, segment{'t', keep, line})
		}
		line += strings.Count(text, "\n")
		after := rest[end:]
		gap := 0
		switch {
		case strings.HasSuffix(body, "-"):
			body = body[:len(body)-1]
			gap = len(after) - len(strings.TrimLeftFunc(after, isSpace))
		case strings.HasSuffix(body, "+") && kind != '{':
			body = body[:len(body)-1]
		case kind != '{' && strings.HasPrefix(after, "\n"):
			gap = 1
		}
		if kind != '#' {
			out = append(out, segment{kind, body, line})
		}
		line += strings.Count(rest[:end+gap], "\n")
		// Jinja's lexer counts a line as begun when the tag and the white space it ate end in a
		// newline.
		lineStart = strings.HasSuffix(rest[:end+gap], "\n")
		src = after[gap:]
	}
	return out, nil
}

// nextTag is the offset of the first tag, or the length of s.
func nextTag(s string) int {
	for i := 0; i+1 < len(s); i++ {
		if s[i] == '{' && (s[i+1] == '{' || s[i+1] == '%' || s[i+1] == '#') {
			return i
		}
	}
	return len(s)
}

// tagEnd finds the end of the tag s starts with and its inside, markers included. Closers within
// string literals and, for expressions, within braces do not count.
func tagEnd(s string, kind byte) (end int, body string, err error) {
	if kind == '#' {
		if i := strings.Index(s[2:], "#}"); i >= 0 {
			return i + 4, s[2 : i+2], nil
		}
		return 0, "", fmt.Errorf("unclosed comment")
	}
	closer := "}}"
	if kind == '%' {
		closer = "%}"
	}
	depth := 0
	for i := 2; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\'' || c == '"':
			j := i + 1
			for j < len(s) && s[j] != c {
				if s[j] == '\\' {
					j++
				}
				j++
			}
			i = j
		case depth == 0 && strings.HasPrefix(s[i:], closer):
			return i + 2, s[2:i], nil
		case c == '{':
			depth++
		case c == '}' && depth > 0:
			depth--
		}
	}
	return 0, "", fmt.Errorf("unclosed tag")
}

// token of an expression: a name, a number, a string (text already unescaped) or an operator.
type token struct {
	kind byte // 'n' name, 'i' integer, 'f' float, 's' string, 'o' operator, 0 end
	text string
}

var operators = []string{"**", "//", "==", "!=", "<=", ">=",
	"+", "-", "*", "/", "%", "~", "<", ">", "=", ",", ".", ":", "|", "(", ")", "[", "]", "{", "}"}

func tokenize(s string) ([]token, error) {
	var out []token
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case c == '\'' || c == '"':
			text, n, err := unquote(s[i:])
			if err != nil {
				return nil, err
			}
			out = append(out, token{'s', text})
			i += n
		case isDigit(c):
			j := i
			for j < len(s) && (isDigit(s[j]) || s[j] == '_') {
				j++
			}
			kind := byte('i')
			if j+1 < len(s) && s[j] == '.' && isDigit(s[j+1]) {
				kind = 'f'
				for j++; j < len(s) && isDigit(s[j]); j++ {
				}
			}
			if j+1 < len(s) && (s[j] == 'e' || s[j] == 'E') && (isDigit(s[j+1]) || j+2 < len(s) && isDigit(s[j+2])) {
				kind = 'f'
				for j += 2; j < len(s) && isDigit(s[j]); j++ {
				}
			}
			out = append(out, token{kind, strings.ReplaceAll(s[i:j], "_", "")})
			i = j
		case isNameByte(c):
			j := i
			for j < len(s) && (isNameByte(s[j]) || isDigit(s[j])) {
				j++
			}
			out = append(out, token{'n', s[i:j]})
			i = j
		default:
			op := ""
			for _, o := range operators {
				if strings.HasPrefix(s[i:], o) {
					op = o
					break
				}
			}
			if op == "" {
				return nil, fmt.Errorf("unexpected character %.8q", s[i:])
			}
			out = append(out, token{'o', op})
			i += len(op)
		}
	}
	return out, nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isNameByte(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }

// unquote reads the string literal s starts with, with Python's escapes, and returns its length in
// s.
func unquote(s string) (string, int, error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		c := s[i]
		if c == s[0] {
			return b.String(), i + 1, nil
		}
		if c != '\\' || i+1 >= len(s) {
			b.WriteByte(c)
			continue
		}
		i++
		switch s[i] {
		case 'n':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		case 'r':
			b.WriteByte('\r')
		case 'b':
			b.WriteByte('\b')
		case 'f':
			b.WriteByte('\f')
		case 'v':
			b.WriteByte('\v')
		case 'a':
			b.WriteByte('\a')
		case '\n': // a line continued
		case '\\', '\'', '"':
			b.WriteByte(s[i])
		case 'x', 'u', 'U':
			n := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[i]]
			if i+n >= len(s) {
				return "", 0, fmt.Errorf("short escape in a string")
			}
			var r rune
			for _, h := range []byte(s[i+1 : i+1+n]) {
				d := strings.IndexByte("0123456789abcdef", h|0x20)
				if isDigit(h) {
					d = int(h - '0')
				}
				if d < 0 || r > 0x10FFFF {
					return "", 0, fmt.Errorf("bad escape in a string")
				}
				r = r<<4 | rune(d)
			}
			b.WriteRune(r)
			i += n
		default:
			if s[i] >= '0' && s[i] <= '7' {
				return "", 0, fmt.Errorf("octal escape in a string")
			}
			b.WriteByte('\\')
			b.WriteByte(s[i])
		}
	}
	return "", 0, fmt.Errorf("unclosed string")
}

// quote writes a string literal the engine reads back byte for byte.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('\'')
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\n':
			b.WriteString(`\n`)
		case '\\', '\'':
			b.WriteByte('\\')
			fallthrough
		default:
			b.WriteByte(s[i])
		}
	}
	b.WriteByte('\'')
	return b.String()
}
