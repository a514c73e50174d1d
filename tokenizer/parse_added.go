package tokenizer

// Added tokens as files list them: in tokenizer.json as an array, in tokenizer_config.json as an
// object with ids as keys (parse_config.go). merge_added.go makes one list of all.

import "strconv"

const (
	configFile = "tokenizer_config.json"
	addedKey   = "added_tokens_decoder"
	patternKey = "pretokenize_regex"
)

// readAddedTokens reads the list "added_tokens" of tokenizer.json.
func readAddedTokens(r *jsonReader, path string) ([]AddedToken, error) {
	var added []AddedToken
	err := r.Array(func() error {
		a, err := readAddedToken(r, path+"["+strconv.Itoa(len(added))+"]", -1)
		if err != nil {
			return err
		}
		if len(added) == maxAdded {
			return formatError(r.file, path, "more than %d added tokens", maxAdded)
		}
		added = append(added, a)
		return nil
	})
	return added, err
}

// readAddedToken reads one added token. Its id is in the object where id is negative.
func readAddedToken(r *jsonReader, path string, id int) (AddedToken, error) {
	a := AddedToken{ID: id}
	hasText := false
	err := r.fields(path, func(key string) error {
		field := path + "." + key
		switch key {
		case "id":
			v, ok := r.id()
			if !ok || id >= 0 && v != id {
				return formatError(r.file, field,
					"an id that is not a whole number below %d, or a second one", maxVocab)
			}
			a.ID = v
			return nil
		case "content":
			text, err := r.Str()
			a.Text, hasText = string(text), true
			return err
		case "special", "normalized", "single_word", "lstrip", "rstrip":
			v, err := r.boolean(field)
			switch {
			case err != nil:
				return err
			case key == "special":
				a.Special = v
			case key == "normalized":
				a.normalized = v
			case key == "lstrip":
				a.lstrip = v
			case key == "rstrip":
				a.rstrip = v
			case v:
				return unsupported(r.file, field, "way to find an added token")
			}
			return nil
		}
		_, err := r.Raw()
		return err
	})
	switch {
	case err != nil:
		return a, err
	case a.ID < 0:
		return a, formatError(r.file, path, "an added token without id")
	case !hasText:
		return a, formatError(r.file, path, "an added token without content")
	}
	return a, nil
}
