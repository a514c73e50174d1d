package checkpoint

// The chat template in the hub's layout: which of several counts, and which of several by name.
// What it says is read by internal/chat.
//
// Source: transformers 5.23, ProcessorMixin.get_processor_dict for models that see, and
// PreTrainedTokenizerBase._from_pretrained and get_chat_template for others; found by trying.

import (
	"encoding/json"
	"io/fs"
	"path"
	"strings"
)

const (
	templateKey  = "chat_template"
	templateFile = "chat_template.jinja"
	templatesDir = "additional_chat_templates"

	plainTemplate = "default"  // the name of the one that is meant when none is asked for
	toolsTemplate = "tool_use" // and when there are tools
)

// Template reads the first of these that is there:
//
//   - of a model that sees: chat_template of processor_config.json or of chat_template.json, the
//     files below, chat_template of tokenizer_config.json
//   - of another: the files below, chat_template of tokenizer_config.json or of chat_template.json
//
// The files are chat_template.jinja, and additional_chat_templates with one file for each name. A
// chat_template may be several by their names too: an object, or a list of name and template.
func (h *hub) Template() (t Template, err error) {
	config, err := h.keys(tokenizerConfig)
	if err != nil {
		return t, err
	}
	model, err := h.keys(configFile)
	if err != nil {
		return t, err
	}
	sees := model.Has("vision_config")
	in := func(k Keys) (Template, error) {
		if !k.Has(templateKey) {
			return Template{}, nil
		}
		return templateOf(k, sees)
	}
	inKeys := func(file string) func() (Template, error) {
		return func() (Template, error) {
			k, err := h.keys(file)
			if err != nil {
				return Template{}, err
			}
			return in(k)
		}
	}
	inFiles := func() (Template, error) { return h.templateFiles(sees) }
	legacy := inKeys("chat_template.json")
	own := func() (Template, error) { return in(config) }
	places := []func() (Template, error){inFiles, own, legacy}
	if sees {
		places = []func() (Template, error){inKeys(processors), legacy, inFiles, own}
	}
	for _, place := range places {
		if t, err = place(); err != nil {
			return t, err
		}
		if t.File != "" {
			break
		}
	}
	t.Tokens = specialTokens(config)
	return t, nil
}

// templateOf reads a value that is a template or several by name.
func templateOf(k Keys, sees bool) (Template, error) {
	raw := k.Values[templateKey]
	t := Template{File: k.File, Field: templateKey}
	if json.Unmarshal(raw, &t.Source) == nil {
		return t, nil
	}
	named := map[string]string{}
	if json.Unmarshal(raw, &named) == nil {
		return t.choose(named, sees)
	}
	var list []struct{ Name, Template *string }
	if json.Unmarshal(raw, &list) != nil {
		return t, t.fail("neither a string nor named strings")
	}
	for _, x := range list {
		if x.Name == nil || x.Template == nil {
			return t, t.fail("an entry without name or template")
		}
		named[*x.Name] = *x.Template // of equal names the last counts
	}
	return t.choose(named, sees)
}

// templateFiles reads the templates that are files, the default one beside the folder of the
// others.
func (h *hub) templateFiles(sees bool) (Template, error) {
	t := Template{File: templateFile}
	named := map[string]string{}
	data, err := h.read(templateFile, maxFile)
	if err != nil {
		return t, err
	}
	if data != nil {
		named[plainTemplate] = string(data)
	}
	found, _ := fs.Glob(h.files, templatesDir+"/*.jinja")
	for _, file := range found {
		name := strings.TrimSuffix(path.Base(file), ".jinja")
		overruled := sees && data != nil && name == plainTemplate
		if overruled || name != plainTemplate && name != toolsTemplate {
			continue
		}
		text, err := h.read(file, maxFile)
		if err != nil {
			return t, err
		}
		if named[name] = string(text); name == plainTemplate {
			t.File = file
		}
	}
	switch {
	case data == nil && len(found) == 0:
		return Template{}, nil
	case data == nil && len(named) == 0:
		t.File = templatesDir
	}
	return t.choose(named, sees)
}

// choose takes the default one of several templates, and of a model that does not see that for
// tools.
func (t Template) choose(named map[string]string, sees bool) (Template, error) {
	source, ok := named[plainTemplate]
	if !ok {
		return t, t.fail("several templates, of which none is named " + plainTemplate)
	}
	t.Source = source
	if !sees {
		t.Tools = named[toolsTemplate]
	}
	return t, nil
}

func (t Template) fail(problem string) error {
	return &Error{File: t.File, Field: t.Field, Problem: problem}
}

// specialTokens are the texts of special tokens, which templates print.
func specialTokens(config Keys) map[string]string {
	tokens := map[string]string{}
	for _, key := range []string{"bos_token", "eos_token", "pad_token", "unk_token"} {
		if !config.Has(key) {
			continue
		}
		var token struct{ Content string }
		if json.Unmarshal(config.Values[key], &token.Content) != nil {
			_ = json.Unmarshal(config.Values[key], &token) // one that is neither is printed as ""
		}
		tokens[key] = token.Content
	}
	return tokens
}
