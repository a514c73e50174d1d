package chat

// What follows a value in an expression: attributes, items, calls, filters and tests. Those that
// are not known are refused when the template is read.

import (
	"fmt"
	"strings"
)

// postfix parses .name, .method(…), [item], [a:b:c] and calls.
func (p *exprs) postfix(a string) (string, error) {
	for n := 0; ; n++ {
		if n == maxExprDepth {
			return "", fmt.Errorf("%w: too many accesses in a row", ErrLimit)
		}
		switch {
		case p.op("."):
			if t := p.peek(); t.kind == 'i' {
				p.pos++
				a = call("item", a, t.text)
				continue
			}
			name, err := p.name()
			if err != nil {
				return "", err
			}
			p.seen.names[name] = true
			if !p.op("(") {
				a = call("attr", a, quote(name))
				continue
			}
			args, err := p.arguments()
			if err != nil {
				return "", err
			}
			if args != "" {
				args = ", " + args
			}
			a = call("method", quote(name), a+args)
		case p.op("["):
			var err error
			if a, err = p.subscript(a); err != nil {
				return "", err
			}
		case p.is('o', "("):
			return "", fmt.Errorf("%w: call of a computed value", ErrUnsupported)
		default:
			return a, nil
		}
	}
}

func (p *exprs) subscript(a string) (string, error) {
	parts := []string{"none", "none", "none"}
	n := 0
	for ; n < 3; n++ {
		if !p.is('o', ":") && !p.is('o', "]") {
			x, err := p.expression()
			if err != nil {
				return "", err
			}
			parts[n] = x
		}
		if !p.op(":") {
			break
		}
	}
	if err := p.expect("]"); err != nil {
		return "", err
	}
	if n == 0 {
		return call("item", a, parts[0]), nil
	}
	return call("slice", a, parts[0], parts[1], parts[2]), nil
}

// filters parses "| filter" and "is test". Each is checked against what is known, so that a
// template that needs more is refused when it is read.
func (p *exprs) filters(a string) (string, error) {
	for n := 0; ; n++ {
		if n == maxExprDepth {
			return "", fmt.Errorf("%w: too many filters in a row", ErrLimit)
		}
		switch {
		case p.op("|"):
			t := p.peek()
			if t.kind != 'n' || !knownFilters[t.text] {
				return "", fmt.Errorf("%w: filter %.40q", ErrUnsupported, t.text)
			}
			p.pos++
			args := ""
			if p.op("(") {
				s, err := p.arguments()
				if err != nil {
					return "", err
				}
				if s != "" {
					args = ", " + s
				}
			}
			a = call("filter", quote(t.text), a+args)
		case p.word("is"):
			not := p.word("not")
			t := p.peek()
			if t.kind != 'n' || !knownTests[t.text] {
				return "", fmt.Errorf("%w: test %.40q", ErrUnsupported, t.text)
			}
			p.pos++
			args := ""
			switch next := p.peek(); {
			case p.op("("):
				s, err := p.arguments()
				if err != nil {
					return "", err
				}
				args = s
			case testTakesArgument[t.text] && next.kind != 0 && next.kind != 'o' || p.is('o', "[") || p.is('o', "{"):
				s, err := p.primary()
				if err == nil {
					s, err = p.postfix(s)
				}
				if err != nil {
					return "", err
				}
				args = s
			}
			if args != "" {
				args = ", " + args
			}
			a = call("test", quote(t.text), a+args)
			if not {
				a = "(not " + a + ")"
			}
		case p.is('o', "("):
			return "", fmt.Errorf("%w: call of a computed value", ErrUnsupported)
		default:
			return a, nil
		}
	}
}

func words(s string) map[string]bool {
	m := make(map[string]bool)
	for _, w := range strings.Fields(s) {
		m[w] = true
	}
	return m
}

var (
	knownFilters = words(`abs batch capitalize count d default dictsort first float indent int items join last
		length list lower map max min reject rejectattr replace reverse round safe select selectattr sort string sum
		title tojson trim unique upper`)
	knownTests = words(`boolean callable defined divisibleby eq equalto even false float ge gt in integer iterable le
		lower lt mapping ne none number odd sameas sequence string true undefined upper`)
	testTakesArgument = words(`divisibleby eq equalto ge gt in le lt ne sameas`)
)
