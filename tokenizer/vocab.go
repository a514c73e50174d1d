package tokenizer

// What the parsers have in common: tokens with their ids, merges with their ranks, each checked as
// it comes.

import (
	"bytes"
	"strconv"
)

// vocabBuilder collects a vocabulary and its merges from a file.
type vocabBuilder struct {
	file   string
	tokens []string // by id, "" where there is none yet
	ids    map[string]uint32
	pairs  *pairTable
	merged []uint32
	buf    []byte

	added []AddedToken // that the same file lists
	place [2]string    // of the added tokens: file and field
	split Split
	form  normalForm
	whole bool // a piece that is a token needs no merges
}

// build makes the tokenizer, with these added tokens.
func (v *vocabBuilder) build(added []AddedToken) (*Tokenizer, error) {
	t, err := build(v.file, v.place, v.tokens, v.ids, added, v.split, v.form)
	if err != nil {
		return nil, err
	}
	v.finish(t, v.whole)
	return t, nil
}

// add gives the bytes an id.
func (v *vocabBuilder) add(field string, token []byte, id int) error {
	if len(token) == 0 || len(token) > maxTokenBytes {
		return formatError(v.file, field, "token %d has %d bytes, not 1 to %d", id, len(token),
			maxTokenBytes)
	}
	if id < len(v.tokens) && v.tokens[id] != "" {
		return formatError(v.file, field, "id %d of %s is that of %s", id, quote(string(token)),
			quote(v.tokens[id]))
	}
	if _, ok := v.ids[string(token)]; ok {
		return formatError(v.file, field, "duplicate token %s", quote(string(token)))
	}
	if id >= len(v.tokens) {
		v.tokens = append(v.tokens, make([]string, id+1-len(v.tokens))...)
	}
	v.tokens[id] = string(token)
	v.ids[v.tokens[id]] = uint32(id)
	return nil
}

// readVocab reads an object of byte-level tokens and ids.
func (v *vocabBuilder) readVocab(r *jsonReader, field string) error {
	// of which merges take the most; the map grows if there are none
	v.ids = make(map[string]uint32, len(r.Data)/64)
	return r.Object(func(key []byte) error {
		token, ok := appendBytesOf(v.buf[:0], key)
		v.buf = token
		if !ok {
			return formatError(v.file, field, "token %s is not byte-level", quote(string(key)))
		}
		id, ok := r.id()
		if !ok {
			return formatError(v.file, field, "the id of %s is not a whole number below %d",
				quote(string(token)), maxVocab)
		}
		return v.add(field, token, id)
	})
}

// merge adds the next merge, of two byte-level tokens.
func (v *vocabBuilder) merge(field string, left, right []byte) error {
	rank := len(v.merged)
	if rank == maxMerges {
		return formatError(v.file, field, "more than %d merges", maxMerges)
	}
	l, okLeft := appendBytesOf(v.buf[:0], left)
	n := len(l)
	l, okRight := appendBytesOf(l, right)
	v.buf = l
	a, knownLeft := v.ids[string(l[:n])]
	b, knownRight := v.ids[string(l[n:])]
	whole, knownWhole := v.ids[string(l)]
	at := func(problem string, args ...any) error {
		return formatError(v.file, field+"["+strconv.Itoa(rank)+"]", problem, args...)
	}
	switch {
	case !okLeft || !okRight || !knownLeft || !knownRight:
		return at("merge of %s and %s, which are not both in the vocabulary", quote(string(left)),
			quote(string(right)))
	case !knownWhole:
		return at("merge gives %s, which is not in the vocabulary", quote(string(l)))
	case !v.pairs.add(a, b, uint32(rank)):
		return at("duplicate merge of %s and %s", quote(string(left)), quote(string(right)))
	}
	v.merged = append(v.merged, whole)
	return nil
}

// mergeLine adds the merge of two tokens with a space between them.
func (v *vocabBuilder) mergeLine(field string, line []byte) error {
	left, right, ok := bytes.Cut(line, []byte{' '})
	if !ok || bytes.IndexByte(right, ' ') >= 0 {
		return formatError(v.file, field+"["+strconv.Itoa(len(v.merged))+"]",
			"merge %s is not two tokens", quote(string(line)))
	}
	return v.merge(field, left, right)
}

// finish gives the tokenizer its merges. With whole set, a piece that is a token needs none.
func (v *vocabBuilder) finish(t *Tokenizer, whole bool) {
	b := &t.bpe
	b.pairs, b.merged = v.pairs, v.merged
	b.finish()
	if !whole {
		return
	}
	b.whole = v.ids
	for _, token := range v.tokens {
		b.maxWhole = max(b.maxWhole, len(token))
	}
}
