package tokenizer

// One tokenizer of all the files that a checkpoint may spread it over. The vocabulary is in one of
// them; its added tokens are in up to four, which contradict one another where tools edited only
// some. Who counts, and which ids tokens get that the vocabulary has not, is the reference's rule.
//
// Source: transformers 5, PreTrainedTokenizerBase._from_pretrained and TokenizersBackend.__init__;
// tokenizers, AddedVocabulary.add_tokens. Held against them by trying files of all kinds.

import (
	"slices"
	"strings"
)

// Files are a tokenizer's files, nil where a checkpoint has none of the name.
type Files struct {
	JSON          []byte // tokenizer.json
	Vocab, Merges []byte // vocab.json and merges.txt, which count without it
	Config        []byte // tokenizer_config.json
	Added         []byte // added_tokens.json
	Special       []byte // special_tokens_map.json

	// Own reports whether a class of the reference, by its name in tokenizer_config.json without
	// "Fast" ("" where it has none), has a vocabulary of its own: such take vocabulary, merges and
	// split of tokenizer.json and make the rest anew, others take it as it is. nil is all but
	// PreTrainedTokenizer and TokenizersBackend.
	Own func(class string) bool
}

const (
	addedFile   = "added_tokens.json"
	specialFile = "special_tokens_map.json"
)

// Parse reads a byte-level BPE tokenizer from all of its files.
//
// Where tokenizer_config.json has added_tokens_decoder, its tokens are those that count;
// tokenizer.json adds its own only for classes that take it as it is, such as
// PreTrainedTokenizerFast. Without it they are those of added_tokens.json and tokenizer.json.
// Tokens that are only named (eos_token, additional_special_tokens, also in
// special_tokens_map.json) follow. A token that the vocabulary has keeps that id; the others get
// the next ones in the order of the ids that the files give them.
//
// Errors: as [ParseJSON] and [ParseVocabMerges].
func Parse(f Files) (*Tokenizer, error) {
	var c, special config
	var err error
	if f.Config != nil {
		if c, err = readConfig(configFile, f.Config); err != nil {
			return nil, err
		}
	}
	if f.Special != nil && !c.hasDecoder {
		if special, err = readConfig(specialFile, f.Special); err != nil {
			return nil, err
		}
	}
	var v *vocabBuilder
	if f.JSON != nil {
		v, err = readJSON(f.JSON)
	} else {
		v, err = readVocabMerges(f.Vocab, f.Merges, c.pattern)
	}
	if err != nil {
		return nil, err
	}
	asIs := f.JSON != nil && !f.own(strings.TrimSuffix(c.class, "Fast"))
	for _, flag := range refusedFlags {
		if c.flags[flag] && (!asIs || flag == "split_special_tokens") {
			return nil, unsupported(configFile, flag, "true")
		}
	}
	if !asIs { // of tokenizer.json such classes take nothing else but the split
		v.form, v.whole = normalPieces, false
	}
	var legacy []AddedToken
	if f.Added != nil && !c.hasDecoder {
		if legacy, err = readAddedIDs(f.Added); err != nil {
			return nil, err
		}
	}
	switch {
	case c.hasDecoder:
		v.place = [2]string{configFile, addedKey}
	case f.JSON == nil && f.Added != nil:
		v.place = [2]string{addedFile, ""}
	}
	added, err := mergeAdded(v, c, special, legacy, asIs)
	if err != nil {
		return nil, err
	}
	return v.build(added)
}

// The names that every tokenizer of the reference has, in its order, and what classes with a
// vocabulary of their own make of those that no file names.
var (
	roles = []string{
		"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
	}
	defaultRole = map[string]string{
		"eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "pad_token": "<|endoftext|>",
	}
)

func (f Files) own(class string) bool {
	if f.Own != nil {
		return f.Own(class)
	}
	return class != "PreTrainedTokenizer" && class != "TokenizersBackend"
}

