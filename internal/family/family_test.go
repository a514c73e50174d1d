package family

// Every family from a configuration of the keys that it reads, none of which stands in a file:
// optional keys hold their defaults, so that a key may go and leave the same model; a key without a
// default that goes, and a key of another kind or out of its range, is refused by its place.

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/internal/weights"
)

// memory is a checkpoint that has keys only.
type memory struct {
	checkpoint.Checkpoint
	sections map[checkpoint.Section]checkpoint.Keys
	own      weights.Names
}

func (m *memory) Keys(s checkpoint.Section) (checkpoint.Keys, error) {
	k, ok := m.sections[s]
	if !ok && (s == checkpoint.Model || s == checkpoint.Images) {
		return k, &checkpoint.Error{File: sectionNames[s], Problem: "missing", Err: fs.ErrNotExist}
	}
	return k, nil
}

func (m *memory) Names() weights.Names { return m.own }

var sectionNames = map[checkpoint.Section]string{
	checkpoint.Model: "model", checkpoint.Images: "images", checkpoint.Videos: "videos", checkpoint.Generation: "generation",
}

// tree is the keys of a section, which a test changes.
type tree map[string]any

func newTree(t testing.TB, text string) tree {
	var x tree
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	require.NoError(t, d.Decode(&x), text)
	return x
}

// at returns the object that holds the last key of a dotted path.
func (x tree) at(path string) (tree, string) {
	for {
		outer, rest, ok := strings.Cut(path, ".")
		if !ok {
			return x, path
		}
		x, path = x[outer].(map[string]any), rest
	}
}

// leaves lists the dotted paths of all values that are not objects.
func (x tree) leaves() (paths []string) {
	for _, key := range slices.Sorted(maps.Keys(x)) {
		if in, ok := x[key].(map[string]any); ok {
			for _, path := range tree(in).leaves() {
				paths = append(paths, key+"."+path)
			}
			continue
		}
		paths = append(paths, key)
	}
	return paths
}

// subject is a family's configuration.
type subject struct {
	sections map[checkpoint.Section]tree
	required string // what has no default, separated by spaces
	open     string // what a model differs without, and loads
}

// load resolves the configuration with the value at a path replaced; nil takes the key out.
func (s *subject) load(t testing.TB, in checkpoint.Section, path string, value any) (Spec, error) {
	if path != "" {
		holder, key := s.sections[in].at(path)
		old := holder[key]
		defer func() { holder[key] = old }()
		if holder[key] = value; value == nil {
			delete(holder, key)
		}
	}
	m := &memory{sections: map[checkpoint.Section]checkpoint.Keys{}}
	for section, x := range s.sections {
		data, err := json.Marshal(x)
		require.NoError(t, err)
		m.sections[section], err = checkpoint.ParseKeys(sectionNames[section], data)
		require.NoError(t, err)
	}
	return Load(m)
}

// description is what of a Spec can be compared: tensors by the names that the first layout gives
// them.
func description(s Spec) string {
	var names []string
	for _, x := range []string{"embed.weight", "layers.0.attn.q.weight", "layers.1.mlp.up.weight", "vision.blocks.0.attn.qkv.weight", "adapter.fc1.weight"} {
		names = append(names, fmt.Sprint(s.Layouts[0].Names(x)))
	}
	s.Layouts, s.Chat = nil, nil
	text, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(text) + strings.Join(names, "\n")
}

const (
	decoderKeys = `"hidden_size": 64, "num_attention_heads": 4, "vocab_size": 512, "num_hidden_layers": 2, "intermediate_size": 96,
		"hidden_act": "silu", "use_sliding_window": false, "rms_norm_eps": 1e-6, "tie_word_embeddings": false,
		"max_position_embeddings": 32768, "num_key_value_heads": 4, "head_dim": 16`
	qwen3Keys = decoderKeys + `, "attention_bias": false, "decoder_sparse_step": 1, "mlp_only_layers": []`
	moeKeys   = `, "num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 32, "norm_topk_prob": true`
	mropeKeys = `, "rope_theta": 1e6, "rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3], "mrope_interleaved": false}`
	towerKeys = `"depth": 2, "num_heads": 4, "in_channels": 3, "spatial_merge_size": 2, "temporal_patch_size": 2`

	requiredDecoder = "hidden_size num_attention_heads vocab_size num_hidden_layers intermediate_size "
	requiredExperts = "num_experts_per_tok moe_intermediate_size "

	deepTower = `"vision_config": {` + towerKeys + `, "patch_size": 16, "hidden_size": 48, "out_hidden_size": 64, "intermediate_size": 80,
		"hidden_act": "gelu_pytorch_tanh", "num_position_embeddings": 2304, "deepstack_visual_indexes": [1, 0]}`
	requiredDeep = "vision_config.depth vision_config.num_heads vision_config.hidden_size vision_config.intermediate_size " +
		"vision_config.num_position_embeddings "
)

