package tokenizer

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fails checks that err is a typed error that contains all of parts.
func fails(t *testing.T, err error, unsupported bool, parts ...string) {
	t.Helper()
	require.Error(t, err)
	var f *FormatError
	var u *UnsupportedError
	require.Equal(t, unsupported, errors.As(err, &u), "%v", err)
	require.Equal(t, !unsupported, errors.As(err, &f), "%v", err)
	require.True(t, strings.HasPrefix(err.Error(), "tokenizer: "), "%v", err)
	for _, p := range parts {
		require.ErrorContains(t, err, p)
	}
	require.Less(t, len(err.Error()), 500)
}

func TestParseJSONErrors(t *testing.T) {
	good := string(readTestdata(t, "qwen2-tiny", "tokenizer.json"))
	_, err := ParseJSON([]byte(good))
	require.NoError(t, err)
	for _, c := range []struct {
		name        string
		old, new    string
		unsupported bool
		parts       []string
	}{
		{"model", `"type": "BPE"`, `"type": "WordPiece"`, true,
			[]string{"WordPiece", "model.type"}},
		{"dropout", `"dropout": null`, `"dropout": 0.1`, true, []string{"model.dropout", "0.1"}},
		{"byte fallback", `"byte_fallback": false`, `"byte_fallback": true`, true,
			[]string{"model.byte_fallback"}},
		{"prefix", `"continuing_subword_prefix": null`, `"continuing_subword_prefix": "##"`, true,
			[]string{"continuing_subword_prefix"}},
		{"suffix", `"end_of_word_suffix": null`, `"end_of_word_suffix": "</w>"`, true,
			[]string{"end_of_word_suffix"}},
		{"normalizer", `"type": "NFC"`, `"type": "NFKC"`, true, []string{"NFKC", "normalizer"}},
		{"pattern", `\\p{N}`, `\\p{N}{1,3}`, true,
			[]string{"split pattern", "pre_tokenizer.pretokenizers[0].pattern.Regex"}},
		{"behavior", `"Isolated"`, `"Removed"`, true, []string{"Removed"}},
		{"invert", `"invert": false`, `"invert": true`, true, []string{"pretokenizers[0]"}},
		{"pre-tokenizer", `"type": "Split"`, `"type": "Digits"`, true,
			[]string{"Digits", "pretokenizers[0]"}},
		{"prefix space", `"add_prefix_space": false`, `"add_prefix_space": true`, true,
			[]string{"add_prefix_space"}},
		{"second pattern", `"use_regex": false`, `"use_regex": true`, true, []string{"use_regex"}},
		{"post-processor", `"post_processor": {`, `"post_processor": {"type":"Bert"},"x":{`, true,
			[]string{"Bert", "post_processor"}},
		{"decoder", `"decoder": {`, `"decoder": {"type":"Metaspace"},"x":{`, true,
			[]string{"Metaspace", "decoder"}},
		{"no decoder", `"decoder": {`, `"x": {`, true, []string{"decoder"}},
		{"single word", `"single_word": false`, `"single_word": true`, true,
			[]string{"added_tokens[0].single_word"}},
		{"special in normalized text", `"normalized": false`, `"normalized": true`, true,
			[]string{"added_tokens", "<|endoftext|>"}},
		{"part of another form", `"pretokenizers": [`, `"pretokenizers": 5, "x": [`, false,
			[]string{"pre_tokenizer"}},
		{"no model", `"model": {`, `"x": {`, false, []string{"model"}},
		{"no vocabulary", `"vocab": {`, `"x": {`, false, []string{"model.vocab"}},
		{"no merges", `"merges": [`, `"x": [`, false, []string{"model.merges"}},
		{"token twice", `"!": 0`, `"!": 0, "!": 576`, false,
			[]string{`"!"`, "duplicate", "model.vocab"}},
		{"id twice", `"!": 0`, `"!": 1`, false, []string{"id 1", "model.vocab"}},
		{"id missing", `"!": 0`, `"!": 100000`, false, []string{"no token has id 0"}},
		{"id negative", `"!": 0`, `"!": -1`, false, []string{"model.vocab"}},
		{"id of 2^31", `"!": 0`, `"!": 2147483648`, false, []string{"model.vocab"}},
		{"id with a fraction", `"!": 0`, `"!": 0.5`, false, []string{"model.vocab"}},
		{"id as text", `"!": 0`, `"!": "0"`, false, []string{"model.vocab"}},
		{"token not byte-level", `"!": 0`, `"中": 0`, false, []string{"not byte-level"}},
		{"empty token", `"!": 0`, `"": 0`, false, []string{"0 bytes"}},
		{"byte without token", `"!": 0`, `"!!!!!": 0`, false, []string{"byte 0x21"}},
		{"long token", `"!": 0`, `"` + strings.Repeat("!", 2000) + `": 0`, false,
			[]string{"2000 bytes"}},
		{"added id missing", `"id": 576,`, ``, false, []string{"added_tokens[0]", "without id"}},
		{"added id twice", `"id": 576`, `"id": 577`, false, []string{"577"}},
		{"added id of a token", `"id": 576`, `"id": 3`, false, []string{"added_tokens", "3"}},
		{"added id of 2^31", `"id": 576`, `"id": 2147483648`, false,
			[]string{"added_tokens[0].id"}},
		{"added text missing", `"content": "<|endoftext|>",`, ``, false,
			[]string{"added_tokens[0]", "without content"}},
		{"added text empty", `"content": "<|endoftext|>"`, `"content": ""`, false, []string{"576"}},
		{"added text twice", `"content": "<|endoftext|>"`, `"content": "<|im_end|>"`, false,
			[]string{"<|im_end|>", "duplicate"}},
		{"added text of a token", `"content": "<|endoftext|>"`, `"content": "!"`, false,
			[]string{`"!"`}},
		{"special of another type", `"special": true`, `"special": 1`, false,
			[]string{"added_tokens[0].special"}},
		{"merge of unknown tokens", `"merges": [`, `"merges": [["zq","q"],`, false,
			[]string{"model.merges[0]"}},
		{"merge to an unknown token", `"merges": [`, `"merges": [["z","q"],`, false,
			[]string{"model.merges[0]"}},
		{"merge of three", `"merges": [`, `"merges": [["z","q","q"],`, false,
			[]string{"model.merges[0]", "3 tokens"}},
		{"merge as one word", `"merges": [`, `"merges": ["zq",`, false,
			[]string{"model.merges[0]"}},
		{"merge twice", `"merges": [`, `"merges": [["Ġ","t"],`, false,
			[]string{"model.merges[1]", "duplicate"}},
		{"key twice", `"version": "1.0"`, `"version": "1.0", "version": "1.0"`, false,
			[]string{"version", "duplicate"}},
		{"trailing comma", `"version": "1.0"`, `"version": "1.0",`, false, []string{"bad JSON"}},
		{"bad literal", `"truncation": null`, `"truncation": nul`, false, []string{"bad JSON"}},
		{"lone surrogate", `"version": "1.0"`, `"version": "\ud800"`, false, []string{"surrogate"}},
		{"not UTF-8", `"version": "1.0"`, "\"version\": \"\xff\"", false, []string{"UTF-8"}},
		{"control character", `"version": "1.0"`, "\"version\": \"\n\"", false,
			[]string{"control"}},
		{"deep", `"version": "1.0"`, `"version": ` + strings.Repeat("[", 100000) +
			strings.Repeat("]", 100000), false, []string{"deep"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Contains(t, good, c.old)
			tok, err := ParseJSON([]byte(strings.Replace(good, c.old, c.new, 1)))
			require.Nil(t, tok)
			fails(t, err, c.unsupported, append(c.parts, "tokenizer.json")...)
		})
	}
	t.Run("truncated", func(t *testing.T) {
		end := len(strings.TrimRight(good, "\n "))
		for n := 0; n < end; n += 97 {
			_, err := ParseJSON([]byte(good[:n]))
			fails(t, err, false, "tokenizer.json")
		}
	})
	t.Run("data behind", func(t *testing.T) {
		_, err := ParseJSON([]byte(good + "{}"))
		fails(t, err, false, "data after")
	})
	t.Run("too large", func(t *testing.T) {
		_, err := ParseJSON(make([]byte, maxFileBytes+1))
		fails(t, err, false, "limit")
	})
}

