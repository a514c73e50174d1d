package qwenvl

// How tokens are chosen: by a request, or by the checkpoint where the request does not say.
// internal/sample does it; internal/family reads what the checkpoint says, and docs/generation.md
// lists that key by key.

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"github.com/qwenvl/qwenvl/internal/sample"
)

// Sampling says how tokens are chosen from the model's scores. It is whole: nothing that the
// checkpoint's generation_config.json says is added to it; [Model.Sampling] has that, to change
// values of. The steps are those of transformers, in its order: biases, penalties, what is
// forbidden or forced, temperature, top-h, top-k, top-p, min-p, typical-p, epsilon, eta.
type Sampling struct {
	Temperature       float64 // 0: always the best token
	TopK              int     // choose among the best TopK; 0: all
	TopP              float64 // choose among the fewest tokens that sum up to TopP; 0 or 1: all
	MinP              float64 // leave out tokens less probable than MinP times the best; 0: none
	RepetitionPenalty float64 // over 1: tokens seen before become less probable; 0 or 1: off
	PresencePenalty   float64 // subtracted once from tokens of the answer
	FrequencyPenalty  float64 // subtracted for each time that a token occurs in the answer

	// Seed is where the draws begin: the same seed gives the same text. 0 means a fresh one for
	// each request; [Response.Seed] says which.
	Seed uint64

	TopH          float64 // choose among the best within this share of their entropy; 0: all
	TypicalP      float64 // choose among the most typical that sum up to TypicalP; 0 or 1: all
	EpsilonCutoff float64 // leave out tokens less probable than this; 0: none
	EtaCutoff     float64 // the same, less where many tokens are likely; 0: none
	NoRepeatNGram int     // no run of so many tokens comes twice, the prompt's included; 0: off
	MinTokens     int     // end tokens have no chance before so many tokens; 0: off

	// Rules are about certain tokens; nil: there are none. They do not change while a request runs.
	Rules *SamplingRules
}

// SamplingRules say what tokens, by their ids, may not come, must come, or come more or less often.
// Each is a setting of the same name in transformers. [Model.Tokenize] gives the ids of a text.
type SamplingRules struct {
	// SequenceBias is added to the score of each sequence's last token right after the others,
	// before penalties. Of equal sequences the last counts.
	SequenceBias []SequenceBias `json:"sequence_bias,omitempty"`
	// BadWords are sequences whose last token is forbidden right after the others. An end token
	// alone is no bad word.
	BadWords [][]int `json:"bad_words,omitempty"`
	// SuppressTokens never come, BeginSuppressTokens do not come first.
	SuppressTokens      []int `json:"suppress_tokens,omitempty"`
	BeginSuppressTokens []int `json:"begin_suppress_tokens,omitempty"`
	// EncoderRepetitionPenalty over 1 makes the prompt's tokens more probable; 0 or 1: off.
	EncoderRepetitionPenalty float64 `json:"encoder_repetition_penalty,omitempty"`
	// EncoderNoRepeatNGram lets no run of so many of the prompt's tokens come again; 0: off.
	EncoderNoRepeatNGram int `json:"encoder_no_repeat_ngram,omitempty"`
	// MinLength gives end tokens no chance before prompt and answer have so many tokens; 0: off.
	MinLength int `json:"min_length,omitempty"`
	// ForcedBOS are the only tokens after a prompt of one token, ForcedEOS the only ones that the
	// answer may end with where MaxTokens or the context ends it; nil: any.
	ForcedBOS []int `json:"forced_bos,omitempty"`
	ForcedEOS []int `json:"forced_eos,omitempty"`
	// DecayFactor over 1 makes end tokens more probable with every token from DecayStart on, below
	// 1 less: |score|·(DecayFactor^n - 1) is added at the n-th. 0: off.
	DecayStart  int     `json:"decay_start,omitempty"`
	DecayFactor float64 `json:"decay_factor,omitempty"`
}

// SequenceBias is what is added to the score of the last of some tokens. Minus infinity forbids it.
type SequenceBias struct {
	Tokens []int   `json:"tokens"`
	Bias   float64 `json:"bias"`
}

// Greedy always takes the most probable token.
func Greedy() *Sampling { return &Sampling{} }

