package chat

// Expressions of a template, from operators of low precedence to those of high; jinja_postfix.go
// goes on with what follows a value.

import (
	"fmt"
	"strconv"
	"strings"
)

// exprs parses expressions with Jinja's own precedence and writes them anew for the engine, fully
// parenthesized, with everything that can grow, loop or look inside a value replaced by a call of a
// guarded function (prefix "qv_"). The engine is thereby left with names, literals, calls, truth
// and comparison.
type exprs struct {
	toks   []token
	pos    int
	depth  int
	macros map[string]bool
	calls  map[string]bool // macros called so far
	seen   *looks
	bound  func(name string) bool // whether the template itself has set a variable
	budget *int                   // operators left in the whole template
}

// looks is what a template looks at.
type looks struct {
	names    map[string]bool // variables, keys and literals
	literals map[string]bool // strings, such as names of roles
	free     map[string]bool // variables that it reads where it may not have set them itself
}

const (
	reserved     = "qv_"
	maxExprDepth = 64
	maxOperators = 50_000
)

func (p *exprs) peek() token {
	if p.pos < len(p.toks) {
		return p.toks[p.pos]
	}
	return token{}
}

func (p *exprs) is(kind byte, text string) bool {
	t := p.peek()
	return t.kind == kind && t.text == text
}

func (p *exprs) accept(kind byte, text string) bool {
	if p.is(kind, text) {
		p.pos++
		return true
	}
	return false
}

func (p *exprs) op(text string) bool   { return p.accept('o', text) }
func (p *exprs) word(text string) bool { return p.accept('n', text) }

func (p *exprs) expect(text string) error {
	if !p.op(text) {
		return fmt.Errorf("expected %q, not %.20q", text, p.peek().text)
	}
	return nil
}

func (p *exprs) name() (string, error) {
	t := p.peek()
	if t.kind != 'n' {
		return "", fmt.Errorf("expected a name, not %.20q", t.text)
	}
	p.pos++
	if strings.HasPrefix(t.text, "_") || strings.HasPrefix(t.text, reserved) {
		return "", fmt.Errorf("name %.40q is reserved", t.text)
	}
	return t.text, nil
}

func (p *exprs) enter() error {
	p.depth++
	*p.budget--
	if p.depth > maxExprDepth || *p.budget < 0 {
		return fmt.Errorf("%w: expressions too deep or too many", ErrLimit)
	}
	return nil
}

// expression: a if c else b.
func (p *exprs) expression() (string, error) {
	if err := p.enter(); err != nil {
		return "", err
	}
	defer func() { p.depth-- }()
	a, err := p.or()
	if err != nil || !p.word("if") {
		return a, err
	}
	c, err := p.or()
	if err != nil {
		return "", err
	}
	if !p.word("else") {
		return "(" + a + " if " + c + ")", nil
	}
	b, err := p.expression()
	return "(" + a + " if " + c + " else " + b + ")", err
}

func (p *exprs) or() (string, error)  { return p.chain(p.and, "or") }
func (p *exprs) and() (string, error) { return p.chain(p.not, "and") }

func (p *exprs) chain(next func() (string, error), word string) (string, error) {
	a, err := next()
	n := 0
	for ; err == nil && p.word(word); n++ {
		if n == maxExprDepth {
			return "", fmt.Errorf("%w: too many operands of %q", ErrLimit, word)
		}
		var b string
		b, err = next()
		a = "(" + a + " " + word + " " + b + ")"
	}
	return a, err
}

func (p *exprs) not() (string, error) {
	if err := p.enter(); err != nil {
		return "", err
	}
	defer func() { p.depth-- }()
	if p.word("not") {
		a, err := p.not()
		return "(not " + a + ")", err
	}
	return p.comparison()
}

var comparisons = map[string]string{"==": "eq", "!=": "ne", "<": "lt", ">": "gt", "<=": "le", ">=": "ge"}

func (p *exprs) comparison() (string, error) {
	a, err := p.binary(0)
	if err != nil {
		return "", err
	}
	fn := ""
	switch t := p.peek(); {
	case t.kind == 'o' && comparisons[t.text] != "":
		fn = comparisons[t.text]
		p.pos++
	case p.word("in"):
		fn = "in"
	case p.is('n', "not") && p.pos+1 < len(p.toks) && p.toks[p.pos+1] == token{'n', "in"}:
		p.pos += 2
		fn = "notin"
	default:
		return a, nil
	}
	b, err := p.binary(0)
	if err != nil {
		return "", err
	}
	if t := p.peek(); t.kind == 'o' && comparisons[t.text] != "" || t == (token{'n', "in"}) {
		return "", fmt.Errorf("%w: chained comparison", ErrUnsupported)
	}
	return call(fn, a, b), nil
}

// binary parses the arithmetic levels: + -, then ~, then * / // %, then **.
func (p *exprs) binary(level int) (string, error) {
	levels := []map[string]string{
		{"+": "add", "-": "sub"}, {"~": "cat"}, {"*": "mul", "/": "div", "//": "floordiv", "%": "mod"}, {"**": "pow"},
	}
	if level == len(levels) {
		return p.unary(true)
	}
	a, err := p.binary(level + 1)
	for n := 0; err == nil; n++ {
		t := p.peek()
		fn := levels[level][t.text]
		if t.kind != 'o' || fn == "" {
			break
		}
		if n == 2*maxExprDepth {
			return "", fmt.Errorf("%w: too many operands of %q", ErrLimit, t.text)
		}
		*p.budget--
		p.pos++
		var b string
		b, err = p.binary(level + 1)
		a = call(fn, a, b)
	}
	return a, err
}

