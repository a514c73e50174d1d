package family

// Rotary embeddings that are stretched: frequencies and scales of the reference for every kind and
// every way of spelling it (testdata/rope/make.py), contexts, and what is refused.

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/rope"
)

// loadRope resolves a family's configuration with other keys in place of those that its rotary
// embedding has. It returns the path of the decoder's keys, too.
func loadRope(t testing.TB, family string, keys map[string]any) (Spec, string, error) {
	s := subjects(t)[family]
	require.NotNil(t, s, family)
	text, at := s.sections[checkpoint.Model], ""
	if in, ok := text["text_config"].(map[string]any); ok {
		text, at = in, "text_config."
	}
	for _, key := range []string{"rope_theta", "rope_scaling", "rope_parameters",
		"partial_rotary_factor"} {
		delete(text, key)
	}
	maps.Copy(text, keys)
	spec, err := s.load(t, 0, "", nil)
	return spec, at, err
}

// frequencies reads a rotary embedding's frequencies off its angles at position 1, of which the
// largest is below half a turn, and its scale.
func frequencies(c rope.Config) (freq []float64, scale float64) {
	r := rope.New(c)
	cos, sin := make([]float32, r.Half()), make([]float32, r.Half())
	r.Fill(cos, sin, rope.Position{1, 1, 1})
	for i := range cos {
		scale = math.Hypot(float64(cos[i]), float64(sin[i]))
		freq = append(freq, math.Atan2(float64(sin[i]), float64(cos[i])))
	}
	return freq, scale
}

func TestRopeOfTheReference(t *testing.T) {
	data, err := os.ReadFile("../../testdata/rope/scalings.json")
	require.NoError(t, err)
	var cases []struct {
		Family  string
		Keys    map[string]any
		Scale   float64
		Scores  float64
		Lengths map[string][]float64
	}
	require.NoError(t, json.Unmarshal(data, &cases))
	require.Greater(t, len(cases), 30)
	for i, c := range cases {
		t.Run(fmt.Sprint(i, " ", c.Family), func(t *testing.T) {
			spec, _, err := loadRope(t, c.Family, c.Keys)
			require.NoError(t, err)
			for length, want := range c.Lengths {
				n, err := strconv.Atoi(length)
				require.NoError(t, err)
				freq, scale := frequencies(spec.LLM.Rope.ForPrompt(n))
				require.InEpsilon(t, c.Scale, scale, 3e-7)
				require.Len(t, freq, len(want))
				for j := range want {
					require.InDelta(t, want[j], freq[j], 4e-7*want[j], "%s, %d of length %d",
						c.Keys, j, n)
				}
			}
			if m := spec.LLM.Layers[0].MLA; m != nil && c.Scores != 1 {
				require.InEpsilon(t, c.Scores, m.ScoreScale, 1e-12)
			}
		})
	}
}

func TestContextOfStretchedEmbeddings(t *testing.T) {
	type m = map[string]any
	for _, c := range []struct {
		name string
		keys m
		want int
	}{
		{"none", m{"rope_scaling": m{"type": "default", "factor": 4}}, 1000},
		{"yarn beside the trained length", m{"rope_scaling": m{"type": "yarn", "factor": 4,
			"original_max_position_embeddings": 1000}}, 4000},
		{"yarn of the trained length", m{"rope_scaling": m{"type": "yarn", "factor": 4}}, 4000},
		{"yarn whose length is stretched already", m{"rope_scaling": m{"type": "yarn",
			"factor": 4, "original_max_position_embeddings": 250}}, 1000},
		{"yarn of a share", m{"rope_scaling": m{"type": "yarn", "factor": 1.7,
			"original_max_position_embeddings": 777}}, 1320},
		{"linear", m{"rope_parameters": m{"rope_type": "linear", "factor": 2.5}}, 2500},
		{"linear, denser", m{"rope_parameters": m{"rope_type": "linear", "factor": 0.5}}, 1000},
		{"dynamic", m{"rope_scaling": m{"type": "dynamic", "factor": 3}}, 3000},
		{"past all bounds", m{"rope_scaling": m{"type": "linear", "factor": 999999}}, maxCount},
		{"llama3", m{"rope_scaling": m{"type": "llama3", "factor": 8, "low_freq_factor": 1,
			"high_freq_factor": 4, "original_max_position_embeddings": 500}}, 1000},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.keys["max_position_embeddings"] = 1000
			spec, _, err := loadRope(t, "qwen2", c.keys)
			require.NoError(t, err)
			require.Equal(t, c.want, spec.LLM.MaxContext)
		})
	}
}

