package checkpoint

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/tokenizer"
)

func files(pairs ...string) fstest.MapFS {
	out := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return out
}

func placeOf(t testing.TB, err error) [2]string {
	t.Helper()
	var p Placed
	require.ErrorAs(t, err, &p)
	file, field := p.Place()
	return [2]string{file, field}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "config.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"a":1}`), 0o600))
	c, err := Open(dir)
	require.NoError(t, err)
	k, err := c.Keys(Model)
	require.NoError(t, err)
	require.Equal(t, "1", string(k.Values["a"]))

	var path *fs.PathError
	_, err = Open(file)
	require.ErrorAs(t, err, &path)
	require.Equal(t, file, path.Path)
	require.ErrorContains(t, err, "not a directory")
	_, err = Open(filepath.Join(dir, "none"))
	require.ErrorAs(t, err, &path)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestSections(t *testing.T) {
	c := OpenFS(files("config.json", `{"a": null, "b": {"c": [1]}, "b": {"c": [2]}}`))
	k, err := c.Keys(Model)
	require.NoError(t, err)
	require.False(t, k.Has("a"), "null is as good as absent")
	require.Equal(t, `{"c": [2]}`, string(k.Values["b"]), "the last of equal keys")
	file, field := k.At("b.c")
	require.Equal(t, [2]string{"config.json", "b.c"}, [2]string{file, field})
	k, err = c.Keys(Generation)
	require.NoError(t, err)
	require.Nil(t, k.Values, "not an empty file")
	for s, file := range map[Section]string{Images: "preprocessor_config.json", Videos: videoFile} {
		_, err = c.Keys(s)
		require.ErrorIs(t, err, fs.ErrNotExist)
		require.Equal(t, [2]string{file, ""}, placeOf(t, err))
		require.ErrorContains(t, err, "_processor of processor_config.json")
	}
}

// The first place that is there counts, whole, and errors name it.
func TestSectionPlaces(t *testing.T) {
	const one, old, video = "processor_config.json", "preprocessor_config.json", videoFile
	for _, c := range []struct {
		files         []string
		images, video [2]string // where the key n stands
	}{
		{[]string{old, `{"n": 1}`}, [2]string{old, "n"}, [2]string{old, "n"}},
		{[]string{old, `{"n": 1}`, video, `{}`}, [2]string{old, "n"}, [2]string{video, "n"}},
		{[]string{one, `{"image_processor": {}, "video_processor": {"n": 2}}`},
			[2]string{one, "image_processor.n"}, [2]string{one, "video_processor.n"}},
		{[]string{one, `{"image_processor": {}}`, old, `{}`, video, `{}`},
			[2]string{one, "image_processor.n"}, [2]string{video, "n"}},
		{[]string{one, `{"image_processor": {}}`, old, `{}`},
			[2]string{one, "image_processor.n"}, [2]string{old, "n"}},
		{[]string{one, `{"image_processor": null, "n": 3}`, old, `{}`},
			[2]string{old, "n"}, [2]string{old, "n"}},
	} {
		for s, want := range map[Section][2]string{Images: c.images, Videos: c.video} {
			k, err := OpenFS(files(c.files...)).Keys(s)
			require.NoError(t, err, c.files)
			file, field := k.At("n")
			require.Equal(t, want, [2]string{file, field}, c.files)
		}
	}
	for text, field := range map[string]string{
		"[]": "", `{"image_processor": 1}`: "image_processor",
		`{"image_processor": {"a": 1,}}`: "",
	} {
		_, err := OpenFS(files(one, text, old, "{}")).Keys(Images)
		require.Equal(t, [2]string{one, field}, placeOf(t, err), text)
	}
}

// Numbers that JSON has not are read past, as Python writes and reads them.
func TestNotANumber(t *testing.T) {
	for _, text := range []string{"NaN", "Infinity", "-Infinity", "[NaN, -Infinity]", `{"b": NaN}`} {
		k, err := ParseKeys("f", []byte(`{"a": `+text+`, "n": 1}`))
		require.NoError(t, err)
		require.Equal(t, text, string(k.Values["a"]))
		require.Equal(t, "1", string(k.Values["n"]))
		outer := map[string]json.RawMessage{"o": []byte(`{"x": ` + text + `}`)}
		in, err := Keys{Values: outer}.Object("o")
		require.NoError(t, err)
		require.Equal(t, text, string(in.Values["x"]))
	}
	for _, text := range []string{"nan", "NaNa", "Infinit", "+Infinity", "--Infinity", "NaN1", "InfinityX"} {
		_, err := ParseKeys("f", []byte(`{"a": `+text+`}`))
		require.Error(t, err, text)
	}
}

// brokenFS fails at one file, as a disk does.
type brokenFS struct {
	fs.FS
	at string
}

var errDisk = errors.New("disk")

func (b brokenFS) Open(name string) (fs.File, error) {
	if name == b.at {
		return nil, errDisk
	}
	return b.FS.Open(name)
}

func TestBadFiles(t *testing.T) {
	for text, problem := range map[string]string{
		"":                          "byte 0",
		"null":                      "not a JSON object",
		"[1]":                       "not a JSON object",
		`{"a":1}{}`:                 "byte 7",
		`{"a":}`:                    "byte 5",
		"{\"a\":\"\xff\"}":          "UTF-8",
		strings.Repeat(`{"a":`, 99): "too deeply",
		`{"a":"` + strings.Repeat("x", maxFile) + `"}`: "larger than",
	} {
		_, err := OpenFS(files("generation_config.json", text)).Keys(Generation)
		require.ErrorContains(t, err, problem, "%.20s", text)
		require.Equal(t, [2]string{"generation_config.json", ""}, placeOf(t, err))
	}
	for _, mode := range []fs.FileMode{fs.ModeNamedPipe, fs.ModeDir} {
		c := OpenFS(fstest.MapFS{"config.json": &fstest.MapFile{Mode: mode}})
		_, err := c.Keys(Model)
		require.ErrorContains(t, err, "not a regular file")
		require.Equal(t, [2]string{"config.json", ""}, placeOf(t, err))
	}
	const template = "chat_template.jinja"
	for _, name := range []string{"tokenizer.json", tokenizerConfig, "vocab.json", template} {
		c := OpenFS(brokenFS{files(), name})
		_, err := c.Tokenizer(nil)
		if name == template {
			_, err = c.Template()
		}
		require.ErrorIs(t, err, errDisk, name)
		require.Equal(t, [2]string{name, ""}, placeOf(t, err))
	}
}

// Which form of tokenizer counts, told by whose error comes.
func TestTokenizerForms(t *testing.T) {
	all := files("tokenizer.json", "{", "any.tiktoken", "!", "tiktoken.model", "!",
		"vocab.json", "{", "merges.txt", "", "tokenizer_config.json", "{}")
	for _, c := range [][2]string{
		{"tokenizer.json", "tokenizer.json"},
		{"any.tiktoken", "any.tiktoken"},
		{"tiktoken.model", "tiktoken.model"},
		{"vocab.json", "vocab.json"},
	} {
		_, err := OpenFS(all).Tokenizer(nil)
		var bad *tokenizer.FormatError
		require.ErrorAs(t, err, &bad, c[0])
		require.Equal(t, c[1], bad.File)
		delete(all, c[0])
	}
	_, err := OpenFS(all).Tokenizer(nil)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.Equal(t, [2]string{"tokenizer.json", ""}, placeOf(t, err))
	_, err = OpenFS(files("a.tiktoken", "", "b.tiktoken", "")).Tokenizer(nil)
	require.ErrorContains(t, err, "one of 2 files of ranks")
	require.Equal(t, [2]string{"a.tiktoken", ""}, placeOf(t, err))
}

// Without weights the index tells names, without either nothing is known.
func TestOutline(t *testing.T) {
	c := OpenFS(files("model.safetensors.index.json", `{"weight_map": {"a": "one.safetensors"}}`))
	o, err := c.Outline()
	require.NoError(t, err)
	shape, ok := o.Shape("a")
	require.True(t, ok)
	require.Nil(t, shape)
	_, ok = o.Shape("b")
	require.False(t, ok)
	o, err = OpenFS(files()).Outline()
	require.NoError(t, err)
	require.Empty(t, o.Shapes)
	_, err = OpenFS(files("model.safetensors.index.json", `{"weight_map": 1}`)).Outline()
	require.Equal(t, "model.safetensors.index.json", placeOf(t, err)[0])

	dir := t.TempDir()
	header := `{"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}`
	file := append([]byte{byte(len(header)), 0, 0, 0, 0, 0, 0, 0}, header+"12345678"...)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "model.safetensors"), file, 0o600))
	c, err = Open(dir)
	require.NoError(t, err)
	o, err = c.Outline()
	require.NoError(t, err)
	require.EqualValues(t, len(file), o.Bytes)
	require.Equal(t, map[string][]int{"a": {2, 1}}, o.Shapes)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "model.safetensors"), file[:20], 0o600))
	_, err = c.Outline()
	require.ErrorContains(t, err, "header")
}
