package family

// What generation_config.json says, and when what is wrong with it matters: end tokens at once, all
// else when a request leaves sampling to the checkpoint.

import (
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/internal/sample"
)

// generationOf reads a generation_config.json beside a model of 512 tokens; "" is none, and config
// is keys to add to config.json.
func generationOf(t testing.TB, text, config string) (Spec, error) {
	model := strings.Replace(`{"model_type": "qwen2", `+decoderKeys+`}`, "{", "{"+config, 1)
	m := &memory{sections: map[checkpoint.Section]checkpoint.Keys{}}
	var err error
	m.sections[checkpoint.Model], err = checkpoint.ParseKeys("model", []byte(model))
	require.NoError(t, err)
	if text != "" {
		m.sections[checkpoint.Generation], err = checkpoint.ParseKeys("generation", []byte(text))
		if err != nil {
			return Spec{}, err
		}
	}
	return Load(m)
}

const vocabulary = 512 // of decoderKeys

func TestGenerationOfARequestThatDoesNotSay(t *testing.T) {
	least := math.SmallestNonzeroFloat64
	for text, want := range map[string]sample.Params{
		`{}`: {},
		`{"temperature": 0, "top_p": "x", "top_k": -7, "min_p": 9, "typical_p": []}`: {}, // no draw
		`{"do_sample": null, "temperature": 0.5}`:                                    {},
		`{"do_sample": true}`: {Temperature: 1, TopK: 50, TopP: 1, TypicalP: 1},
		`{"do_sample": 1, "temperature": null, "top_k": null, "top_p": null}`: {
			Temperature: 1, TopK: 50, TopP: 1, TypicalP: 1,
		},
		`{"do_sample": true, "temperature": 2, "top_k": 20.0, "top_p": 0, "min_p": 0.1}`: {
			Temperature: 2, TopK: 20, TopP: least, TypicalP: 1, MinP: 0.1,
		},
		`{"do_sample": true, "top_k": 0, "top_p": 1.5, "typical_p": 3, "epsilon_cutoff": 1,
			"eta_cutoff": -1}`: {Temperature: 1, TopP: 1, TypicalP: 1},
		`{"do_sample": true, "top_k": -1, "typical_p": 0.5, "top_h": 0.4, "epsilon_cutoff": 3e-4,
			"eta_cutoff": 2e-3}`: {
			Temperature: 1, TopP: 1, TypicalP: 0.5, TopH: 0.4, EpsilonCutoff: 3e-4, EtaCutoff: 2e-3,
		},
		`{"do_sample": true, "top_k": false, "top_p": true, "temperature": true, "min_p": false,
			"no_repeat_ngram_size": false, "repetition_penalty": true}`: {
			Temperature: 1, TopP: 1, TypicalP: 1,
		},
		`{"do_sample": true, "top_k": 1000000000000, "top_p": Infinity, "typical_p": Infinity,
			"epsilon_cutoff": NaN}`: {
			Temperature: 1, TopK: math.MaxInt32, TopP: 1, TypicalP: 1,
		},
		`{"repetition_penalty": 1.05, "no_repeat_ngram_size": 3, "min_new_tokens": 2}`: {
			RepetitionPenalty: 1.05, NoRepeatNGram: 3, MinTokens: 2,
		},
		`{"repetition_penalty": 1, "no_repeat_ngram_size": -3, "min_new_tokens": 0,
			"min_length": -1, "encoder_repetition_penalty": 1.0, "num_beams": 1,
			"guidance_scale": 1, "token_healing": false, "penalty_alpha": 0.6, "top_k": 1,
			"max_new_tokens": 1, "max_length": 2, "use_cache": false, "num_beam_groups": 4,
			"length_penalty": 2, "prompt_lookup_num_tokens": 3, "chat_format": "chatml"}`: {},
		`{"bad_words_ids": [[1], [2, 3], []], "suppress_tokens": [-1, 4, 4000],
			"begin_suppress_tokens": [5], "forced_bos_token_id": 6, "forced_eos_token_id": [7, 8],
			"sequence_bias": [[[9, 10], -1.5], [[11], 2], [[12], -Infinity]], "min_length": 12,
			"encoder_repetition_penalty": 1.1, "encoder_no_repeat_ngram_size": 13,
			"exponential_decay_length_penalty": [14, 1.5]}`: {Rules: &sample.Rules{
			BadWords: [][]int{{1}, {2, 3}, nil}, SuppressTokens: []int{-1, 4, 4000},
			BeginSuppressTokens: []int{5}, ForcedBOS: []int{6}, ForcedEOS: []int{7, 8},
			SequenceBias: []sample.Bias{
				{Tokens: []int{9, 10}, Bias: -1.5}, {Tokens: []int{11}, Bias: 2},
				{Tokens: []int{12}, Bias: math.Inf(-1)},
			},
			MinLength: 12, EncoderRepetitionPenalty: 1.1, EncoderNoRepeatNGram: 13,
			DecayStart: 14, DecayFactor: 1.5,
		}},
	} {
		spec, err := generationOf(t, text, "")
		require.NoError(t, err, text)
		require.NoError(t, spec.Generation.Err, text)
		require.Equal(t, want, spec.Generation.Sampling, text)
	}
}

