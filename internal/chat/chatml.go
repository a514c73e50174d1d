package chat

// The ChatML templates of Qwen2-VL (and Qwen2.5-VL) and Qwen3-VL, in Go, and what all of them
// share: numbering media and writing tools.

import (
	"fmt"
	"strings"
)

var qwen2VL = &renderer{name: "qwen2-vl", media: anywhere, render: renderQwen2VL,
	vars: []string{"add_vision_id"}}

var qwen3VL = &renderer{name: "qwen3-vl", tools: true, render: renderQwen3VL,
	vars: []string{"add_vision_id"},
	// Pictures in system and assistant messages are passed over in silence by the template.
	media: func(role string, _ Kind) bool { return role == "user" || role == "tool" }}

// counter numbers pictures and videos over the whole conversation and writes their placeholders.
type counter struct {
	named         bool // add_vision_id
	image, videos int
}

func (c *counter) write(s *spans, k Kind) {
	if k == Image {
		c.image++
	} else {
		c.videos++
	}
	c.placeholder(s, k)
}

func (c *counter) placeholder(s *spans, k Kind) {
	label, n, pad := "Picture", c.image, "<|image_pad|>"
	if k == Video {
		label, n, pad = "Video", c.videos, "<|video_pad|>"
	}
	if c.named {
		s.write(fmt.Sprintf("%s %d: ", label, n))
	}
	s.write("<|vision_start|>" + pad + "<|vision_end|>")
}

// content writes a message's parts, media included.
func (c *counter) content(s *spans, m *Message) {
	for _, p := range m.Content {
		if p.Kind == Text {
			s.insert(p.Text)
		} else {
			c.write(s, p.Kind)
		}
	}
}

// texts writes only the text parts.
func texts(s *spans, m *Message) {
	for _, p := range m.Content {
		if p.Kind == Text {
			s.insert(p.Text)
		}
	}
}

func renderQwen2VL(s *spans, r *Request) error {
	count := counter{named: truthy(r.Vars["add_vision_id"])}
	for i := range r.Messages {
		m := &r.Messages[i]
		if i == 0 && m.Role != "system" {
			s.write("<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n")
		}
		s.write("<|im_start|>" + m.Role + "\n")
		count.content(s, m)
		s.write("<|im_end|>\n")
	}
	if r.AddGenerationPrompt {
		s.write("<|im_start|>assistant\n")
	}
	return nil
}

const (
	qwen3ToolsHead = "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n" +
		"You are provided with function signatures within <tools></tools> XML tags:\n<tools>"
	qwen3ToolsTail = "\n</tools>\n\nFor each function call, return a json object with function name and arguments within " +
		"<tool_call></tool_call> XML tags:\n<tool_call>\n{\"name\": <function-name>, \"arguments\": <args-json-object>}\n" +
		"</tool_call><|im_end|>\n"
)

func renderQwen3VL(s *spans, r *Request) error {
	system := r.Messages[0].Role == "system"
	if len(r.Tools) > 0 {
		s.write("<|im_start|>system\n")
		if system {
			texts(s, &r.Messages[0])
			s.write("\n\n")
		}
		s.write(qwen3ToolsHead)
		if err := writeTools(s, r); err != nil {
			return err
		}
		s.write(qwen3ToolsTail)
	} else if system {
		s.write("<|im_start|>system\n")
		texts(s, &r.Messages[0])
		s.write("<|im_end|>\n")
	}
	count := counter{named: truthy(r.Vars["add_vision_id"])}
	for i := range r.Messages {
		m := &r.Messages[i]
		switch m.Role {
		case "system":
			if i > 0 { // the template drops it without a word
				return failf(ErrRefused, roleField(i), "a system message must come first")
			}
		case "user":
			s.write("<|im_start|>user\n")
			count.content(s, m)
			s.write("<|im_end|>\n")
		case "assistant":
			s.write("<|im_start|>assistant\n")
			texts(s, m)
			for j := range m.ToolCalls {
				if j > 0 || m.hasContent() {
					s.write("\n")
				}
				if err := writeCall(s, &m.ToolCalls[j], callField(i, j)); err != nil {
					return err
				}
			}
			s.write("<|im_end|>\n")
		case "tool":
			if i == 0 || r.Messages[i-1].Role != "tool" {
				s.write("<|im_start|>user")
			}
			s.write("\n<tool_response>\n")
			count.content(s, m)
			s.write("\n</tool_response>")
			if i == len(r.Messages)-1 || r.Messages[i+1].Role != "tool" {
				s.write("<|im_end|>\n")
			}
		}
	}
	if r.AddGenerationPrompt {
		s.write("<|im_start|>assistant\n")
	}
	return nil
}

// writeTools writes each tool's JSON on a line of its own.
func writeTools(s *spans, r *Request) error {
	for i, raw := range r.Tools {
		v, err := parseJSON(raw)
		if err != nil {
			return failf(ErrJSON, toolField(i), "%v", err)
		}
		var b strings.Builder
		v.dumps(&b)
		s.write("\n")
		s.insert(b.String())
	}
	return nil
}

func writeCall(s *spans, c *ToolCall, at string) error {
	s.write("<tool_call>\n{\"name\": \"")
	s.insert(c.Name)
	s.write("\", \"arguments\": ")
	if c.Arguments == nil {
		return failf(ErrJSON, at+".Arguments", "missing")
	}
	v, err := parseJSON(c.Arguments)
	if err != nil {
		return failf(ErrJSON, at+".Arguments", "%v", err)
	}
	if v.kind == 's' {
		s.insert(v.text)
	} else {
		var b strings.Builder
		v.dumps(&b)
		s.insert(b.String())
	}
	s.write("}\n</tool_call>")
	return nil
}
