package qwenvl_test

// Sampling as the checkpoint says, against the reference (testdata/generation/make.py), and as a
// request changes it; seeds.

import (
	"context"
	"encoding/json"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
)

// withGeneration loads a fixture of testdata with another generation_config.json.
func withGeneration(t testing.TB, fixture string, config any) *qwenvl.Model {
	t.Helper()
	files := fstest.MapFS{}
	dir := os.DirFS(filepath.Join("testdata", fixture))
	names, err := fs.ReadDir(dir, ".")
	require.NoError(t, err)
	for _, x := range names {
		if !x.IsDir() {
			data, err := fs.ReadFile(dir, x.Name())
			require.NoError(t, err)
			files[x.Name()] = &fstest.MapFile{Data: data}
		}
	}
	data, err := json.Marshal(config)
	require.NoError(t, err)
	files["generation_config.json"] = &fstest.MapFile{Data: data}
	m, err := qwenvl.LoadFS(files)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

// What the reference answers under a generation_config.json is answered here, by the request that
// leaves sampling to it and by one that took it from the model; what the reference refuses is
// refused by file and key, and not for a request of its own sampling.
func TestGenerationOfTheReference(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "generation", "cases.json"))
	require.NoError(t, err)
	var golden struct {
		Base  map[string]any
		Text  string
		Max   int
		Cases []struct {
			Fixture string
			Options map[string]any
			Tokens  []int
			Error   string
		}
	}
	require.NoError(t, json.Unmarshal(data, &golden))
	ctx := context.Background()
	refused := 0
	for _, c := range golden.Cases {
		config := map[string]any{}
		for _, keys := range []map[string]any{golden.Base, c.Options} {
			for key, value := range keys {
				if config[key] = value; value == nil {
					delete(config, key)
				}
			}
		}
		m := withGeneration(t, c.Fixture, config)
		r := qwenvl.Request{
			Messages:  []qwenvl.Message{qwenvl.User(qwenvl.Text(golden.Text))},
			MaxTokens: golden.Max,
		}
		own := r
		own.Sampling = qwenvl.Greedy()
		_, err := m.Generate(ctx, own)
		require.NoError(t, err, c.Options)
		resp, err := m.Generate(ctx, r)
		if c.Error != "" {
			refused++
			var request *qwenvl.RequestError
			require.ErrorAs(t, err, &request, c.Options)
			require.Equal(t, "Sampling", request.Field)
			var file *qwenvl.CheckpointError
			require.ErrorAs(t, err, &file)
			require.Equal(t, "generation_config.json", file.File)
			require.Contains(t, c.Options, file.Field)
			require.ErrorContains(t, err, "generation_config.json: "+file.Field)
			_, taken := m.Sampling()
			require.Equal(t, err, taken)
			continue
		}
		require.NoError(t, err, c.Options)
		require.Equal(t, c.Tokens, resp.Tokens, "%s %v", c.Fixture, c.Options)
		own.Sampling, err = m.Sampling()
		require.NoError(t, err)
		require.Equal(t, c.Tokens, generate(t, m, own).Tokens, "%s %v", c.Fixture, c.Options)
	}
	require.Greater(t, refused, 25)
}

// A request takes the checkpoint's sampling and changes one value; the checkpoint's stays.
func TestSamplingOfTheModel(t *testing.T) {
	m := withGeneration(t, "qwen2_vl-tiny", map[string]any{
		"do_sample": true, "temperature": 0.7, "top_k": 20, "top_p": 0.8, "min_p": 0.01,
		"top_h": 0.9, "typical_p": 0.95, "epsilon_cutoff": 1e-4, "eta_cutoff": 1e-3,
		"repetition_penalty": 1.1, "no_repeat_ngram_size": 3, "min_new_tokens": 4,
		"bad_words_ids": [][]int{{1}, {2, 3}}, "sequence_bias": [][]any{{[]int{4}, -1.5}},
		"suppress_tokens": []int{5}, "begin_suppress_tokens": []int{6}, "min_length": 7,
		"encoder_repetition_penalty": 1.2, "encoder_no_repeat_ngram_size": 8,
		"forced_bos_token_id": 9, "forced_eos_token_id": []int{10, 11},
		"exponential_decay_length_penalty": []any{12, 1.3},
	})
	want := qwenvl.Sampling{
		Temperature: 0.7, TopK: 20, TopP: 0.8, MinP: 0.01, TopH: 0.9, TypicalP: 0.95,
		EpsilonCutoff: 1e-4, EtaCutoff: 1e-3, RepetitionPenalty: 1.1, NoRepeatNGram: 3,
		MinTokens: 4,
		Rules: &qwenvl.SamplingRules{
			BadWords:       [][]int{{1}, {2, 3}},
			SequenceBias:   []qwenvl.SequenceBias{{Tokens: []int{4}, Bias: -1.5}},
			SuppressTokens: []int{5}, BeginSuppressTokens: []int{6}, MinLength: 7,
			EncoderRepetitionPenalty: 1.2, EncoderNoRepeatNGram: 8,
			ForcedBOS: []int{9}, ForcedEOS: []int{10, 11}, DecayStart: 12, DecayFactor: 1.3,
		},
	}
	first, err := m.Sampling()
	require.NoError(t, err)
	require.Equal(t, want, *first)
	for i, x := range reflect.VisibleFields(reflect.TypeFor[qwenvl.SamplingRules]()) {
		require.False(t, reflect.ValueOf(*first.Rules).Field(i).IsZero(), "%s is not carried", x.Name)
	}
	first.Rules.BadWords[1][0], first.Rules.SuppressTokens[0] = 99, 99
	first.Rules.SequenceBias[0].Tokens[0] = 99
	second, err := m.Sampling()
	require.NoError(t, err)
	require.Equal(t, want, *second, "the checkpoint's own")

	// By its seed an answer comes again, under the same sampling or under nil.
	r := story(24)
	r.Sampling = nil
	drawn := generate(t, m, r)
	require.NotZero(t, drawn.Seed)
	second.Seed = drawn.Seed
	r.Sampling = second
	again := generate(t, m, r)
	require.Equal(t, drawn.Tokens, again.Tokens)
	require.Equal(t, drawn.Seed, again.Seed)
	second.Temperature = 0
	require.Zero(t, generate(t, m, r).Seed, "nothing is drawn")
}