// What the reference refuses, and what is not implemented, is kept until it is used, with its
// place.
func TestGenerationThatCannotBeUsed(t *testing.T) {
	const draw = `{"do_sample": true, `
	for _, c := range []struct{ text, key, problem string }{
		{draw + `"temperature": 0}`, "temperature", "0 is not above 0 to 10000"},
		{draw + `"temperature": NaN}`, "temperature", "NaN is not"},
		{draw + `"temperature": Infinity}`, "temperature", "+Inf is not"},
		{draw + `"top_k": Infinity}`, "top_k", "not a whole number"},
		{`{"sequence_bias": [[[5], NaN]]}`, "sequence_bias", "not a pair"},
		{draw + `"temperature": -1}`, "temperature", "-1 is not"},
		{draw + `"temperature": "0.7"}`, "temperature", "not a number"},
		{draw + `"top_k": -2}`, "top_k", "-2 is below -1"},
		{draw + `"top_k": 2.5}`, "top_k", "not a whole number"},
		{draw + `"top_p": -0.1}`, "top_p", "-0.1 is not"},
		{draw + `"min_p": 1.1}`, "min_p", "1.1 is not from 0 to 1"},
		{draw + `"top_h": 0}`, "top_h", "0 is not"},
		{draw + `"typical_p": 0}`, "typical_p", "0 is not"},
		{draw + `"epsilon_cutoff": []}`, "epsilon_cutoff", "not a number"},
		{`{"do_sample": "yes"}`, "do_sample", "not true or false"},
		{`{"repetition_penalty": 0}`, "repetition_penalty", "0 is not"},
		{`{"no_repeat_ngram_size": 1.5}`, "no_repeat_ngram_size", "not a whole number"},
		{`{"bad_words_ids": [5]}`, "bad_words_ids", "not a list of lists of tokens"},
		{`{"bad_words_ids": [[512]]}`, "bad_words_ids", "512 is no token of 512"},
		{`{"bad_words_ids": [[-1]]}`, "bad_words_ids", "-1 is no token"},
		{`{"suppress_tokens": [1.5]}`, "suppress_tokens", "1.5 is no token id"},
		{`{"suppress_tokens": {"a": 1}}`, "suppress_tokens", "not a list of token ids"},
		{`{"forced_eos_token_id": 512}`, "forced_eos_token_id", "512 is no token"},
		{`{"sequence_bias": {"5": 1.0}}`, "sequence_bias", "not a list of tokens"},
		{`{"sequence_bias": [[[5]]]}`, "sequence_bias", "not a pair"},
		{`{"sequence_bias": [[[5], 1e999]]}`, "sequence_bias", "not a pair"},
		{`{"exponential_decay_length_penalty": [1]}`, "exponential_decay_length_penalty", "not a start"},
		{`{"bad_words_ids": [` + strings.Repeat(" ", maxList) + `]}`, "bad_words_ids", "longer than"},

		{`{"num_beams": 4}`, "num_beams", "4"},
		{`{"num_beams": "4"}`, "num_beams", "4"},
		{`{"num_return_sequences": 2}`, "num_return_sequences", "2"},
		{`{"guidance_scale": 1.5}`, "guidance_scale", "1.5"},
		{`{"watermarking_config": {"bias": 2.5}}`, "watermarking_config", "bias"},
		{`{"constraints": []}`, "constraints", "[]"},
		{`{"force_words_ids": [[1]]}`, "force_words_ids", "[[1]]"},
		{`{"dola_layers": "high"}`, "dola_layers", "high"},
		{`{"penalty_alpha": 0.6}`, "penalty_alpha", "0.6"},
		{`{"token_healing": true}`, "token_healing", "true"},
		{`{"is_assistant": true}`, "is_assistant", "true"},
		{`{"stop_strings": ["\n"]}`, "stop_strings", `\n`},
		{`{"max_time": 3}`, "max_time", "3"},
		{`{"cache_implementation": "quantized"}`, "cache_implementation", "quantized"},
	} {
		spec, err := generationOf(t, c.text, "")
		require.NoError(t, err, c.text)
		require.ErrorContains(t, spec.Generation.Err, c.problem, c.text)
		require.Equal(t, [2]string{"generation", c.key}, place(t, spec.Generation.Err), c.text)
	}
	for _, x := range refusals {
		spec, err := generationOf(t, `{"`+x.key+`": 7}`, "")
		require.NoError(t, err)
		require.ErrorIs(t, spec.Generation.Err, checkpoint.ErrUnsupported, x.key)
	}
}

