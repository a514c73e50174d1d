package chat

// Statements of a template, rewritten one by one: conditions, loops with Jinja's scopes,
// assignments, macros without recursion.

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// rewriter turns a scanned template into the guarded one. Text becomes printed literals, so that
// white space is settled here and the engine sees tags only.
type rewriter struct {
	out    []byte
	segs   []segment
	macros map[string]bool
	edges  map[string]map[string]bool // macro -> macros it calls
	seen   looks
	topSet map[string]bool // names set outside of blocks
	stack  []block
	budget int
	saved  int
}

// block is an open statement.
type block struct {
	end    string // the tag that closes it
	macro  string // the macro it belongs to
	head   int    // where in the output the loop's or macro's weight is filled in
	weight int    // bytes of text printed by one pass
	elseOK bool
	set    map[string]bool // names that hold in it: of a loop, of parameters, set in it
}

const maxBlockDepth = 64

// rewrite guards a template and notes what it looks at.
func rewrite(src string) (guarded string, seen *looks, err error) {
	segs, err := scan(src)
	if err != nil {
		return "", nil, failf(ErrTemplate, "template", "%v", err)
	}
	w := &rewriter{
		segs: segs, macros: map[string]bool{}, edges: map[string]map[string]bool{},
		seen:   looks{map[string]bool{}, map[string]bool{}, map[string]bool{}},
		topSet: map[string]bool{}, budget: maxOperators,
	}
	for _, s := range segs {
		if f := strings.Fields(s.text); s.kind == '%' && len(f) > 1 && f[0] == "macro" {
			name, _, _ := strings.Cut(f[1], "(")
			w.macros[name] = true
		}
	}
	for i := range segs {
		if err := w.segment(i); err != nil {
			return "", nil, fmt.Errorf("chat: template: line %d: %w", segs[i].line, asTemplateError(err))
		}
	}
	if len(w.stack) > 0 {
		return "", nil, failf(ErrTemplate, "template", "%s is missing", w.stack[len(w.stack)-1].end)
	}
	if name := w.cycle(); name != "" {
		return "", nil, failf(ErrUnsupported, "template", "macro %s calls itself", name)
	}
	return string(w.out), &w.seen, nil
}

func (w *rewriter) parser(toks []token) *exprs {
	calls := map[string]bool{}
	for _, b := range w.stack {
		if b.macro != "" {
			if w.edges[b.macro] == nil {
				w.edges[b.macro] = map[string]bool{}
			}
			calls = w.edges[b.macro]
		}
	}
	return &exprs{
		toks: toks, macros: w.macros, calls: calls, seen: &w.seen, bound: w.bound,
		budget: &w.budget,
	}
}

// bound reports whether a name is one of the engine's functions, or surely set where the template
// has come to. What one branch of a condition sets, another may not.
func (w *rewriter) bound(name string) bool {
	holds := func(b block) bool { return b.set[name] }
	return functionNames[name] || w.topSet[name] || slices.ContainsFunc(w.stack, holds)
}

var functionNames = map[string]bool{
	"range": true, "raise_exception": true, "strftime_now": true, "joiner": true, "cycler": true,
	"namespace": true, "dict": true, "loop": true,
}

// bind notes that the innermost block has set names.
func (w *rewriter) bind(names ...string) {
	set := w.topSet
	if n := len(w.stack) - 1; n >= 0 {
		if w.stack[n].set == nil {
			w.stack[n].set = map[string]bool{}
		}
		set = w.stack[n].set
	}
	for _, name := range names {
		set[name] = true
	}
}

func (w *rewriter) segment(i int) error {
	s := w.segs[i]
	if s.kind == 't' {
		for j := range w.stack {
			w.stack[j].weight += len(s.text)
		}
		w.write("{{ " + quote(s.text) + " }}")
		return nil
	}
	toks, err := tokenize(s.text)
	if err != nil {
		return err
	}
	p := w.parser(toks)
	if s.kind == '{' {
		e, err := p.expression()
		if err != nil {
			return err
		}
		w.write("{{ " + call("out", e) + " }}")
		return p.end()
	}
	keyword, err := p.name()
	if err != nil {
		return err
	}
	if err := w.statement(i, keyword, p); err != nil {
		return err
	}
	return p.end()
}

