package tokenizer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// goldenRow is a line of goldens.jsonl. Fields that can be true instead of a value stay raw.
type goldenRow struct {
	Text        *string         `json:"text"`
	Bytes       []byte          `json:"bytes"`
	IDs         []int           `json:"ids"`
	JSON        []int           `json:"qwen2"`
	JSONPlain   json.RawMessage `json:"qwen2_plain"`
	Decoded     json.RawMessage `json:"qwen2_decoded"`
	DecodedSkip json.RawMessage `json:"qwen2_decoded_skip"`
	Ranks       json.RawMessage `json:"qwen_vl"`
	RanksTags   json.RawMessage `json:"qwen_vl_image_only"`
	RanksPlain  json.RawMessage `json:"qwen_vl_plain"`
	RanksText   json.RawMessage `json:"qwen_vl_decoded"`
	RanksBytes  []int           `json:"qwen_vl_bytes"`
	BytesOut    []byte          `json:"qwen_vl_bytes_decoded"`
}

// pick returns the value of a field, which can be left out (missing) or true (same).
func pick[T any](t *testing.T, raw json.RawMessage, missing, same T) T {
	t.Helper()
	switch string(raw) {
	case "":
		return missing
	case "true":
		return same
	}
	var v T
	require.NoError(t, json.Unmarshal(raw, &v))
	return v
}

func TestGoldens(t *testing.T) {
	tok, ranks := full(t), fullRanks(t)
	tags := make(map[string]bool)
	for _, s := range ImageTags() {
		tags[s] = true
	}
	var texts, byteRows, idRows int
	readLines(t, "goldens.jsonl.gz", func(n int, r goldenRow) {
		switch {
		case r.Text != nil:
			texts++
			text := *r.Text
			require.Equal(t, r.JSON, list(tok.EncodeSpecial(text)), "line %d: qwen2 of %q", n, text)
			require.Equal(t, pick(t, r.JSONPlain, r.JSON, r.JSON), list(tok.Encode(text)),
				"line %d: qwen2_plain of %q", n, text)
			decoded := pick(t, r.Decoded, text, text)
			require.Equal(t, decoded, tok.Decode(r.JSON, false), "line %d: qwen2_decoded", n)
			require.Equal(t, pick(t, r.DecodedSkip, decoded, text), tok.Decode(r.JSON, true),
				"line %d: qwen2_decoded_skip", n)

			want := pick(t, r.Ranks, nil, r.JSON)
			require.Equal(t, want, list(ranks.EncodeSpecial(text)), "line %d: qwen_vl of %q", n,
				text)
			require.Equal(t, pick(t, r.RanksTags, want, r.JSON),
				list(ranks.EncodeAllowed(text, tags)), "line %d: qwen_vl_image_only of %q", n, text)
			require.Equal(t, pick(t, r.RanksPlain, want, r.JSON), list(ranks.Encode(text)),
				"line %d: qwen_vl_plain of %q", n, text)
			require.Equal(t, pick(t, r.RanksText, text, text), ranks.Decode(want, false),
				"line %d: qwen_vl_decoded", n)
			checkStream(t, tok, r.JSON)
		case r.Bytes != nil:
			byteRows++
			var b []byte
			for _, id := range r.RanksBytes {
				b = ranks.AppendBytes(b, id)
			}
			require.Equal(t, r.Bytes, b, "line %d: qwen_vl_bytes", n)
			checkStream(t, ranks, r.RanksBytes)
		default:
			idRows++
			require.Equal(t, pick(t, r.Decoded, "", ""), tok.Decode(r.IDs, false),
				"line %d: qwen2_decoded", n)
			require.Equal(t, pick(t, r.DecodedSkip, pick(t, r.Decoded, "", ""), ""),
				tok.Decode(r.IDs, true), "line %d: qwen2_decoded_skip", n)
			require.Equal(t, pick(t, r.RanksText, "", ""), ranks.Decode(r.IDs, false),
				"line %d: qwen_vl_decoded", n)
			var b []byte
			for _, id := range r.IDs {
				b = ranks.AppendBytes(b, id)
			}
			require.Equal(t, r.BytesOut, b, "line %d: qwen_vl_bytes_decoded", n)
			checkStream(t, tok, r.IDs)
		}
	})
	require.Equal(t, []int{400, 17, 31}, []int{texts, byteRows, idRows})
}

// list turns nil into an empty list, as JSON has it.
func list(ids []int) []int { return append([]int{}, ids...) }

func TestHanGoldens(t *testing.T) {
	type row struct {
		Text  string `json:"text"`
		IDs   []int  `json:"ids"`
		Plain []int  `json:"ids_plain"`
	}
	tok := tinyHan(t)
	rows := 0
	readLines(t, "kimi_goldens.jsonl.gz", func(n int, r row) {
		rows++
		plain := r.Plain
		if plain == nil {
			plain = r.IDs
		}
		require.Equal(t, r.IDs, list(tok.EncodeSpecial(r.Text)), "line %d: ids of %q", n, r.Text)
		require.Equal(t, plain, list(tok.Encode(r.Text)), "line %d: ids_plain of %q", n, r.Text)
		require.Equal(t, r.Text, tok.Decode(r.IDs, false), "line %d", n)
		require.Equal(t, r.Text, tok.Decode(plain, false), "line %d", n)
		checkStream(t, tok, r.IDs)
	})
	require.Greater(t, rows, 300)
}

