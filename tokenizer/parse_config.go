package tokenizer

// tokenizer_config.json, and special_tokens_map.json, which has some of its keys: the class, added
// tokens with ids as keys, and tokens that are named for what they do.

import (
	"slices"
	"strings"
)

// config is what counts of such a file.
type config struct {
	class   string  // of the reference
	pattern *string // of the split; nil: none
	flags   map[string]bool

	decoder    []AddedToken // added_tokens_decoder, with its ids
	hasDecoder bool

	names []string               // of the tokens below, in the order of the file
	named map[string]*AddedToken // eos_token and so on; nil: null

	extra, additional       []AddedToken // extra_special_tokens, additional_special_tokens
	hasExtra, hasAdditional bool
	extraNames              bool // extra_special_tokens is an object, whose tokens are in named
}

const (
	extraKey      = "extra_special_tokens"
	additionalKey = "additional_special_tokens"
	tokenSuffix   = "_token"
)

// kinds are the keys whose values are read, and so must be of a kind that is.
var kinds = []string{extraKey, additionalKey, patternKey, "tokenizer_class"}

// refusedFlags change what text becomes when they are true, which no published checkpoint has.
var refusedFlags = []string{"add_prefix_space", "split_special_tokens"}

// readConfig reads a file. What it says besides is another's business.
func readConfig(file string, data []byte) (c config, err error) {
	if err := checkSize(file, data, maxFileBytes); err != nil {
		return c, err
	}
	r := newJSONReader(file, data)
	r.NaN = true // as Python writes
	c.named, c.flags = map[string]*AddedToken{}, map[string]bool{}
	extra := config{named: map[string]*AddedToken{}}
	err = r.fields("", func(key string) (err error) {
		kind := r.Next()
		switch {
		case key == addedKey:
			c.hasDecoder = true
			c.decoder, err = readDecoder(r)
		case key == patternKey && kind == '"':
			var s []byte
			s, err = r.Str()
			text := string(s)
			c.pattern = &text
		case key == "tokenizer_class" && kind == '"':
			var s []byte
			s, err = r.Str()
			c.class = string(s)
		case key == extraKey && kind == '{':
			err = r.fields(key, func(name string) error { return extra.name(r, key+"."+name, name) })
		case key == extraKey && kind == '[':
			c.hasExtra = true
			c.extra, err = readTokens(r, key)
		case key == additionalKey && kind == '[':
			c.hasAdditional = true
			c.additional, err = readTokens(r, key)
		case slices.Contains(refusedFlags, key) && kind == 't':
			c.flags[key], err = r.boolean(key)
		case strings.HasSuffix(key, tokenSuffix) && (kind == '"' || kind == '{' || kind == 'n'):
			err = c.name(r, key, key)
		case kind != 'n' && (slices.Contains(kinds, key) || slices.Contains(roles, key) ||
			slices.Contains(refusedFlags, key) && kind != 'f'):
			err = formatError(file, key, "a value of another kind")
		default:
			_, err = r.Raw()
		}
		return err
	})
	if err == nil {
		err = r.End()
	}
	c.extraNames = len(extra.names) > 0
	for _, name := range extra.names { // they overrule those beside them
		c.set(name, extra.named[name])
	}
	return c, err
}

// set gives a token a name.
func (c *config) set(name string, t *AddedToken) {
	if _, ok := c.named[name]; !ok {
		c.names = append(c.names, name)
	}
	c.named[name] = t
}

// readDecoder reads added_tokens_decoder.
func readDecoder(r *jsonReader) (added []AddedToken, err error) {
	err = r.fields(addedKey, func(key string) error {
		field := addedKey + "[" + quote(key) + "]"
		id, ok := parseID([]byte(key))
		if !ok {
			return formatError(r.file, field, "the id is not a whole number below %d", maxVocab)
		}
		a, err := readAddedToken(r, field, id)
		if err == nil && len(added) == maxAdded {
			err = formatError(r.file, addedKey, "more than %d added tokens", maxAdded)
		}
		added = append(added, a)
		return err
	})
	return added, err
}

// name reads the token of a name: a text, an object or null.
func (c *config) name(r *jsonReader, field, name string) error {
	var token *AddedToken
	if r.Next() == 'n' {
		if raw, err := r.Raw(); err != nil || string(raw) != "null" {
			return formatError(r.file, field, "not a token")
		}
	} else {
		t, err := readToken(r, field)
		if err != nil {
			return err
		}
		token = &t
	}
	if len(c.names) == maxAdded {
		return formatError(r.file, field, "more than %d named tokens", maxAdded)
	}
	c.set(name, token)
	return nil
}

// readToken reads a special token without an id: its text, or an object.
func readToken(r *jsonReader, field string) (AddedToken, error) {
	if r.Next() == '"' {
		s, err := r.Str()
		return AddedToken{Text: string(s), Special: true}, err
	}
	t, err := readAddedToken(r, field, 0)
	t.Special = true
	return t, err
}

// readTokens reads a list of special tokens.
func readTokens(r *jsonReader, key string) (tokens []AddedToken, err error) {
	err = r.Array(func() error {
		t, err := readToken(r, key)
		if err == nil && len(tokens) == maxAdded {
			err = formatError(r.file, key, "more than %d tokens", maxAdded)
		}
		tokens = append(tokens, t)
		return err
	})
	return tokens, err
}

// readAddedIDs reads added_tokens.json: added tokens with their ids.
func readAddedIDs(data []byte) (added []AddedToken, err error) {
	if err := checkSize(addedFile, data, maxFileBytes); err != nil {
		return nil, err
	}
	r := newJSONReader(addedFile, data)
	err = r.fields("", func(text string) error {
		id, ok := r.id()
		if !ok {
			return formatError(addedFile, quote(text), "not a whole number below %d", maxVocab)
		}
		if len(added) == maxAdded {
			return formatError(addedFile, "", "more than %d added tokens", maxAdded)
		}
		added = append(added, AddedToken{ID: id, Text: text})
		return nil
	})
	if err == nil {
		err = r.End()
	}
	return added, err
}
