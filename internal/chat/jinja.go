package chat

// A template that is not known, run by a Jinja engine in guarded form: jinja_scan.go cuts it into
// text and tags, jinja_stmt.go and jinja_expr.go rewrite them, jinja_env.go has the functions that
// the rewritten template calls. Here are compiling and rendering, and the shield that keeps special
// tokens in text from outside apart.

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ardanlabs/jinja"
)

// jinjaTemplate is a template run by the Jinja engine. The engine has no bounds of its own (a macro
// that calls itself ends the process), so what it runs is not the template but its guarded form;
// see rewrite and env.
type jinjaTemplate struct {
	engine   *jinja.Template
	names    map[string]bool // what the template looks at
	specials []string        // longest first
	tokens   map[string]string
	source   string
}

func newJinja(source string, o Options) (Template, error) {
	guarded, names, err := rewrite(source)
	if err != nil {
		return nil, err
	}
	engine, err := compile(guarded)
	if err != nil {
		return nil, failf(ErrTemplate, "template", "%v", err)
	}
	t := &jinjaTemplate{engine: engine, names: names, source: source, tokens: o.Tokens}
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
	if err := t.supports(&req); err != nil {
		return nil, err
	}
	runes := newPrivateRunes(&req)
	runes.avoid(t.source)
	for _, s := range t.tokens {
		runes.avoid(s)
	}
	if err := avoidVars(runes, req.Vars, 0); err != nil {
		return nil, err
	}
	cut, err := req.markEnd(runes)
	if err != nil {
		return nil, err
	}
	shield := newShield(t.specials, runes)
	data, size, err := t.data(&req, shield)
	if err != nil {
		return nil, err
	}
	e := &env{steps: maxSteps, bytes: maxBytes + 64*size}
	for name, fn := range e.functions() {
		data[name] = fn
	}
	text, err := t.run(data)
	if err != nil {
		return nil, fmt.Errorf("chat: template: %w", asTemplateError(err))
	}
	if len(text) > maxOutput {
		return nil, failf(ErrLimit, "template", "prints %d bytes, at most %d", len(text), maxOutput)
	}
	return cut(shield.restore(text))
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
	if len(r.Tools) > 0 && !t.names["tools"] {
		return failf(ErrUnsupported, "tools", "the template ignores them")
	}
	for i, m := range r.Messages {
		if len(m.ToolCalls) > 0 && !t.names["tool_calls"] {
			return failf(ErrUnsupported, fmt.Sprintf("messages[%d].tool_calls", i), "the template ignores them")
		}
		for j, p := range m.Content {
			if p.Kind != Text && !t.names[p.Kind.String()] {
				return failf(ErrUnsupported, fmt.Sprintf("messages[%d].content[%d]", i, j), "the template ignores %s parts", p.Kind)
			}
		}
	}
	return nil
}

// shield keeps text from outside apart: each special-token spelling in it, and each piece at its
// ends that could complete one with what stands next to it, is replaced by one private-use
// character before the template runs, and put back as untrusted text afterwards.
type shield struct {
	specials []string
	runes    *privateRunes
	byText   map[string]rune
	byRune   map[rune]string
	err      error
}

func newShield(specials []string, runes *privateRunes) *shield {
	return &shield{specials: specials, runes: runes, byText: make(map[string]rune), byRune: make(map[rune]string)}
}

func (s *shield) hide(text string) string {
	c, ok := s.byText[text]
	if !ok {
		var err error
		if c, err = s.runes.next(); err != nil {
			s.err = err
			return text
		}
		s.byText[text], s.byRune[c] = c, text
	}
	return string(c)
}

func (s *shield) protect(text string) string {
	if len(s.specials) == 0 || text == "" {
		return text
	}
	var first [256]bool
	for _, sp := range s.specials {
		first[sp[0]] = true
	}
	var b strings.Builder
	from := 0
scan:
	for i := 0; i < len(text); {
		if first[text[i]] {
			for _, sp := range s.specials {
				if strings.HasPrefix(text[i:], sp) {
					b.WriteString(text[from:i])
					b.WriteString(s.hide(sp))
					i += len(sp)
					from = i
					continue scan
				}
			}
		}
		i++
	}
	b.WriteString(text[from:])
	return s.ends(b.String())
}

// ends hides the longest start of a special at the text's end, and the longest end of one at its
// start. White space around is looked through, since templates trim it.
func (s *shield) ends(text string) string {
	core := trimSpace(text)
	at := strings.Index(text, core)
	head, tail := 0, 0
	for _, sp := range s.specials {
		for n := min(len(sp)-1, len(core)); n > tail; n-- {
			if strings.HasSuffix(core, sp[:n]) {
				tail = n
			}
		}
		for n := min(len(sp)-1, len(core)); n > head; n-- {
			if strings.HasPrefix(core, sp[len(sp)-n:]) {
				head = n
			}
		}
	}
	if head+tail >= len(core) && head+tail > 0 {
		return text[:at] + s.hide(core) + text[at+len(core):]
	}
	out := text[:at]
	if head > 0 {
		out += s.hide(core[:head])
	}
	out += core[head : len(core)-tail]
	if tail > 0 {
		out += s.hide(core[len(core)-tail:])
	}
	return out + text[at+len(core):]
}

func (s *shield) restore(text string) spans {
	var out spans
	from := 0
	for i, c := range text {
		if c < firstPrivate {
			continue
		}
		if hidden, ok := s.byRune[c]; ok {
			out.write(text[from:i])
			out.insert(hidden)
			from = i + len(string(c))
		}
	}
	out.write(text[from:])
	return out
}
