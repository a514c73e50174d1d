package checkpoint

import (
	"encoding/json"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"
)

// Which template counts, as transformers answers for the same files: made by asking its
// AutoProcessor and AutoTokenizer, without and with tools. Where they have none but a later file
// has, that one is taken.
func TestTemplate(t *testing.T) {
	const (
		list = `[{"name": "default", "template": "LD"}, {"name": "tool_use", "template": "LT"}]`
		dict = `{"default": "DD", "tool_use": "DT"}`
		dir  = templatesDir + "/"
	)
	type files map[string]string
	for _, c := range []struct {
		name             string
		processor, older string // chat_template of processor_config.json and chat_template.json
		files            files
		own              string // of tokenizer_config.json
		seeing           string // what a model that sees takes; "!": refused
		plain, tools     string // what another takes
	}{
		{"all", `"PC"`, `"CJ"`, files{templateFile: "JJ"}, `"TC"`, "PC", "JJ", ""},
		{"older and new", "", `"CJ"`, files{templateFile: "JJ"}, `"TC"`, "CJ", "JJ", ""},
		{"new", "", "", files{templateFile: "JJ"}, `"TC"`, "JJ", "JJ", ""},
		{"own", "", "", nil, `"TC"`, "TC", "TC", ""},
		{"older alone", "", `"CJ"`, nil, "", "CJ", "CJ", ""},
		{"own and older", "", `"CJ"`, nil, `"TC"`, "CJ", "TC", ""},
		{"own list", "", "", nil, list, "LD", "LD", "LT"},
		{"own object", "", "", nil, dict, "DD", "DD", "DT"},
		{"own list of one", "", "", nil, `[{"name": "default", "template": "L1"}]`, "L1", "L1", ""},
		{"one name twice", "", "", nil,
			`[{"name": "default", "template": "L1"}, {"name": "default", "template": "L2"}]`, "L2", "L2", ""},
		{"own list without a default", "", "", nil, `[{"name": "a", "template": "LA"}]`, "!", "!", ""},
		{"an empty list", "", "", nil, `[]`, "!", "!", ""},
		{"a list of texts", "", "", nil, `["a"]`, "!", "!", ""},
		{"no name", "", "", nil, `[{"template": "a"}]`, "!", "!", ""},
		{"a number", "", "", nil, `1`, "!", "!", ""},
		{"null", "", "null", nil, "null", "", "", ""},
		{"files by name", "", "", files{dir + "tool_use.jinja": "XT"}, `"TC"`, "!", "!", ""},
		{"a default file", "", "", files{dir + "default.jinja": "XD"}, `"TC"`, "XD", "XD", ""},
		{"files beside", "", "", files{templateFile: "JJ", dir + "tool_use.jinja": "XT"}, `"TC"`, "JJ", "JJ", "XT"},
		{"default twice", "", "", files{templateFile: "JJ", dir + "default.jinja": "XD", dir + "tool_use.jinja": "XT"},
			`"TC"`, "JJ", "XD", "XT"},
		{"other names", "", "", files{templateFile: "JJ", dir + "rag.jinja": "XR"}, "", "JJ", "JJ", ""},
		{"older object", "", dict, nil, "", "DD", "DD", "DT"},
		{"processor's object", dict, "", nil, "", "DD", "", ""},
	} {
		for _, sees := range []bool{true, false} {
			all := map[string]string{"config.json": `{}`}
			want, tools := c.plain, c.tools
			if sees {
				all["config.json"] = `{"vision_config": {}}`
				want, tools = c.seeing, ""
			}
			for file, value := range map[string]string{
				processors: c.processor, "chat_template.json": c.older, tokenizerConfig: c.own,
			} {
				if value != "" {
					all[file] = `{"chat_template": ` + value + `}`
				}
			}
			for file, text := range c.files {
				all[file] = text
			}
			got, err := OpenFS(mapFS(all)).Template()
			if want == "!" {
				require.Error(t, err, c.name)
				require.NotEmpty(t, placeOf(t, err)[0])
				continue
			}
			require.NoError(t, err, c.name)
			require.Equal(t, []string{want, tools}, []string{got.Source, got.Tools}, "%s, sees: %v", c.name, sees)
			require.Equal(t, want != "", got.File != "", c.name)
		}
	}
}

func mapFS(all map[string]string) fs.FS {
	var pairs []string
	for name, text := range all {
		pairs = append(pairs, name, text)
	}
	return files(pairs...)
}

// The tokens that a template may print are named, and errors say where a template stands.
func TestTemplatePlaces(t *testing.T) {
	config := `{"chat_template": "three", "bos_token": "<b>", "eos_token": {"content": "<e>"},
		"pad_token": null, "unk_token": 3}`
	got, err := OpenFS(files("tokenizer_config.json", config)).Template()
	require.NoError(t, err)
	require.Equal(t, map[string]string{"bos_token": "<b>", "eos_token": "<e>", "unk_token": ""}, got.Tokens)
	require.Equal(t, [2]string{"tokenizer_config.json", "chat_template"}, [2]string{got.File, got.Field})
	for want, all := range map[string]fs.FS{
		"chat_template.json":        files("chat_template.json", `{"chat_template": [1]}`),
		"additional_chat_templates": files(templatesDir+"/rag.jinja", ""),
		"tokenizer_config.json":     files("tokenizer_config.json", `{"chat_template": {"a": "b"}}`),
		"config.json":               files("config.json", "["),
	} {
		_, err := OpenFS(all).Template()
		require.Equal(t, want, placeOf(t, err)[0])
	}
	got, err = OpenFS(files("chat_template.jinja", "")).Template()
	require.NoError(t, err)
	require.Equal(t, "chat_template.jinja", got.File)
}

// Whatever stands in place of a template is a template, none or an error with its place.
func FuzzTemplateValue(f *testing.F) {
	for _, s := range []string{`"a"`, `null`, `[]`, `{}`, `[{"name": "default", "template": "x"}]`, `{"default": "y"}`, `[[{}]]`} {
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, value string, sees bool) {
		k := Keys{File: "f", Values: map[string]json.RawMessage{templateKey: json.RawMessage(value)}}
		got, err := templateOf(k, sees)
		if err != nil {
			require.Equal(t, [2]string{"f", templateKey}, placeOf(t, err))
			return
		}
		require.Equal(t, [2]string{"f", templateKey}, [2]string{got.File, got.Field})
	})
}
