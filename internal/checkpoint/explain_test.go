package checkpoint

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4965799096\n"

// What people give in place of a checkpoint's folder is named, with what to do.
func TestExplainPath(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return file
	}
	for given, parts := range map[string][]string{
		"Owner/Some-Model-2B":                         {"hf download Owner/Some-Model-2B --local-dir Some-Model-2B"},
		"https://huggingface.co/Owner/Some-Model-2B/": {"hf download Owner/Some-Model-2B "},
		"https://huggingface.co/Owner/M_1.5/":         {"hf download Owner/M_1.5 --local-dir M_1.5,"},
		filepath.Join(dir, "none"):                    {"no such folder", "config.json"},
		"none":                                        {"no such folder", "config.json"},
		"a\x00b":                                      {"cannot be looked at"},
		write("a.gguf", ""):                           {"a GGUF file", "is expected: "}, // its folder is none either
		write("q4", "GGUF\x03\x00\x00\x00"):           {"a GGUF file"},
		write("model.safetensors", ""):                {"a file of weights", "pass the folder that it is in, " + dir},
		write("pytorch_model.bin", ""):                {"a file of weights", dir},
		write("config.json", "{}"):                    {"a file, not a folder", dir},
	} {
		_, err := Open(given)
		require.Equal(t, [2]string{given, ""}, placeOf(t, err), given)
		for _, part := range parts {
			require.ErrorContains(t, err, part, given)
		}
		var path *fs.PathError
		require.ErrorAs(t, err, &path)
		require.NotContains(t, err.Error(), "checkpoint: checkpoint")
	}
	require.NotContains(t, func() error { _, err := Open("./Owner/Name"); return err }().Error(), "hf download")
}

// Folders without a configuration, and with one that is not all.
func TestExplainFolder(t *testing.T) {
	const config = "config.json"
	for _, c := range []struct {
		name        string
		files       []string
		file        string
		unsupported bool
		parts       []string
	}{
		{"empty", nil, config, false, []string{"empty"}},
		{"something else", []string{"a.txt", ""}, config, false, []string{"config.json", "is expected"}},
		{"GGUF", []string{"b-Q4.gguf", "GGUF", "readme", ""}, "b-Q4.gguf", true, []string{"GGUF file"}},
		{"an adapter", []string{adapterFile, `{"base_model_name_or_path": "Owner/Base"}`, "adapter_model.safetensors", ""},
			adapterFile, true, []string{`"Owner/Base"`, "not supported"}},
		{"a broken adapter", []string{adapterFile, `{`}, adapterFile, true, []string{"adapter"}},
		{"an adapter beside", []string{config, "{}", adapterFile, "{}"}, adapterFile, true, []string{"beside"}},
		{"a folder above", []string{"final/config.json", "{}", "logs/x", ""}, config, false, []string{"its folder final"}},
		{"two", []string{"a/config.json", "{}", "b/config.json", ""}, config, false, []string{"its folder a or b"}},
		{"the hub's cache", []string{"blobs/0", "", "refs/main", "", "snapshots/12ab/config.json", "{}"}, config, false,
			[]string{"its folder snapshots/12ab"}},
		{"above the hub's cache", []string{"models--o--m/snapshots/12ab/config.json", "{}"}, config, false,
			[]string{"models--o--m/snapshots/12ab"}},
		{"a download", []string{".cache/huggingface/download/x.incomplete", ""}, config, false,
			[]string{"not finished", "x.incomplete"}},
		{"a pointer", []string{config, pointer}, config, false, []string{"git LFS", "4965799096", "git lfs pull"}},
	} {
		for _, dir := range []string{"", "/models/x"} {
			h := &hub{files: files(c.files...), dir: dir}
			_, err := h.Keys(Model)
			require.Equal(t, [2]string{c.file, ""}, placeOf(t, err), c.name)
			require.Equal(t, c.unsupported, errors.Is(err, ErrUnsupported), c.name)
			for _, part := range c.parts {
				require.ErrorContains(t, err, part, c.name)
			}
			if c.file == config && c.name != "a pointer" {
				require.ErrorIs(t, err, fs.ErrNotExist)
				require.Contains(t, err.Error(), dir)
			}
		}
	}
}

func TestExplainWeights(t *testing.T) {
	const single, index = "model.safetensors", "model.safetensors.index.json"
	shards := `{"weight_map": {"a": "model-00001-of-00002.safetensors"}}`
	for _, c := range []struct {
		name  string
		files []string
		file  string
		parts []string
	}{
		{"none", nil, single, []string{"no weights"}},
		{"a shard alone", []string{"model-00001-of-00002.safetensors", ""}, single,
			[]string{"model-00001-of-00002.safetensors is neither"}},
		{"GGUF", []string{"x.gguf", ""}, single, []string{"x.gguf is a GGUF file"}},
		{"another framework", []string{"tf_model.h5", ""}, single, []string{"tf_model.h5"}},
		{"unfinished", []string{"model.safetensors.part", ""}, single, []string{"not finished: model.safetensors.part"}},
		{"a missing shard", []string{index, shards}, index, []string{"missing shard", "model-00001"}},
		{"an unfinished shard", []string{index, shards, "model-00001-of-00002.safetensors.incomplete", ""}, index,
			[]string{"not finished: model-00001-of-00002.safetensors.incomplete"}},
		{"a pointer", []string{single, pointer}, single, []string{"git LFS", "4965799096"}},
		{"a pointer for a shard", []string{index, shards, "model-00001-of-00002.safetensors", pointer},
			"model-00001-of-00002.safetensors", []string{"git LFS"}},
		{"a pointer for the index", []string{index, pointer}, index, []string{"git LFS"}},
		{"cut", []string{single, "\xff\x00\x00\x00\x00\x00\x00\x00{"}, single, []string{"cut off", "255", "9 bytes"}},
	} {
		_, err := OpenFS(files(c.files...)).Tensors()
		require.Equal(t, c.file, placeOf(t, err)[0], c.name)
		for _, part := range c.parts {
			require.ErrorContains(t, err, part, c.name)
		}
	}
	dir := t.TempDir()
	from, err := Open(dir)
	require.NoError(t, err)
	_, err = from.Tensors()
	require.Equal(t, [2]string{dir, ""}, placeOf(t, err))
}

// A pointer in place of any file is told, and text about pointers is none.
func TestPointers(t *testing.T) {
	for _, name := range []string{"tokenizer.json", tokenizerConfig, "vocab.json", "x.tiktoken"} {
		_, err := OpenFS(files("merges.txt", "", "vocab.json", "{}", name, pointer)).Tokenizer(nil)
		require.ErrorContains(t, err, "git LFS", name)
		require.Equal(t, [2]string{name, ""}, placeOf(t, err))
	}
	_, err := OpenFS(files("chat_template.jinja", pointer)).Template()
	require.ErrorContains(t, err, "git LFS")
	got, err := OpenFS(files("chat_template.jinja", "a "+pointer)).Template()
	require.NoError(t, err)
	require.Equal(t, "a "+pointer, got.Source)
}

// A folder of very many entries is not listed as a whole.
func TestExplainManyFiles(t *testing.T) {
	all := fstest.MapFS{}
	for i := range 3000 {
		all[strings.Repeat("x", 1+i%7)+string(rune(0x4e00+i))+"/y"] = &fstest.MapFile{}
	}
	_, err := OpenFS(all).Keys(Model)
	require.Equal(t, [2]string{"config.json", ""}, placeOf(t, err))
	require.Less(t, len(err.Error()), 400)
}
