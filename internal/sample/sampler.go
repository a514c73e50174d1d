package sample

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Constraint narrows what may be sampled, for output that follows a grammar.
type Constraint interface {
	// Mask clears the bits of tokens that may not come next.
	Mask(allowed []uint64)
	// Accept takes the chosen token and reports whether the text is complete.
	Accept(token int) (done bool)
}

// Sampler chooses the tokens of one request. It allocates when it is made and not afterwards. It belongs to one goroutine.
type Sampler struct {
	p      Params
	rng    rand.PCG
	scores []float32   // working copy of a row
	kept   []candidate // what may still be drawn
	seen   []bool      // by token: in the prompt or generated
	list   []int32     // the tokens that are seen
	count  []int32     // by token: times generated
	made   []int32     // the tokens that were generated
	best   []float32   // heap of the TopK largest logits
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
	if err := p.Validate(); err != nil {
		return nil, err
	}
	s := &Sampler{p: p, rng: *rand.NewPCG(p.Seed, 0x9e3779b97f4a7c15), scores: make([]float32, vocab)}
	if s.repeats() {
		s.seen, s.list = make([]bool, vocab), make([]int32, 0, vocab)
	}
	if p.PresencePenalty != 0 || p.FrequencyPenalty != 0 {
		s.count, s.made = make([]int32, vocab), make([]int32, 0, vocab)
	}
	if p.Temperature > 0 {
		s.kept = make([]candidate, 0, vocab)
		s.best = make([]float32, 0, min(p.TopK, vocab))
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

// Accept tells a token that was generated.
func (s *Sampler) Accept(token int) {
	s.see(token)
	if s.count == nil || token < 0 || token >= len(s.count) {
		return
	}
	if s.count[token] == 0 {
		s.made = append(s.made, int32(token))
	}
	s.count[token]++
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
// Errors: [ErrBadLogits].
func (s *Sampler) Sample(logits []float32) (int, error) {
	if len(logits) != len(s.scores) {
		panic("sample: a row of another vocabulary")
	}
	scores := s.scores
	copy(scores, logits)
	s.penalise(scores)
	best, err := argmax(scores)
	if err != nil || s.p.Temperature == 0 {
		return best, err
	}
	return s.draw(scores, best), nil
}

// penalise applies the penalties.
//
// Source: transformers, RepetitionPenaltyLogitsProcessor; OpenAI API reference, frequency and presence penalties.
func (s *Sampler) penalise(scores []float32) {
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
	// Work on the tokens that can still be chosen. Anything 60 nats below the best has no weight in float64 sums of this size
	// that a draw could notice, so a full row needs no exponential for most of its tokens.
	top := float64(scores[best])
	floor := float32(top - 60*s.p.Temperature)
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
		kept, sum = topP(kept, sum, s.p.TopP)
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

// topK keeps the best k and what ties with the last of them, as transformers' TopKLogitsWarper does.
func (s *Sampler) topK(c []candidate) []candidate {
	if s.p.TopK == 0 || s.p.TopK >= len(c) {
		return c
	}
	limit := kth(c, s.best[:0], s.p.TopK)
	keep := c[:0]
	for _, x := range c {
		if x.logit >= limit {
			keep = append(keep, x)
		}
	}
	return keep
}

// kth returns the k-th largest logit, by a heap of the k best.
func kth(c []candidate, heap []float32, k int) float32 {
	for _, x := range c {
		if len(heap) < k {
			heap = append(heap, x.logit)
			for i := len(heap) - 1; i > 0 && heap[i] < heap[(i-1)/2]; i = (i - 1) / 2 {
				heap[i], heap[(i-1)/2] = heap[(i-1)/2], heap[i]
			}
			continue
		}
		if x.logit <= heap[0] {
			continue
		}
		heap[0] = x.logit
		for i := 0; ; {
			child := 2*i + 1
			if child >= k {
				break
			}
			if child+1 < k && heap[child+1] < heap[child] {
				child++
			}
			if heap[i] <= heap[child] {
				break
			}
			heap[i], heap[child] = heap[child], heap[i]
			i = child
		}
	}
	return heap[0]
}

// topP keeps the fewest best whose weights reach p of the sum, at least one.
//
// Source: transformers, TopPLogitsWarper.
func topP(c []candidate, sum, p float64) ([]candidate, float64) {
	slices.SortFunc(c, func(a, b candidate) int {
		switch {
		case a.logit > b.logit:
			return -1
		case a.logit < b.logit:
			return 1
		}
		return int(a.token - b.token)
	})
	reached := 0.0
	for i := range c {
		if reached += c[i].prob; reached >= p*sum {
			return c[:i+1], reached
		}
	}
	return c, reached
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