// TestParseJSONForms reads forms that other versions of the same file have.
func TestParseJSONForms(t *testing.T) {
	good := string(readTestdata(t, "qwen2-tiny", "tokenizer.json"))
	want := tiny(t, "qwen2-tiny")
	const text = "The image shows a cat, don't you see? 你好 e\u0301"
	start, end := strings.Index(good, `"merges": [`), strings.LastIndex(good, "]")
	require.Positive(t, start)
	var lines []string
	for line := range strings.Lines(string(readTestdata(t, "qwen2-tiny", "merges.txt"))) {
		if line = strings.TrimSuffix(line, "\n"); !strings.HasPrefix(line, "#") {
			lines = append(lines, fmt.Sprintf("%q", line))
		}
	}
	merges := `"merges": [` + strings.Join(lines, ",") + `]`
	for name, data := range map[string]string{
		"merges as words": good[:start] + merges + good[end+1:],
		"merges before vocabulary": strings.Replace(good[:start]+`"x": 0`+good[end+1:],
			`"vocab": {`, merges+`, "vocab": {`, 1),
		"post-processor null": strings.Replace(good, `"post_processor": {`,
			`"post_processor": null, "x": {`, 1),
		"normalizer as a sequence": strings.Replace(good, `"type": "NFC"`,
			`"type": "Sequence", "normalizers": [{"type": "NFC"}]`, 1),
		"escapes in the vocabulary": strings.Replace(good, `"!": 0`, `"\u0021": 0`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			tok, err := ParseJSON([]byte(data))
			require.NoError(t, err)
			require.Equal(t, want.Encode(text), tok.Encode(text))
		})
	}
	t.Run("no normalizer", func(t *testing.T) {
		tok, err := ParseJSON([]byte(strings.Replace(good, `"normalizer": {`,
			`"normalizer": null, "x": {`, 1)))
		require.NoError(t, err)
		require.Equal(t, text, tok.Decode(tok.Encode(text), false))
		require.NotEqual(t, text, want.Decode(want.Encode(text), false))
	})
	t.Run("a token of the normalized text", func(t *testing.T) {
		added := `"added_tokens": [{"id": 600, "content": "\u00e9!", "single_word": false, "lstrip": false, "rstrip": false, "normalized": true, "special": false},`
		tok, err := ParseJSON([]byte(strings.Replace(good, `"added_tokens": [`, added, 1)))
		require.NoError(t, err)
		require.Contains(t, tok.Encode("xe\u0301!y"), 600)
		require.Equal(t, 601, tok.Size())
	})
	t.Run("pieces that are tokens", func(t *testing.T) {
		tok, err := ParseJSON([]byte(strings.Replace(good, `"ignore_merges": false`,
			`"ignore_merges": true`, 1)))
		require.NoError(t, err)
		require.NotNil(t, tok.bpe.whole)
		require.Equal(t, want.Encode(text), tok.Encode(text))
	})
}

