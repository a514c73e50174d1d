package tokenizer

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// FuzzTokenizerRoundTrip holds encoding, decoding, streams and spans against each other on any
// text.
func FuzzTokenizerRoundTrip(f *testing.F) {
	for _, s := range []string{"", "Hello, world!", "\u0301\u0327a", "<|im_start|>user\n",
		"a<think>\u0338", "\xff\xe4\xb8", "don\u2019T'S 12\u3007\u4e2d",
		"  \r\n \u3000x", strings.Repeat("\u0301", 64), "\u1100\u1161\u11a8\u11a8",
		"[BOS]<|reserved_token_505|>"} {
		f.Add(s, len(s)/2)
	}
	words, marks, han := full(f), tiny(f, "qwen3_5-tiny"), tinyHan(f)
	f.Fuzz(func(t *testing.T, s string, cut int) {
		valid := validText(s)
		require.True(t, utf8.ValidString(valid))
		for _, tok := range []*Tokenizer{words, marks, han} {
			ids := tok.Encode(s)
			require.False(t, slices.ContainsFunc(ids, tok.IsSpecial),
				"special token out of plain text")
			decoded := tok.Decode(ids, false)
			if tok.form == normalNone {
				require.Equal(t, valid, decoded)
			} else if i, _, _ := tok.original.find(valid, 0,
				func(k, _, _ int) bool { return !tok.added[k].Special }); i < 0 {
				require.Equal(t, nfc(tok.chars, valid, true), decoded)
			}
			special := tok.EncodeSpecial(s)
			if tok.form == normalNone {
				require.Equal(t, valid, tok.Decode(special, false))
			}
			checkStream(t, tok, ids)
			checkStream(t, tok, special)
			if k := min(max(cut, 0), len(valid)); k == len(valid) || utf8.RuneStart(valid[k]) {
				require.Equal(t, ids, tok.EncodeSpans(nil,
					[]Span{{Text: valid[:k]}, {Text: valid[k:]}}))
				require.Equal(t, special,
					tok.EncodeSpans(nil,
						[]Span{{Text: valid[:k], Trusted: true}, {Text: valid[k:], Trusted: true}}))
			}
		}
	})
}

// FuzzParse feeds the parsers damaged files: a tokenizer that works, or a typed error. The fuzzer
// chooses what is written over which part of a good file, so that its inputs stay small.
func FuzzParse(f *testing.F) {
	file := func(name string) []byte { return readTestdata(f, "qwen2-tiny", name) }
	vocab, merges, config := file("vocab.json"), file("merges.txt"), file("tokenizer_config.json")
	good := [][]byte{file("tokenizer.json"), readTestdata(f, "kimi-tiny", "tiktoken.model"), vocab,
		merges, config}
	for kind := range good {
		f.Add([]byte(nil), uint16(0), uint16(0), uint8(kind))
		f.Add([]byte(`"`), uint16(100), uint16(1), uint8(kind))
		f.Add([]byte(" 7\n"), uint16(0x3000), uint16(20), uint8(kind))
		f.Add([]byte(nil), uint16(200), uint16(0xffff), uint8(kind))
	}
	f.Fuzz(func(t *testing.T, patch []byte, at, length uint16, kind uint8) {
		k := int(kind) % len(good)
		start := min(int(at), len(good[k]))
		end := min(start+int(length), len(good[k]))
		data := slices.Concat(good[k][:start], patch, good[k][end:])
		var tok *Tokenizer
		var err error
		switch k {
		case 0:
			tok, err = ParseJSON(data)
		case 1:
			tok, err = ParseTiktoken(data,
				TiktokenOptions{Split: SplitHan, Special: []string{"<|end|>"}})
		case 2:
			tok, err = ParseVocabMerges(data, merges, config)
		case 3:
			tok, err = ParseVocabMerges(vocab, data, config)
		case 4:
			tok, err = ParseVocabMerges(vocab, merges, data)
		}
		if err != nil {
			var format *FormatError
			var unsupported *UnsupportedError
			require.True(t, errors.As(err, &format) || errors.As(err, &unsupported), "%v", err)
			require.Nil(t, tok)
			return
		}
		const text = "Hello 12\u00e9"
		require.Equal(t, text, tok.Decode(tok.Encode(text), false))
	})
}
