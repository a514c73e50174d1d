package conformance_test

// One family's configuration files: each value, combinations, what is missing, what is spelled in
// several ways. Errors name file and field.

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/testkit/ckpt"
)

// loadError loads and returns the error, which must be a *CheckpointError, or nil.
func loadError(t testing.TB, files fs.FS) *qwenvl.CheckpointError {
	t.Helper()
	m, err := qwenvl.LoadFS(files, qwenvl.WithThreads(1))
	if err == nil {
		require.NoError(t, m.Close())
		return nil
	}
	var e *qwenvl.CheckpointError
	require.ErrorAs(t, err, &e)
	require.NotEmpty(t, e.File, "%v", err)
	require.NotEmpty(t, e.Err, "%v", err)
	return e
}

// paths lists the dotted paths of all values in a JSON object, objects included.
func paths(t testing.TB, data []byte) []string {
	t.Helper()
	var root map[string]any
	require.NoError(t, json.Unmarshal(data, &root))
	var out []string
	var walk func(prefix string, in map[string]any)
	walk = func(prefix string, in map[string]any) {
		for k, v := range in {
			out = append(out, prefix+k)
			if sub, ok := v.(map[string]any); ok {
				walk(prefix+k+".", sub)
			}
		}
	}
	walk("", root)
	slices.Sort(out)
	return out
}

// unread are the values of the fixture that say nothing about how the model computes.
var unread = []string{
	"architectures", "attention_dropout", "bos_token_id", "initializer_range", "max_window_layers", "sliding_window", "torch_dtype",
	"transformers_version", "use_cache", "image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id", "vision_token_id",
	"vision_config.spatial_patch_size", "vision_config.in_chans", "processor_class", "pad_token_id",
}

// harmless are values that may stand at a place: what they say is possible, or null, which is as good as absent.
func harmless(path string, value any) bool {
	switch {
	case value == nil, slices.Contains(unread, path):
		return true
	case path == "eos_token_id":
		return value == 0 || value == -1 || fmt.Sprint(value) == "[]"
	case path == "rope_theta":
		return value == int64(1<<31)
	case path == "image_mean", path == "image_std" && value == int64(1<<31): // of all channels
		return value == 0 || value == -1 || value == int64(1<<31)
	case path == "do_sample", path == "top_k":
		return strings.Contains("int int64 float64", fmt.Sprintf("%T", value))
	case path == "top_p":
		return value == 0 || value == int64(1<<31) || value == 1e300
	}
	return false
}

// Each value of each configuration file is replaced by values that make no sense there: the error names file and field. Where it is
// about sampling, it comes when the checkpoint's sampling is asked for.
func TestEachConfigurationValue(t *testing.T) {
	whole := ckpt.Read(t, tinyDir)
	for _, file := range []string{"config.json", "preprocessor_config.json", "generation_config.json"} {
		for _, path := range paths(t, whole.Files[file]) {
			t.Run(file+"/"+path, func(t *testing.T) {
				original := whole.Files[file]
				defer func() { whole.Files[file] = original }()
				for _, value := range []any{0, -1, int64(1 << 31), 1e300, "x", nil, []any{}, map[string]any{}} {
					whole.Set(t, file, path, value)
					e := loadError(t, whole.FS())
					if e == nil && file == "generation_config.json" {
						e = samplingError(t, whole.FS())
					}
					whole.Files[file] = original
					if e == nil {
						require.True(t, harmless(path, value) || file == "config.json" && path == "eos_token_id", "%v loads", value)
						continue
					}
					require.False(t, slices.Contains(unread, path), "%v: %v", value, e)
					if strings.HasSuffix(e.File, ".safetensors") {
						// A default in place of null: its tensors are not there.
						require.Nil(t, value, "%v: %v", value, e)
						require.NotEmpty(t, e.Field)
						continue
					}
					require.NotEmpty(t, e.Field, "%v: %v", value, e)
					require.Contains(t, e.Error(), e.File)
					require.Contains(t, e.Error(), e.Field)
					if value != nil {
						require.Equal(t, file, e.File, "%v: %v", value, e)
						// The field itself, or one within an emptied object.
						require.True(t, strings.HasPrefix(e.Field, path), "%v: %v", value, e)
					}
				}
			})
		}
	}
}