func (p *exprs) end() error {
	if t := p.peek(); t.kind != 0 {
		return fmt.Errorf("unexpected %.20q", t.text)
	}
	return nil
}

func (w *rewriter) statement(i int, keyword string, p *exprs) error {
	switch keyword {
	case "if", "elif":
		e, err := p.expression()
		if err != nil {
			return err
		}
		if keyword == "if" {
			w.write("{% if " + e + " %}")
			return w.push(block{end: "endif", elseOK: true})
		}
		if n := len(w.stack) - 1; n < 0 || w.stack[n].end != "endif" || !w.stack[n].elseOK {
			return fmt.Errorf("elif without if")
		}
		w.stack[len(w.stack)-1].set = nil
		w.write("{% elif " + e + " %}")
	case "else":
		n := len(w.stack) - 1
		if n < 0 || !w.stack[n].elseOK {
			return fmt.Errorf("else without if or for")
		}
		w.stack[n].elseOK, w.stack[n].set = false, nil
		w.write("{% else %}")
	case "for":
		return w.loop(i, p)
	case "set":
		return w.set(p)
	case "macro":
		return w.macro(p)
	case "break", "continue":
		if !slices.ContainsFunc(w.stack, func(b block) bool { return b.end == "endfor" }) {
			return fmt.Errorf("%s outside a loop", keyword)
		}
		w.write("{% " + keyword + " %}")
	case "generation": // marks the model's own text for training; prints its body
		return w.push(block{end: "endgeneration"})
	case "endif", "endfor", "endset", "endmacro", "endgeneration":
		n := len(w.stack) - 1
		if n < 0 || w.stack[n].end != keyword {
			return fmt.Errorf("unexpected %s", keyword)
		}
		b := w.stack[n]
		w.stack = w.stack[:n]
		if b.head > 0 {
			copy(w.out[b.head:], fmt.Sprintf("%010d", b.weight))
		}
		if keyword != "endgeneration" {
			w.write("{% " + keyword + " %}")
		}
		if keyword == "endmacro" && p.peek().kind == 'n' {
			p.pos++
		}
	default:
		return fmt.Errorf("%w: statement %.40q", ErrUnsupported, keyword)
	}
	return nil
}

func (w *rewriter) write(s string) { w.out = append(w.out, s...) }

func (w *rewriter) push(b block) error {
	if len(w.stack) >= maxBlockDepth {
		return fmt.Errorf("%w: statements nested deeper than %d", ErrLimit, maxBlockDepth)
	}
	if b.macro == "" && len(w.stack) > 0 {
		b.macro = w.stack[len(w.stack)-1].macro
	}
	w.stack = append(w.stack, b)
	return nil
}

// loop writes {% for … %}. In Jinja what a pass sets is gone in the next one; the engine keeps it,
// so each pass begins by giving the names its body sets their outer values back.
func (w *rewriter) loop(i int, p *exprs) error {
	paren := p.op("(")
	var vars []string
	for len(vars) == 0 || p.op(",") {
		n, err := p.name()
		if err != nil {
			return err
		}
		if w.macros[n] {
			return fmt.Errorf("%w: %s is a macro too", ErrUnsupported, n)
		}
		vars = append(vars, n)
	}
	if paren {
		if err := p.expect(")"); err != nil {
			return err
		}
	}
	if len(vars) > 2 {
		return fmt.Errorf("%w: loop over more than two names", ErrUnsupported)
	}
	if !p.word("in") {
		return fmt.Errorf("for without in")
	}
	iter, err := p.or()
	if err != nil {
		return err
	}
	cond := ""
	if p.word("if") {
		if len(vars) > 1 {
			return fmt.Errorf("%w: filtered loop over two names", ErrUnsupported)
		}
		p.bound = func(name string) bool { return name == vars[0] || w.bound(name) }
		c, err := p.expression()
		if err != nil {
			return err
		}
		cond = " if " + c
	}
	if p.is('n', "recursive") {
		return fmt.Errorf("%w: recursive loop", ErrUnsupported)
	}
	var resets strings.Builder
	for _, n := range w.assigned(i) {
		if slices.Contains(vars, n) {
			continue
		}
		w.saved++
		outer := fmt.Sprintf("%so%d", reserved, w.saved)
		w.write("{% set " + outer + " = " + n + " %}")
		resets.WriteString("{% set " + n + " = " + outer + " %}")
	}
	w.write("{% for " + strings.Join(vars, ", ") + " in qv_iter(" + iter + fmt.Sprintf(", %d, ", len(vars)))
	head := len(w.out)
	w.write("0000000000)" + cond + " %}" + resets.String())
	if err := w.push(block{end: "endfor", head: head, elseOK: true}); err != nil {
		return err
	}
	w.bind(vars...)
	return nil
}

