package family

import (
	"encoding/json"
	"io/fs"

	"github.com/qwenvl/qwenvl/tokenizer"
)

// Tokenizer reads the checkpoint's tokenizer: tokenizer.json, or a file of ranks, or vocab.json with merges.txt.
//
// Errors: those of the tokenizer package, which name the file; *[ConfigError] when there is none.
func Tokenizer(files fs.FS) (*tokenizer.Tokenizer, error) {
	data, err := readLarge(files, "tokenizer.json")
	if err != nil {
		return nil, err
	}
	if data != nil {
		return tokenizer.ParseJSON(data)
	}
	if data, err = readLarge(files, "qwen.tiktoken"); err != nil {
		return nil, err
	}
	if data != nil {
		return tokenizer.ParseTiktoken(data, tokenizer.ImageTagOptions())
	}
	config, err := readLarge(files, "tokenizer_config.json")
	if err != nil {
		return nil, err
	}
	if data, err = readLarge(files, "tiktoken.model"); err != nil {
		return nil, err
	}
	if data != nil {
		return tokenizer.ParseTiktoken(data, tokenizer.HanOptions(config))
	}
	vocab, err := readLarge(files, "vocab.json")
	if err != nil {
		return nil, err
	}
	merges, err := readLarge(files, "merges.txt")
	if err != nil {
		return nil, err
	}
	if vocab == nil || merges == nil || config == nil {
		return nil, &ConfigError{File: "tokenizer.json", Problem: "missing, and so is another form of tokenizer", Err: fs.ErrNotExist}
	}
	return tokenizer.ParseVocabMerges(vocab, merges, config)
}

// ChatTemplate returns the source of the checkpoint's chat template, "" when it has none.
//
// Errors: *[ConfigError].
func ChatTemplate(files fs.FS) (string, error) {
	if data, err := readFile(files, "chat_template.jinja"); err != nil || data != nil {
		return string(data), err
	}
	for _, name := range []string{"chat_template.json", "tokenizer_config.json"} {
		o, err := readObject(files, name, true)
		if err != nil {
			return "", err
		}
		if o.has("chat_template") {
			source := o.stringOr("chat_template", "")
			return source, *o.err
		}
	}
	return "", nil
}

// NamedTokens returns the special tokens that tokenizer_config.json names, such as bos_token, which chat templates may print.
func NamedTokens(files fs.FS) map[string]string {
	o, err := readObject(files, "tokenizer_config.json", true)
	if err != nil {
		return nil
	}
	named := map[string]string{}
	for _, key := range []string{"bos_token", "eos_token", "pad_token", "unk_token"} {
		if !o.has(key) {
			continue
		}
		var text string
		if json.Unmarshal(o.keys[key], &text) != nil {
			text = o.sub(key).stringOr("content", "")
		}
		named[key] = text
	}
	return named
}