// Every key of every kind, out of its range or of another kind, is refused by its place, and so is
// what would change the answer and is not known.
func TestRopeRefusals(t *testing.T) {
	type m = map[string]any
	divisors := []any{1, 1, 1, 1, 1, 1, 1, 1}
	numbers := []any{0, -1, 1e300, 1e-300, "4", true, []any{}, m{}}
	numbersOrNone := []any{-1, 1e300, 1e-300, "4", true, []any{}, m{}} // zero is none
	lengths := []any{0, -1, 0.5, int64(1) << 40, 1e300, "4", []any{}, m{}}
	lists := []any{1, "x", []any{}, []any{1}, append([]any{1}, divisors...), m{},
		[]any{1, 1, 1, 1, 1, 1, 1, 0}, []any{1, 1, 1, -1, 1, 1, 1, 1},
		[]any{1, 1, 1, 1, 1, 1, 1, "x"}, []any{1e300, 1, 1, 1, 1, 1, 1, 1}}
	kinds := []any{"su", "mrope", "axial", "", "YaRN", 1, true, []any{}, m{}}
	shares := []any{0, -1, 0.5, 2, 1e300, "x", []any{}, m{}}
	yarn := m{"type": "yarn", "factor": 4, "original_max_position_embeddings": 512}
	long := m{"type": "longrope", "factor": 4, "original_max_position_embeddings": 512,
		"short_factor": divisors, "long_factor": divisors}
	llama := m{"type": "llama3", "factor": 4, "low_freq_factor": 1, "high_freq_factor": 4}
	for _, c := range []struct {
		scaling m
		key     string
		bad     []any
	}{
		{m{"type": "linear", "factor": 2}, "factor", append(numbers, nil)},
		{m{"type": "linear", "factor": 2}, "partial_rotary_factor", shares},
		{m{"type": "linear", "factor": 2}, "rope_theta", append(numbers, 1, 0.5)},
		{m{"type": "dynamic", "factor": 2}, "factor", append(numbers, nil)},
		{yarn, "factor", numbers},
		{yarn, "type", kinds},
		{yarn, "rope_type", kinds},
		{yarn, "original_max_position_embeddings", lengths},
		{yarn, "attention_factor", numbers},
		{yarn, "beta_fast", numbersOrNone},
		{yarn, "beta_slow", numbersOrNone},
		{yarn, "mscale", numbersOrNone},
		{yarn, "mscale_all_dim", numbersOrNone},
		{yarn, "truncate", []any{"x", []any{}, m{}}},
		{yarn, "full_attention", []any{m{"rope_type": "yarn"}}},
		{llama, "low_freq_factor", append(numbers, nil)},
		{llama, "high_freq_factor", append(numbers, nil, 1, 0.5)},
		{llama, "factor", append(numbers, nil)},
		{llama, "original_max_position_embeddings", lengths},
		{long, "short_factor", append(lists, nil)},
		{long, "long_factor", append(lists, nil)},
		{long, "factor", numbers},
		{long, "attention_factor", numbers},
		{long, "original_max_position_embeddings", append(lengths, 1)},
		{m{"type": "proportional"}, "partial_rotary_factor", []any{0, -1, 2, "x", []any{}, m{}}},
		{m{"type": "proportional"}, "factor", numbers},
	} {
		_, _, err := loadRope(t, "qwen2", m{"rope_scaling": c.scaling})
		require.NoError(t, err)
		for _, bad := range c.bad {
			scaling := maps.Clone(c.scaling)
			scaling[c.key] = bad
			_, _, err := loadRope(t, "qwen2", m{"rope_scaling": scaling})
			require.Error(t, err, "%v: %s = %v", c.scaling["type"], c.key, bad)
			require.Equal(t, [2]string{"model", "rope_scaling." + c.key}, place(t, err),
				"%v: %s = %v: %v", c.scaling["type"], c.key, bad, err)
		}
	}
}

