package chat

// What a template renders: messages of parts, tools, options, and the bounds on them.

import (
	"encoding/json"
	"strings"
)

// Kind tells the parts of a message apart.
type Kind uint8

// The kinds of part.
const (
	Text Kind = iota
	Image
	Video
)

func (k Kind) String() string {
	switch k {
	case Text:
		return "text"
	case Image:
		return "image"
	case Video:
		return "video"
	}
	return "unknown"
}

// Part is one piece of a message's content. Text is set for Kind Text; Name is a picture's or
// video's path or label, which most templates do not print.
type Part struct {
	Kind Kind
	Text string
	Name string
}

// ToolCall is a function call of an assistant message. Arguments holds JSON: an object, whose key
// order is kept, or a string with the object's text as some APIs deliver it. A nil Arguments is
// left out.
type ToolCall struct {
	ID        string
	Name      string
	Arguments json.RawMessage
}

// Message is one turn. Role is system, user, assistant or tool, or another that the template names.
// HasStringContent says that Content was given as one plain string (then it has at most one part,
// of Kind Text): some templates treat the two forms differently.
type Message struct {
	Role             string
	Content          []Part
	HasStringContent bool
	Reasoning        string
	ToolCalls        []ToolCall
	ToolCallID       string
	Name             string
}

// Request is what a template renders. Tools are JSON values, printed with their keys in the given
// order. Vars are the template's own variables (enable_thinking, add_vision_id, …); one that it does
// not read is an error. ContinueFinal ends the prompt after the last
// message's text, so that the model goes on writing it; it excludes AddGenerationPrompt.
type Request struct {
	Messages            []Message
	Tools               []json.RawMessage
	AddGenerationPrompt bool
	ContinueFinal       bool
	Vars                map[string]any
}

// Bounds on a request. They are far above any model's context and keep the cost of hostile input
// small.
const (
	maxMessages  = 1 << 16
	maxTextBytes = 64 << 20
	maxJSONBytes = 4 << 20
)

// roles are those that every template is asked about. A foreign template may know others.
var roles = []string{"system", "user", "assistant", "tool"}

func unknownRole(i int, role string) error {
	const problem = "unknown role %.40q, not one of %s"
	return failf(ErrMessages, roleField(i), problem, role, strings.Join(roles, ", "))
}

// validate checks what holds for every template. Errors: ErrMessages, ErrLimit.
func (r *Request) validate() error {
	if len(r.Messages) == 0 {
		return failf(ErrMessages, "Messages", "empty")
	}
	if len(r.Messages) > maxMessages {
		return failf(ErrLimit, "Messages", "%d of them, at most %d", len(r.Messages), maxMessages)
	}
	if r.AddGenerationPrompt && r.ContinueFinal {
		return failf(ErrMessages, "ContinueFinal", "excludes a prompt for an answer")
	}
	text, js := 0, 0
	for i := range r.Messages {
		m := &r.Messages[i]
		at := messageField(i)
		if m.HasStringContent && (len(m.Content) > 1 || len(m.Content) == 1 && m.Content[0].Kind != Text) {
			return failf(ErrMessages, at+".Parts", "string content must be one text part")
		}
		for j, p := range m.Content {
			if p.Kind > Video {
				return failf(ErrMessages, partField(i, j), "unknown kind %d", p.Kind)
			}
			text += len(p.Text) + len(p.Name)
		}
		if len(m.ToolCalls) > 0 && m.Role != "assistant" {
			return failf(ErrMessages, at+".ToolCalls", "only an assistant message has them, not %s", m.Role)
		}
		for _, c := range m.ToolCalls {
			js += len(c.Arguments)
			text += len(c.Name) + len(c.ID)
		}
		text += len(m.Reasoning) + len(m.Name) + len(m.ToolCallID)
	}
	for _, t := range r.Tools {
		js += len(t)
	}
	if text > maxTextBytes {
		return failf(ErrLimit, "Messages", "%d bytes of text, at most %d", text, maxTextBytes)
	}
	if js > maxJSONBytes {
		return failf(ErrLimit, "Tools", "%d bytes of JSON, at most %d", js, maxJSONBytes)
	}
	return nil
}

// text is the content of a message given as a string.
func (m *Message) text() string {
	if len(m.Content) == 0 {
		return ""
	}
	return m.Content[0].Text
}

// hasContent is Jinja's truth of message.content: a non-empty string or a non-empty list.
func (m *Message) hasContent() bool {
	if m.HasStringContent {
		return m.text() != ""
	}
	return len(m.Content) > 0
}
