package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// filesOf makes the files of a row of files.jsonl.gz.
func filesOf(t testing.TB, tokens, config, special, added json.RawMessage) Files {
	t.Helper()
	part := func(raw json.RawMessage) []byte {
		if string(raw) == "null" {
			return nil
		}
		return raw
	}
	f := Files{Config: part(config), Special: part(special), Added: part(added)}
	if part(tokens) == nil {
		f.Vocab = readTestdata(t, "qwen2-tiny", "vocab.json")
		f.Merges = readTestdata(t, "qwen2-tiny", "merges.txt")
		return f
	}
	var whole map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(readTestdata(t, "qwen2-tiny", "tokenizer.json"), &whole))
	whole["added_tokens"] = tokens
	var err error
	f.JSON, err = json.Marshal(whole)
	require.NoError(t, err)
	return f
}

// Files that contradict one another give the tokens that the reference takes, with its ids.
func TestFilesAsTheReference(t *testing.T) {
	lines := bytes.Split(bytes.TrimSpace(readTestdata(t, "files.jsonl.gz")), []byte("\n"))
	require.Len(t, lines, 120)
	for i, line := range lines {
		var row struct {
			JSON, Config, Special, Added json.RawMessage
			Tokens                       [][3]any
			Texts                        []string
			IDs                          [][]int
		}
		require.NoError(t, json.Unmarshal(line, &row))
		tok, err := Parse(filesOf(t, row.JSON, row.Config, row.Special, row.Added))
		require.NoError(t, err, "row %d", i)
		var got [][3]any
		for _, a := range tok.AddedTokens() {
			got = append(got, [3]any{float64(a.ID), a.Text, a.Special})
		}
		require.Equal(t, row.Tokens, got, "row %d", i)
		for k, text := range row.Texts {
			require.Equal(t, row.IDs[k], tok.EncodeSpecial(text), "row %d: %q", i, text)
		}
	}
}

// The files that are checked are those that count, and errors name the one that is wrong.
func TestFilesErrors(t *testing.T) {
	good := func() Files {
		return Files{JSON: readTestdata(t, "qwen2-tiny", "tokenizer.json"),
			Config: readTestdata(t, "qwen2-tiny", "tokenizer_config.json")}
	}
	_, err := Parse(good())
	require.NoError(t, err)
	for _, c := range []struct {
		name        string
		change      func(*Files)
		unsupported bool
		parts       []string
	}{
		{"no vocabulary", func(f *Files) { f.JSON = nil }, false, []string{"vocab.json"}},
		{"config", func(f *Files) { f.Config = []byte("[") }, false, []string{"tokenizer_config.json"}},
		{"id", func(f *Files) { f.Config = []byte(`{"added_tokens_decoder": {"-1": {}}}`) }, false,
			[]string{"tokenizer_config.json", `added_tokens_decoder["-1"]`}},
		{"no content", func(f *Files) { f.Config = []byte(`{"added_tokens_decoder": {"1": {}}}`) }, false,
			[]string{"tokenizer_config.json", "without content"}},
		{"a token too long", func(f *Files) {
			f.Config = []byte(`{"added_tokens_decoder": {"600": {"content": "` + string(bytes.Repeat([]byte("x"), 300)) + `"}}}`)
		}, false, []string{"tokenizer_config.json", "300 bytes"}},
		{"within words", func(f *Files) {
			f.Config = []byte(`{"added_tokens_decoder": {"600": {"content": "x", "single_word": true}}}`)
		}, true, []string{"tokenizer_config.json", "single_word"}},
		{"a list of numbers", func(f *Files) { f.Config = []byte(`{"additional_special_tokens": [1]}`) }, false,
			[]string{"tokenizer_config.json"}},
		{"a name of a number", func(f *Files) { f.Config = []byte(`{"eos_token": nul}`) }, false,
			[]string{"tokenizer_config.json", "eos_token"}},
		{"a role of a number", func(f *Files) { f.Config = []byte(`{"eos_token": 5}`) }, false,
			[]string{"tokenizer_config.json", "eos_token", "another kind"}},
		{"extra tokens of a text", func(f *Files) { f.Config = []byte(`{"extra_special_tokens": "a"}`) }, false,
			[]string{"tokenizer_config.json", "extra_special_tokens", "another kind"}},
		{"additional tokens of an object", func(f *Files) { f.Config = []byte(`{"additional_special_tokens": {}}`) }, false,
			[]string{"tokenizer_config.json", "additional_special_tokens", "another kind"}},
		{"a class of a number", func(f *Files) { f.Config = []byte(`{"tokenizer_class": 1}`) }, false,
			[]string{"tokenizer_config.json", "tokenizer_class", "another kind"}},
		{"a flag of a text", func(f *Files) { f.Config = []byte(`{"add_prefix_space": "no"}`) }, false,
			[]string{"tokenizer_config.json", "add_prefix_space", "another kind"}},
		{"no decoder", func(f *Files) { f.Config = []byte(`{"added_tokens_decoder": []}`) }, false,
			[]string{"tokenizer_config.json"}},
		{"a name twice", func(f *Files) { f.Config = []byte(`{"eos_token": "a", "eos_token": "b"}`) }, false,
			[]string{"tokenizer_config.json", "duplicate"}},
		{"added tokens", func(f *Files) { f.Config, f.Added = []byte("{}"), []byte(`{"a": 1.5}`) }, false,
			[]string{"added_tokens.json", `"a"`}},
		{"added tokens of 2^31", func(f *Files) { f.Config, f.Added = []byte("{}"), []byte(`{"a": 2147483648}`) }, false,
			[]string{"added_tokens.json", `"a"`}},
		{"special tokens", func(f *Files) { f.Config, f.Special = []byte("{}"), []byte(`{"eos_token": {}}`) }, false,
			[]string{"special_tokens_map.json", "eos_token"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := good()
			c.change(&f)
			tok, err := Parse(f)
			require.Nil(t, tok)
			fails(t, err, c.unsupported, c.parts...)
		})
	}
	f := good() // files that do not count may be damaged
	f.Added, f.Special = []byte("{"), []byte("{")
	_, err = Parse(f)
	require.NoError(t, err)
}