func TestParseVocabMergesErrors(t *testing.T) {
	file := func(name string) string { return string(readTestdata(t, "qwen2-tiny", name)) }
	vocab, merges, config := file("vocab.json"), file("merges.txt"), file("tokenizer_config.json")
	for _, c := range []struct {
		name                  string
		vocab, merges, config string
		unsupported           bool
		parts                 []string
	}{
		{"no vocabulary", "", merges, config, false, []string{"vocab.json"}},
		{"vocabulary as a list", "[]", merges, config, false, []string{"vocab.json"}},
		{"id twice", strings.Replace(vocab, `: 5,`, `: 4,`, 1), merges, config, false,
			[]string{"vocab.json", "id 4"}},
		{"merge without a space", vocab, merges + "ab\n", config, false,
			[]string{"merges.txt", "merges[320]"}},
		{"merge with two spaces", vocab, merges + "a b c\n", config, false,
			[]string{"merges.txt", "merges[320]"}},
		{"unknown merge", vocab, merges + "zz q\n", config, false,
			[]string{"merges.txt", "merges[320]"}},
		{"empty configuration", vocab, merges, "", false, []string{"tokenizer_config.json"}},
		{"no added tokens", vocab, merges, "{}", false,
			[]string{"tokenizer_config.json", "added_tokens_decoder"}},
		{"an id that is none", vocab, merges, strings.Replace(config, `"576"`, `"x"`, 1), false,
			[]string{"tokenizer_config.json", `added_tokens_decoder["x"]`}},
		{"an id twice", vocab, merges, strings.Replace(config, `"577"`, `"576"`, 1), false,
			[]string{"tokenizer_config.json", "576", "duplicate"}},
		{"single word", vocab, merges,
			strings.Replace(config, `"single_word": false`, `"single_word": true`, 1),
			true, []string{"tokenizer_config.json", "single_word"}},
		{"pattern", vocab, merges, strings.Replace(config, `{`, `{"pretokenize_regex": "\\w+",`, 1),
			true, []string{"pretokenize_regex", `\\w+`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			tok, err := ParseVocabMerges([]byte(c.vocab), []byte(c.merges), []byte(c.config))
			require.Nil(t, tok)
			fails(t, err, c.unsupported, c.parts...)
		})
	}
	t.Run("pattern in the configuration", func(t *testing.T) {
		pattern := fmt.Sprintf("%q", splitPatterns[SplitMarks])
		tok, err := ParseVocabMerges([]byte(vocab), []byte(merges),
			[]byte(strings.Replace(config, `{`, `{"pretokenize_regex": `+pattern+`,`, 1)))
		require.NoError(t, err)
		require.Equal(t, tiny(t, "qwen3_5-tiny").Encode("हिन्दी पाठ"), tok.Encode("हिन्दी पाठ"))
	})
}

