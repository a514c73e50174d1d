package tokenizer

// tokenizer.json: vocabulary, merges and added tokens, and the pipeline around them. What the
// pipeline says is not interpreted but compared with what this package does; anything else is
// refused. parse_vocab.go and parse_tiktoken.go read the other two forms.

import (
	"encoding/json"
	"strconv"
)

// ParseJSON reads a Hugging Face tokenizer.json: byte-level BPE, one of the [Split] patterns, NFC
// or no normalizer.
//
// Truncation and padding in the file are not applied, as the reference's callers set them anew.
//
// Errors: [FormatError] for a damaged file, among others for ids that come twice or are missing;
// [UnsupportedError] for another model, normalizer, pre-tokenizer, post-processor or decoder.
func ParseJSON(data []byte) (*Tokenizer, error) {
	v, err := readJSON(data)
	if err != nil {
		return nil, err
	}
	return v.build(v.added)
}

// readJSON reads all of tokenizer.json.
func readJSON(data []byte) (*vocabBuilder, error) {
	const file = "tokenizer.json"
	if err := checkSize(file, data, maxFileBytes); err != nil {
		return nil, err
	}
	r := newJSONReader(file, data)
	v := &vocabBuilder{file: file, place: [2]string{file, "added_tokens"}, pairs: newPairTable()}
	parts := make(map[string][]byte)
	var model *modelConfig
	err := r.fields("", func(key string) (err error) {
		switch key {
		case "added_tokens":
			v.added, err = readAddedTokens(r, key)
		case "model":
			model, err = v.readModel(r)
		case "normalizer", "pre_tokenizer", "post_processor", "decoder":
			parts[key], err = r.Raw()
		default:
			_, err = r.Raw()
		}
		return err
	})
	if err == nil {
		err = r.End()
	}
	if err != nil {
		return nil, err
	}
	if model == nil {
		return nil, formatError(file, "model", "no model")
	}
	v.whole = model.ignoreMerges
	if v.form, err = readNormalizer(file, parts["normalizer"]); err != nil {
		return nil, err
	}
	if v.split, err = readPreTokenizer(file, parts["pre_tokenizer"]); err != nil {
		return nil, err
	}
	if err := checkByteLevel(file, "post_processor", parts["post_processor"], true); err != nil {
		return nil, err
	}
	if err := checkByteLevel(file, "decoder", parts["decoder"], false); err != nil {
		return nil, err
	}
	return v, nil
}

type modelConfig struct{ ignoreMerges bool }