// assigned lists the names set in the body of the loop at segment i, inner loops and macros left
// out.
func (w *rewriter) assigned(i int) []string {
	names := map[string]bool{}
	for depth := 0; i+1 < len(w.segs); {
		i++
		f := strings.Fields(w.segs[i].text)
		if w.segs[i].kind != '%' || len(f) == 0 {
			continue
		}
		switch f[0] {
		case "for", "macro":
			depth++
		case "endfor", "endmacro":
			if depth--; depth < 0 {
				return slices.Sorted(maps.Keys(names))
			}
		case "set":
			if toks, err := tokenize(w.segs[i].text); err == nil && depth == 0 && len(toks) > 1 &&
				toks[1].kind == 'n' && (len(toks) == 2 || toks[2] == token{'o', "="}) {
				names[toks[1].text] = true
			}
		}
	}
	return nil
}

func (w *rewriter) set(p *exprs) error {
	name, err := p.name()
	if err != nil {
		return err
	}
	if w.macros[name] || name == "loop" {
		return fmt.Errorf("%w: %s is set anew", ErrUnsupported, name)
	}
	attr := ""
	if p.op(".") {
		if attr, err = p.name(); err != nil {
			return err
		}
	}
	if p.is('o', ",") {
		return fmt.Errorf("%w: set of several names", ErrUnsupported)
	}
	if !p.op("=") {
		if attr != "" {
			return fmt.Errorf("%w: block set of an attribute", ErrUnsupported)
		}
		w.write("{% set " + name + " %}")
		w.bind(name)
		return w.push(block{end: "endset"})
	}
	e, err := p.expression()
	if err != nil {
		return err
	}
	if attr != "" {
		w.write("{% set " + name + "." + attr + " = " + call("store", name, e) + " %}")
		return nil
	}
	w.write("{% set " + name + " = " + e + " %}")
	w.bind(name)
	return nil
}

// macro writes {% macro … %}. Defaults are literals: the engine cuts the parameter list at every
// comma.
func (w *rewriter) macro(p *exprs) error {
	name, err := p.name()
	if err != nil {
		return err
	}
	if err := p.expect("("); err != nil {
		return err
	}
	var params, bound []string
	for !p.op(")") {
		if len(params) > 0 {
			if err := p.expect(","); err != nil {
				return err
			}
		}
		n, err := p.name()
		if err != nil {
			return err
		}
		if w.macros[n] {
			return fmt.Errorf("%w: %s is a macro too", ErrUnsupported, n)
		}
		bound = append(bound, n)
		if p.op("=") {
			v, err := p.primary()
			if err != nil {
				return err
			}
			if strings.ContainsAny(v, ",()=") || !p.is('o', ",") && !p.is('o', ")") {
				return fmt.Errorf("%w: default of parameter %s", ErrUnsupported, n)
			}
			n += "=" + v
		}
		params = append(params, n)
	}
	w.write("{% macro " + name + "(" + strings.Join(params, ", ") + ") %}{{ qv_pass(")
	head := len(w.out)
	w.write("0000000000) }}")
	if err := w.push(block{end: "endmacro", macro: name, head: head}); err != nil {
		return err
	}
	w.bind(bound...)
	return nil
}

// cycle finds a macro that can reach itself.
func (w *rewriter) cycle() string {
	state := map[string]int{}
	var visit func(string) bool
	visit = func(n string) bool {
		switch state[n] {
		case 1:
			return true
		case 2:
			return false
		}
		state[n] = 1
		for m := range w.edges[n] {
			if visit(m) {
				return true
			}
		}
		state[n] = 2
		return false
	}
	for _, n := range sortedKeys(w.macros) {
		if visit(n) {
			return n
		}
	}
	return ""
}
