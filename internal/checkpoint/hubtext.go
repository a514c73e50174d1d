package checkpoint

// Tokenizer and chat template in the hub's layout: which of several files counts. The files' own
// forms are read by package tokenizer and internal/chat.

import (
	"encoding/json"
	"io/fs"

	"github.com/qwenvl/qwenvl/tokenizer"
)

const tokenizerConfig = "tokenizer_config.json"

// Tokenizer reads tokenizer.json, or a file of ranks, or vocab.json with merges.txt.
func (h *hub) Tokenizer() (*tokenizer.Tokenizer, error) {
	var first error
	read := func(name string) []byte {
		data, err := h.read(name, maxVocabulary)
		if first == nil {
			first = err
		}
		return data
	}
	if data := read("tokenizer.json"); data != nil {
		return tokenizer.ParseJSON(data)
	}
	if found, _ := fs.Glob(h.files, "*.tiktoken"); first == nil && len(found) > 0 {
		if data := read(found[0]); data != nil {
			return tokenizer.ParseTiktoken(data, tokenizer.ImageTagOptions())
		}
	}
	config := read(tokenizerConfig)
	if data := read("tiktoken.model"); first == nil && data != nil {
		return tokenizer.ParseTiktoken(data, tokenizer.HanOptions(config))
	}
	vocab, merges := read("vocab.json"), read("merges.txt")
	if first == nil && (vocab == nil || merges == nil || config == nil) {
		const problem = "missing, as are the other forms of a tokenizer"
		first = &Error{File: "tokenizer.json", Problem: problem, Err: fs.ErrNotExist}
	}
	if first != nil {
		return nil, first
	}
	return tokenizer.ParseVocabMerges(vocab, merges, config)
}

// Template reads chat_template.jinja, or chat_template of chat_template.json or of
// tokenizer_config.json.
func (h *hub) Template() (t Template, err error) {
	config, err := h.keys(tokenizerConfig)
	if err != nil {
		return t, err
	}
	t.File = "chat_template.jinja"
	data, err := h.read(t.File, maxFile)
	if err != nil {
		return t, err
	}
	t.Source = string(data)
	if data == nil {
		k, err := h.keys("chat_template.json")
		if err != nil {
			return t, err
		}
		t.Field = "chat_template"
		if !k.Has(t.Field) {
			k = config
		}
		t.File = k.File
		if k.Has(t.Field) && json.Unmarshal(k.Values[t.Field], &t.Source) != nil {
			return t, &Error{File: t.File, Field: t.Field, Problem: "not a string"}
		}
	}
	t.Tokens = map[string]string{}
	for _, key := range []string{"bos_token", "eos_token", "pad_token", "unk_token"} {
		var token struct{ Content string }
		if config.Has(key) && json.Unmarshal(config.Values[key], &token.Content) != nil {
			_ = json.Unmarshal(config.Values[key], &token) // one that is neither is printed as ""
		}
		if config.Has(key) {
			t.Tokens[key] = token.Content
		}
	}
	return t, nil
}