// End tokens are those of generation_config.json where there is one, as in the reference, and a
// request that says how to sample needs them too.
func TestEndTokens(t *testing.T) {
	for _, c := range []struct {
		text, config string
		want         []int
	}{
		{`{"eos_token_id": 5}`, `"eos_token_id": 6, `, []int{5}},
		{`{"eos_token_id": [5, 7.0, -1]}`, "", []int{5, 7}},
		{`{"eos_token_id": 5.0, "do_sample": true, "temperature": 0}`, "", []int{5}},
		{`{"eos_token_id": -1}`, `"eos_token_id": 6, `, nil},
		{`{"eos_token_id": 1000000}`, "", []int{1000000}},
		{`{}`, `"eos_token_id": 6, `, nil},
		{"", `"eos_token_id": [6, 8], `, []int{6, 8}},
		{"", "", nil},
	} {
		spec, err := generationOf(t, c.text, c.config)
		require.NoError(t, err, c)
		require.Equal(t, c.want, spec.EOS, c)
	}
	nested := subjects(t)["qwen3_vl"]
	delete(nested.sections, checkpoint.Generation)
	spec, err := nested.load(t, checkpoint.Model, "text_config.eos_token_id", 9)
	require.NoError(t, err)
	require.Equal(t, []int{9}, spec.EOS)
	nested.sections[checkpoint.Model]["eos_token_id"] = 6
	spec, err = nested.load(t, checkpoint.Model, "text_config.eos_token_id", 9)
	require.NoError(t, err)
	require.Equal(t, []int{6}, spec.EOS, "the top counts")
	for _, text := range []string{
		`{"eos_token_id": "x"}`, `{"eos_token_id": 1.5}`, `{"eos_token_id": NaN}`,
		`{"eos_token_id": [[1]]}`,
		`{"eos_token_id": 1e300}`, `{"eos_token_id": {}}`,
	} {
		_, err := generationOf(t, text, "")
		require.Equal(t, [2]string{"generation", "eos_token_id"}, place(t, err), text)
	}
	_, err = generationOf(t, `{"eos_token_id": 5`, "") // a file that is cut
	require.Equal(t, [2]string{"generation", ""}, place(t, err))
}

