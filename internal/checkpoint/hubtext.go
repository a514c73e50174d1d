package checkpoint

// The tokenizer in the hub's layout: which of several files counts. The files' own forms are read
// by package tokenizer.

import (
	"io/fs"
	"strconv"

	"github.com/qwenvl/qwenvl/tokenizer"
)

const tokenizerConfig = "tokenizer_config.json"

// Tokenizer reads tokenizer.json, or a file of ranks, or vocab.json with merges.txt. Added tokens
// may stand in further files.
func (h *hub) Tokenizer(own func(class string) bool) (*tokenizer.Tokenizer, error) {
	var first error
	read := func(name string) []byte {
		data, err := h.read(name, maxVocabulary)
		if first == nil {
			first = err
		}
		return data
	}
	f := tokenizer.Files{JSON: read("tokenizer.json"), Own: own}
	if f.JSON == nil && first == nil {
		t, err := h.ranks(read)
		if t != nil || err != nil {
			return t, err
		}
	}
	f.Config = read(tokenizerConfig)
	if f.JSON == nil {
		f.Vocab, f.Merges = read("vocab.json"), read("merges.txt")
		if first == nil && (f.Vocab == nil || f.Merges == nil) {
			const problem = "missing, as are the other forms of a tokenizer"
			first = &Error{File: "tokenizer.json", Problem: problem, Err: fs.ErrNotExist}
		}
	}
	f.Added, f.Special = read("added_tokens.json"), read("special_tokens_map.json")
	if first != nil {
		return nil, first
	}
	return tokenizer.Parse(f)
}

// ranks reads the file of ranks, whose name ends with .tiktoken or is tiktoken.model; nil: there is
// none.
func (h *hub) ranks(read func(string) []byte) (*tokenizer.Tokenizer, error) {
	found, _ := fs.Glob(h.files, "*.tiktoken")
	if len(found) > 1 {
		problem := "one of " + strconv.Itoa(len(found)) + " files of ranks, of which only one can count"
		return nil, &Error{File: found[0], Problem: problem}
	}
	if len(found) == 1 {
		if data := read(found[0]); data != nil {
			o := tokenizer.ImageTagOptions()
			o.File = found[0]
			return tokenizer.ParseTiktoken(data, o)
		}
	}
	const name = "tiktoken.model"
	if data := read(name); data != nil {
		o := tokenizer.HanOptions(read(tokenizerConfig))
		o.File = name
		return tokenizer.ParseTiktoken(data, o)
	}
	return nil, nil
}