// mergeAdded returns the added tokens with the ids that count.
func mergeAdded(v *vocabBuilder, c, special config, legacy []AddedToken, asIs bool) (
	[]AddedToken, error) {
	named, extra := mergeNamed(c, special, !asIs)

	listed := c.decoder
	if !c.hasDecoder {
		listed = listedTokens(c, special, legacy, v.added)
	}
	slices.SortStableFunc(listed, func(a, b AddedToken) int { return a.ID - b.ID })

	a := &adder{v: v, at: map[string]int{}, next: len(v.ids)}
	if asIs {
		for _, t := range v.added {
			a.add(t)
		}
	}
	known := map[string]bool{}
	for _, t := range slices.Concat(a.tokens, listed) {
		known[t.Text] = true
	}
	isNamed := map[string]bool{}
	for _, t := range named {
		isNamed[t.Text] = true
	}
	for _, t := range listed {
		t.Special = t.Special || isNamed[t.Text]
		a.add(t)
	}
	for _, t := range slices.Concat(named, extra) {
		if !known[t.Text] {
			a.add(t)
		}
	}
	if !asIs { // once more: those that are named are special, and nothing else is said of them
		for _, t := range slices.Concat(named, extra) {
			a.add(AddedToken{Text: t.Text, Special: true})
		}
	}
	if len(a.tokens) > maxAdded || a.next > maxVocab {
		return nil, formatError(v.place[0], v.place[1], "more than %d added tokens", maxAdded)
	}
	return a.tokens, nil
}

// listedTokens are the tokens with ids where tokenizer_config.json has none: those of
// added_tokens.json, of which named ones are special, overruled by those of tokenizer.json.
func listedTokens(c, special config, legacy, fromJSON []AddedToken) []AddedToken {
	marked := map[string]bool{}
	for _, role := range roles {
		t, ok := special.named[role]
		if !ok {
			t = c.named[role]
		}
		if t != nil {
			marked[t.Text] = true
		}
	}
	for _, t := range slices.Concat(firstExtra(c), special.extra) {
		marked[t.Text] = true
	}
	byID := map[int]AddedToken{}
	for _, t := range legacy {
		t.Special = marked[t.Text]
		t.normalized = !t.Special
		byID[t.ID] = t
	}
	for _, t := range fromJSON {
		byID[t.ID] = t
	}
	listed := make([]AddedToken, 0, len(byID))
	for _, t := range byID {
		listed = append(listed, t)
	}
	slices.SortFunc(listed, func(a, b AddedToken) int { return a.ID - b.ID })
	return listed
}

// firstExtra is extra_special_tokens, or additional_special_tokens, its older name, where that is
// empty.
func firstExtra(c config) []AddedToken {
	if len(c.extra) > 0 || c.extraNames {
		return c.extra
	}
	return c.additional
}

// mergeNamed returns the tokens that are named, by roles and then by other names, and those that
// are special without a name.
func mergeNamed(c, special config, defaults bool) (named, extra []AddedToken) {
	role := func(name string) *AddedToken {
		for _, from := range []config{special, c} {
			if t, ok := from.named[name]; ok {
				return t
			}
		}
		if text, ok := defaultRole[name]; ok && defaults {
			return &AddedToken{Text: text, Special: true}
		}
		return nil
	}
	seen := map[string]bool{}
	for _, name := range slices.Concat(roles, special.names, c.names) {
		if t := role(name); t != nil && !seen[t.Text] {
			seen[t.Text] = true
			named = append(named, *t)
		}
	}
	extra = slices.Concat(firstExtra(c), special.extra)
	if len(extra) == 0 && !c.hasExtra && !special.hasExtra { // the older name counts without the newer
		extra = c.additional
		if special.hasAdditional {
			extra = special.additional
		}
	}
	return named, extra
}

// adder gives added tokens their ids.
type adder struct {
	v      *vocabBuilder
	tokens []AddedToken
	at     map[string]int // by text: index in tokens
	next   int            // the id of the next token that the vocabulary has not
}

// add adds a token, or says anew how one is found that is there.
func (a *adder) add(t AddedToken) {
	if t.Special && t.normalized { // users cannot spell it, and templates write what is normal
		t.normalized = nfc(characters(), t.Text, true) != t.Text
	}
	if i, ok := a.at[t.Text]; ok {
		t.ID = a.tokens[i].ID
		a.tokens[i] = t
		return
	}
	if t.Text == "" {
		return
	}
	var ok bool
	if t.ID, ok = lookUp(a.v.ids, t.Text); !ok {
		t.ID = a.next
	}
	a.next = max(a.next, t.ID+1)
	a.at[t.Text] = len(a.tokens)
	a.tokens = append(a.tokens, t)
}
