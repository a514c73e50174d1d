package chat

// A template that is not known, run by a Jinja engine in guarded form: jinja_scan.go cuts it into
// text and tags, jinja_stmt.go and jinja_expr.go rewrite them, jinja_env.go has the functions that
// the rewritten template calls, jinja_shield.go keeps text from outside apart, jinja_check.go finds
// what it would pass over in silence. Here are compiling and rendering.

import (
	"errors"
	"fmt"
	"slices"

	"github.com/ardanlabs/jinja"
)

// jinjaTemplate is a template run by the Jinja engine. The engine has no bounds of its own (a macro
// that calls itself ends the process), so what it runs is not the template but its guarded form;
// see rewrite and env.
type jinjaTemplate struct {
	engine   *jinja.Template
	seen     *looks
	vars     []string // that a caller may set, sorted
	specials []string // longest first
	tokens   map[string]string
	source   string
}

func newJinja(source string, o Options) (Template, error) {
	guarded, seen, err := rewrite(source)
	if err != nil {
		return nil, err
	}
	engine, err := compile(guarded)
	if err != nil {
		return nil, failf(ErrTemplate, "template", "%v", err)
	}
	t := &jinjaTemplate{engine: engine, seen: seen, source: source, tokens: o.Tokens}
	for _, name := range sortedKeys(seen.free) {
		if _, token := o.Tokens[name]; !token && !slices.Contains(requestVars, name) {
			t.vars = append(t.vars, name)
		}
	}
	for _, s := range o.Specials {
		if s != "" {
			t.specials = append(t.specials, s)
		}
	}
	slices.SortFunc(t.specials, func(a, b string) int { return len(b) - len(a) })
	return t, nil
}

func compile(source string) (t *jinja.Template, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the engine panicked: %v", r)
		}
	}()
	return jinja.Compile(source)
}

func asTemplateError(err error) error {
	for _, known := range []error{ErrTemplate, ErrUnsupported, ErrLimit, ErrRefused, ErrJSON} {
		if errors.Is(err, known) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", ErrTemplate, err)
}

func (t *jinjaTemplate) Name() string { return "jinja" }

func (t *jinjaTemplate) Render(req Request) ([]Span, error) {
	if err := req.validate(); err != nil {
		return nil, err
	}
	if err := checkVars(req.Vars, t.tokens); err != nil {
		return nil, err
	}
	if err := t.supports(&req); err != nil {
		return nil, err
	}
	runes, err := t.runes(&req)
	if err != nil {
		return nil, err
	}
	cut, err := req.markEnd(runes)
	if err != nil {
		return nil, err
	}
	out, err := t.render(&req, runes)
	if err != nil {
		return nil, err
	}
	return cut(out)
}

// runes are the private-use characters that neither the template nor the request has.
func (t *jinjaTemplate) runes(r *Request) (*privateRunes, error) {
	runes := newPrivateRunes(r)
	runes.avoid(t.source)
	for _, s := range t.tokens {
		runes.avoid(s)
	}
	return runes, avoidVars(runes, r.Vars, 0)
}

func (t *jinjaTemplate) render(r *Request, runes *privateRunes) (spans, error) {
	shield := newShield(t.specials, runes)
	data, size, err := t.data(r, shield)
	if err != nil {
		return nil, err
	}
	e := &env{steps: maxSteps, bytes: maxBytes + 64*size}
	for name, fn := range e.functions() {
		data[name] = fn
	}
	text, err := t.run(data)
	if err != nil {
		return nil, &Error{"Messages", fmt.Errorf("the template: %w", asTemplateError(err))}
	}
	if len(text) > maxOutput {
		return nil, failf(ErrLimit, "Messages", "the template prints %d bytes, at most %d", len(text), maxOutput)
	}
	return shield.restore(text), nil
}

func (t *jinjaTemplate) run(data map[string]value) (text string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the engine panicked: %v", r)
		}
	}()
	return t.engine.RenderValues(data)
}

// supports refuses what the template never looks at and would pass over in silence.
func (t *jinjaTemplate) supports(r *Request) error {
	if len(r.Tools) > 0 && !t.seen.names["tools"] {
		return failf(ErrUnsupported, "Tools", "the template ignores them")
	}
	for i, m := range r.Messages {
		if !slices.Contains(roles, m.Role) && !t.seen.literals[m.Role] {
			return unknownRole(i, m.Role)
		}
		if len(m.ToolCalls) > 0 && !t.seen.names["tool_calls"] {
			return failf(ErrUnsupported, messageField(i)+".ToolCalls", "the template ignores them")
		}
		for j, p := range m.Content {
			if p.Kind != Text && !t.seen.names[p.Kind.String()] {
				return failf(ErrUnsupported, partField(i, j), "the template ignores %s parts", p.Kind)
			}
		}
	}
	return nil
}