// images is the pixels' section of most families.
func images(patch int) string {
	return fmt.Sprintf(`{"patch_size": %d, "merge_size": 2, "temporal_patch_size": 2, "min_pixels": 3136, "max_pixels": 1003520,
		"image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711],
		"rescale_factor": 0.00392156862745098, "do_resize": true, "do_rescale": true, "do_normalize": true, "resample": 3}`, patch)
}

func subjects(t testing.TB) map[string]*subject {
	// Of heads of 64 channels a quarter rotates on three axes.
	wide := strings.NewReplacer(`"hidden_size": 64`, `"hidden_size": 256`, `"head_dim": 16`, `"head_dim": 64`,
		`"out_hidden_size": 64`, `"out_hidden_size": 256`).Replace
	inText := func(paths string) string { // the same keys in text_config
		out := ""
		for _, p := range strings.Fields(paths) {
			out += "text_config." + p + " "
		}
		return out
	}
	parts := func(model string, more ...string) map[checkpoint.Section]tree {
		s := map[checkpoint.Section]tree{checkpoint.Model: newTree(t, model)}
		for i, text := range more {
			s[checkpoint.Images+checkpoint.Section(i)] = newTree(t, text)
		}
		s[checkpoint.Generation] = newTree(t, `{"eos_token_id": [5, 7], "do_sample": true, "temperature": 1.0, "top_p": 1.0, "top_k": 50,
			"repetition_penalty": 1.0}`)
		return s
	}
	return map[string]*subject{
		"qwen2": {
			sections: parts(`{"model_type": "qwen2", ` + decoderKeys + `, "rope_theta": 1e4, "rope_scaling": {"type": "default"}}`),
			required: requiredDecoder,
		},
		"qwen3": {
			sections: parts(`{"model_type": "qwen3", ` + qwen3Keys + `, "rope_theta": 1e6}`),
			required: requiredDecoder,
		},
		"qwen3_moe": {
			sections: parts(`{"model_type": "qwen3_moe", ` + qwen3Keys + moeKeys + `, "rope_theta": 1e6}`),
			required: requiredDecoder + requiredExperts,
			open:     "num_experts",
		},
		"qwen2_vl": {
			sections: parts(`{"model_type": "qwen2_vl", `+decoderKeys+mropeKeys+`, "vision_config": {`+towerKeys+`,
				"embed_dim": 48, "hidden_size": 64, "patch_size": 14, "hidden_act": "quick_gelu", "mlp_ratio": 4.0}}`, images(14)),
			required: requiredDecoder + "rope_scaling.mrope_section vision_config.depth vision_config.num_heads vision_config.embed_dim",
		},
		"qwen2_5_vl": {
			sections: parts(`{"model_type": "qwen2_5_vl", "text_config": {`+decoderKeys+mropeKeys+`}, "vision_config": {`+towerKeys+`,
				"hidden_size": 48, "out_hidden_size": 64, "intermediate_size": 80, "patch_size": 14, "hidden_act": "silu",
				"window_size": 112, "fullatt_block_indexes": [7, 15, 23, 31], "tokens_per_second": 4.0}}`, images(14)),
			required: inText(requiredDecoder+"rope_scaling.mrope_section") + "vision_config.depth vision_config.num_heads " +
				"vision_config.hidden_size vision_config.intermediate_size",
		},
		"qwen3_vl": {
			sections: parts(`{"model_type": "qwen3_vl", "text_config": {`+qwen3Keys+mropeKeys+`}, `+deepTower+`}`, images(16),
				`{"size": {"shortest_edge": 4096, "longest_edge": 25165824}}`),
			required: inText(requiredDecoder+"rope_scaling.mrope_section") + requiredDeep + "size.shortest_edge size.longest_edge",
			open:     "vision_config.deepstack_visual_indexes",
		},
		"qwen3_vl_moe": {
			sections: parts(`{"model_type": "qwen3_vl_moe", "text_config": {`+qwen3Keys+moeKeys+mropeKeys+`}, `+deepTower+`}`, images(16)),
			required: inText(requiredDecoder+requiredExperts+"rope_scaling.mrope_section") + requiredDeep,
			open:     "vision_config.deepstack_visual_indexes text_config.num_experts",
		},
		"qwen3_5_moe": {
			sections: parts(wide(`{"model_type": "qwen3_5_moe", "text_config": {`+qwen3Keys+moeKeys+`, "rope_parameters": {"rope_theta": 1e7,
				"mrope_section": [2, 3, 3], "partial_rotary_factor": 0.25}, "linear_num_key_heads": 2, "linear_num_value_heads": 4,
				"linear_key_head_dim": 16, "linear_value_head_dim": 16, "linear_conv_kernel_dim": 4, "shared_expert_intermediate_size": 32,
				"attn_output_gate": true, "full_attention_interval": 4, "layer_types": ["linear_attention", "linear_attention"]}, `+
				deepTower+`}`), images(16)),
			required: inText("hidden_size num_attention_heads vocab_size num_hidden_layers "+requiredExperts+"rope_parameters.mrope_section "+
				"linear_num_key_heads linear_num_value_heads linear_key_head_dim linear_value_head_dim linear_conv_kernel_dim "+
				"shared_expert_intermediate_size") + requiredDeep,
			open: "vision_config.deepstack_visual_indexes text_config.num_experts text_config.rope_parameters.rope_theta",
		},
		"qwen": {
			sections: parts(`{"model_type": "qwen", "hidden_size": 256, "num_attention_heads": 2, "kv_channels": 128, "vocab_size": 512,
				"num_hidden_layers": 2, "intermediate_size": 192, "layer_norm_epsilon": 1e-6, "tie_word_embeddings": false, "no_bias": true,
				"scale_attn_weights": true, "max_position_embeddings": 8192, "seq_length": 2048, "rotary_pct": 1.0, "rotary_emb_base": 1e4,
				"use_dynamic_ntk": true, "use_logn_attn": true, "visual": {"width": 64, "patch_size": 14, "image_size": 448,
				"output_dim": 256, "n_queries": 256, "mlp_ratio": 4.0, "heads": 4, "layers": 2}}`),
			required: requiredDecoder + "visual.width visual.patch_size visual.image_size visual.output_dim visual.heads visual.layers",
		},
		"kimi_vl": {
			sections: parts(`{"model_type": "kimi_vl", "text_config": {"hidden_act": "silu", "n_group": 1, "topk_group": 1, "moe_layer_freq": 1,
				"scoring_func": "sigmoid", "topk_method": "noaux_tc", "hidden_size": 64, "vocab_size": 512, "num_hidden_layers": 2,
				"rms_norm_eps": 1e-5, "tie_word_embeddings": false, "max_position_embeddings": 131072, "num_attention_heads": 4,
				"kv_lora_rank": 32, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 16, "moe_intermediate_size": 32,
				"n_routed_experts": 8, "num_experts_per_tok": 2, "norm_topk_prob": true, "routed_scaling_factor": 1.0,
				"n_shared_experts": 1, "intermediate_size": 96, "first_k_dense_replace": 1, "rope_theta": 1e4},
				"vision_config": {"hidden_size": 48, "patch_size": 14, "merge_kernel_size": [2, 2], "intermediate_size": 80,
				"num_attention_heads": 4, "num_hidden_layers": 2, "init_pos_emb_height": 64, "init_pos_emb_width": 64}}`,
				`{"patch_size": 14, "pad_input": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "in_token_limit": 4096}`),
			required: inText(requiredDecoder+requiredExperts+"kv_lora_rank qk_nope_head_dim qk_rope_head_dim v_head_dim n_routed_experts "+
				"first_k_dense_replace") +
				"vision_config.hidden_size vision_config.intermediate_size vision_config.num_attention_heads vision_config.num_hidden_layers",
		},
	}
}

