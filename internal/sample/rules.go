package sample

// What is said of certain tokens and lengths, besides the numbers that every request has. Few
// requests have any, so a Sampler without rules spends nothing on them. Each field is a key of
// transformers' generation_config.json; sampler.go says when which comes.

import (
	"fmt"
	"math"
	"reflect"
	"slices"
)

// Rules are about tokens by their ids. The zero value says nothing.
type Rules struct {
	SequenceBias        []Bias
	BadWords            [][]int // the last token is forbidden right after those before it
	SuppressTokens      []int   // never come
	BeginSuppressTokens []int   // do not come first in an answer

	// Of the prompt's tokens: their logits are multiplied where RepetitionPenalty divides, and runs
	// of so many of them do not come again. 0: off.
	EncoderRepetitionPenalty float64
	EncoderNoRepeatNGram     int

	MinLength int   // no end token before prompt and answer have so many tokens; 0: off
	ForcedBOS []int // the only tokens after a prompt of one token; nil: any
	ForcedEOS []int // the only tokens at the greatest length; nil: any

	// From DecayStart tokens of the answer on, logits l of end tokens get |l|·(DecayFactor^n - 1)
	// more, n counting the tokens since. 0: off.
	DecayStart  int
	DecayFactor float64
}

// Empty reports whether they say nothing.
func (r *Rules) Empty() bool { return reflect.ValueOf(*r).IsZero() }

// Bias is added to the logit of the last of some tokens right after those before it.
type Bias struct {
	Tokens []int
	Bias   float64 // finite, or -Inf to forbid
}

// validate checks every field's range.
//
// Errors: wraps [ErrParams].
func (r *Rules) validate(vocab int) error {
	ids := func(name string, tokens []int) error {
		for _, t := range tokens {
			if t < 0 || t >= vocab {
				return fmt.Errorf("%w: %s: %d is no token of %d", ErrParams, name, t, vocab)
			}
		}
		return nil
	}
	for _, b := range r.SequenceBias {
		if err := ids("sequence bias", b.Tokens); err != nil {
			return err
		}
		if math.IsNaN(b.Bias) || b.Bias > math.MaxFloat32 {
			return fmt.Errorf("%w: sequence bias %v is not finite", ErrParams, b.Bias)
		}
	}
	for _, w := range r.BadWords {
		if err := ids("bad words", w); err != nil {
			return err
		}
	}
	if err := ids("forced first token", r.ForcedBOS); err != nil {
		return err
	}
	if err := ids("forced last token", r.ForcedEOS); err != nil {
		return err
	}
	return inRange([]bounded{
		{"encoder repetition penalty", r.EncoderRepetitionPenalty, 0, 1e4},
		{"encoder no-repeat n-gram", float64(r.EncoderNoRepeatNGram), 0, math.MaxInt32},
		{"least length", float64(r.MinLength), 0, math.MaxInt32},
		{"start of decay", float64(r.DecayStart), math.MinInt32, math.MaxInt32},
		{"factor of decay", r.DecayFactor, -1e4, 1e4},
	})
}

// rules is how a Sampler keeps NoRepeatNGram, MinTokens and Rules.
type rules struct {
	Rules
	minTokens int
	bias, bad *sequences // nil: none
	again     *ngrams    // of NoRepeatNGram; nil: off
	asked     *ngrams    // of EncoderNoRepeatNGram; nil: off

	history []int // prompt and answer
	prompt  int   // tokens of the prompt
	ends    []int // end tokens within the vocabulary
	most    int   // tokens that the answer can have; 0: not known
}

// newRules returns nil where there are none.
func newRules(p Params, vocab int) (*rules, error) {
	r := &rules{minTokens: p.MinTokens}
	if p.Rules != nil {
		r.Rules = *p.Rules
	} else if p.NoRepeatNGram == 0 && p.MinTokens == 0 {
		return nil, nil
	}
	if err := r.validate(vocab); err != nil {
		return nil, err
	}
	r.bias = newSequences(r.SequenceBias, vocab)
	r.bad = newSequences(forbidden(r.BadWords), vocab)
	r.again, r.asked = newNGrams(p.NoRepeatNGram), newNGrams(r.EncoderNoRepeatNGram)
	return r, nil
}

func forbidden(words [][]int) []Bias {
	out := make([]Bias, len(words))
	for i, w := range words {
		out[i] = Bias{w, math.Inf(-1)}
	}
	return out
}

// see takes the next token, of the prompt or of the answer.
func (r *rules) see(token int, prompt bool) {
	r.history = append(r.history, token)
	r.again.add(r.history, true)
	r.asked.add(r.history, prompt)
	if prompt {
		r.prompt++
	}
}

// limit takes the end tokens and how many tokens an answer can have. An end token is no bad word,
// as in the reference.
func (r *rules) limit(ends []int, most, vocab int) {
	r.most = most
	for _, t := range ends {
		if t >= 0 && t < vocab {
			r.ends = append(r.ends, t)
		}
	}
	if r.bad != nil {
		r.bad.single = slices.DeleteFunc(r.bad.single, func(x sequence) bool {
			return slices.Contains(r.ends, x.last)
		})
	}
}

// forbid takes out what may not come next, and all but what must.
//
// Source: transformers, _get_logits_processor and the processors it lists, in their order.
func (r *rules) forbid(scores []float32) {
	remove := func(t int) {
		if t >= 0 && t < len(scores) {
			scores[t] = float32(math.Inf(-1))
		}
	}
	each := func(tokens []int) {
		for _, t := range tokens {
			remove(t)
		}
	}
	length := len(r.history)
	made := length - r.prompt
	r.again.each(r.history, remove)
	r.asked.each(r.history, remove)
	r.bad.add(scores, r.history)
	if length < r.MinLength || made < r.minTokens {
		each(r.ends)
	}
	if length == 1 {
		force(scores, r.ForcedBOS)
	}
	if made == r.most-1 {
		force(scores, r.ForcedEOS)
	}
	if r.DecayFactor != 0 && made > r.DecayStart {
		r.hasten(scores, made-r.DecayStart)
	}
	each(r.SuppressTokens)
	begin := 0
	if r.prompt <= 1 && r.ForcedBOS != nil {
		begin = 1
	}
	if made == begin {
		each(r.BeginSuppressTokens)
	}
}

// force leaves no choice but those tokens, unless there are none.
func force(scores []float32, tokens []int) {
	if len(tokens) == 0 {
		return
	}
	for i := range scores {
		scores[i] = float32(math.Inf(-1))
	}
	for _, t := range tokens {
		scores[t] = 0
	}
}

// hasten raises the end tokens, by more with every token. Beyond float32 they stay the greatest of
// all.
//
// Source: transformers, ExponentialDecayLengthPenalty.
func (r *rules) hasten(scores []float32, tokens int) {
	more := float32(math.Pow(r.DecayFactor, float64(tokens)) - 1)
	for _, t := range r.ends {
		if v := float64(scores[t]); v != 0 && !math.IsInf(v, 0) {
			up := float32(float32(math.Abs(v)) * more)
			scores[t] = max(min(scores[t]+up, math.MaxFloat32), -math.MaxFloat32)
		}
	}
}