// samplingError loads a checkpoint and returns what keeps requests from leaving their sampling to it.
func samplingError(t testing.TB, files fs.FS) (e *qwenvl.CheckpointError) {
	t.Helper()
	m, err := qwenvl.LoadFS(files)
	require.NoError(t, err)
	defer func() { require.NoError(t, m.Close()) }()
	if _, err = m.Sampling(); err != nil {
		require.ErrorAs(t, err, &e)
	}
	return e
}

// Values that are possible each by itself and not together are found before anything is allocated for them.
func TestImpossibleCombinations(t *testing.T) {
	for _, c := range []struct {
		path  string
		value any
		field string
		file  string
	}{
		{"num_attention_heads", 5, "num_attention_heads", "config.json"},
		{"num_key_value_heads", 3, "num_key_value_heads", "config.json"},
		{"num_attention_heads", 64, "", "config.json"}, // heads of one channel
		{"rope_scaling.mrope_section", []int{2, 3, 4}, "rope_scaling.mrope_section", "config.json"},
		{"rope_scaling.mrope_section", []int{-2, 5, 5}, "rope_scaling.mrope_section", "config.json"},
		{"rope_scaling.mrope_section", []int{8}, "rope_scaling.mrope_section", "config.json"},
		{"rope_theta", 0.5, "rope_theta", "config.json"},
		{"vision_config.num_heads", 7, "vision_config.num_heads", "config.json"},
		{"vision_config.num_heads", 48, "vision_config.num_heads", "config.json"},
		{"vision_config.hidden_size", 65, "vision_config.hidden_size", "config.json"},
		{"vision_config.patch_size", 16, "patch_size", "preprocessor_config.json"},
		{"vision_config.spatial_merge_size", 4, "merge_size", "preprocessor_config.json"},
		{"vision_config.mlp_ratio", 1e-9, "vision_config.mlp_ratio", "config.json"},
		{"vocab_size", 100, "vocab_size", "config.json"},
		{"image_std", []float64{0.5, 0, 0.5}, "image_std", "preprocessor_config.json"},
		{"image_std", []float64{0.5, 1e-300, 0.5}, "image_std", "preprocessor_config.json"},
		{"image_mean", []float64{0.5, 1e300, 0.5}, "image_mean", "preprocessor_config.json"},
	} {
		t.Run(fmt.Sprintf("%s=%v", c.path, c.value), func(t *testing.T) {
			x := ckpt.Read(t, tinyDir)
			file := "config.json"
			if strings.HasPrefix(c.path, "image_") {
				file = "preprocessor_config.json"
			}
			x.Set(t, file, c.path, c.value)
			e := loadError(t, x.FS())
			require.NotNil(t, e)
			require.Equal(t, c.file, e.File, "%v", e)
			if c.field != "" {
				require.Equal(t, c.field, e.Field, "%v", e)
			}
			require.NotEmpty(t, e.Field, "%v", e)
		})
	}
}

// What is not implemented is refused by its name.
func TestUnsupportedIsNamed(t *testing.T) {
	for _, c := range []struct {
		file, path string
		value      any
		field      string
	}{
		{"config.json", "model_type", "mystery", "model_type"},
		{"config.json", "hidden_act", "relu", "hidden_act"},
		{"config.json", "vision_config.hidden_act", "relu", "vision_config.hidden_act"},
		{"config.json", "rope_scaling.type", "another", "rope_scaling.type"},
		{"config.json", "quantization_config", map[string]any{"quant_method": "awq"}, "quantization_config.quant_method"},
		{"preprocessor_config.json", "do_resize", false, "do_resize"},
		{"preprocessor_config.json", "resample", 2, "resample"},
	} {
		t.Run(c.path, func(t *testing.T) {
			x := ckpt.Read(t, tinyDir)
			x.Set(t, c.file, c.path, c.value)
			e := loadError(t, x.FS())
			require.NotNil(t, e)
			require.Equal(t, [2]string{c.file, c.field}, [2]string{e.File, e.Field})
			word := fmt.Sprint(c.value)
			if m, ok := c.value.(map[string]any); ok {
				word = fmt.Sprint(m["quant_method"])
			}
			require.Contains(t, e.Error(), word)
		})
	}
}

