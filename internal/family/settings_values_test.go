package family

// Settings that are refused by name, and those next to them that change nothing. What the reference
// makes of each was found by running it.

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/checkpoint"
)

// set loads a family's configuration with several values of a section changed.
func set(t *testing.T, s *subject, in checkpoint.Section, values map[string]any) (Spec, error) {
	t.Helper()
	for path, value := range values {
		holder, key := s.sections[in].at(path)
		holder[key] = value
	}
	return s.load(t, 0, "", nil)
}

// The context is kept within a window that would hide something from a layer beyond it.
func TestWindows(t *testing.T) {
	const flag, size, from, types = "use_sliding_window", "sliding_window", "max_window_layers",
		"layer_types"
	slides := []string{"full_attention", "sliding_attention"}
	full := []string{"full_attention", "full_attention"}
	for _, c := range []struct {
		family         string
		values         map[string]any
		field          string // that is refused; "": none
		context, limit int
	}{
		{"qwen2", map[string]any{size: 100, from: 2}, "", 32768, 0},
		{"qwen2", map[string]any{size: 100, from: 1}, "", 100, 100},
		{"qwen2", map[string]any{size: 15, from: 1}, flag, 0, 0},
		{"qwen2", map[string]any{size: 100, from: 1, flag: false}, "", 32768, 0},
		{"qwen2", map[string]any{size: 32768, from: 0}, "", 32768, 32768},
		{"qwen2", map[string]any{size: 40000, from: 0}, "", 32768, 40000},
		{"qwen2", map[string]any{size: 32767, from: 0}, "", 32767, 32767},
		{"qwen2", map[string]any{size: nil, from: 0}, "", 32768, 0},
		{"qwen2", map[string]any{size: 0, from: 0}, size, 0, 0},
		{"qwen2", map[string]any{size: -1, from: 0}, size, 0, 0},
		{"qwen2", map[string]any{size: 100, from: -1}, from, 0, 0},
		{"qwen2", map[string]any{size: 100, from: 0, types: full}, "", 32768, 0},
		{"qwen2", map[string]any{size: 100, from: 2, types: slides}, "", 100, 100},
		{"qwen2", map[string]any{size: 40000, types: slides}, "", 32768, 40000},
		{"qwen2", map[string]any{size: nil, types: slides}, types, 0, 0},
		{"qwen2", map[string]any{types: []string{"full_attention"}}, types, 0, 0},
		{"qwen2", map[string]any{types: append(full, full...)}, types, 0, 0},
		{"qwen2", map[string]any{types: []any{"full_attention", nil}}, types, 0, 0},
		{"qwen3", map[string]any{size: 100, from: 1}, "", 100, 100},
		{"qwen3_moe", map[string]any{size: 100, from: 2}, "", 100, 100},
		{"qwen3_moe", map[string]any{size: 100, types: full}, "", 100, 100},
		{"qwen3_moe", map[string]any{size: 100, flag: false}, "", 32768, 0},
		{"qwen3_vl", map[string]any{"text_config." + size: 100}, "", 100, 100},
		{"qwen3_vl", map[string]any{"text_config." + size: 8}, "text_config." + size, 0, 0},
		{"qwen3_vl", map[string]any{"text_config." + size: 32768}, "", 32768, 32768},
		{"qwen3_vl", map[string]any{"text_config." + types: slides}, "text_config." + types, 0, 0},
		{"qwen3_vl", map[string]any{"text_config." + flag: true}, "", 32768, 0},
	} {
		spec, err := set(t, subjects(t)[c.family], checkpoint.Model, c.values)
		if c.field == "" {
			require.NoError(t, err, "%s %v", c.family, c.values)
			require.Equal(t, [2]int{c.context, c.limit},
				[2]int{spec.LLM.MaxContext, spec.LLM.ContextLimit}, "%s %v", c.family, c.values)
			continue
		}
		require.Error(t, err, "%s %v", c.family, c.values)
		require.Equal(t, [2]string{"model", c.field}, place(t, err), "%v", err)
	}
}