// Sampling returns what the checkpoint's generation_config.json says of how tokens are chosen: what
// requests without a Sampling use. It is the caller's to change. Where the file does not ask for
// draws, Temperature is 0 and nothing that is about draws is set.
//
// Errors: *[RequestError] of the field "Sampling", which wraps a *[CheckpointError] that names file
// and key: for values that transformers refuses to generate with, and for what is not implemented,
// such as num_beams. Requests without a Sampling have the same error.
func (m *Model) Sampling() (*Sampling, error) {
	p, err := m.params(nil)
	if err != nil {
		return nil, err
	}
	s := Sampling{
		p.Temperature, p.TopK, p.TopP, p.MinP,
		p.RepetitionPenalty, p.PresencePenalty, p.FrequencyPenalty, p.Seed,
		p.TopH, p.TypicalP, p.EpsilonCutoff, p.EtaCutoff, p.NoRepeatNGram, p.MinTokens, nil,
	}
	if r := p.Rules; r != nil {
		s.Rules = &SamplingRules{
			BadWords:                 slices.Clone(r.BadWords),
			SuppressTokens:           slices.Clone(r.SuppressTokens),
			BeginSuppressTokens:      slices.Clone(r.BeginSuppressTokens),
			EncoderRepetitionPenalty: r.EncoderRepetitionPenalty,
			EncoderNoRepeatNGram:     r.EncoderNoRepeatNGram,
			MinLength:                r.MinLength,
			ForcedBOS:                slices.Clone(r.ForcedBOS),
			ForcedEOS:                slices.Clone(r.ForcedEOS),
			DecayStart:               r.DecayStart,
			DecayFactor:              r.DecayFactor,
		}
		for i, w := range r.BadWords {
			s.Rules.BadWords[i] = slices.Clone(w)
		}
		for _, b := range r.SequenceBias {
			own := SequenceBias{slices.Clone(b.Tokens), b.Bias}
			s.Rules.SequenceBias = append(s.Rules.SequenceBias, own)
		}
	}
	return &s, nil
}

// params returns the parameters of a request's sampling, or of the checkpoint's.
func (m *Model) params(s *Sampling) (sample.Params, error) {
	g := m.spec.Generation
	if s == nil {
		if g.Err != nil {
			err := unusable{checkpointError(g.Err).(*CheckpointError)}
			return g.Sampling, &RequestError{Field: "Sampling", Err: err}
		}
		return g.Sampling, nil
	}
	p := sample.Params{
		Temperature: s.Temperature, TopK: s.TopK, TopP: s.TopP, MinP: s.MinP,
		RepetitionPenalty: s.RepetitionPenalty, PresencePenalty: s.PresencePenalty,
		FrequencyPenalty: s.FrequencyPenalty, Seed: s.Seed,
		TopH: s.TopH, TypicalP: s.TypicalP, EpsilonCutoff: s.EpsilonCutoff, EtaCutoff: s.EtaCutoff,
		NoRepeatNGram: s.NoRepeatNGram, MinTokens: s.MinTokens,
	}
	if r := s.Rules; r != nil {
		p.Rules = &sample.Rules{
			BadWords:       r.BadWords,
			SuppressTokens: r.SuppressTokens, BeginSuppressTokens: r.BeginSuppressTokens,
			EncoderRepetitionPenalty: r.EncoderRepetitionPenalty,
			EncoderNoRepeatNGram:     r.EncoderNoRepeatNGram,
			MinLength:                r.MinLength, ForcedBOS: r.ForcedBOS, ForcedEOS: r.ForcedEOS,
			DecayStart: r.DecayStart, DecayFactor: r.DecayFactor,
		}
		for _, b := range r.SequenceBias {
			p.Rules.SequenceBias = append(p.Rules.SequenceBias, sample.Bias(b))
		}
	}
	return p, nil
}

// sampler makes the chooser of a request's tokens, and tells the seed of its draws, 0 without any.
func (m *Model) sampler(s *Sampling) (_ *sample.Sampler, seed uint64, err error) {
	p, err := m.params(s)
	if err != nil {
		return nil, 0, err
	}
	if p.Temperature > 0 {
		p.Seed = cmp.Or(p.Seed, freshSeed())
		seed = p.Seed
	}
	out, err := sample.New(p, m.spec.LLM.VocabSize)
	if err != nil {
		err = &RequestError{Field: "Sampling", Err: err}
	}
	return out, seed, err
}

// freshSeed is never 0, and small enough to come whole through JSON that others read.
func freshSeed() uint64 { return 1 + rand.Uint64N(1<<53-1) }

// unusable is what is wrong with the checkpoint's settings, to a request: it prints the finding and
// what the request can do.
type unusable struct{ *CheckpointError }

func (e unusable) Error() string {
	return e.Err.Error() + " (a Sampling in the request takes its place)"
}

func (e unusable) Unwrap() error { return e.CheckpointError }
