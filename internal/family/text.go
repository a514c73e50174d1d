package family

import (
	"io/fs"

	"github.com/qwenvl/qwenvl/tokenizer"
)

// Tokenizer reads the checkpoint's tokenizer: tokenizer.json, or vocab.json with merges.txt.
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
	var parts [3][]byte
	for i, name := range []string{"vocab.json", "merges.txt", "tokenizer_config.json"} {
		if parts[i], err = readLarge(files, name); err != nil {
			return nil, err
		}
		if parts[i] == nil {
			return nil, &ConfigError{File: "tokenizer.json", Problem: "missing, and so is " + name, Err: fs.ErrNotExist}
		}
	}
	return tokenizer.ParseVocabMerges(parts[0], parts[1], parts[2])
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