// TestTinyPrompts encodes whole prompts of the small checkpoints; each placeholder is expanded to
// as many as the reference has.
func TestTinyPrompts(t *testing.T) {
	type row struct {
		Tokenizer string `json:"tokenizer"`
		Case      string `json:"case"`
		Prompt    string `json:"prompt"`
		Pad       string `json:"pad"`
		IDs       []int  `json:"input_ids"`
	}
	tokenizers := map[string]*Tokenizer{"kimi-tiny": tinyHan(t)}
	for _, name := range []string{"qwen2-tiny", "qwen2_5-tiny", "qwen3-tiny", "qwen3_5-tiny"} {
		tokenizers[name] = tiny(t, name)
	}
	images := 0
	readLines(t, "tiny_prompts.jsonl.gz", func(n int, r row) {
		tok := tokenizers[r.Tokenizer]
		pad, ok := tok.TokenID(r.Pad)
		require.True(t, ok)
		var want []int // runs of the placeholder as one
		for i, id := range r.IDs {
			if id != pad || i == 0 || r.IDs[i-1] != pad {
				want = append(want, id)
			} else {
				images++
			}
		}
		require.Equal(t, want, tok.EncodeSpecial(r.Prompt), "%s: %s", r.Tokenizer, r.Case)
	})
	require.NotZero(t, images)
}

func TestVocabMergesEqualsJSON(t *testing.T) {
	file := func(name string) []byte { return readTestdata(t, "qwen2-tiny", name) }
	a, err := ParseVocabMerges(file("vocab.json"), file("merges.txt"),
		file("tokenizer_config.json"))
	require.NoError(t, err)
	b := tiny(t, "qwen2-tiny")
	require.Equal(t, b.Size(), a.Size())
	require.Equal(t, b.AddedTokens(), a.AddedTokens())
	readLines(t, "goldens.jsonl.gz", func(n int, r goldenRow) {
		if r.Text != nil {
			require.Equal(t, b.Encode(*r.Text), a.Encode(*r.Text))
			require.Equal(t, b.EncodeSpecial(*r.Text), a.EncodeSpecial(*r.Text))
		}
	})
}

// checkStream compares a stream with Decode, with and without special tokens.
func checkStream(t *testing.T, tok *Tokenizer, ids []int) {
	t.Helper()
	for _, skip := range []bool{false, true} {
		s := tok.NewStream(skip)
		var text string
		for _, id := range ids {
			text += s.Push(id)
		}
		text += s.Flush()
		require.Equal(t, tok.Decode(ids, skip), text, "ids %v", ids[:min(len(ids), 20)])
	}
}

func TestFullTokenizer(t *testing.T) {
	tok := full(t)
	require.Equal(t, 151669, tok.Size())
	id, ok := tok.TokenID("<|im_end|>")
	require.True(t, ok)
	require.Equal(t, 151645, id)
	require.True(t, tok.IsSpecial(id))
	id, ok = tok.TokenID("<think>")
	require.True(t, ok)
	require.False(t, tok.IsSpecial(id))
	id, ok = tok.TokenID("Hello")
	require.True(t, ok)
	require.Equal(t, []int{id}, tok.Encode("Hello"))
	_, ok = tok.TokenID("no such token")
	require.False(t, ok)
	require.Len(t, tok.AddedTokens(), 26)

	ranks := fullRanks(t)
	require.Equal(t, 151643+217, ranks.Size())
	id, ok = ranks.TokenID("<imgpad>")
	require.True(t, ok)
	require.Equal(t, 151859, id)
	require.True(t, slices.ContainsFunc(ranks.AddedTokens(),
		func(a AddedToken) bool { return a.Text == "<|extra_204|>" && a.ID == 151850 }))

	han := tinyHan(t)
	id, ok = han.TokenID("<|reserved_token_505|>")
	require.True(t, ok)
	require.Equal(t, 505, id)
}

// TestFullVocabMerges reads the published vocabulary in its older form of three files.
func TestFullVocabMerges(t *testing.T) {
	var file struct {
		Model struct {
			Vocab  json.RawMessage
			Merges [][2]string
		}
	}
	require.NoError(t, json.Unmarshal(readTestdata(t, "qwen3-tokenizer.json.gz"), &file))
	var merges bytes.Buffer
	merges.WriteString("#version: 0.2\n")
	for _, m := range file.Model.Merges {
		fmt.Fprintf(&merges, "%s %s\n", m[0], m[1])
	}
	tok, err := ParseVocabMerges(file.Model.Vocab, merges.Bytes(),
		readTestdata(t, "qwen3-tokenizer_config.json"))
	require.NoError(t, err)
	require.Equal(t, full(t).AddedTokens(), tok.AddedTokens())
	readLines(t, "goldens.jsonl.gz", func(n int, r goldenRow) {
		if r.Text != nil {
			require.Equal(t, r.JSON, list(tok.EncodeSpecial(*r.Text)), "line %d", n)
		}
	})
}
