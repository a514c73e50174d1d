package conformance_test

// Every value of every family's configuration, replaced by nonsense: a typed error in bounded memory,
// or a model that can be described. load_config_test.go looks at one family more closely.

import (
	"cmp"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/testkit/ckpt"
)

// Every value of every family's configuration files is replaced by values that make no sense. Nothing panics, memory stays bounded,
// what is refused names file and field, and what is accepted can be described and, with the weights, loads or names what does not fit.
func TestEachFamilysConfiguration(t *testing.T) {
	for name := range familyFixtures {
		t.Run(name, func(t *testing.T) {
			whole := ckpt.Read(t, testdata+"/"+name)
			whole.Tensors = nil // an inspection does without
			if images := whole.Files["preprocessor_config.json"]; images != nil {
				// The same as transformers 5 saves it counts before the others, which are tried without it.
				videos := cmp.Or(string(whole.Files["video_preprocessor_config.json"]), string(images))
				whole.Files["processor_config.json"] = inOneFile(images, []byte(videos))
			}
			refused, accepted := 0, 0
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for _, file := range []string{"config.json", "processor_config.json", "preprocessor_config.json", "video_preprocessor_config.json",
				"generation_config.json"} {
				if whole.Files[file] == nil {
					continue
				}
				if file == "preprocessor_config.json" {
					delete(whole.Files, "processor_config.json")
				}
				for _, path := range paths(t, whole.Files[file]) {
					for _, value := range []any{0, -1, int64(1 << 31), 1e300, 0.5, "x", nil, []any{}, []any{-1, int64(1 << 40), "x"}, map[string]any{}, true} {
						original := whole.Files[file]
						whole.Set(t, file, path, value)
						in, err := qwenvl.InspectFS(whole.FS())
						whole.Files[file] = original
						if err == nil {
							accepted++
							_, err := in.Estimate(qwenvl.EstimateRequest{ContextTokens: 128})
							require.NoError(t, err)
							continue
						}
						refused++
						var e *qwenvl.CheckpointError
						require.ErrorAs(t, err, &e, "%s: %s = %v", file, path, value)
						require.True(t, strings.HasSuffix(e.File, ".json"), "%s: %s = %v: %v", file, path, value, err)
						if file == "processor_config.json" {
							require.Equal(t, file, e.File, "%s = %v: %v", path, value, err)
							require.True(t, strings.HasPrefix(e.Field, path), "%s = %v: %v", path, value, err)
						}
						require.NotContains(t, err.Error(), "0x", "an address in an error")
					}
				}
			}
			runtime.ReadMemStats(&after)
			require.Greater(t, refused, 150)
			require.Positive(t, accepted)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<30), "%d tries", refused+accepted)
		})
	}
}

// Values that are possible each by itself, but not together, are refused before memory is taken for them.
func TestFamiliesImpossibleTogether(t *testing.T) {
	for _, c := range []struct {
		fixture string
		values  map[string]any
		refused bool
	}{
		{"qwen3_vl_moe-tiny", map[string]any{"text_config.num_hidden_layers": 1024, "text_config.num_experts": 16384}, true},
		{"kimi-vl-tiny", map[string]any{"text_config.num_hidden_layers": 1024, "text_config.n_routed_experts": 16384}, true},
		{"kimi-vl-tiny", map[string]any{"text_config.num_hidden_layers": 1024, "text_config.num_attention_heads": 4096}, true},
		{"qwen3_5_moe-tiny", map[string]any{"text_config.decoder_sparse_step": 3}, false},
		{"qwen3_5_moe-tiny", map[string]any{"text_config.mlp_only_layers": []int{3}}, false},
	} {
		x := ckpt.Read(t, testdata+"/"+c.fixture)
		x.Tensors = nil
		for path, v := range c.values {
			x.Set(t, "config.json", path, v)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := qwenvl.InspectFS(x.FS())
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<20), "%v", c.values)
		if c.refused {
			var e *qwenvl.CheckpointError
			require.ErrorAs(t, err, &e)
			require.Equal(t, "config.json", e.File)
		} else {
			require.NoError(t, err)
		}
	}
}

