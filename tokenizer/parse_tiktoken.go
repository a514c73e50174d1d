package tokenizer

// Files of ranks: a token's bytes and its rank, which is its id, a line each. There are no merges
// in them; every way to cut a token into two others is one. Special tokens stand elsewhere, so
// options name them.

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
)

const ranksFile = "tiktoken ranks"

// TiktokenOptions says what a file of ranked byte strings leaves open.
type TiktokenOptions struct {
	File  string // for errors; "": it has no name
	Split Split
	NFC   bool // text is brought to NFC before anything else
	// Special are the special tokens, whose ids follow the last rank in this order.
	Special []string
	// Reserved, if not 0, is the number of ids after the last rank in place of Special. Their texts
	// are those of added_tokens_decoder in Config, and <|reserved_token_ID|> where it has none.
	Reserved int
	Config   []byte // tokenizer_config.json
}

// ImageTagOptions returns the options of files named *.tiktoken with 151,643 ranks, whose special
// tokens are those of chats and then the tags around references, boxes and images.
func ImageTagOptions() TiktokenOptions {
	special := []string{"<|endoftext|>", "<|im_start|>", "<|im_end|>"}
	for i := range 205 {
		special = append(special, "<|extra_"+strconv.Itoa(i)+"|>")
	}
	special = append(special, ImageTags()...)
	return TiktokenOptions{Split: SplitWords, NFC: true, Special: special}
}

// ImageTags returns the special tokens of [ImageTagOptions] that a message's content may spell, in
// the order of their ids.
func ImageTags() []string {
	return []string{"<ref>", "</ref>", "<box>", "</box>", "<quad>", "</quad>", "<img>", "</img>",
		"<imgpad>"}
}

// HanOptions returns the options of files named tiktoken.model: 256 special tokens, named by
// tokenizer_config.json, no normalization.
func HanOptions(config []byte) TiktokenOptions {
	return TiktokenOptions{Split: SplitHan, Reserved: 256, Config: config}
}

// ParseTiktoken reads lines of a byte string in base64 and its rank, which is its id.
//
// A piece that is a token as it stands is that token; otherwise the pair of neighbors whose bytes
// together have the lowest rank is merged first.
//
// Errors: [FormatError] for a damaged file, [UnsupportedError] for options of an added token that
// change how it is found.
func ParseTiktoken(data []byte, o TiktokenOptions) (*Tokenizer, error) {
	file := cmp.Or(o.File, ranksFile)
	if err := checkSize(file, data, maxRankBytes); err != nil {
		return nil, err
	}
	if o.Split < 0 || o.Split >= numSplits {
		return nil, unsupported(file, "options", "split "+strconv.Itoa(int(o.Split)))
	}
	v := &vocabBuilder{file: file, pairs: newPairTable(),
		ids: make(map[string]uint32, len(data)/16)}
	if err := v.readRanks(data); err != nil {
		return nil, err
	}
	for id, token := range v.tokens {
		if token == "" {
			return nil, formatError(file, "", "no token has rank %d", id)
		}
	}
	added, err := o.added(len(v.tokens))
	if err != nil {
		return nil, err
	}
	form := normalNone
	if o.NFC {
		form = normalWhole
	}
	place := [2]string{file, "special tokens"}
	if o.Reserved > 0 {
		place = [2]string{configFile, addedKey}
	}
	t, err := build(file, place, v.tokens, v.ids, added, o.Split, form)
	if err != nil {
		return nil, err
	}
	if err := v.pairRanks(); err != nil {
		return nil, err
	}
	v.finish(t, true)
	return t, nil
}

func (v *vocabBuilder) readRanks(data []byte) error {
	for n := 1; len(data) > 0; n++ {
		line, rest, _ := bytes.Cut(data, []byte{'\n'})
		data = rest
		line = bytes.TrimSuffix(line, []byte{'\r'})
		if len(line) == 0 {
			continue
		}
		text, rank, ok := bytes.Cut(line, []byte{' '})
		if !ok {
			return formatError(v.file, lineField(n), "no rank")
		}
		var err error
		if v.buf, err = base64.StdEncoding.AppendDecode(v.buf[:0], text); err != nil {
			return &FormatError{File: v.file, Field: lineField(n), Problem: "bad token", Err: err}
		}
		id, ok := parseID(rank)
		if !ok {
			return formatError(v.file, lineField(n), "rank %s is not a whole number below %d",
				quote(string(rank)), maxVocab)
		}
		if err := v.add("ranks", v.buf, id); err != nil {
			return err
		}
	}
	return nil
}

func lineField(n int) string { return "line " + strconv.Itoa(n) }

// pairRanks makes merges of ranks: every way to cut a token into two tokens is a merge with the
// token's rank.
func (v *vocabBuilder) pairRanks() error {
	v.merged = make([]uint32, len(v.tokens))
	for id, token := range v.tokens {
		v.merged[id] = uint32(id)
		for cut := 1; cut < len(token); cut++ {
			left, ok := v.ids[token[:cut]]
			if !ok {
				continue
			}
			right, ok := v.ids[token[cut:]]
			if !ok {
				continue
			}
			if v.pairs.used == maxMerges {
				return formatError(v.file, "", "more than %d pairs of tokens that merge", maxMerges)
			}
			v.pairs.add(left, right, uint32(id))
		}
	}
	return nil
}

// added returns the special tokens, numbered from n on.
func (o *TiktokenOptions) added(n int) ([]AddedToken, error) {
	if n+max(len(o.Special), o.Reserved) > maxVocab || len(o.Special) > maxAdded ||
		o.Reserved < 0 || o.Reserved > maxAdded {
		return nil, formatError(cmp.Or(o.File, ranksFile), "options", "more special tokens than ids")
	}
	if o.Reserved == 0 {
		var added []AddedToken
		for i, s := range o.Special {
			added = append(added, AddedToken{ID: n + i, Text: s, Special: true})
		}
		return added, nil
	}
	c, err := readConfig(configFile, o.Config)
	if err != nil {
		return nil, err
	}
	added := c.decoder
	named := make(map[int]bool, len(added))
	for _, a := range added {
		if a.ID < n || a.ID >= n+o.Reserved {
			return nil, formatError(configFile, addedKey,
				"id %d is not one of the %d after the %d ranks", a.ID, o.Reserved, n)
		}
		named[a.ID] = true
	}
	for id := n; id < n+o.Reserved; id++ {
		if !named[id] {
			added = append(added, AddedToken{ID: id, Text: fmt.Sprintf("<|reserved_token_%d|>", id),
				Special: true})
		}
	}
	return slices.Clip(added), nil
}
