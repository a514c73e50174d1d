package tokenizer

// A parsed tokenizer, and the last step of every parser: parts that were checked on their own are
// checked together and put into the tables that encoding and decoding use.

import "slices"

// Tokenizer encodes text to token ids and decodes them. It is made by one of the Parse functions,
// does not change afterwards and is safe for concurrent use.
type Tokenizer struct {
	tokens []string          // by id: the bytes of the token; "" where no token has the id
	vocab  map[string]uint32 // the merged vocabulary, without added tokens
	added  []AddedToken      // by id
	byText map[string]int    // added tokens: index in added
	marks  []bool            // by id: special

	original   *addedTrie // added tokens looked for in the original text
	normalized *addedTrie // and in the normalized text

	chars *classTable
	split splitter
	form  normalForm
	bpe   bpe
}

// Size returns the number of ids, which is the highest one plus one. A model's vocabulary can be
// larger, by padding.
func (t *Tokenizer) Size() int { return len(t.tokens) }

// TokenID returns the id of the token with exactly this text: an added token or one of the merged
// vocabulary.
func (t *Tokenizer) TokenID(text string) (id int, ok bool) {
	if i, ok := t.byText[text]; ok {
		return t.added[i].ID, true
	}
	k, ok := t.vocab[text]
	return int(k), ok
}

// IsSpecial reports whether id is that of a special token.
func (t *Tokenizer) IsSpecial(id int) bool { return id >= 0 && id < len(t.marks) && t.marks[id] }

// AddedTokens returns the added tokens, special or not, in the order of their ids. The caller owns
// the slice.
func (t *Tokenizer) AddedTokens() []AddedToken { return slices.Clone(t.added) }

// build makes a tokenizer of parts that a parser has checked on their own: tokens by id (without
// added ones, "" for none), the ids by token, and the added tokens in any order. It checks what
// concerns them together.
func build(file string, tokens []string, vocab map[string]uint32, added []AddedToken, split Split,
	form normalForm) (*Tokenizer, error) {
	const field = "added_tokens"
	t := &Tokenizer{
		vocab: vocab, added: slices.Clone(added), byText: make(map[string]int, len(added)),
		original: newAddedTrie(), normalized: newAddedTrie(),
		chars: characters(), split: split.splitter(), form: form,
	}
	slices.SortFunc(t.added, func(a, b AddedToken) int { return a.ID - b.ID })
	size := len(tokens)
	for i, a := range t.added {
		switch {
		case i > 0 && t.added[i-1].ID == a.ID:
			return nil, formatError(file, field, "two added tokens with id %d", a.ID)
		case a.Text == "" || len(a.Text) > maxAddedBytes:
			return nil, formatError(file, field, "added token %d has %d bytes, not 1 to %d", a.ID,
				len(a.Text), maxAddedBytes)
		}
		if _, ok := t.byText[a.Text]; ok {
			return nil, formatError(file, field, "duplicate added token %s", quote(a.Text))
		}
		if k, ok := vocab[a.Text]; ok && int(k) != a.ID {
			return nil, formatError(file, field,
				"added token %s has id %d, but %d in the vocabulary", quote(a.Text), a.ID, k)
		}
		if a.ID < len(tokens) && tokens[a.ID] != "" && tokens[a.ID] != a.Text {
			return nil, formatError(file, field, "added token %s has the id %d of %s",
				quote(a.Text), a.ID, quote(tokens[a.ID]))
		}
		t.byText[a.Text] = i
		trie := t.original
		if a.normalized {
			trie = t.normalized
		}
		trie.add(a.Text, i)
		size = max(size, a.ID+1)
	}
	t.tokens = make([]string, size)
	copy(t.tokens, tokens)
	t.marks = make([]bool, size)
	for _, a := range t.added {
		t.tokens[a.ID], t.marks[a.ID] = a.Text, a.Special
	}
	for id := range tokens {
		if t.tokens[id] == "" {
			return nil, formatError(file, "vocabulary", "no token has id %d", id)
		}
	}
	for b := range 256 {
		id, ok := vocab[string([]byte{byte(b)})]
		if !ok {
			return nil, formatError(file, "vocabulary", "no token for the byte %#02x", b)
		}
		t.bpe.bytes[b] = id
	}
	return t, nil
}
