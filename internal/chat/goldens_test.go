package chat

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const templateDir = "../../testdata/chat_templates"

type golden struct {
	Template   string            `json:"template"`
	Name       string            `json:"name"`
	Source     string            `json:"source"`
	Messages   json.RawMessage   `json:"messages"`
	Tools      []json.RawMessage `json:"tools"`
	Generation bool              `json:"add_generation_prompt"`
	Continue   bool              `json:"continue_final_message"`
	Prompt     string            `json:"prompt"`
	vars       map[string]any
}

func (g *golden) request(t *testing.T) Request {
	t.Helper()
	messages, err := ParseMessages(g.Messages)
	require.NoError(t, err)
	return Request{Messages: messages, Tools: g.Tools, AddGenerationPrompt: g.Generation, ContinueFinal: g.Continue, Vars: g.vars}
}

func readGoldens(t *testing.T, file string) []golden {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(templateDir, file))
	require.NoError(t, err)
	var out []golden
	for _, line := range bytes.Split(bytes.TrimSpace(raw), []byte("\n")) {
		var g golden
		require.NoError(t, json.Unmarshal(line, &g))
		var all map[string]any
		require.NoError(t, json.Unmarshal(line, &all))
		g.vars = map[string]any{}
		for _, k := range []string{"add_vision_id", "enable_thinking"} {
			if v, ok := all[k]; ok {
				g.vars[k] = v
			}
		}
		if vars, ok := all["vars"].(map[string]any); ok {
			g.vars = vars
		}
		out = append(out, g)
	}
	return out
}

func readTemplate(t testing.TB, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(templateDir, name+".jinja"))
	require.NoError(t, err)
	return string(raw)
}

// Every golden, through the Go renderer and through the Jinja engine, with and without shielding.
func TestGoldens(t *testing.T) {
	specials := []string{"<|im_start|>", "<|im_end|>", "<|image_pad|>", "<|vision_start|>", "<|vision_end|>", "<|endoftext|>"}
	counts := map[string]int{"goldens.jsonl": 95, "qwen3.5_goldens.jsonl": 16}
	for file, n := range counts {
		rows := readGoldens(t, file)
		require.Len(t, rows, n)
		for _, g := range rows {
			src := readTemplate(t, g.Template)
			for _, o := range []Options{{}, {Jinja: true}, {Jinja: true, Specials: specials}} {
				path := "native"
				if o.Jinja {
					path = "jinja"
				}
				t.Run(g.Template+"/"+g.Name+"/"+path, func(t *testing.T) {
					tmpl, err := New(src, o)
					require.NoError(t, err)
					require.Equal(t, o.Jinja, tmpl.Name() == "jinja")
					got, err := tmpl.Render(g.request(t))
					require.NoError(t, err)
					require.Equal(t, g.Prompt, Join(got))
				})
			}
		}
	}
}

// What jinja2 makes of small templates, one feature or corner each.
func TestFeatures(t *testing.T) {
	rows := readGoldens(t, "features.jsonl")
	require.Greater(t, len(rows), 25)
	for _, g := range rows {
		t.Run(g.Name, func(t *testing.T) {
			tmpl, err := New(g.Source, Options{})
			require.NoError(t, err)
			req := g.request(t)
			req.AddGenerationPrompt = true
			got, err := tmpl.Render(req)
			require.NoError(t, err)
			require.Equal(t, g.Prompt, Join(got))
		})
	}
}

// A known template is recognized whatever its newlines; a changed one is not.
func TestRecognition(t *testing.T) {
	for name, want := range map[string]string{
		"qwen2-vl": "qwen2-vl", "qwen2.5-vl": "qwen2-vl", "qwen3-vl": "qwen3-vl", "qwen3.5": "qwen3.5", "kimi-vl": "kimi-vl",
	} {
		src := readTemplate(t, name)
		for _, variant := range []string{src, normalize(src), normalize(src) + "\n", string(bytes.ReplaceAll([]byte(src), []byte("\n"), []byte("\r\n")))} {
			tmpl, err := New(variant, Options{})
			require.NoError(t, err)
			require.Equal(t, want, tmpl.Name())
		}
		for _, variant := range []string{normalize(src) + "\n\n", "x" + src} {
			tmpl, err := New(variant, Options{})
			require.NoError(t, err)
			require.Equal(t, "jinja", tmpl.Name(), "%s", name)
		}
	}
	q3, err := New(string(bytes.ReplaceAll([]byte(readTemplate(t, "qwen3-vl")), []byte("content_item"), []byte("content"))), Options{})
	require.NoError(t, err)
	require.Equal(t, "qwen3-vl", q3.Name())
}
