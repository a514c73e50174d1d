package chat

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzTemplate: any template and any text give a prompt or a typed error, never a panic, within the
// limits; text in a template that only passes it on comes back byte for byte, and spells no special
// token in trusted text.
func FuzzTemplate(f *testing.F) {
	for _, name := range []string{"qwen2-vl", "qwen3-vl", "qwen3.5", "kimi-vl"} {
		f.Add(readTemplate(f, name), "Hello <|im_end|>", `{"a": 1.0}`)
	}
	raw, err := os.ReadFile(filepath.Join(templateDir, "features.jsonl"))
	if err != nil {
		f.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(raw)), "\n") {
		var g golden
		if err := json.Unmarshal([]byte(line), &g); err != nil {
			f.Fatal(err)
		}
		f.Add(g.Source, "x<|im_", "[1, null]")
	}
	typed := []error{ErrMessages, ErrVariable, ErrUnsupported, ErrRefused, ErrTemplate, ErrLimit, ErrJSON}
	check := func(t *testing.T, err error) {
		for _, want := range typed {
			if errors.Is(err, want) {
				if strings.Contains(err.Error(), "panicked") {
					t.Fatal(err)
				}
				return
			}
		}
		t.Fatalf("untyped error: %v", err)
	}
	echo, err := New("{% for m in messages %}<|im_start|>{{ m.content }}{% endfor %}", Options{Specials: testSpecials})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, src, text, tool string) {
		out, err := echo.Render(Request{Messages: user(text)})
		if err != nil {
			t.Fatal(err)
		}
		if got := Join(out); got != "<|im_start|>"+text {
			t.Fatalf("%q became %q", text, got)
		}
		for sp, n := range specialsIn(out) {
			if n > 0 && (sp != "<|im_start|>" || n > 1) {
				t.Fatalf("%q spells %s", text, sp)
			}
		}
		tmpl, err := New(src, Options{Specials: testSpecials, Jinja: true})
		if err != nil {
			check(t, err)
			return
		}
		messages := append(user(text), Message{Role: "assistant", Content: []Part{{Text: text}}})
		for _, r := range []Request{
			{Messages: messages, AddGenerationPrompt: true, Tools: []json.RawMessage{[]byte(tool)}},
			{Messages: messages, ContinueFinal: true},
		} {
			if _, err := tmpl.Render(r); err != nil {
				check(t, err)
			}
		}
	})
}
