package chat

// The template of Qwen3.5, in Go. It has the most rules of the known ones: for reasoning, and for
// calls, which it writes in tags.

import (
	"strings"
)

// qwen35 trims contents, keeps reasoning after the last question, and writes tool calls parameter
// by parameter.
var qwen35 = &renderer{name: "qwen3.5", tools: true, render: renderQwen35,
	vars:  []string{"add_vision_id", "enable_thinking"},
	media: func(role string, _ Kind) bool { return role != "system" }}

const (
	qwen35ToolsHead = "# Tools\n\nYou have access to the following functions:\n\n<tools>"
	qwen35ToolsTail = "\n</tools>\n\nIf you choose to call a function ONLY reply in the following format with NO suffix:\n\n" +
		"<tool_call>\n<function=example_function_name>\n<parameter=example_parameter_1>\nvalue_1\n</parameter>\n" +
		"<parameter=example_parameter_2>\nThis is the value for the second parameter\nthat can span\nmultiple lines\n" +
		"</parameter>\n</function>\n</tool_call>\n\n<IMPORTANT>\nReminder:\n- Function calls MUST follow the specified " +
		"format: an inner <function=...></function> block must be nested within <tool_call></tool_call> XML tags\n" +
		"- Required parameters MUST be specified\n- You may provide optional reasoning for your function call in natural " +
		"language BEFORE the function call, but NOT after\n- If there is no function call available, answer the question " +
		"like normal with your current knowledge and do not tell the user about function calls\n</IMPORTANT>"
)

func renderQwen35(s *spans, r *Request) error {
	count := counter{named: truthy(r.Vars["add_vision_id"])}
	trimmed := func(m *Message, c *counter) spans {
		var body spans
		c.content(&body, m)
		return body.trim()
	}
	system := r.Messages[0].Role == "system"
	switch {
	case len(r.Tools) > 0:
		s.write("<|im_start|>system\n" + qwen35ToolsHead)
		if err := writeTools(s, r); err != nil {
			return err
		}
		s.write(qwen35ToolsTail)
		if system {
			if body := trimmed(&r.Messages[0], &counter{}); len(body) > 0 {
				s.write("\n\n")
				s.append(body)
			}
		}
		s.write("<|im_end|>\n")
	case system:
		s.write("<|im_start|>system\n")
		s.append(trimmed(&r.Messages[0], &counter{}))
		s.write("<|im_end|>\n")
	}
	question, err := lastQuestion(r)
	if err != nil {
		return err
	}
	for i := range r.Messages {
		m := &r.Messages[i]
		body := trimmed(m, &count)
		switch m.Role {
		case "system":
			if i > 0 {
				return failf(ErrRefused, roleField(i), "a system message must come first")
			}
		case "user":
			s.write("<|im_start|>user\n")
			s.append(body)
			s.write("<|im_end|>\n")
		case "assistant":
			if err := qwen35Answer(s, m, body, i > question, i); err != nil {
				return err
			}
		case "tool":
			if i > 0 && r.Messages[i-1].Role != "tool" {
				s.write("<|im_start|>user")
			}
			s.write("\n<tool_response>\n")
			s.append(body)
			s.write("\n</tool_response>")
			if i == len(r.Messages)-1 || r.Messages[i+1].Role != "tool" {
				s.write("<|im_end|>\n")
			}
		}
	}
	if r.AddGenerationPrompt {
		s.write("<|im_start|>assistant\n")
		if isFalse(r.Vars["enable_thinking"]) {
			s.write("<think>\n\n</think>\n\n")
		} else {
			s.write("<think>\n")
		}
	}
	return nil
}

// lastQuestion is the index of the last user message that is not a tool's answer in disguise.
func lastQuestion(r *Request) (int, error) {
	for i := len(r.Messages) - 1; i >= 0; i-- {
		m := &r.Messages[i]
		if m.Role != "user" {
			continue
		}
		var body spans
		(&counter{}).content(&body, m)
		text := trimSpace(Join(body))
		if !strings.HasPrefix(text, "<tool_response>") || !strings.HasSuffix(text, "</tool_response>") {
			return i, nil
		}
	}
	return 0, failf(ErrRefused, "Messages", "no user query found")
}

func qwen35Answer(s *spans, m *Message, body spans, afterQuestion bool, i int) error {
	var reasoning spans
	if m.Reasoning != "" {
		reasoning.insert(m.Reasoning)
	} else if text := Join(body); strings.Contains(text, "</think>") {
		head := strings.TrimRight(text[:strings.Index(text, "</think>")], "\n")
		from := 0
		if j := strings.LastIndex(head, "<think>"); j >= 0 {
			from = j + len("<think>")
		}
		reasoning = body.slice(from, len(head))
		tail := text[strings.LastIndex(text, "</think>")+len("</think>"):]
		body = body.slice(len(text)-len(strings.TrimLeft(tail, "\n")), len(text))
	}
	s.write("<|im_start|>assistant\n")
	if afterQuestion {
		s.write("<think>\n")
		s.append(reasoning.trim())
		s.write("\n</think>\n\n")
	}
	s.append(body)
	for j := range m.ToolCalls {
		c := &m.ToolCalls[j]
		switch {
		case j > 0:
			s.write("\n")
		case len(body.trim()) > 0:
			s.write("\n\n")
		}
		s.write("<tool_call>\n<function=")
		s.insert(c.Name)
		s.write(">\n")
		if err := qwen35Arguments(s, c, callField(i, j)+".Arguments"); err != nil {
			return err
		}
		s.write("</function>\n</tool_call>")
	}
	s.write("<|im_end|>\n")
	return nil
}

func qwen35Arguments(s *spans, c *ToolCall, at string) error {
	if c.Arguments == nil {
		return nil
	}
	v, err := parseJSON(c.Arguments)
	if err != nil {
		return failf(ErrJSON, at, "%v", err)
	}
	if v.kind != '{' {
		return failf(ErrRefused, at, "must be an object")
	}
	for k := range v.items {
		s.write("<parameter=")
		s.insert(v.keys[k])
		s.write(">\n")
		if x := &v.items[k]; x.kind == '{' || x.kind == '[' {
			var b strings.Builder
			x.dumps(&b)
			s.insert(b.String())
		} else {
			s.insert(x.str())
		}
		s.write("\n</parameter>\n")
	}
	return nil
}
