package family

// How a model generates where a request does not say. The keys are those that transformers'
// generate() takes from generation_config.json, with its defaults; docs/generation.md lists them.
// What it refuses, and what would change an answer and is not implemented, is an error for requests
// that leave sampling to the checkpoint, not for others: so it is kept and does not end the loading
// of a model. End tokens are needed by all.

import (
	"fmt"
	"math"
	"strconv"

	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/internal/sample"
	"github.com/qwenvl/qwenvl/internal/strictjson"
)

// Generation is how tokens are chosen where a request does not say.
type Generation struct {
	Sampling sample.Params
	// Err is a *[checkpoint.Error] that says why no request can leave it to the checkpoint; it wraps
	// [checkpoint.ErrUnsupported] for what is not implemented.
	Err error
}

// readGeneration reads end tokens and sampling.
func readGeneration(from checkpoint.Checkpoint, config object, s *Spec) error {
	keys, err := generationConfig(from, config)
	if err != nil {
		return err
	}
	g := generation{keys, s.LLM.VocabSize}
	for _, id := range g.ids("eos_token_id") {
		if id >= 0 { // others end nothing, as in the reference
			s.EOS = append(s.EOS, id)
		}
	}
	if *g.err != nil {
		return *g.err
	}
	g.err = new(error)
	g.refuse()
	s.Generation.Sampling = g.sampling()
	s.Generation.Err = *g.err
	return nil
}

// generation is the keys.
type generation struct {
	object
	vocab int
}

// sampling reads what is implemented.
//
// Source: transformers, _get_logits_processor and _get_default_generation_params.
func (g generation) sampling() sample.Params {
	p := sample.Params{
		RepetitionPenalty: g.factor("repetition_penalty"),
		NoRepeatNGram:     g.size("no_repeat_ngram_size"),
		MinTokens:         g.size("min_new_tokens"),
	}
	if g.flag("do_sample") {
		g.warpers(&p)
	}
	r := sample.Rules{
		SequenceBias:             g.biases("sequence_bias"),
		BadWords:                 g.words("bad_words_ids"),
		SuppressTokens:           g.ids("suppress_tokens"),
		BeginSuppressTokens:      g.ids("begin_suppress_tokens"),
		EncoderRepetitionPenalty: g.factor("encoder_repetition_penalty"),
		EncoderNoRepeatNGram:     g.size("encoder_no_repeat_ngram_size"),
		MinLength:                g.size("min_length"),
		ForcedBOS:                g.tokens("forced_bos_token_id"),
		ForcedEOS:                g.tokens("forced_eos_token_id"),
	}
	r.DecayStart, r.DecayFactor = g.decay("exponential_decay_length_penalty")
	if !r.Empty() {
		p.Rules = &r
	}
	return p
}

// warpers reads what is asked of a draw. Without do_sample nothing of it counts, whatever it says.
func (g generation) warpers(p *sample.Params) {
	p.Temperature = g.within("temperature", 1, above0, 1e4)
	p.TopK = g.topK("top_k")
	p.TopP = g.share("top_p", 0)
	if g.Has("top_p") && p.TopP == 0 {
		p.TopP = math.SmallestNonzeroFloat64 // the best alone; to Params 0 is all
	}
	p.MinP = g.within("min_p", 0, 0, 1)
	p.TopH = g.within("top_h", 0, above0, 1)
	p.TypicalP = g.share("typical_p", above0)
	p.EpsilonCutoff = g.cutoff("epsilon_cutoff")
	p.EtaCutoff = g.cutoff("eta_cutoff")
}

// above0 is the least value of a range that does not hold 0.
const above0 = math.SmallestNonzeroFloat64

// within reads a number from least to most.
func (g generation) within(key string, absent, least, most float64) float64 {
	v, ok := g.number(key)
	if !ok {
		return absent
	}
	if v >= least && v <= most {
		return v
	}
	from := fmt.Sprintf("from %v", least)
	if least == above0 {
		from = "above 0"
	}
	g.fail(key, fmt.Sprintf("%v is not %s to %v", v, from, most), nil)
	return absent
}

// share reads a part of 1; from 1 on it is all.
func (g generation) share(key string, least float64) float64 {
	return min(g.within(key, 1, least, math.Inf(1)), 1)
}

// factor reads a penalty; 0: it changes nothing.
func (g generation) factor(key string) float64 {
	if v := g.within(key, 1, above0, 1e4); v != 1 {
		return v
	}
	return 0
}

