package tokenizer

// Added tokens as files list them: in tokenizer.json as an array, in tokenizer_config.json as an
// object with ids as keys.

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

// readConfig reads what counts of tokenizer_config.json: the object of added tokens with ids as
// keys, and the pattern of the split, each nil if the file has none.
func readConfig(config []byte) (added []AddedToken, pattern *string, err error) {
	if err := checkSize(configFile, config, maxFileBytes); err != nil {
		return nil, nil, err
	}
	r := newJSONReader(configFile, config)
	r.NaN = true // as Python writes
	one := func(key string) error {
		field := addedKey + "[" + quote(key) + "]"
		id, ok := parseID([]byte(key))
		if !ok {
			return formatError(configFile, field, "the id is not a whole number below %d", maxVocab)
		}
		a, err := readAddedToken(r, field, id)
		if err == nil && len(added) == maxAdded {
			err = formatError(configFile, addedKey, "more than %d added tokens", maxAdded)
		}
		added = append(added, a)
		return err
	}
	err = r.fields("", func(key string) error {
		switch {
		case key == addedKey:
			return r.fields(addedKey, one)
		case key == patternKey && r.Next() == '"':
			s, err := r.Str()
			text := string(s)
			pattern = &text
			return err
		}
		_, err := r.Raw()
		return err
	})
	if err == nil {
		err = r.End()
	}
	return added, pattern, err
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
	case a.Special && a.normalized:
		// Where it stands in the original text, and so who wrote it, could not be told.
		return a, unsupported(r.file, path, "special token in normalized text")
	}
	return a, nil
}