func TestParseTiktokenErrors(t *testing.T) {
	ranks := readTestdata(t, "kimi-tiny", "tiktoken.model")
	config := readTestdata(t, "kimi-tiny", "tokenizer_config.json")
	edit := func(old, new string) []byte {
		require.Contains(t, string(ranks), old)
		return bytes.Replace(ranks, []byte(old), []byte(new), 1)
	}
	plain := TiktokenOptions{Split: SplitHan}
	for _, c := range []struct {
		name    string
		data    []byte
		options TiktokenOptions
		parts   []string
	}{
		{"empty", nil, plain, []string{"byte 0x00"}},
		{"no rank", edit(" 5\n", "\n"), plain, []string{"line 6", "no rank"}},
		{"rank twice", edit(" 5\n", " 4\n"), plain, []string{"id 4"}},
		{"rank missing", edit(" 5\n", " 5000\n"), plain, []string{"rank 5"}},
		{"rank negative", edit(" 5\n", " -5\n"), plain, []string{"line 6"}},
		{"rank of 2^31", edit(" 5\n", " 2147483648\n"), plain, []string{"line 6"}},
		{"bad base64", edit("IQ==", "!!!!"), plain, []string{"line 1", "base64"}},
		{"token twice", edit("Ig==", "IQ=="), plain, []string{"duplicate"}},
		{"special twice", ranks, TiktokenOptions{Special: []string{"<a>", "<a>"}},
			[]string{"<a>", "duplicate"}},
		{"special empty", ranks, TiktokenOptions{Special: []string{""}}, []string{"0 bytes"}},
		{"named id of a rank", ranks, HanOptions(bytes.Replace(config, []byte(`"500"`),
			[]byte(`"3"`), 1)), []string{"tokenizer_config.json", "id 3"}},
		{"named id above", ranks, HanOptions(bytes.Replace(config, []byte(`"500"`), []byte(`"756"`),
			1)), []string{"tokenizer_config.json", "id 756"}},
		{"no configuration", ranks, HanOptions(nil), []string{"tokenizer_config.json"}},
		{"negative reserve", ranks, TiktokenOptions{Reserved: -1}, []string{"options"}},
		{"too many reserved", ranks, TiktokenOptions{Reserved: 1 << 30}, []string{"options"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			tok, err := ParseTiktoken(c.data, c.options)
			require.Nil(t, tok)
			fails(t, err, false, c.parts...)
		})
	}
	_, err := ParseTiktoken(make([]byte, maxRankBytes+1), plain)
	fails(t, err, false, "limit")
	_, err = ParseTiktoken(ranks, TiktokenOptions{Split: 17})
	fails(t, err, true, "split 17")
	tok, err := ParseTiktoken(bytes.ReplaceAll(ranks, []byte("\n"), []byte("\r\n")), plain)
	require.NoError(t, err)
	require.Equal(t, 500, tok.Size())
}