// Classes with a vocabulary of their own normalize and merge in their own way; others do as the file
// says.
func TestOwnVocabulary(t *testing.T) {
	whole := string(readTestdata(t, "qwen2-tiny", "tokenizer.json"))
	f := Files{JSON: []byte(strings.NewReplacer(`"normalizer": {`, `"normalizer": null, "x": {`,
		`"ignore_merges": false`, `"ignore_merges": true`).Replace(whole))}
	const text = "e\u0301"
	for class, own := range map[string]bool{
		"": true, "Qwen2Tokenizer": true, "Qwen2TokenizerFast": true,
		"PreTrainedTokenizerFast": false, "TokenizersBackend": false,
	} {
		f.Config = []byte(`{"tokenizer_class": "` + class + `"}`)
		tok, err := Parse(f)
		require.NoError(t, err)
		require.Equal(t, own, tok.Decode(tok.Encode(text), false) != text, class)
		require.Equal(t, own, tok.bpe.whole == nil, class)
		require.Equal(t, own, tok.form == normalPieces, class)

		f.Config = []byte(`{"tokenizer_class": "` + class + `", "add_prefix_space": true}`)
		_, err = Parse(f)
		if own {
			fails(t, err, true, configFile, "add_prefix_space")
		} else {
			require.NoError(t, err)
		}
		f.Config = []byte(`{"tokenizer_class": "` + class + `", "split_special_tokens": true}`)
		_, err = Parse(f)
		fails(t, err, true, configFile, "split_special_tokens")
		f.Config = []byte(`{"tokenizer_class": "` + class + `", "split_special_tokens": null, "add_prefix_space": false}`)
		_, err = Parse(f)
		require.NoError(t, err)
	}
	f.Config = []byte(`{"tokenizer_class": "PreTrainedTokenizerFast"}`)
	asked := ""
	f.Own = func(class string) bool { asked = class; return true }
	tok, err := Parse(f)
	require.NoError(t, err)
	require.Equal(t, "PreTrainedTokenizer", asked)
	require.Equal(t, normalPieces, tok.form)
}

// Very many tokens are refused before anything is made of them.
func TestTooManyAddedTokens(t *testing.T) {
	f := Files{JSON: readTestdata(t, "qwen2-tiny", "tokenizer.json")}
	var b bytes.Buffer
	b.WriteString(`{"extra_special_tokens": [""`)
	for i := range maxAdded + 1 {
		b.WriteString(`,"` + string(rune(0x4e00+i)) + `"`)
	}
	b.WriteString(`]}`)
	f.Config = b.Bytes()
	_, err := Parse(f)
	fails(t, err, false, configFile, extraKey)
}

// FuzzFiles feeds damaged files beside a good vocabulary: a tokenizer that works, or a typed error.
func FuzzFiles(f *testing.F) {
	whole := readTestdata(f, "qwen2-tiny", "tokenizer.json")
	f.Add([]byte(`{"added_tokens_decoder": {"576": {"content": "<a>", "lstrip": true}}}`), []byte(`{}`), []byte(`{}`))
	f.Add([]byte(`{"tokenizer_class": "PreTrainedTokenizerFast", "image_token": "<i>"}`), []byte(`{"b": 590}`),
		[]byte(`{"eos_token": {"content": "<e>", "rstrip": true}, "extra_special_tokens": ["<f>"]}`))
	f.Add([]byte(`{"extra_special_tokens": {"x_token": "é"}, "pad_token": null}`), []byte(nil), []byte(nil))
	f.Fuzz(func(t *testing.T, config, added, special []byte) {
		tok, err := Parse(Files{JSON: whole, Config: config, Added: added, Special: special})
		if err != nil {
			var u *UnsupportedError
			fails(t, err, errors.As(err, &u))
			return
		}
		seen := map[int]bool{}
		for _, a := range tok.AddedTokens() {
			require.False(t, seen[a.ID])
			seen[a.ID] = true
			id, ok := tok.TokenID(a.Text)
			require.True(t, ok)
			require.Equal(t, a.ID, id)
			require.Less(t, a.ID, tok.Size())
		}
		for _, text := range []string{"Hello 12 é <a> b", "<i> <e>"} {
			require.NotEmpty(t, tok.EncodeSpecial(text))
		}
	})
}
