package main

// Chat templates against recorded prompts.

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/qwenvl/qwenvl/internal/chat"
)

// chatRow is a line of recorded prompts. What else it has are variables of the template.
type chatRow struct {
	template string
	name     string
	prompt   string
	request  chat.Request
}

// UnmarshalJSON sorts the keys of a row.
func (r *chatRow) UnmarshalJSON(data []byte) error {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(data, &keys); err != nil {
		return err
	}
	r.request.Vars = map[string]any{}
	for key, raw := range keys {
		var into any
		switch key {
		case "template":
			into = &r.template
		case "name":
			into = &r.name
		case "prompt":
			into = &r.prompt
		case "tools":
			into = &r.request.Tools
		case "add_generation_prompt":
			into = &r.request.AddGenerationPrompt
		case "continue_final_message":
			into = &r.request.ContinueFinal
		case "messages":
			messages, err := chat.ParseMessages(raw)
			if err != nil {
				return err
			}
			r.request.Messages = messages
			continue
		case "vars":
			into = &r.request.Vars
		default:
			var v any
			if err := json.Unmarshal(raw, &v); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
			r.request.Vars[key] = v
			continue
		}
		if err := json.Unmarshal(raw, into); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

// compareTemplates renders every row with its template, through the renderer that a checkpoint with
// this template gets.
func compareTemplates(path, dir string, c *counter) error {
	templates := map[string]chat.Template{}
	return eachLine(path, func(line int, row chatRow) error {
		t, ok := templates[row.template]
		if !ok {
			source, err := os.ReadFile(filepath.Join(dir, filepath.Base(row.template)+".jinja"))
			if err != nil {
				return err
			}
			if t, err = chat.New(string(source), chat.Options{}); err != nil {
				return fmt.Errorf("template %s: %w", row.template, err)
			}
			templates[row.template] = t
		}
		spans, err := t.Render(row.request)
		got := chat.Join(spans)
		c.add(err == nil && got == row.prompt, func() string {
			if err != nil {
				return fmt.Sprintf("line %d: %s, %s: %v", line, row.template, row.name, err)
			}
			return fmt.Sprintf("line %d: %s, %s:\n%q, want\n%q", line, row.template, row.name, got,
				row.prompt)
		})
		return nil
	})
}
