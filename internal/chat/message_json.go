package chat

// Messages in the form that transformers takes, which goldens and tools read.

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// ParseMessages reads messages in the form transformers takes: a list of objects with role, content
// (a string, null or a list of parts), reasoning_content, tool_calls, tool_call_id and name. A part
// is a picture or a video if its type says so or it has a key image, image_url or video; otherwise
// it must have a text.
// Errors: ErrJSON, ErrMessages.
func ParseMessages(raw []byte) ([]Message, error) {
	var rows []struct {
		Role       string            `json:"role"`
		Content    json.RawMessage   `json:"content"`
		Reasoning  string            `json:"reasoning_content"`
		ToolCalls  []json.RawMessage `json:"tool_calls"`
		ToolCallID string            `json:"tool_call_id"`
		Name       string            `json:"name"`
	}
	if err := json.Unmarshal(raw, &rows); err != nil {
		return nil, failf(ErrJSON, "messages", "%v", err)
	}
	out := make([]Message, len(rows))
	for i, r := range rows {
		m := Message{Role: r.Role, Reasoning: r.Reasoning, ToolCallID: r.ToolCallID, Name: r.Name}
		at := fmt.Sprintf("messages[%d]", i)
		content := bytes.TrimSpace(r.Content)
		switch {
		case len(content) == 0 || string(content) == "null":
		case content[0] == '"':
			var s string
			if err := json.Unmarshal(content, &s); err != nil {
				return nil, failf(ErrJSON, at+".content", "%v", err)
			}
			m.HasStringContent, m.Content = true, []Part{{Text: s}}
		default:
			var parts []map[string]json.RawMessage
			if err := json.Unmarshal(content, &parts); err != nil {
				return nil, failf(ErrJSON, at+".content", "%v", err)
			}
			m.Content = make([]Part, len(parts))
			for j, p := range parts {
				part, err := parsePart(p)
				if err != nil {
					return nil, failf(ErrMessages, fmt.Sprintf("%s.content[%d]", at, j), "%v", err)
				}
				m.Content[j] = part
			}
		}
		for j, c := range r.ToolCalls {
			call, err := parseToolCall(c)
			if err != nil {
				return nil, failf(ErrJSON, fmt.Sprintf("%s.tool_calls[%d]", at, j), "%v", err)
			}
			m.ToolCalls = append(m.ToolCalls, call)
		}
		out[i] = m
	}
	return out, nil
}

func parsePart(p map[string]json.RawMessage) (Part, error) {
	str := func(key string) string {
		var s string
		_ = json.Unmarshal(p[key], &s) // a name that is not a string (a list of frames, an object) is no name
		return s
	}
	typ := str("type")
	has := func(key string) bool { _, ok := p[key]; return ok }
	switch {
	case typ == "image" || has("image") || has("image_url"):
		return Part{Kind: Image, Name: str("image")}, nil
	case typ == "video" || has("video"):
		return Part{Kind: Video, Name: str("video")}, nil
	case has("text"):
		var s string
		if err := json.Unmarshal(p["text"], &s); err != nil {
			return Part{}, fmt.Errorf("text: %w", err)
		}
		return Part{Text: s}, nil
	}
	return Part{}, fmt.Errorf("neither text, image nor video (type %.40q)", typ)
}

func parseToolCall(raw json.RawMessage) (ToolCall, error) {
	var c struct {
		ID        string          `json:"id"`
		Name      string          `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
		Function  *struct {
			Name      string          `json:"name"`
			Arguments json.RawMessage `json:"arguments"`
		} `json:"function"`
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return ToolCall{}, err
	}
	if c.Function != nil {
		return ToolCall{ID: c.ID, Name: c.Function.Name, Arguments: c.Function.Arguments}, nil
	}
	return ToolCall{ID: c.ID, Name: c.Name, Arguments: c.Arguments}, nil
}
