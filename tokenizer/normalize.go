package tokenizer

// Unicode's composed form (NFC), as the checkpoint wants it: never, for the whole text before
// tokens are looked for, or for each part between tokens. The references know an older Unicode, and
// package norm breaks up long runs of marks, so two kinds of text take a way of their own here.

import (
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// normalForm says whether and when text is brought to NFC.
type normalForm int

const (
	normalNone   normalForm = iota
	normalPieces            // what lies between added tokens, with the reference's older tables
	normalWhole             // the whole text, before added tokens are looked for
)

// nfc returns s, which is valid UTF-8, in NFC.
//
// Where inert is set, characters that the reference's NFC does not know are left alone and stop
// marks from moving past them. Package norm breaks up runs of more than 30 marks with a character
// of its own (stream-safe text); NFC does not, so text that could have such runs goes through
// nfcRunes.
func nfc(t *classTable, s string, inert bool) string {
	// If so, every part of it is in NFC too, under older tables as well.
	if norm.NFC.QuickSpanString(s) == len(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	for s != "" {
		end := len(s)
		if inert {
			end = t.runOutside(s, 0, classInert)
		}
		appendNFC(&b, s[:end])
		s = s[end:]
		if s != "" {
			_, m := t.at(s, 0)
			b.WriteString(s[:m])
			s = s[m:]
		}
	}
	return b.String()
}

func appendNFC(b *strings.Builder, s string) {
	if hasLongRun(s) {
		b.WriteString(nfcRunes(s))
		return
	}
	b.WriteString(norm.NFC.String(s))
}

// hasLongRun reports whether s may hold more combining marks in a row than package norm lets pass.
// A character decomposes into at most three trailing marks, so 8 in a row are well below its limit
// of 30.
func hasLongRun(s string) bool {
	const limit = 8
	run := 0
	for i := 0; i < len(s); {
		if s[i] < utf8.RuneSelf {
			run = 0
			i++
			continue
		}
		p := norm.NFC.PropertiesString(s[i:])
		if p.LeadCCC() == 0 {
			run = 0
		} else if run++; run > limit {
			return true
		}
		i += max(p.Size(), 1)
	}
	return false
}

// decomposed is a character of a full canonical decomposition with its combining class.
type decomposed struct {
	r   rune
	ccc uint8
}

// nfcRunes is NFC by the book: decompose, order the marks, compose. It takes O(n log n) time for
// any text.
//
// Source: Unicode Standard Annex 15 and section 3.11 of the standard.
func nfcRunes(s string) string {
	chars := make([]decomposed, 0, len(s))
	var buf [utf8.UTFMax]byte
	for _, r := range s {
		if r < utf8.RuneSelf {
			chars = append(chars, decomposed{r: r})
			continue
		}
		b := buf[:utf8.EncodeRune(buf[:], r)]
		p := norm.NFD.Properties(b)
		d := p.Decomposition()
		if d == nil { // itself, or a Hangul syllable, which composes again anyway
			chars = append(chars, decomposed{r, p.CCC()})
			continue
		}
		for len(d) > 0 {
			c, n := utf8.DecodeRune(d)
			chars = append(chars, decomposed{c, norm.NFD.Properties(d).CCC()})
			d = d[n:]
		}
	}
	for i := 0; i < len(chars); {
		if chars[i].ccc == 0 {
			i++
			continue
		}
		j := i + 1
		for j < len(chars) && chars[j].ccc != 0 {
			j++
		}
		slices.SortStableFunc(chars[i:j],
			func(a, b decomposed) int { return int(a.ccc) - int(b.ccc) })
		i = j
	}
	return composeRunes(chars)
}

// composeRunes composes ordered characters in place and returns them as a string.
func composeRunes(chars []decomposed) string {
	starter := -1 // the last character of class 0 that was kept
	kept := chars[:0]
	for _, c := range chars {
		if starter >= 0 {
			last := kept[len(kept)-1]
			adjacent := len(kept) == starter+1
			// A mark is blocked by an earlier one of the same or a higher class, a starter by
			// anything between.
			if adjacent || (c.ccc != 0 && last.ccc < c.ccc) {
				if r, ok := composePair(kept[starter].r, c.r); ok {
					kept[starter].r = r
					continue
				}
			}
		}
		if c.ccc == 0 {
			starter = len(kept)
		}
		kept = append(kept, c)
	}
	var b strings.Builder
	b.Grow(len(kept) * 2)
	for _, c := range kept {
		b.WriteRune(c.r)
	}
	return b.String()
}

// composePair returns the character that a and b compose to.
func composePair(a, b rune) (rune, bool) {
	var buf [2 * utf8.UTFMax]byte
	pair := utf8.AppendRune(utf8.AppendRune(buf[:0], a), b)
	var out [4 * utf8.UTFMax]byte
	composed := norm.NFC.Append(out[:0], pair...)
	r, n := utf8.DecodeRune(composed)
	return r, n == len(composed)
}
