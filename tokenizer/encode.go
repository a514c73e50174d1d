package tokenizer

// Text to ids, in four steps: join the spans of a prompt, find the added tokens that may stand
// there, normalize and cut what lies between (normalize.go, split.go), merge each piece (merge.go).
// Who wrote a span decides which special tokens are found in it; everything else does not see
// spans.

import "strings"

// Span is a part of a prompt and where it comes from.
type Span struct {
	Text    string
	Trusted bool // written by the chat template: special tokens in it are meant
}

// Encode returns the ids of text of a user: spellings of special tokens in it are text.
func (t *Tokenizer) Encode(text string) []int {
	return t.EncodeSpans(nil, []Span{{Text: text}})
}

// EncodeSpecial returns the ids of text in which every added token is recognized.
func (t *Tokenizer) EncodeSpecial(text string) []int {
	return t.EncodeSpans(nil, []Span{{Text: text, Trusted: true}})
}

// EncodeAllowed returns the ids of text in which only these special tokens are recognized, by their
// text.
func (t *Tokenizer) EncodeAllowed(text string, special map[string]bool) []int {
	e := encoding{t: t, allowed: special, limited: true}
	return e.encode(nil, []Span{{Text: text, Trusted: true}})
}

// EncodeSpans appends the ids of a prompt made of spans to dst.
//
// Special tokens are recognized only where they lie wholly in trusted text (neighboring trusted
// spans count as one). What lies between recognized added tokens is normalized, cut and merged as
// one string, across the borders of spans, as the reference does with the whole prompt. A tokenizer
// that normalizes before it looks for tokens does so in each span on its own.
func (t *Tokenizer) EncodeSpans(dst []int, spans []Span) []int {
	e := encoding{t: t}
	return e.encode(dst, spans)
}

// encoding is the state of one call.
type encoding struct {
	t       *Tokenizer
	trusted []interval // of the text, in order, apart from each other
	seen    int        // trusted intervals that end before the search
	limited bool       // allowed says which special tokens are recognized
	allowed map[string]bool
	scratch mergeScratch
}

type interval struct{ start, end int }

func (e *encoding) encode(dst []int, spans []Span) []int {
	text := e.join(spans)
	return e.cut(dst, text, e.t.original, e.recognized, e.encodeText)
}

// cut appends the ids of the added tokens in a text and, by between, of what lies between them.
func (e *encoding) cut(dst []int, text string, trie *addedTrie,
	allow func(index, start, end int) bool, between func(dst []int, text string) []int) []int {
	for done, at := 0, 0; ; {
		i, start, end := trie.find(text, at, allow)
		if i < 0 {
			return between(dst, text[done:])
		}
		at = end // a token may begin with white space that the one before takes
		start, end = e.t.strip(i, text, done, start, end)
		if done < start {
			dst = between(dst, text[done:start])
		}
		dst = append(dst, e.t.added[i].ID)
		done = end
	}
}

// join returns the valid text of the spans and notes which parts of it are trusted.
func (e *encoding) join(spans []Span) string {
	prepare := func(s string) string {
		s = validText(s)
		if e.t.form == normalWhole {
			s = nfc(e.t.chars, s, false)
		}
		return s
	}
	text, n := "", 0
	var b strings.Builder
	for _, s := range spans {
		part := prepare(s.Text)
		if len(spans) == 1 {
			text = part
		} else {
			b.WriteString(part)
		}
		if s.Trusted && part != "" {
			if k := len(e.trusted); k > 0 && e.trusted[k-1].end == n {
				e.trusted[k-1].end += len(part)
			} else {
				e.trusted = append(e.trusted, interval{n, n + len(part)})
			}
		}
		n += len(part)
	}
	if len(spans) == 1 {
		return text
	}
	return b.String()
}

// recognized reports whether the added token may be taken at this place. Places come in rising
// order.
func (e *encoding) recognized(index, start, end int) bool {
	a := &e.t.added[index]
	if !a.Special {
		return true
	}
	for e.seen < len(e.trusted) && e.trusted[e.seen].end <= start {
		e.seen++
	}
	if e.seen == len(e.trusted) || start < e.trusted[e.seen].start || end > e.trusted[e.seen].end {
		return false
	}
	return !e.limited || e.allowed[a.Text]
}

// encodeText appends the ids of text without recognized tokens.
func (e *encoding) encodeText(dst []int, text string) []int {
	if text == "" {
		return dst
	}
	if e.t.form == normalPieces {
		text = nfc(e.t.chars, text, true)
	}
	return e.cut(dst, text, e.t.normalized, anyToken, e.encodePieces)
}

// strip widens the place of an added token, from done on, by the white space that it takes.
func (t *Tokenizer) strip(index int, text string, done, start, end int) (int, int) {
	if t.added[index].lstrip {
		for at := done; at < start; { // the last run of white space
			at = t.chars.runOutside(text[:start], at, classSpace)
			from := at
			if at = t.chars.run(text[:start], at, classSpace); at == start {
				start = from
			}
		}
	}
	if t.added[index].rstrip {
		end = t.chars.run(text, end, classSpace)
	}
	return start, end
}

func anyToken(int, int, int) bool { return true }

func (e *encoding) encodePieces(dst []int, text string) []int {
	chars, split, merges := e.t.chars, e.t.split, &e.t.bpe
	for i := 0; i < len(text); {
		end := split(chars, text, i)
		dst = merges.encode(dst, text[i:end], &e.scratch)
		i = end
	}
	return dst
}