// YaRN that the hub's code of latent attention reads otherwise than the reference is refused.
func TestRopeOfLatentAttention(t *testing.T) {
	type m = map[string]any
	yarn := m{"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 4096}
	load := func(key string, value any) error {
		scaling := maps.Clone(yarn)
		if scaling[key] = value; value == nil {
			delete(scaling, key)
		}
		_, _, err := loadRope(t, "kimi_vl", m{"rope_scaling": scaling})
		return err
	}
	require.NoError(t, load("factor", 4.0))
	for key, value := range map[string]any{
		"original_max_position_embeddings": nil, "attention_factor": 1.5, "truncate": false,
		"mscale_all_dim": 1.0, "mscale": 0.7,
	} {
		err := load(key, value)
		require.Error(t, err, key)
		require.Equal(t, [2]string{"model", "text_config.rope_scaling." + key}, place(t, err))
	}
}

// A tower's rotary embedding may be written down, but not be another one.
func TestRopeOfTowers(t *testing.T) {
	type m = map[string]any
	for _, family := range []string{"qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_5_moe"} {
		s := subjects(t)[family]
		load := func(keys m) error {
			_, err := s.load(t, checkpoint.Model, "vision_config.rope_parameters", keys)
			return err
		}
		require.NoError(t, load(m{"rope_type": "axial", "rope_theta": 10000.0}), family)
		for key, bad := range (m{"rope_theta": 1e6, "rope_type": "yarn"}) {
			err := load(m{key: bad})
			require.ErrorIs(t, err, checkpoint.ErrUnsupported, family)
			require.Equal(t, [2]string{"model", "vision_config.rope_parameters." + key},
				place(t, err))
		}
	}
}

// Scaling beside text_config counts for nothing: where it is no copy of what stands in there, and
// the reference does not load it, it is refused.
func TestRopeBesideTheDecoder(t *testing.T) {
	yarn := `{"type": "yarn", "factor": 4.0, "mrope_section": [2, 3, 3]}`
	plain := `{"type": "mrope", "mrope_section": [2, 3, 3]}`
	for _, c := range []struct {
		outer, inner string
		refused      bool
	}{
		{yarn, yarn, false},
		{yarn, plain, true},
		{plain, yarn, false},
		{`{"type": "linear", "factor": 2.0}`, plain, false},
	} {
		s := subjects(t)["qwen2_5_vl"]
		top := s.sections[checkpoint.Model]
		top["rope_theta"], top["rope_scaling"] = 1e6, newTree(t, c.outer)
		top["text_config"].(map[string]any)["rope_scaling"] = newTree(t, c.inner)
		_, err := s.load(t, 0, "", nil)
		if !c.refused {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, checkpoint.ErrUnsupported)
		require.Equal(t, [2]string{"model", "rope_scaling.type"}, place(t, err))
	}
}

// FuzzRope reads any object as a rotary embedding's: it is refused by a place, or its angles are
// numbers at every length.
func FuzzRope(f *testing.F) {
	for _, text := range []string{
		`{"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 512, "truncate": null,
			"beta_fast": 32, "beta_slow": 1, "mscale": 1, "mscale_all_dim": 0.5}`,
		`{"rope_type": "dynamic", "factor": 1e5, "rope_theta": 1e11}`,
		`{"rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4}`,
		`{"type": "longrope", "short_factor": [1, 1, 1, 1, 1, 1, 1, 1], "attention_factor": 2,
			"long_factor": [1, 2, 3, 4, 5, 6, 7, 8], "original_max_position_embeddings": 9}`,
		`{"rope_type": "proportional", "partial_rotary_factor": 0.3}`, `{"type": "linear"}`, `[]`,
	} {
		f.Add(text, 1000)
	}
	f.Fuzz(func(t *testing.T, text string, n int) {
		if _, err := checkpoint.ParseKeys("", []byte(`{"rope": `+text+`}`)); err != nil ||
			!json.Valid([]byte(text)) {
			return
		}
		spec, _, err := loadRope(t, "qwen2", map[string]any{"rope_scaling": json.RawMessage(text)})
		if err != nil {
			require.Contains(t, place(t, err)[1], "rope_scaling")
			return
		}
		n = max(1, min(n, 1<<30))
		r := rope.New(spec.LLM.Rope.ForPrompt(n))
		cos, sin := make([]float32, r.Half()), make([]float32, r.Half())
		r.Fill(cos, sin, rope.Position{int32(n), 0, 0})
		for i := range cos {
			sum := float64(cos[i]) + float64(sin[i])
			require.False(t, math.IsNaN(sum) || math.IsInf(sum, 0), "%v %v", cos, sin)
		}
	})
}