// cutoff reads a probability between 0 and 1; any other number is none.
func (g generation) cutoff(key string) float64 {
	if v, _ := g.number(key); 0 < v && v < 1 {
		return v
	}
	return 0
}

// size reads a count; one below 0 is none.
func (g generation) size(key string) int { return max(g.whole(key, 0), 0) }

// topK reads top_k, which is 50 where it is not there. 0 is all; so is -1, as vLLM writes it.
func (g generation) topK(key string) int {
	k := g.whole(key, 50)
	if k < -1 {
		g.fail(key, strconv.Itoa(k)+" is below -1", nil)
	}
	return max(k, 0)
}

// whole reads a whole number; beyond 32 bits it is the greatest or least of those.
func (g generation) whole(key string, absent int) int {
	v, ok := g.number(key)
	switch {
	case !ok:
		return absent
	case v != math.Trunc(v) || math.IsInf(v, 0):
		g.fail(key, "not a whole number", nil)
		return absent
	}
	return int(max(min(v, math.MaxInt32), math.MinInt32))
}

// number reads a number; ok: it is there.
func (g generation) number(key string) (v float64, ok bool) {
	if !g.Has(key) {
		return 0, false
	}
	v, ok = number(g.Values[key])
	if !ok {
		g.fail(key, "not a number", nil)
	}
	return v, ok
}

// flag reads what Python takes for true or false.
func (g generation) flag(key string) bool {
	if !g.Has(key) {
		return false
	}
	v, ok := number(g.Values[key])
	if !ok {
		g.fail(key, "not true or false", nil)
	}
	return v != 0
}

// number reads what Python takes for a number: that of JSON, infinite where it is too large, a word
// that JSON has not, true or false.
func number(raw []byte) (v float64, ok bool) {
	switch string(raw) {
	case "false":
		return 0, true
	case "true":
		return 1, true
	}
	if len(raw) == 0 || raw[0] == '"' {
		return 0, false
	}
	v, err := strconv.ParseFloat(string(raw), 64)
	return v, err == nil || math.IsInf(v, 0)
}

// decay reads a start and a factor.
func (g generation) decay(key string) (start int, factor float64) {
	if !g.Has(key) {
		return 0, 0
	}
	var pair []float64
	err := g.read(key, func(r *strictjson.Reader) error {
		return r.Array(func() error {
			v, err := readNumber(r)
			if len(pair) == 2 || !(math.Abs(v) <= 1e4) {
				return r.Fail(r.Pos, "")
			}
			pair = append(pair, v)
			return err
		})
	})
	if err != nil || len(pair) != 2 || pair[0] != math.Trunc(pair[0]) || pair[1] == 0 {
		g.fail(key, "not a start and a factor other than 0, up to 10000", nil)
		return 0, 0
	}
	return int(pair[0]), pair[1]
}

// refusals are keys by whose values the reference does something that is not implemented; plain is
// the values by which it does not. A key without plain values is refused where it is there.
var refusals = []struct{ key, plain string }{
	{"num_beams", "1"},
	{"num_return_sequences", "1"},
	{"constraints", ""},
	{"force_words_ids", ""},
	{"dola_layers", ""},
	{"guidance_scale", "1"},
	{"watermarking_config", ""},
	{"assistant_ensemble_weight", ""},
	{"is_assistant", "0"},
	{"token_healing", "0"},
	{"stop_strings", ""},
	{"max_time", ""},

	// Arguments of generate() that are not its settings.
	{"logits_processor", ""},
	{"stopping_criteria", ""},
	{"prefix_allowed_tokens_fn", ""},
	{"assistant_model", ""},
	{"negative_prompt_ids", ""},
	{"negative_prompt_attention_mask", ""},
}

// refuse refuses what is not implemented.
func (g generation) refuse() {
	for _, x := range refusals {
		if !g.Has(x.key) {
			continue
		}
		raw := g.Values[x.key]
		v, ok := number(raw)
		if plain, err := strconv.ParseFloat(x.plain, 64); err != nil || !ok || v != plain {
			g.unsupported(x.key, string(raw))
		}
	}
	if kind := string(g.Values["cache_implementation"]); kind == `"quantized"` {
		g.unsupported("cache_implementation", kind)
	}
	// Contrastive search, which is not for draws.
	if alpha, _ := g.number("penalty_alpha"); alpha > 0 && !g.flag("do_sample") {
		if k := g.topK("top_k"); k > 1 {
			g.unsupported("penalty_alpha", string(g.Values["penalty_alpha"]))
		}
	}
}