// place returns the place that an error carries.
func place(t testing.TB, err error) [2]string {
	t.Helper()
	var p checkpoint.Placed
	require.ErrorAs(t, err, &p)
	file, field := p.Place()
	return [2]string{file, field}
}

// A key that goes leaves the same model where it has a default, and is missed by its name where
// not.
func TestDefaults(t *testing.T) {
	differ := "rescale_factor do_sample eos_token_id" // which every family's model differs without
	for name, s := range subjects(t) {
		t.Run(name, func(t *testing.T) {
			whole, err := s.load(t, 0, "", nil)
			require.NoError(t, err)
			required := strings.Fields(s.required)
			seen := 0
			for section, x := range s.sections {
				for _, path := range x.leaves() {
					if path == "model_type" {
						continue
					}
					spec, err := s.load(t, section, path, nil)
					switch {
					case slices.Contains(required, path):
						seen++
						require.ErrorContains(t, err, "missing", path)
						require.Equal(t, [2]string{sectionNames[section], path}, place(t, err))
					case slices.Contains(strings.Fields(s.open+" "+differ), path):
						require.NoError(t, err, path)
						require.NotEqual(t, description(whole), description(spec), path)
					default:
						require.NoError(t, err, path)
						require.Equal(t, description(whole), description(spec), path)
					}
				}
			}
			require.Equal(t, len(required), seen, "required keys that are not there")
		})
	}
}