// TestImageTagsOfSmallRanks reads the small file of ranks: special tokens follow whatever the last
// rank is.
func TestImageTagsOfSmallRanks(t *testing.T) {
	tok, err := ParseTiktoken(readTestdata(t, "qwen-vl-tiny", "qwen.tiktoken"), ImageTagOptions())
	require.NoError(t, err)
	require.Equal(t, 600+217, tok.Size())
	id, ok := tok.TokenID("<img>")
	require.True(t, ok)
	require.Equal(t, 600+208+6, id)
	require.Equal(t, []int{id}, tok.EncodeSpecial("<img>"))
}

// TestPieceThatIsAToken: "abc" is a token that no merge leads to. A file of ranks takes it as it
// stands, tokenizer.json only if it says so.
func TestPieceThatIsAToken(t *testing.T) {
	var ranks, vocab bytes.Buffer
	for b := range 256 {
		fmt.Fprintf(&ranks, "%s %d\n", base64.StdEncoding.EncodeToString([]byte{byte(b)}), b)
	}
	fmt.Fprintf(&ranks, "%s 256\n", base64.StdEncoding.EncodeToString([]byte("abc")))
	tok, err := ParseTiktoken(ranks.Bytes(), TiktokenOptions{})
	require.NoError(t, err)
	require.Equal(t, []int{256, ' ', 'a', 'b'}, tok.Encode("abc ab"))

	for r := rune(0x21); r < 0x144; r++ {
		if b := byteOfChar(r); b >= 0 {
			fmt.Fprintf(&vocab, "%q: %d, ", string(r), b)
		}
	}
	good := string(readTestdata(t, "qwen2-tiny", "tokenizer.json"))
	pipeline := good[:strings.Index(good, `"model"`)]
	for _, whole := range []bool{false, true} {
		file := fmt.Sprintf(`%s"model": {"type": "BPE", "ignore_merges": %v, "vocab": {%s"abc": 256}, "merges": []}}`, pipeline, whole, vocab.String())
		file = strings.Replace(file, `"id": 576`, `"id": 257`, 1)
		tok, err := ParseJSON([]byte(file))
		require.NoError(t, err)
		want := []int{'a', 'b', 'c'}
		if whole {
			want = []int{256}
		}
		require.Equal(t, want, tok.Encode("abc"))
		require.Equal(t, []int{'d', 'a', 'b', 'c'}, tok.Encode("dabc"))
	}
}