// readModel reads the object "model". Merges that come before the vocabulary are read after it.
func (v *vocabBuilder) readModel(r *jsonReader) (*modelConfig, error) {
	m := &modelConfig{}
	kind, mergesAt := "", -1
	err := r.fields("model", func(key string) error {
		field := "model." + key
		switch key {
		case "type":
			s, err := r.Str()
			kind = string(s)
			return err
		case "vocab":
			return v.readVocab(r, field)
		case "merges":
			if v.ids != nil {
				mergesAt = 0
				return v.readMerges(r, field)
			}
			r.Next()
			mergesAt = r.Pos
			_, err := r.Raw()
			return err
		case "ignore_merges":
			var err error
			m.ignoreMerges, err = r.boolean(field)
			return err
		}
		raw, err := r.Raw()
		if err != nil {
			return err
		}
		return checkModelOption(r.file, field, key, string(raw))
	})
	switch {
	case err != nil:
		return nil, err
	case kind != "BPE":
		return nil, unsupported(r.file, "model.type", "model "+quote(kind))
	case v.ids == nil:
		return nil, formatError(r.file, "model.vocab", "no vocabulary")
	case mergesAt < 0:
		return nil, formatError(r.file, "model.merges", "no merges")
	case mergesAt > 0:
		again := newJSONReader(r.file, r.Data)
		again.Pos = mergesAt
		if err := v.readMerges(again, "model.merges"); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// checkModelOption refuses options of a BPE model that would change ids. Those about unknown
// characters have no effect when every byte is a token.
func checkModelOption(file, field, key, value string) error {
	ok := true
	switch key {
	case "dropout":
		ok = value == "null" || value == "0" || value == "0.0"
	case "continuing_subword_prefix", "end_of_word_suffix":
		ok = value == "null" || value == `""`
	case "byte_fallback":
		ok = value == "false"
	}
	if !ok {
		return unsupported(file, field, "model option "+quote(value))
	}
	return nil
}

// readMerges reads the list of merges: "a b" or ["a", "b"].
func (v *vocabBuilder) readMerges(r *jsonReader, field string) error {
	var left, right []byte
	n := 0
	part := func() error {
		s, err := r.Str()
		if n++; n == 1 {
			left = append(left[:0], s...) // Str may use its memory again
		}
		right = s
		return err
	}
	return r.Array(func() error {
		if r.Next() == '"' {
			s, err := r.Str()
			if err != nil {
				return err
			}
			return v.mergeLine(field, s)
		}
		n = 0
		if err := r.Array(part); err != nil {
			return err
		}
		if n != 2 {
			return formatError(r.file, field+"["+strconv.Itoa(len(v.merged))+"]",
				"a merge of %d tokens", n)
		}
		return v.merge(field, left, right)
	})
}

// component is the part of a tokenizer's pipeline that the checks below look at.
type component struct {
	Type          string
	Normalizers   []component
	Pretokenizers []component
	Processors    []component
	Pattern       struct{ Regex, String *string }
	Behavior      string
	Invert        bool
	AddPrefix     *bool `json:"add_prefix_space"`
	UseRegex      *bool `json:"use_regex"`
}

// readComponent reads a part of the pipeline, nil for null or none.
func readComponent(file, field string, raw []byte) (*component, error) {
	var c *component
	if raw == nil {
		return nil, nil
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, &FormatError{File: file, Field: field, Problem: "malformed",
			Err: err}
	}
	return c, nil
}

func readNormalizer(file string, raw []byte) (normalForm, error) {
	const field = "normalizer"
	c, err := readComponent(file, field, raw)
	if err != nil || c == nil {
		return normalNone, err
	}
	list := []component{*c}
	if c.Type == "Sequence" {
		list = c.Normalizers
	}
	form := normalNone
	for _, n := range list {
		if n.Type != "NFC" {
			return 0, unsupported(file, field, "normalizer "+quote(n.Type))
		}
		form = normalPieces
	}
	return form, nil
}

// readPreTokenizer accepts a split at a known pattern followed by the byte-level alphabet.
func readPreTokenizer(file string, raw []byte) (Split, error) {
	const field = "pre_tokenizer"
	c, err := readComponent(file, field, raw)
	if err != nil {
		return 0, err
	}
	if c == nil {
		return 0, unsupported(file, field, "pre-tokenizer null")
	}
	if c.Type != "Sequence" || len(c.Pretokenizers) != 2 {
		return 0, unsupported(file, field, "pre-tokenizer "+quote(c.Type))
	}
	cut, alphabet := c.Pretokenizers[0], c.Pretokenizers[1]
	switch {
	case cut.Type != "Split":
		return 0, unsupported(file, field+".pretokenizers[0]", "pre-tokenizer "+quote(cut.Type))
	case cut.Behavior != "Isolated" || cut.Invert:
		return 0, unsupported(file, field+".pretokenizers[0].behavior",
			"split behavior "+quote(cut.Behavior))
	case alphabet.Type != "ByteLevel":
		return 0, unsupported(file, field+".pretokenizers[1]",
			"pre-tokenizer "+quote(alphabet.Type))
	case alphabet.AddPrefix == nil || *alphabet.AddPrefix:
		return 0, unsupported(file, field+".pretokenizers[1].add_prefix_space",
			"space before the text")
	case alphabet.UseRegex == nil || *alphabet.UseRegex:
		return 0, unsupported(file, field+".pretokenizers[1].use_regex", "second split pattern")
	}
	pattern := "none"
	if p := cut.Pattern.Regex; p != nil {
		pattern = *p
	}
	return splitOf(file, field+".pretokenizers[0].pattern.Regex", pattern)
}

// splitOf finds the split with this pattern.
func splitOf(file, field, pattern string) (Split, error) {
	for s, p := range splitPatterns {
		if p == pattern {
			return Split(s), nil
		}
	}
	return 0, unsupported(file, field, "split pattern "+quote(pattern))
}

// checkByteLevel accepts a post-processor or decoder that is byte-level, or a missing one where
// optional.
func checkByteLevel(file, field string, raw []byte, optional bool) error {
	c, err := readComponent(file, field, raw)
	if err != nil {
		return err
	}
	if c == nil {
		if optional {
			return nil
		}
		return unsupported(file, field, field+" null")
	}
	list := []component{*c}
	if c.Type == "Sequence" && field == "post_processor" {
		list = c.Processors
	}
	for _, p := range list {
		if p.Type != "ByteLevel" {
			return unsupported(file, field, field+" "+quote(p.Type))
		}
	}
	return nil
}