// A value of another kind, or outside of its range, is refused by its place.
func TestRanges(t *testing.T) {
	free := map[string]string{ // values that may stand there
		"top_k": "0", "first_k_dense_replace": "0", "resample": "", "eos_token_id": "0",
		"mlp_only_layers": "[]", "fullatt_block_indexes": "[]", "deepstack_visual_indexes": "[]",
	}
	for name, s := range subjects(t) {
		t.Run(name, func(t *testing.T) {
			tries := 0
			for section, x := range s.sections {
				for _, path := range x.leaves() {
					holder, key := x.at(path)
					bad := []any{[]any{}, []any{"x", -1}, map[string]any{}}
					switch v := holder[key].(type) {
					case json.Number:
						bad = append(bad, 0, -1, int64(1)<<40, 1e300, "x", true)
						if !strings.ContainsAny(v.String(), ".e") {
							bad = append(bad, 0.5)
						}
					case string:
						bad = append(bad, 0, true, "another")
					case bool:
						bad = append(bad, 0, "x")
					case []any:
						bad = append(bad, -1, "x", true)
					}
					for _, value := range bad {
						text, err := json.Marshal(value)
						require.NoError(t, err)
						if string(text) == free[key] || key == "eos_token_id" && value != -1 && value != "x" {
							continue
						}
						_, err = s.load(t, section, path, value)
						require.Error(t, err, "%s: %s = %s", sectionNames[section], path, text)
						require.Equal(t, [2]string{sectionNames[section], path}, place(t, err), "%s: %v", text, err)
						tries++
					}
				}
			}
			require.Greater(t, tries, 80)
		})
	}
}

// Every known model type has a configuration here, its own or that of one which shares its parser.
func TestSubjectsAreComplete(t *testing.T) {
	all := subjects(t)
	all["qwen3_5"] = all["qwen3_5_moe"]
	require.Equal(t, ModelTypes(), slices.Sorted(maps.Keys(all)))
}

func TestUnsupported(t *testing.T) {
	all := subjects(t)
	for _, c := range []struct {
		family, path string
		value        any
		field        string
	}{
		{"qwen2", "model_type", "mystery", "model_type"},
		{"qwen2", "hidden_act", "relu", "hidden_act"},
		{"qwen2", "use_sliding_window", true, "use_sliding_window"},
		{"qwen2", "rope_scaling.type", "yarn", "rope_scaling.type"},
		{"qwen2", "quantization_config", map[string]any{"quant_method": "awq"}, "quantization_config.quant_method"},
		{"qwen2_vl", "vision_config.hidden_act", "relu", "vision_config.hidden_act"},
		{"qwen2_5_vl", "text_config.rope_scaling.type", "longrope", "text_config.rope_scaling.type"},
		{"qwen", "no_bias", false, "no_bias"},
		{"kimi_vl", "text_config.q_lora_rank", 16, "text_config.q_lora_rank"},
		{"kimi_vl", "text_config.n_group", 8, "text_config.n_group"},
	} {
		_, err := all[c.family].load(t, checkpoint.Model, c.path, c.value)
		var unsupported *UnsupportedError
		require.ErrorAs(t, err, &unsupported, "%s: %s", c.family, c.path)
		require.Equal(t, [2]string{"model", c.field}, place(t, err))
	}
}