// What is not implemented is refused by its name.
func TestFamiliesRefuseByName(t *testing.T) {
	for _, c := range []struct {
		fixture, path string
		value         any
		name          string
	}{
		{"qwen-vl-small", "no_bias", false, "no_bias"},
		{"qwen-vl-small", "model_type", "qwen9", "qwen9"},
		{"qwen2_5_vl-tiny", "vision_config.hidden_act", "relu", "relu"},
		{"qwen2_5_vl-tiny", "rope_scaling.type", "su", "su"},
		{"qwen2_5_vl-tiny", "layer_types", slices.Repeat([]string{"sliding_attention"}, 4), "sliding_attention"},
		{"qwen2_5_vl-tiny", "quantization_config", map[string]any{"quant_method": "awq"}, "awq"},
		{"kimi-vl-tiny", "text_config.scoring_func", "softmax", "softmax"},
		{"kimi-vl-tiny", "text_config.topk_method", "greedy", "greedy"},
		{"kimi-vl-tiny", "text_config.n_group", 8, "n_group"},
		{"kimi-vl-tiny", "text_config.q_lora_rank", 1536, "q_lora_rank"},
		{"kimi-vl-tiny", "text_config.rope_scaling", map[string]any{"type": "su"}, "rope_scaling"},
		{"qwen3_vl_moe-tiny", "text_config.hidden_act", "gelu", "gelu"},
		{"qwen3_vl_moe-tiny", "vision_config.hidden_act", "quick_gelu", "quick_gelu"},
		{"qwen3_vl_moe-tiny", "text_config.rope_scaling.rope_type", "ntk", "ntk"},
		{"qwen3_5_moe-tiny", "text_config.layer_types", []string{"linear_attention", "mamba", "full_attention", "linear_attention"}, "mamba"},
	} {
		t.Run(c.fixture+"/"+c.path, func(t *testing.T) {
			x := ckpt.Read(t, testdata+"/"+c.fixture)
			x.Set(t, "config.json", c.path, c.value)
			_, err := qwenvl.InspectFS(x.FS())
			var e *qwenvl.CheckpointError
			require.ErrorAs(t, err, &e)
			require.Equal(t, "config.json", e.File)
			require.ErrorContains(t, err, c.name)
			require.ErrorContains(t, err, "unsupported")
		})
	}
}

// Files of a checkpoint that are missing are named.
func TestFamiliesMissingFiles(t *testing.T) {
	for name := range familyFixtures {
		for _, file := range []string{"config.json", "preprocessor_config.json", "tokenizer.json", "tiktoken.model", "qwen.tiktoken"} {
			x := ckpt.Read(t, testdata+"/"+name)
			if x.Files[file] == nil {
				continue
			}
			delete(x.Files, file)
			if file == "tokenizer.json" {
				delete(x.Files, "vocab.json")
			}
			_, err := qwenvl.LoadFS(x.FS())
			require.ErrorIs(t, err, fs.ErrNotExist, "%s without %s", name, file)
			var e *qwenvl.CheckpointError
			require.ErrorAs(t, err, &e)
			require.NotEmpty(t, e.File)
		}
	}
	_, err := qwenvl.Load(os.TempDir() + "/no such folder")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// A user's own spellings of the picture tags stay text and take no picture's place, unless the reference's behaviour is asked for.
func TestPictureTagsInUsersText(t *testing.T) {
	m, err := qwenvl.Load(testdata + "/qwen-vl-small")
	require.NoError(t, err)
	defer func() { require.NoError(t, m.Close()) }()
	img := qwenvl.Image(picture(60, 60))
	img.Name = "a.png"
	count := func(template map[string]any, parts ...qwenvl.Part) (int, error) {
		return m.CountTokens(qwenvl.Request{Messages: []qwenvl.Message{qwenvl.User(parts...)}, Template: template})
	}
	plain, err := count(nil, img, qwenvl.Text("<img>b.png</img> <imgpad>"))
	require.NoError(t, err)
	without, err := count(nil, img, qwenvl.Text(""))
	require.NoError(t, err)
	require.Greater(t, plain, without+10, "the tags are several tokens each")
	_, err = count(map[string]any{"allow_picture_tags": true}, img, qwenvl.Text("<img>b.png</img>"))
	require.ErrorContains(t, err, "do not match")
	pad, err := count(map[string]any{"allow_picture_tags": true}, img, qwenvl.Text("<imgpad>"))
	require.NoError(t, err)
	require.Equal(t, without+1, pad)
	long := img
	long.Name = strings.Repeat("x", 300)
	_, err = count(nil, long)
	require.ErrorContains(t, err, "name has 300 bytes")
}

// A sliding window bounds the context: within it the tokens are those without one, beyond it nothing
// is answered.
func TestContextStaysWithinAWindow(t *testing.T) {
	c := ckpt.Read(t, tinyDir)
	c.Set(t, "config.json", "use_sliding_window", true)
	c.Set(t, "config.json", "sliding_window", 60)
	c.Set(t, "config.json", "max_window_layers", 0)
	m := loadChanged(t, c)
	require.Equal(t, 60, m.Info().ContextSize)
	ask := func(m *qwenvl.Model, text string) (*qwenvl.Response, error) {
		return m.Generate(t.Context(), qwenvl.Request{
			Messages:  []qwenvl.Message{qwenvl.User(qwenvl.Text(text))},
			MaxTokens: 60,
			Sampling:  qwenvl.Greedy(),
		})
	}
	const text = "List the colours: red and green"
	got, err := ask(m, text)
	require.NoError(t, err)
	whole, err := ask(loadTiny(t), text)
	require.NoError(t, err)
	require.Equal(t, whole.Tokens[:len(got.Tokens)], got.Tokens)
	require.Equal(t, qwenvl.FinishLength, got.Finish)
	require.Equal(t, 60, got.Usage.PromptTokens+got.Usage.CompletionTokens)
	_, err = ask(m, strings.Repeat(text, 3))
	require.ErrorIs(t, err, qwenvl.ErrContextFull)
	_, err = qwenvl.LoadFS(c.FS(), qwenvl.WithContextSize(61))
	require.ErrorContains(t, err, "sliding window of 60")
	in, err := qwenvl.InspectFS(c.FS())
	require.NoError(t, err)
	require.Equal(t, 60, in.Info.ContextSize)
}