func (p *exprs) unary(filters bool) (string, error) {
	if err := p.enter(); err != nil {
		return "", err
	}
	defer func() { p.depth-- }()
	var a string
	var err error
	switch {
	case p.op("-"):
		a, err = p.unary(false)
		a = call("sub", "0", a)
	case p.op("+"):
		a, err = p.unary(false)
	default:
		if a, err = p.primary(); err == nil {
			a, err = p.postfix(a)
		}
	}
	if err == nil && filters {
		a, err = p.filters(a)
	}
	return a, err
}

func (p *exprs) primary() (string, error) {
	t := p.peek()
	switch t.kind {
	case 's':
		text := ""
		for ; p.peek().kind == 's'; p.pos++ { // neighbors are one string
			text += p.peek().text
		}
		p.seen.names[text], p.seen.literals[text] = true, true
		return quote(text), nil
	case 'i':
		p.pos++
		if _, err := strconv.ParseInt(t.text, 10, 64); err != nil {
			return "", fmt.Errorf("integer %.30s is out of range", t.text)
		}
		return t.text, nil
	case 'f':
		p.pos++
		f, err := strconv.ParseFloat(t.text, 64)
		if err != nil {
			return "", fmt.Errorf("number %.30s is out of range", t.text)
		}
		s := strconv.FormatFloat(f, 'f', -1, 64) // the engine wants a point before an exponent
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s, nil
	case 'n':
		return p.variable()
	}
	switch {
	case p.op("("):
		return p.list(")", true)
	case p.op("["):
		return p.list("]", false)
	case p.op("{"):
		return p.dict()
	}
	return "", fmt.Errorf("unexpected %.20q", t.text)
}

func (p *exprs) variable() (string, error) {
	switch t := p.peek().text; t {
	case "true", "True", "false", "False", "none", "None":
		p.pos++
		return strings.ToLower(t), nil
	case "not", "and", "or", "if", "else", "in", "is":
		return "", fmt.Errorf("unexpected %q", t)
	}
	n, err := p.name()
	if err != nil {
		return "", err
	}
	p.seen.names[n] = true
	called := p.is('o', "(")
	if !called && !p.bound(n) {
		p.seen.free[n] = true
	}
	switch {
	case n == "loop" && !p.is('o', "."):
		return "", fmt.Errorf("%w: loop used as a value", ErrUnsupported)
	case p.macros[n] && !called:
		// Were macros values, no look at the source could tell whether they call each other in a
		// circle.
		return "", fmt.Errorf("%w: macro %s used as a value", ErrUnsupported, n)
	case p.macros[n]:
		p.calls[n] = true
		p.pos++
		args, err := p.arguments()
		return call("macro", n, quote(n)) + "(" + args + ")", err
	case called && (n == "namespace" || n == "dict"):
		p.pos++
		pairs, err := p.keywords()
		return "{" + pairs + "}", err
	case called:
		p.pos++
		args, err := p.arguments()
		switch n {
		case "range", "raise_exception", "strftime_now", "joiner", "cycler":
			return reserved + n + "(" + args + ")", err
		}
		return n + "(" + args + ")", err
	}
	return n, nil
}

// list parses items up to the closer; a parenthesized single item is that item.
func (p *exprs) list(closer string, tuple bool) (string, error) {
	var items []string
	comma := false
	for !p.op(closer) {
		if len(items) > 0 {
			if err := p.expect(","); err != nil {
				return "", err
			}
			comma = true
			if p.op(closer) {
				break
			}
		}
		x, err := p.expression()
		if err != nil {
			return "", err
		}
		items = append(items, x)
	}
	if tuple && len(items) == 1 && !comma {
		return items[0], nil
	}
	return "[" + strings.Join(items, ", ") + "]", nil
}

func (p *exprs) dict() (string, error) {
	var pairs []string
	for !p.op("}") {
		if len(pairs) > 0 {
			if err := p.expect(","); err != nil {
				return "", err
			}
			if p.op("}") {
				break
			}
		}
		k, err := p.expression()
		if err != nil {
			return "", err
		}
		if err := p.expect(":"); err != nil {
			return "", err
		}
		v, err := p.expression()
		if err != nil {
			return "", err
		}
		pairs = append(pairs, call("key", k)+": "+v)
	}
	return "{" + strings.Join(pairs, ", ") + "}", nil
}

// keywords parses name=value arguments as the pairs of a dict, which keeps their order.
func (p *exprs) keywords() (string, error) {
	var pairs []string
	for !p.op(")") {
		if len(pairs) > 0 {
			if err := p.expect(","); err != nil {
				return "", err
			}
			if p.op(")") {
				break
			}
		}
		n, err := p.name()
		if err != nil {
			return "", err
		}
		if err := p.expect("="); err != nil {
			return "", err
		}
		v, err := p.expression()
		if err != nil {
			return "", err
		}
		pairs = append(pairs, quote(n)+": "+v)
	}
	return strings.Join(pairs, ", "), nil
}

// arguments parses call arguments after "(".
func (p *exprs) arguments() (string, error) {
	var args []string
	for !p.op(")") {
		if len(args) > 0 {
			if err := p.expect(","); err != nil {
				return "", err
			}
			if p.op(")") {
				break
			}
		}
		key := ""
		if p.peek().kind == 'n' && p.pos+1 < len(p.toks) && p.toks[p.pos+1] == (token{'o', "="}) {
			n, err := p.name()
			if err != nil {
				return "", err
			}
			p.pos++
			key = n + "="
		}
		x, err := p.expression()
		if err != nil {
			return "", err
		}
		args = append(args, key+x)
	}
	return strings.Join(args, ", "), nil
}

// call writes a call of a guarded function.
func call(fn string, args ...string) string {
	return reserved + fn + "(" + strings.Join(args, ", ") + ")"
}