// Released files spell the rotary embedding's type in four ways, which mean the same.
func TestSpellingsOfRopeType(t *testing.T) {
	_, c := openCase(t, "image")
	r := caseRequest(t, c)
	section := []int{2, 3, 3}
	for _, scaling := range []map[string]any{
		{"type": "mrope", "mrope_section": section},
		{"type": "default", "mrope_section": section},
		{"rope_type": "default", "mrope_section": section},
		{"rope_type": "default", "type": "mrope", "mrope_section": section},
		{"mrope_section": section},
	} {
		x := ckpt.Read(t, tinyDir)
		x.Set(t, "config.json", "rope_scaling", scaling)
		s := newStages()
		resp := s.run(t, loadChanged(t, x), r, nil)
		require.Equal(t, *c.TextWithSpecial, resp.Text, "%v", scaling)
	}
}

// A configuration in range that asks for far more than there is fails on the missing tensors, and takes no memory for them.
func TestHugeModelIsNotAllocated(t *testing.T) {
	x := ckpt.Read(t, tinyDir)
	for path, value := range map[string]any{
		"num_hidden_layers": 1024, "hidden_size": 65536, "intermediate_size": 1 << 20, "num_attention_heads": 512, "num_key_value_heads": 512,
		"rope_scaling.mrope_section": []int{24, 20, 20}, "vocab_size": 1 << 24, "max_position_embeddings": 1 << 24,
		"vision_config.depth": 1024, "vision_config.embed_dim": 65536, "vision_config.num_heads": 512, "vision_config.hidden_size": 65536,
		"vision_config.mlp_ratio": 1,
	} {
		x.Set(t, "config.json", path, value)
	}
	files := x.FS()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	e := loadError(t, files)
	runtime.ReadMemStats(&after)
	require.NotNil(t, e)
	require.Contains(t, e.Error(), "more problems")
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<20))
}

func TestMissingFiles(t *testing.T) {
	for _, file := range []string{"config.json", "preprocessor_config.json", "tokenizer.json", "model.safetensors"} {
		t.Run(file, func(t *testing.T) {
			files := ckpt.Read(t, tinyDir).FS()
			delete(files, file)
			if file == "tokenizer.json" {
				delete(files, "merges.txt") // else it stands in with vocab.json
			}
			e := loadError(t, files)
			require.NotNil(t, e)
			require.ErrorIs(t, e, fs.ErrNotExist)
			require.Contains(t, e.File+e.Error(), file)
		})
	}
	t.Run("generation_config.json", func(t *testing.T) { // optional
		files := ckpt.Read(t, tinyDir).FS()
		delete(files, "generation_config.json")
		require.Nil(t, loadError(t, files))
	})
	for _, dir := range []string{filepath.Join(t.TempDir(), "none"), filepath.Join(tinyDir, "config.json"), t.TempDir()} {
		_, err := qwenvl.Load(dir)
		var e *qwenvl.CheckpointError
		require.ErrorAs(t, err, &e)
		require.NotEmpty(t, e.File)
	}
}

// vocab.json with merges.txt gives the ids of tokenizer.json.
func TestTokenizerFromVocabularyAndMerges(t *testing.T) {
	files := ckpt.Read(t, tinyDir).FS()
	delete(files, "tokenizer.json")
	m, err := qwenvl.LoadFS(files)
	require.NoError(t, err)
	defer m.Close()
	_, c := openCase(t, "image_video")
	s := newStages()
	resp := s.run(t, m, caseRequest(t, c), nil)
	want, _ := c.Stage("input_ids")
	require.Equal(t, toInts(want.Ints), s.prompt.Tokens)
	require.Equal(t, *c.TextWithSpecial, resp.Text)
}

// A hub's cache keeps files under their hashes and fills a folder with symbolic links to them.
func TestSymbolicLinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("symbolic links need rights there")
	}
	blobs, snapshot := t.TempDir(), t.TempDir()
	i := 0
	for name, f := range ckpt.Read(t, tinyDir).Shards(t, 4) {
		i++
		blob := filepath.Join(blobs, fmt.Sprintf("%064x", i))
		require.NoError(t, os.WriteFile(blob, f.Data, 0o600))
		require.NoError(t, os.Symlink(blob, filepath.Join(snapshot, name)))
	}
	m, err := qwenvl.Load(snapshot)
	require.NoError(t, err)
	defer m.Close()
	_, c := openCase(t, "image")
	s := newStages()
	require.Equal(t, *c.TextWithSpecial, s.run(t, m, caseRequest(t, c), nil).Text)
}
