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
	c, err := readConfig(configFile, config)
	if err != nil {
		return nil, err
	}
	if len(c.decoder) == 0 {
		return nil, formatError(configFile, addedKey, "no added tokens")
	}
	v, err := readVocabMerges(vocab, merges, c.pattern)
	if err != nil {
		return nil, err
	}
	return v.build(c.decoder)
}

// readVocabMerges reads vocab.json and merges.txt. A nil pattern is that of SplitWords.
func readVocabMerges(vocab, merges []byte, pattern *string) (*vocabBuilder, error) {
	const vocabFile, mergesFile = "vocab.json", "merges.txt"
	if err := checkSize(vocabFile, vocab, maxFileBytes); err != nil {
		return nil, err
	}
	if err := checkSize(mergesFile, merges, maxFileBytes); err != nil {
		return nil, err
	}
	v := &vocabBuilder{file: vocabFile, pairs: newPairTable(), split: SplitWords,
		form: normalPieces, place: [2]string{configFile, addedKey}}
	if pattern != nil {
		var err error
		if v.split, err = splitOf(configFile, patternKey, *pattern); err != nil {
			return nil, err
		}
	}
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
	v.file = vocabFile
	return v, nil
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
