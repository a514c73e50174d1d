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
	checkpoint.Model: "model", checkpoint.Images: "images", checkpoint.Videos: "videos",
	checkpoint.Generation: "generation",
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
	classes  []class
	required string // what has no default, separated by spaces
	open     string // what a model differs without, and loads
}

// class is the defaults of the keys that stand somewhere.
type class struct {
	section checkpoint.Section
	prefix  string
	values  string
}

// value returns the default of a key, nil where its class has none.
func (s *subject) value(t testing.TB, in checkpoint.Section, path string) any {
	for _, c := range s.classes {
		rest, ok := strings.CutPrefix(path, c.prefix)
		if v, has := newTree(t, c.values)[rest]; ok && in == c.section && has {
			return v
		}
	}
	return nil
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
	for _, x := range []string{
		"embed.weight", "layers.0.attn.q.weight", "layers.1.mlp.up.weight",
		"vision.blocks.0.attn.qkv.weight", "adapter.fc1.weight",
	} {
		names = append(names, fmt.Sprint(s.Layouts[0].Names(x)))
	}
	text, err := json.Marshal([]any{
		s.LLM, s.Vision, s.Parts, s.Think, s.EOS, s.Ends, s.Generation.Sampling, s.ItemBytes,
	})
	if err != nil {
		panic(err)
	}
	return string(text) + strings.Join(names, "\n")
}

// place returns the place that an error carries.
func place(t testing.TB, err error) [2]string {
	t.Helper()
	var p checkpoint.Placed
	require.ErrorAs(t, err, &p)
	file, field := p.Place()
	return [2]string{file, field}
}

// A key that goes is worth what its class says: the model is the same as if that stood there. Where
// no class has the key, it has the value of the reference's code or is missed by its name.
func TestDefaults(t *testing.T) {
	// which every family's model differs without
	differ := "do_sample eos_token_id cap_pixels_per_frame"
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
					value := s.value(t, section, path)
					switch {
					case value != nil:
						want, wantErr := s.load(t, section, path, value)
						if wantErr != nil {
							require.Equal(t, wantErr.Error(), strings.Replace(err.Error(),
								"missing, and its default 14 ", "", 1), path)
							continue
						}
						require.NoError(t, err, path)
						require.Equal(t, description(want), description(spec), path)
					case slices.Contains(required, path):
						seen++
						require.Error(t, err, path)
						require.Regexp(t, "missing|does not fit the heads", err.Error())
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
		"first_k_dense_replace": "0", "image_mean": "-1",
		"do_rescale": "0", "do_normalize": "0", "cap_pixels_per_frame": "0",
		"mlp_only_layers": "[]", "fullatt_block_indexes": "[]", "deepstack_visual_indexes": "[]",
	}
	for name, s := range subjects(t) {
		t.Run(name, func(t *testing.T) {
			tries := 0
			for section, x := range s.sections {
				if section == checkpoint.Generation { // generation_test.go
					continue
				}
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
						if string(text) == free[key] {
							continue
						}
						_, err = s.load(t, section, path, value)
						require.Error(t, err, "%s: %s = %s", sectionNames[section], path, text)
						want := [2]string{sectionNames[section], path}
						require.Equal(t, want, place(t, err), "%s: %v", text, err)
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
	all["qwen3_5_moe_text"] = all["qwen3_5_text"]
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
		{"qwen2", "layer_types", []string{"full_attention", "chunked_attention"}, "layer_types"},
		{"qwen3_moe", "sliding_window", 10, "use_sliding_window"},
		{"qwen3_vl", "text_config.sliding_window", 10, "text_config.sliding_window"},
		{"qwen2", "rope_scaling.type", "mrope", "rope_scaling.type"},
		{"qwen2", "quantization_config", map[string]any{"quant_method": "awq"},
			"quantization_config.quant_method"},
		{"qwen2_vl", "vision_config.hidden_act", "relu", "vision_config.hidden_act"},
		{"qwen2_5_vl", "text_config.rope_scaling.type", "su",
			"text_config.rope_scaling.type"},
		{"qwen", "no_bias", false, "no_bias"},
		{"kimi_vl", "text_config.q_lora_rank", 16, "text_config.q_lora_rank"},
		{"kimi_vl", "text_config.n_group", 8, "text_config.n_group"},
	} {
		_, err := all[c.family].load(t, checkpoint.Model, c.path, c.value)
		require.ErrorIs(t, err, checkpoint.ErrUnsupported, "%s: %s", c.family, c.path)
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
		"hidden_size": "arch.embedding_length", "num_attention_heads": "arch.head_count",
		"num_hidden_layers": "arch.block_count", "intermediate_size": "arch.feed_forward_length",
		"rms_norm_eps": "arch.norm_epsilon", "vocab_size": "arch.vocab_size",
		"num_key_value_heads": "arch.head_count_kv",
	}
	values := map[string]any{
		"arch.embedding_length": uint32(64), "arch.head_count": uint16(4),
		"arch.head_count_kv": uint16(4), "arch.block_count": int8(2),
		"arch.feed_forward_length": int32(96),
		"arch.norm_epsilon":        float32(1e-5), "arch.vocab_size": uint64(512),
	}
	own := func(canonical string) weights.Ref { return weights.Ref{Name: "own/" + canonical} }
	load := func() (*memory, Spec, error) {
		k := checkpoint.Keys{Values: map[string]json.RawMessage{}}
		k.Values["model_type"] = json.RawMessage(`"qwen2"`)
		for key, name := range names {
			text, err := json.Marshal(values[name])
			require.NoError(t, err)
			k.Values[key] = text
		}
		k.Place = func(path string) (string, string) { return "all.bin", names[path] }
		m := &memory{own: own, sections: map[checkpoint.Section]checkpoint.Keys{}}
		m.sections[checkpoint.Model] = k
		spec, err := Load(m)
		return m, spec, err
	}
	m, spec, err := load()
	require.NoError(t, err)
	require.Equal(t, 64, spec.LLM.HiddenSize)
	require.Equal(t, float32(1e-5), spec.LLM.Eps)
	_, found := spec.Find(m, checkpoint.Outline{})
	require.Equal(t, "own/embed.weight", found("embed.weight").Name)
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
	const at = "model.language_model.layers.0.mlp.experts."
	const stacked = at + "gate_up_proj"
	ref := func(shapes map[string][]int) weights.Ref {
		_, names := spec.Find(&memory{}, checkpoint.Outline{Shapes: shapes})
		return names(expert)
	}
	// One stack fits both ways, the other tells; without it the released way counts.
	inputs := ref(map[string][]int{stacked: {8, 64, 64}, at + "down_proj": {8, 32, 64}})
	require.True(t, inputs.Transpose)
	outputs := ref(map[string][]int{stacked: {8, 64, 64}, at + "down_proj": {8, 64, 32}})
	require.False(t, outputs.Transpose)
	require.Equal(t, inputs, ref(nil))
	require.Equal(t, inputs, ref(map[string][]int{stacked: nil}))
	apart := ref(map[string][]int{at + "0.gate_proj.weight": {32, 64}})
	require.Equal(t, at+"1.up_proj.weight", apart.Name)
}
