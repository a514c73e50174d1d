package sample

// One request's choices, step by step: biases, penalties, rules, mask, temperature, the warpers,
// draw. Each step is a pass over what the one before left, in the order of the tokens, so that a
// draw depends on the row and the seed alone. params.go says what the numbers mean, rules.go what
// the rules, warp.go what is left to draw from, constraint.go what a mask is.

import (
	"math"
	"math/rand/v2"
)

// Sampler chooses the tokens of one request. It allocates when it is made and not afterwards, but
// for what [Params.Rules] and their like remember of each token. It belongs to one goroutine.
type Sampler struct {
	p      Params
	rules  *rules // nil: none
	rng    rand.PCG
	scores []float32   // working copy of a row
	kept   []candidate // what may still be drawn
	seen   []bool      // by token: in the prompt or generated
	list   []int32     // the tokens that are seen
	asked  int         // of these, in the prompt: the first ones
	count  []int32     // by token: times generated
	made   []int32     // the tokens that were generated
	work   []candidate // what selecting reorders
	best   []float32   // the best TopK logits, where TopK is small

	constraint Constraint
	allowed    []uint64 // its mask
}

type candidate struct {
	token int32
	logit float32
	prob  float64
}

// New returns a Sampler for rows of vocab logits.
//
// Errors: wraps [ErrParams].
func New(p Params, vocab int) (*Sampler, error) {
	if vocab < 1 {
		panic("sample: an empty vocabulary")
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	rules, err := newRules(p, vocab)
	if err != nil {
		return nil, err
	}
	rng := *rand.NewPCG(p.Seed, 0x9e3779b97f4a7c15)
	s := &Sampler{p: p, rules: rules, rng: rng, scores: make([]float32, vocab)}
	if on(p.RepetitionPenalty) || rules != nil && on(rules.EncoderRepetitionPenalty) {
		s.seen, s.list = make([]bool, vocab), make([]int32, 0, vocab)
	}
	if p.PresencePenalty != 0 || p.FrequencyPenalty != 0 {
		s.count, s.made = make([]int32, vocab), make([]int32, 0, vocab)
	}
	if p.Temperature > 0 {
		s.kept = make([]candidate, 0, vocab)
		s.work = make([]candidate, vocab)
		if 0 < p.TopK && p.TopK <= min(maxSorted, vocab) && p.TopH == 0 {
			s.best = make([]float32, p.TopK)
		}
	}
	return s, nil
}

// on reports whether a factor changes anything.
func on(factor float64) bool { return factor != 0 && factor != 1 }

// Observe tells the prompt's tokens, placeholders included.
func (s *Sampler) Observe(tokens []int) {
	for _, t := range tokens {
		s.see(t)
		if s.rules != nil {
			s.rules.see(t, true)
		}
	}
	s.asked = len(s.list)
}

// Limit tells which tokens end the answer, and how many it can have. Without it, rules about either
// say nothing.
func (s *Sampler) Limit(ends []int, most int) {
	if s.rules != nil {
		s.rules.limit(ends, most, len(s.scores))
	}
}

// Accept tells a token that was generated. done: the constraint, if there is one, says that the
// text is complete.
func (s *Sampler) Accept(token int) (done bool) {
	s.see(token)
	if s.rules != nil {
		s.rules.see(token, false)
	}
	if s.count != nil && token >= 0 && token < len(s.count) {
		if s.count[token] == 0 {
			s.made = append(s.made, int32(token))
		}
		s.count[token]++
	}
	return s.constraint != nil && s.constraint.Accept(token)
}

func (s *Sampler) see(token int) {
	if s.seen == nil || token < 0 || token >= len(s.seen) || s.seen[token] {
		return
	}
	s.seen[token] = true
	s.list = append(s.list, int32(token))
}

// Sample chooses a token from a row of logits, which it does not change.
//
// Errors: [ErrBadLogits], [ErrNoneAllowed].
func (s *Sampler) Sample(logits []float32) (int, error) {
	if len(logits) != len(s.scores) {
		panic("sample: a row of another vocabulary")
	}
	scores := s.scores
	copy(scores, logits)
	best, err := s.process(scores)
	if err != nil || s.p.Temperature == 0 {
		return best, err
	}
	return s.draw(scores, best), nil
}

// process applies what also counts without a draw, and returns the best token.
func (s *Sampler) process(scores []float32) (best int, err error) {
	narrowed := s.rules != nil
	if narrowed {
		if _, err := argmax(scores); err != nil {
			return 0, err
		}
		s.rules.bias.add(scores, s.rules.history)
	}
	s.penalize(scores)
	if narrowed {
		s.rules.forbid(scores)
	}
	best, err = argmax(scores)
	if (err == nil || narrowed) && s.constraint != nil {
		narrowed = true
		s.mask(scores)
		best, err = argmax(scores)
	}
	if err != nil && narrowed {
		err = ErrNoneAllowed
	}
	return best, err
}

// penalize applies the penalties.
//
// Source: transformers, EncoderRepetitionPenaltyLogitsProcessor, RepetitionPenaltyLogitsProcessor;
// OpenAI API reference, frequency and presence penalties.
func (s *Sampler) penalize(scores []float32) {
	if s.rules != nil && on(s.rules.EncoderRepetitionPenalty) {
		punish(scores, s.list[:s.asked], float32(1/s.rules.EncoderRepetitionPenalty))
	}
	if on(s.p.RepetitionPenalty) {
		punish(scores, s.list, float32(s.p.RepetitionPenalty))
	}
	for _, t := range s.made {
		scores[t] -= float32(s.p.PresencePenalty + s.p.FrequencyPenalty*float64(s.count[t]))
	}
}

func punish(scores []float32, tokens []int32, penalty float32) {
	for _, t := range tokens {
		if scores[t] < 0 {
			scores[t] *= penalty
		} else {
			scores[t] /= penalty
		}
	}
}

// argmax returns the best token, the first of equals.
func argmax(scores []float32) (int, error) {
	best, top := -1, float32(math.Inf(-1))
	for i, v := range scores {
		if v > top {
			best, top = i, v
		} else if v != v {
			return 0, ErrBadLogits
		}
	}
	if best < 0 || math.IsInf(float64(top), 1) {
		return 0, ErrBadLogits
	}
	return best, nil
}

// draw samples from what the warpers leave.
func (s *Sampler) draw(scores []float32, best int) int {
	kept, sum := s.warp(scores, best)
	at := float64(s.rng.Uint64()>>11) / (1 << 53) * sum
	for _, c := range kept {
		if at -= c.prob; at < 0 {
			return int(c.token)
		}
	}
	return int(kept[len(kept)-1].token)
}
