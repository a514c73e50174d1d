package sample

// One request's choices, step by step: penalties, mask, temperature, top-k, top-p, min-p, draw.
// Each step is a pass over what the one before left, in the order of the tokens, so that a draw
// depends on the row and the seed alone. params.go says what the numbers mean, select.go how the
// best are found without sorting, constraint.go what a mask is.

import (
	"math"
	"math/rand/v2"
)

// Sampler chooses the tokens of one request. It allocates when it is made and not afterwards. It
// belongs to one goroutine.
type Sampler struct {
	p      Params
	rng    rand.PCG
	scores []float32   // working copy of a row
	kept   []candidate // what may still be drawn
	seen   []bool      // by token: in the prompt or generated
	list   []int32     // the tokens that are seen
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
	rng := *rand.NewPCG(p.Seed, 0x9e3779b97f4a7c15)
	s := &Sampler{p: p, rng: rng, scores: make([]float32, vocab)}
	if s.repeats() {
		s.seen, s.list = make([]bool, vocab), make([]int32, 0, vocab)
	}
	if p.PresencePenalty != 0 || p.FrequencyPenalty != 0 {
		s.count, s.made = make([]int32, vocab), make([]int32, 0, vocab)
	}
	if p.Temperature > 0 {
		s.kept = make([]candidate, 0, vocab)
		s.work = make([]candidate, vocab)
		if 0 < p.TopK && p.TopK <= min(maxSorted, vocab) {
			s.best = make([]float32, p.TopK)
		}
	}
	return s, nil
}

func (s *Sampler) repeats() bool { return s.p.RepetitionPenalty != 0 && s.p.RepetitionPenalty != 1 }

// Observe tells the prompt's tokens, placeholders included.
func (s *Sampler) Observe(tokens []int) {
	for _, t := range tokens {
		s.see(t)
	}
}

// Accept tells a token that was generated. done: the constraint, if there is one, says that the
// text is complete.
func (s *Sampler) Accept(token int) (done bool) {
	s.see(token)
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
	s.penalize(scores)
	best, err := argmax(scores)
	if err == nil && s.constraint != nil {
		s.mask(scores)
		if best, err = argmax(scores); err != nil {
			err = ErrNoneAllowed
		}
	}
	if err != nil || s.p.Temperature == 0 {
		return best, err
	}
	return s.draw(scores, best), nil
}

// penalize applies the penalties.
//
// Source: transformers, RepetitionPenaltyLogitsProcessor; OpenAI API reference, frequency and
// presence penalties.
func (s *Sampler) penalize(scores []float32) {
	penalty := float32(s.p.RepetitionPenalty)
	for _, t := range s.list {
		if scores[t] < 0 {
			scores[t] *= penalty
		} else {
			scores[t] /= penalty
		}
	}
	for _, t := range s.made {
		scores[t] -= float32(s.p.PresencePenalty + s.p.FrequencyPenalty*float64(s.count[t]))
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

// draw samples from what top-k, top-p and min-p leave.
func (s *Sampler) draw(scores []float32, best int) int {
	// Work on the tokens that can still be chosen. Anything 60 nats below the best has no weight
	// in float64 sums of this size that a draw could notice, so a full row needs no exponential
	// for most of its tokens.
	top := float64(scores[best])
	floor := float32(top - 60*s.p.Temperature)
	if s.best != nil {
		floor = max(floor, kth(scores, s.best))
	}
	kept := s.kept[:0]
	for i, v := range scores {
		if v >= floor {
			kept = append(kept, candidate{token: int32(i), logit: v})
		}
	}
	kept = s.topK(kept)
	sum := 0.0
	for i := range kept {
		kept[i].prob = math.Exp((float64(kept[i].logit) - top) / s.p.Temperature)
		sum += kept[i].prob
	}
	if s.p.TopP > 0 && s.p.TopP < 1 {
		kept, sum = s.topP(kept, sum)
	}
	if s.p.MinP > 0 {
		kept, sum = minP(kept, s.p.MinP) // the best has weight 1
	}
	at := float64(s.rng.Uint64()>>11) / (1 << 53) * sum
	for _, c := range kept {
		if at -= c.prob; at < 0 {
			return int(c.token)
		}
	}
	return int(kept[len(kept)-1].token)
}

// topK keeps the best k and what ties with the last of them, as transformers' TopKLogitsWarper
// does.
func (s *Sampler) topK(c []candidate) []candidate {
	if s.p.TopK == 0 || s.p.TopK >= len(c) {
		return c
	}
	n := copy(s.work, c)
	limit, _ := cut(s.work[:n], float64(s.p.TopK), one)
	keep := c[:0]
	for _, x := range c {
		if x.logit >= limit.logit {
			keep = append(keep, x)
		}
	}
	return keep
}

// topP keeps the fewest best whose weights reach TopP of the sum, at least one; of equals the
// lower tokens.
//
// Source: transformers, TopPLogitsWarper.
func (s *Sampler) topP(c []candidate, sum float64) ([]candidate, float64) {
	n := copy(s.work, c)
	last, _ := cut(s.work[:n], s.p.TopP*sum, probability)
	keep, sum := c[:0], 0.0
	for _, x := range c {
		if !before(last, x) {
			keep = append(keep, x)
			sum += x.prob
		}
	}
	return keep, sum
}

// minP drops what weighs less than p times the best, which weighs 1.
func minP(c []candidate, p float64) ([]candidate, float64) {
	keep, sum := c[:0], 0.0
	for _, x := range c {
		if x.prob >= p {
			keep = append(keep, x)
			sum += x.prob
		}
	}
	return keep, sum
}
