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

	place [2]string // where the added tokens stand, file and field

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

// AddedAt returns the file that lists the added tokens, and the key in it: the one that counts,
// where several do.
func (t *Tokenizer) AddedAt() (file, field string) { return t.place[0], t.place[1] }

// IsSpecial reports whether id is that of a special token.
func (t *Tokenizer) IsSpecial(id int) bool { return id >= 0 && id < len(t.marks) && t.marks[id] }

// AddedTokens returns the added tokens, special or not, in the order of their ids. The caller owns
// the slice.
func (t *Tokenizer) AddedTokens() []AddedToken { return slices.Clone(t.added) }

// lookUp returns the id that an added token has by its spelling in the merged vocabulary, where
// bytes that do not print stand as other characters.
func lookUp(vocab map[string]uint32, text string) (id int, ok bool) {
	token, ok := appendBytesOf(nil, []byte(text))
	if !ok {
		return 0, false
	}
	k, ok := vocab[string(token)]
	return int(k), ok
}

// build makes a tokenizer of parts that a parser has checked on their own: tokens by id (without
// added ones, "" for none), the ids by token, and the added tokens in any order, listed at place.
// It checks what concerns them together.
func build(file string, place [2]string, tokens []string, vocab map[string]uint32,
	added []AddedToken, split Split, form normalForm) (*Tokenizer, error) {
	wrong := func(problem string, args ...any) error {
		return formatError(place[0], place[1], problem, args...)
	}
	t := &Tokenizer{
		place: place,
		vocab: vocab, added: slices.Clone(added), byText: make(map[string]int, len(added)),
		original: newAddedTrie(), normalized: newAddedTrie(),
		chars: characters(), split: split.splitter(), form: form,
	}
	slices.SortFunc(t.added, func(a, b AddedToken) int { return a.ID - b.ID })
	size := len(tokens)
	for i, a := range t.added {
		switch {
		case i > 0 && t.added[i-1].ID == a.ID:
			return nil, wrong("two added tokens with id %d", a.ID)
		case a.Special && a.normalized:
			// Where it stands in the original text, and so who wrote it, could not be told.
			return nil, unsupported(place[0], place[1], "special token in normalized text, "+quote(a.Text))
		case a.Text == "" || len(a.Text) > maxAddedBytes:
			return nil, wrong("added token %d has %d bytes, not 1 to %d", a.ID,
				len(a.Text), maxAddedBytes)
		}
		if _, ok := t.byText[a.Text]; ok {
			return nil, wrong("duplicate added token %s", quote(a.Text))
		}
		k, merged := lookUp(vocab, a.Text)
		switch {
		case merged && k != a.ID:
			return nil, wrong("added token %s has id %d, but %d in the vocabulary", quote(a.Text), a.ID, k)
		case !merged && a.ID < len(tokens) && tokens[a.ID] != "":
			return nil, wrong("added token %s has the id %d of %s",
				quote(a.Text), a.ID, quote(tokens[a.ID]))
		}
		t.byText[a.Text] = i
		switch {
		case !a.normalized:
			t.original.add(a.Text, i)
		case form == normalNone:
			t.normalized.add(a.Text, i)
		default: // what it is looked for in is normalized, and so is it
			t.normalized.add(nfc(t.chars, a.Text, true), i)
		}
		size = max(size, a.ID+1)
	}
	t.tokens = make([]string, size)
	copy(t.tokens, tokens)
	t.marks = make([]bool, size)
	for _, a := range t.added {
		t.marks[a.ID] = a.Special
		if t.tokens[a.ID] == "" { // else it is one of the vocabulary, with the bytes of that
			t.tokens[a.ID] = a.Text
		}
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