// Without its pixels' section a model that sees is refused, one that does not read it is not.
func TestMissingSection(t *testing.T) {
	for name, s := range subjects(t) {
		_, reads := s.sections[checkpoint.Images]
		delete(s.sections, checkpoint.Images)
		delete(s.sections, checkpoint.Videos)
		delete(s.sections, checkpoint.Generation)
		_, err := s.load(t, 0, "", nil)
		require.Equal(t, reads, errors.Is(err, fs.ErrNotExist), "%s: %v", name, err)
	}
}

// Keys of a container that has other names and types for them: errors name those.
func TestTranslatedKeys(t *testing.T) {
	names := map[string]string{
		"hidden_size": "arch.embedding_length", "num_attention_heads": "arch.attention.head_count", "vocab_size": "arch.vocab_size",
		"num_hidden_layers": "arch.block_count", "intermediate_size": "arch.feed_forward_length", "rms_norm_eps": "arch.norm_epsilon",
	}
	values := map[string]any{
		"arch.embedding_length": uint32(64), "arch.attention.head_count": uint16(4), "arch.vocab_size": uint64(512),
		"arch.block_count": int8(2), "arch.feed_forward_length": int32(96), "arch.norm_epsilon": float32(1e-5),
	}
	own := func(canonical string) weights.Ref { return weights.Ref{Name: "own/" + canonical} }
	load := func() (*memory, Spec, error) {
		k := checkpoint.Keys{Values: map[string]json.RawMessage{"model_type": json.RawMessage(`"qwen2"`)}}
		for key, name := range names {
			text, err := json.Marshal(values[name])
			require.NoError(t, err)
			k.Values[key] = text
		}
		k.Place = func(path string) (string, string) { return "all.bin", names[path] }
		m := &memory{sections: map[checkpoint.Section]checkpoint.Keys{checkpoint.Model: k}, own: own}
		spec, err := Load(m)
		return m, spec, err
	}
	m, spec, err := load()
	require.NoError(t, err)
	require.Equal(t, 64, spec.LLM.HiddenSize)
	require.Equal(t, float32(1e-5), spec.LLM.Eps)
	none := func(string) ([]int, bool) { return nil, false }
	require.Equal(t, "own/embed.weight", spec.Names(m, none)("embed.weight").Name)
	require.NoError(t, spec.CheckVocabulary(512))
	require.Equal(t, [2]string{"all.bin", "arch.vocab_size"}, place(t, spec.CheckVocabulary(513)))

	values["arch.block_count"] = uint64(1) << 63
	_, _, err = load()
	require.Equal(t, [2]string{"all.bin", "arch.block_count"}, place(t, err))
}

// The layout is the first whose probe is there with its shape; a shape that is not known fits.
func TestNames(t *testing.T) {
	spec, err := subjects(t)["qwen3_vl_moe"].load(t, 0, "", nil)
	require.NoError(t, err)
	const expert = "layers.0.mlp.experts.1.up.weight"
	const stacked = "model.language_model.layers.0.mlp.experts.gate_up_proj"
	ref := func(shapes map[string][]int) weights.Ref {
		return spec.Names(&memory{}, checkpoint.Outline{Shapes: shapes}.Shape)(expert)
	}
	inputs := ref(map[string][]int{stacked: {8, 64, 64}}) // fits both ways: the released one counts
	require.True(t, inputs.Transpose)
	require.Equal(t, inputs, ref(nil))
	require.Equal(t, inputs, ref(map[string][]int{stacked: nil}))
	apart := ref(map[string][]int{"model.language_model.layers.0.mlp.experts.0.gate_proj.weight": {32, 64}})
	require.Equal(t, "model.language_model.layers.0.mlp.experts.1.up_proj.weight", apart.Name)
}