// A quantization that stores no weight otherwise is none.
func TestQuantizationOfNothing(t *testing.T) {
	const at = "quantization_config"
	object := func(pairs ...any) map[string]any {
		m := map[string]any{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i].(string)] = pairs[i+1]
		}
		return m
	}
	for _, c := range []struct {
		value any
		field string
	}{
		{object(), ""}, {nil, ""}, {object("quant_method", nil), ""},
		{object("load_in_4bit", false, "load_in_8bit", false), ""},
		{object("quant_method", "bitsandbytes", "load_in_8bit", false), ""},
		{object("quant_method", "bitsandbytes", "load_in_4bit", true), at + ".quant_method"},
		{object("quant_method", "awq", "bits", 4), at + ".quant_method"},
		{object("quant_method", strings.Repeat("x", 1<<20)), at + ".quant_method"},
		{object("bits", 4), at + ".quant_method"}, {object("quant_method", 4), at + ".quant_method"},
		{object("quant_method", "bitsandbytes", "load_in_4bit", 3), at + ".load_in_4bit"},
		{[]any{}, at}, {"", at}, {false, at},
	} {
		for _, prefix := range []string{"", "text_config."} {
			_, err := set(t, subjects(t)["qwen3_vl"], checkpoint.Model,
				map[string]any{prefix + at: c.value})
			if c.field == "" {
				require.NoError(t, err, "%v", c.value)
				continue
			}
			require.Error(t, err, "%v", c.value)
			require.Less(t, len(err.Error()), 300)
			require.Equal(t, [2]string{"model", prefix + c.field}, place(t, err), "%v", err)
		}
	}
}

// Keys that nobody reads change nothing, and those that have another name count under it.
func TestNamesOfKeys(t *testing.T) {
	whole := func(family string) string {
		s, err := subjects(t)[family].load(t, 0, "", nil)
		require.NoError(t, err)
		return description(s)
	}
	for _, c := range []struct {
		family, path string
		value        any
		same         bool
	}{
		{"qwen2_vl", "head_dim", 32, true},
		{"qwen2_vl", "vision_config.in_chans", 4, true},
		{"qwen2_vl", "vision_config.num_attention_heads", 2, false},
		{"qwen2_vl", "vision_config.num_hidden_layers", 1, false},
		{"qwen2_vl", "num_key_value_heads", nil, true},
		{"qwen3_vl", "text_config.num_experts", 8, true},
		{"qwen3_vl_moe", "text_config.norm_topk_prob", false, true},
		{"qwen3_vl_moe", "text_config.num_local_experts", 4, false},
		{"qwen3_moe", "num_local_experts", 4, false},
		{"qwen3_moe", "norm_topk_prob", false, false},
		{"qwen3_5_moe", "text_config.num_local_experts", 4, true},
		{"qwen3_5_moe", "text_config.norm_topk_prob", false, true},
		{"qwen3_5_moe", "text_config.attn_output_gate", false, true},
		{"qwen3_5_moe", "vision_config.deepstack_visual_indexes", []int{0}, true},
		{"qwen3_vl", "tie_word_embeddings", true, false},
		{"qwen3_vl", "text_config.tie_word_embeddings", true, true},
		{"qwen2_5_vl", "text_config.tie_word_embeddings", true, false},
		{"qwen3_vl", "hidden_size", 9999, true},
		{"qwen2_5_vl", "hidden_size", 9999, true},
		{"qwen2", "hidden_act", "swish", true},
		{"qwen2", "torch_dtype", "float32", false},
		{"qwen3_vl", "dtype", "float32", false},
		{"qwen3_vl", "text_config.dtype", "float32", false},
	} {
		got, err := set(t, subjects(t)[c.family], checkpoint.Model, map[string]any{c.path: c.value})
		require.NoError(t, err, c.path)
		require.Equal(t, c.same, description(got) == whole(c.family), "%s %s", c.family, c.path)
	}
}

