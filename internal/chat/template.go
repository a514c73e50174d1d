package chat

// Templates: the known ones by the hash of their text, each rendered by a file of its own
// (chatml.go, qwen35.go, kimi.go, picturetags.go), any other by jinja.go.

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// Template renders requests. Safe for concurrent use.
//
// Render checks the request, renders it and returns the prompt; joined, the spans are the text the
// reference renders.
// Errors: *[Error] with ErrMessages, ErrVariable, ErrUnsupported (tools, pictures or videos the
// template has no place for), ErrRefused, ErrTemplate, ErrLimit or ErrJSON.
//
// Check refuses what Render, like the reference, passes over in silence: variables that the
// template does not read, and messages that it leaves out. It is for requests that Render takes.
type Template interface {
	Render(Request) ([]Span, error)
	Check(Request) error
	// Name is the name of a known template, "jinja" for any other.
	Name() string
}

// Options of New.
type Options struct {
	// Specials are the spellings of the tokenizer's special tokens. In text from outside they are
	// kept apart from what a foreign template writes. The known templates do not need them.
	Specials []string
	// Tokens are the trusted variables of the checkpoint (bos_token, eos_token, …) for foreign
	// templates.
	Tokens map[string]string
	// Jinja makes a known template go through the Jinja engine as well.
	Jinja bool
}

// MaxSource bounds the size of a template in bytes.
const MaxSource = 256 << 10

// renderer is a known template: how it writes a request, and what it has a place for.
type renderer struct {
	name   string
	render func(*spans, *Request) error
	// tools: tool definitions, calls and results. media: role and kind of each supported part.
	tools bool
	media func(role string, k Kind) bool
	vars  []string // variables that it reads, sorted
}

func anywhere(string, Kind) bool { return true }

// known maps SHA-256 of the normalized template text to its renderer. Qwen2-VL and Qwen2.5-VL
// publish the same text; of Qwen3-VL there are two that differ in the name of a loop variable.
var known = map[string]*renderer{
	"a0bc6f6fc7a29a80017a433e8f03a1cc1236e838a944a2d034295a60c4f2fddb": qwen2VL,
	"9d879ef91075acbfb2df7e441fd79d60bacfca989cf6d511d2af45c681e94f10": qwen3VL,
	"0ffd0068510d325f44ea451a3204ad55dae9b86f5405e18eef8d673f18e88fc3": qwen3VL,
	"a4aee8afcf2e0711942cf848899be66016f8d14a889ff9ede07bca099c28f715": qwen35,
	"8452948e3156f9044ce66eed4ba8ec260fb9f1780e4cb6029dbb1712c6f7d19c": kimiVL,
}

// New reads a template. Errors: ErrTemplate, ErrLimit, ErrUnsupported (a construct outside what is
// run safely).
func New(source string, o Options) (Template, error) {
	if len(source) > MaxSource {
		return nil, failf(ErrLimit, "template", "%d bytes, at most %d", len(source), MaxSource)
	}
	if strings.TrimSpace(source) == "" {
		return nil, failf(ErrTemplate, "template", "empty")
	}
	source = normalize(source)
	sum := sha256.Sum256([]byte(source))
	if r := known[hex.EncodeToString(sum[:])]; r != nil && !o.Jinja {
		return r, nil
	}
	return newJinja(source, o)
}

// normalize does what Jinja does to a source before anything else: all newlines become "\n" and one
// at the very end is dropped. Texts that agree after it render equally.
func normalize(source string) string {
	source = strings.ReplaceAll(source, "\r\n", "\n")
	source = strings.ReplaceAll(source, "\r", "\n")
	return strings.TrimSuffix(source, "\n")
}

func (r *renderer) Name() string { return r.name }

// Check need not look for messages that are left out: render refuses them.
func (r *renderer) Check(req Request) error { return checkKnown(req.Vars, r.vars) }