// Without generation_config.json its settings are config.json's, as older versions of the reference
// wrote them.
func TestGenerationInTheConfiguration(t *testing.T) {
	const keys = `"no_repeat_ngram_size": 2, "num_beams": 3, `
	spec, err := generationOf(t, "", keys)
	require.NoError(t, err)
	require.Equal(t, 2, spec.Generation.Sampling.NoRepeatNGram)
	require.Equal(t, [2]string{"model", "num_beams"}, place(t, spec.Generation.Err))
	spec, err = generationOf(t, `{}`, keys)
	require.NoError(t, err)
	require.NoError(t, spec.Generation.Err)
	require.Zero(t, spec.Generation.Sampling)
}

// hostile is one value at a time for each key.
var hostile = []string{
	"0", "-1", "1", "0.5", "-0.5", "1e300", "-1e300", "1e999", "9223372036854775808", "NaN",
	"Infinity", "-Infinity", "true", "false", `"x"`, `""`, "[]", "[[]]", "[0]", "[-1]", "[NaN]",
	"[null]", "[1, 2]", "[1, 2, 3]", `["x"]`, "[[0]]", "[[-1]]", "[[1e300]]", "[[[0]]]",
	"[[[0], 1]]", "[[[0], null]]", "[[[0], -Infinity]]", "[[[0], 1, 2]]", "{}", `{"a": [1]}`,
}

// Any value of any key loads, and either has a meaning that the sampler takes or is refused by its
// place.
func TestHostileGeneration(t *testing.T) {
	used, refused := 0, 0
	for _, key := range generationKeys(t) {
		for _, value := range hostile {
			for _, text := range []string{
				`{"do_sample": true, "` + key + `": ` + value + `}`, `{"` + key + `": ` + value + `}`,
			} {
				spec, err := generationOf(t, text, "")
				if key == "eos_token_id" && err != nil {
					continue
				}
				require.NoError(t, err, text)
				if spec.Generation.Err != nil {
					require.Equal(t, [2]string{"generation", key}, place(t, spec.Generation.Err), text)
					refused++
					continue
				}
				_, err = sample.New(spec.Generation.Sampling, vocabulary)
				require.NoError(t, err, text)
				used++
			}
		}
	}
	require.Greater(t, used, 1000)
	require.Greater(t, refused, 500)
}

// generationKeys lists the keys of the page that says what becomes of each.
func generationKeys(t testing.TB) []string {
	data, err := os.ReadFile("../../docs/generation.md")
	require.NoError(t, err)
	keys := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		if cells := strings.Split(line, "|"); len(cells) > 2 {
			for i, x := range strings.Split(cells[1], "`") {
				if i%2 == 1 {
					require.False(t, keys[x], "%s is there twice", x)
					keys[x] = true
				}
			}
		}
	}
	require.Greater(t, len(keys), 60)
	for _, x := range refusals {
		require.True(t, keys[x.key], "%s is not in docs/generation.md", x.key)
	}
	return slices.Sorted(maps.Keys(keys))
}

// FuzzGeneration: any file loads or has a typed error, and what it says can be sampled or is
// refused by its place.
func FuzzGeneration(f *testing.F) {
	for _, text := range []string{
		`{"do_sample": true, "temperature": 0.7, "top_k": 20, "top_p": 0.8, "eos_token_id": [5, 7]}`,
		`{"bad_words_ids": [[1], [2, 3]], "sequence_bias": [[[4], -1.5]], "suppress_tokens": [6]}`,
		`{"exponential_decay_length_penalty": [3, 1.1], "forced_eos_token_id": 3, "min_p": 1}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 {
			return
		}
		spec, err := generationOf(t, string(data), "")
		if err == nil {
			err = spec.Generation.Err
		}
		if err != nil {
			require.Equal(t, "generation", place(t, err)[0])
			return
		}
		_, err = sample.New(spec.Generation.Sampling, vocabulary)
		require.NoError(t, err)
	})
}