// Numbers and truths in the forms of Python.
func TestFormsOfValues(t *testing.T) {
	for _, c := range []struct {
		in    checkpoint.Section
		path  string
		value any
		field string // that is refused
	}{
		{checkpoint.Model, "hidden_size", 64.0, ""},
		{checkpoint.Images, "min_pixels", 3136.0, ""},
		{checkpoint.Images, "min_pixels", 3136.5, "min_pixels"},
		{checkpoint.Images, "min_pixels", "3136", "min_pixels"},
		{checkpoint.Images, "image_mean", 0.5, ""},
		{checkpoint.Images, "image_mean", []any{0.5}, "image_mean"},
		{checkpoint.Images, "image_mean", []any{0.5, nil, 0.5}, "image_mean"},
		{checkpoint.Images, "image_std", 0, "image_std"},
		{checkpoint.Images, "do_rescale", 1, ""},
		{checkpoint.Images, "do_normalize", 0, ""},
		{checkpoint.Images, "do_normalize", 2, "do_normalize"},
		{checkpoint.Images, "do_resize", false, "do_resize"},
		{checkpoint.Images, "resample", 2, "resample"},
		{checkpoint.Images, "image_processor_type", "ViTImageProcessor", "image_processor_type"},
		{checkpoint.Videos, "cap_pixels_per_frame", "yes", "cap_pixels_per_frame"},
		{checkpoint.Videos, "max_video_tokens", 0, "max_video_tokens"},
		{checkpoint.Videos, "max_video_tokens", 1e12, "max_video_tokens"},
		{checkpoint.Videos, "video_processor_type", "GlmVideoProcessor", "video_processor_type"},
		{checkpoint.Videos, "size.longest_edge", 0, "size.longest_edge"},
		{checkpoint.Videos, "size.height", 56, "size.height"},
		{checkpoint.Videos, "patch_size", 16, "patch_size"},
	} {
		s := subjects(t)["qwen2_5_vl"]
		path := c.path
		if c.in == checkpoint.Model {
			path = "text_config." + path
		}
		_, err := set(t, s, c.in, map[string]any{path: c.value})
		if c.field == "" {
			require.NoError(t, err, "%s %v", c.path, c.value)
			continue
		}
		require.Error(t, err, "%s %v", c.path, c.value)
		require.Equal(t, [2]string{sectionNames[c.in], c.field}, place(t, err), "%v", err)
	}
}

func TestUnknownFamily(t *testing.T) {
	for modelType, near := range map[string]string{
		"qwen2_5_omni": "near qwen2_5_vl, qwen2, qwen2_vl", "Qwen2VL": "near qwen2_vl",
		"qwen2_vl_text": "near qwen2_vl", "qwen3_next": "near qwen3", "qwen_vl": "near qwen2_vl",
		"qwen3.5": "near qwen3_5", "kimi_k25": "near kimi_vl",
		"llama": "", strings.Repeat("qwen3", 1<<18): "", "é\x00": "",
	} {
		_, err := set(t, subjects(t)["qwen2"], checkpoint.Model, map[string]any{"model_type": modelType})
		require.ErrorIs(t, err, checkpoint.ErrUnsupported, "%.40q", modelType)
		require.Equal(t, [2]string{"model", "model_type"}, place(t, err))
		require.ErrorContains(t, err, near)
		require.ErrorContains(t, err, "known are kimi_vl, qwen, qwen2")
		require.Less(t, len(err.Error()), 400)
		if near == "" && modelType[0] != 'q' {
			require.NotContains(t, err.Error(), "near")
		}
	}
	_, err := subjects(t)["qwen2"].load(t, checkpoint.Model, "model_type", nil)
	require.ErrorContains(t, err, "model_type: missing")
}
