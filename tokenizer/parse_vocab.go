package tokenizer

// The older three files: vocab.json, merges.txt and tokenizer_config.json. Its tokenizer equals
// that of the tokenizer.json which the same checkpoint may have.

import "bytes"

// ParseVocabMerges reads the older three files of a byte-level BPE tokenizer: vocab.json,
// merges.txt and tokenizer_config.json, which has the added tokens in added_tokens_decoder.
//
// Text is brought to NFC and cut as [SplitWords] says, or as pretokenize_regex in
// tokenizer_config.json does.
//
// Errors: [FormatError] for a damaged file, [UnsupportedError] for another pattern.
func ParseVocabMerges(vocab, merges, config []byte) (*Tokenizer, error) {
	const vocabFile, mergesFile, configFile = "vocab.json", "merges.txt", "tokenizer_config.json"
	if err := checkSize(vocabFile, vocab, maxFileBytes); err != nil {
		return nil, err
	}
	if err := checkSize(mergesFile, merges, maxFileBytes); err != nil {
		return nil, err
	}
	added, err := readAddedTokensDecoder(config)
	if err != nil {
		return nil, err
	}
	if added == nil {
		return nil, formatError(configFile, "added_tokens_decoder", "no added tokens")
	}
	split := SplitWords
	if pattern, ok, err := configString(config, "pretokenize_regex"); err != nil {
		return nil, err
	} else if ok {
		if split, err = splitOf(configFile, "pretokenize_regex", pattern); err != nil {
			return nil, err
		}
	}
	v := &vocabBuilder{file: vocabFile, pairs: newPairTable()}
	r := newJSONReader(vocabFile, vocab)
	if err := v.readVocab(r, "vocabulary"); err != nil {
		return nil, err
	}
	if err := r.End(); err != nil {
		return nil, err
	}
	v.file = mergesFile
	if err := v.readMergeLines(merges); err != nil {
		return nil, err
	}
	t, err := build(vocabFile, v.tokens, v.ids, added, split, normalPieces)
	if err != nil {
		return nil, err
	}
	v.finish(t, false)
	return t, nil
}

// readMergeLines reads merges.txt: an optional line "#version: …", then a merge a line.
func (v *vocabBuilder) readMergeLines(data []byte) error {
	for n := 1; len(data) > 0; n++ {
		line, rest, _ := bytes.Cut(data, []byte{'\n'})
		data = rest
		line = bytes.TrimSuffix(line, []byte{'\r'})
		if len(line) == 0 || n == 1 && bytes.HasPrefix(line, []byte("#version")) {
			continue
		}
		if err := v.mergeLine("merges", line); err != nil {
			return err
		}
	}
	return nil
}

// configString returns a string of the top level of tokenizer_config.json.
func configString(config []byte, name string) (value string, ok bool, err error) {
	r := newJSONReader("tokenizer_config.json", config)
	err = r.fields("", func(key string) error {
		if key == name && r.Next() == '"' {
			s, err := r.Str()
			value, ok = string(s), true
			return err
		}
		_, err := r.Raw()
		return err
	})
	return value, ok, err
}