func (r *renderer) Render(req Request) ([]Span, error) {
	if err := req.validate(); err != nil {
		return nil, err
	}
	if err := checkVars(req.Vars, nil); err != nil {
		return nil, err
	}
	if len(req.Tools) > 0 && !r.tools {
		return nil, failf(ErrUnsupported, "Tools", "template %s ignores them", r.name)
	}
	for i, m := range req.Messages {
		switch {
		case !slices.Contains(roles, m.Role):
			return nil, unknownRole(i, m.Role)
		case m.Role == "tool" && !r.tools:
			return nil, failf(ErrUnsupported, roleField(i), "template %s knows no tools", r.name)
		case len(m.ToolCalls) > 0 && !r.tools:
			const problem = "template %s ignores tool calls"
			return nil, failf(ErrUnsupported, messageField(i)+".ToolCalls", problem, r.name)
		}
		for j, p := range m.Content {
			if p.Kind != Text && !r.media(m.Role, p.Kind) {
				return nil, failf(ErrUnsupported, partField(i, j),
					"template %s ignores %s parts in %s messages", r.name, p.Kind, m.Role)
			}
		}
	}
	cut, err := req.markEnd(newPrivateRunes(&req))
	if err != nil {
		return nil, err
	}
	var out spans
	if err := r.render(&out, &req); err != nil {
		return nil, err
	}
	return cut(out)
}

// markEnd prepares continue_final_message: it puts a mark after the last text of the last message
// and returns the function that cuts a rendered prompt there. The mark is a character that occurs
// nowhere in the request, and a space: where the template has trimmed the space, it would have
// trimmed the text too.
// Source: transformers' apply_chat_template, which marks the place with a word.
func (r *Request) markEnd(runes *privateRunes) (func(spans) ([]Span, error), error) {
	if !r.ContinueFinal {
		return func(s spans) ([]Span, error) { return s, nil }, nil
	}
	last := len(r.Messages) - 1
	at := messageField(last) + ".Parts"
	m := r.Messages[last]
	m.Content = slices.Clone(m.Content)
	part := len(m.Content) - 1
	if part < 0 || m.Content[part].Kind != Text {
		return nil, failf(ErrMessages, at, "does not end in a text to continue")
	}
	mark, err := runes.next()
	if err != nil {
		return nil, err
	}
	m.Content[part].Text += string(mark) + " "
	r.Messages = slices.Clone(r.Messages)
	r.Messages[last] = m
	return func(s spans) ([]Span, error) {
		text := Join(s)
		i := strings.LastIndex(text, string(mark))
		if i < 0 {
			return nil, failf(ErrUnsupported, at, "the template does not print it, so it cannot be continued")
		}
		if !strings.HasPrefix(text[i+len(string(mark)):], " ") {
			i = len(strings.TrimRightFunc(text[:i], isSpace))
		}
		return s.slice(0, i), nil
	}, nil
}

// privateRunes hands out private-use characters that occur nowhere in a request, so that they can
// stand for something in it and be found again.
type privateRunes struct {
	used map[rune]bool
	at   rune
}

const firstPrivate, lastPrivate = 0xF0000, 0x10FFFD // planes 15 and 16

func newPrivateRunes(r *Request) *privateRunes {
	p := &privateRunes{used: make(map[rune]bool), at: firstPrivate}
	for _, m := range r.Messages {
		for _, part := range m.Content {
			p.avoid(part.Text)
			p.avoid(part.Name)
		}
		for _, c := range m.ToolCalls {
			p.avoid(c.ID)
			p.avoid(c.Name)
			p.avoidJSON(c.Arguments)
		}
		p.avoid(m.Reasoning)
		p.avoid(m.ToolCallID)
		p.avoid(m.Name)
	}
	for _, t := range r.Tools {
		p.avoidJSON(t)
	}
	return p
}

func (p *privateRunes) avoid(s string) {
	for _, c := range s {
		if c >= firstPrivate {
			p.used[c] = true
		}
	}
}

// avoidJSON also sees what \u escapes spell: surrogate pairs, all of which lie above U+FFFF.
func (p *privateRunes) avoidJSON(raw []byte) {
	p.avoid(string(raw))
	if v, err := parseJSON(raw); err == nil {
		p.avoidNode(&v)
	}
}

func (p *privateRunes) avoidNode(v *node) {
	p.avoid(v.text)
	for i := range v.items {
		if v.kind == '{' {
			p.avoid(v.keys[i])
		}
		p.avoidNode(&v.items[i])
	}
}

func (p *privateRunes) next() (rune, error) {
	for p.at <= lastPrivate {
		c := p.at
		p.at++
		if !p.used[c] && c&0xFFFE != 0xFFFE {
			return c, nil
		}
	}
	return 0, failf(ErrLimit, "Messages", "no private-use character is left to mark places with")
}