// Seed 0 is a fresh seed each time, and every answer says which.
func TestFreshSeeds(t *testing.T) {
	m := loadTiny(t)
	r := story(24)
	texts, seeds := map[string]bool{}, map[uint64]bool{}
	for i := range 6 {
		r.Sampling = &qwenvl.Sampling{Temperature: 1.2}
		if i == 0 {
			r.Sampling = nil // the checkpoint draws
		}
		resp := generate(t, m, r)
		require.NotZero(t, resp.Seed)
		require.Less(t, resp.Seed, uint64(1)<<53)
		texts[resp.Text], seeds[resp.Seed] = true, true
		if i == 0 {
			continue
		}
		r.Sampling = &qwenvl.Sampling{Temperature: 1.2, Seed: resp.Seed}
		var last qwenvl.Delta
		var tokens []int
		for d, err := range m.Stream(context.Background(), r) {
			require.NoError(t, err)
			require.Zero(t, last.Seed, "only the last delta has it")
			tokens, last = append(tokens, d.Tokens...), d
		}
		require.Equal(t, resp.Seed, last.Seed)
		require.Equal(t, resp.Tokens, tokens)
	}
	require.Len(t, seeds, 6)
	require.Greater(t, len(texts), 4)
	r.Sampling = &qwenvl.Sampling{Temperature: 1, Seed: math.MaxUint64}
	require.Equal(t, uint64(math.MaxUint64), generate(t, m, r).Seed)
	r.Sampling = &qwenvl.Sampling{Seed: 3}
	require.Zero(t, generate(t, m, r).Seed, "nothing is drawn")
}

// Rules of a request are checked before anything is computed, and end with an error where they leave
// no token.
func TestSamplingRulesOfARequest(t *testing.T) {
	m := loadTiny(t)
	r := story(8)
	free := generate(t, m, r).Tokens
	r.Sampling = &qwenvl.Sampling{Rules: &qwenvl.SamplingRules{SuppressTokens: free[:1]}}
	require.NotContains(t, generate(t, m, r).Tokens, free[0])
	r.Sampling = &qwenvl.Sampling{Rules: &qwenvl.SamplingRules{BadWords: [][]int{free[:2]}}}
	require.Equal(t, free[0], generate(t, m, r).Tokens[0])
	require.NotEqual(t, free[1], generate(t, m, r).Tokens[1])

	all := make([]int, 1<<10)
	for i := range all {
		all[i] = i
	}
	for name, s := range map[string]qwenvl.Sampling{
		"no token":  {Rules: &qwenvl.SamplingRules{SuppressTokens: all}},
		"bad words": {Rules: &qwenvl.SamplingRules{BadWords: [][]int{{1 << 20}}}},
		"bias":      {Rules: &qwenvl.SamplingRules{SequenceBias: []qwenvl.SequenceBias{{[]int{1}, math.NaN()}}}},
		"typical":   {TypicalP: -1},
		"n-gram":    {NoRepeatNGram: -1},
	} {
		r.Sampling = &s
		_, err := m.Generate(context.Background(), r)
		var request *qwenvl.RequestError
		require.ErrorAs(t, err, &request, name)
		require.Equal(t, "Sampling", request.Field)
		require.ErrorContains(t, err, name)
	}
}

// Values of Sampling can be compared, as they always could.
func TestSamplingIsComparable(t *testing.T) {
	require.True(t, reflect.TypeFor[qwenvl.Sampling]().Comparable())
	require.True(t, slices.Contains([]qwenvl.Sampling{{TopK: 3}, {}}, *qwenvl.Greedy()))
}
