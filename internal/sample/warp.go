package sample

// What is left of a row to draw from: temperature and the warpers, one after the other. select.go
// says how the best are found without sorting; cutoffs.go has the warpers that few ask for.

import "math"

// warp returns the tokens to draw from, in their order, and what their weights sum up to.
//
// Source: transformers, _get_logits_processor, from TemperatureLogitsWarper on.
func (s *Sampler) warp(scores []float32, best int) ([]candidate, float64) {
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
	if s.p.TopH > 0 {
		kept = s.topH(kept, top)
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
		kept, sum = atLeast(kept, s.p.MinP) // the best has weight 1
	}
	if s.p.TypicalP > 0 && s.p.TypicalP < 1 {
		kept, sum = s.typical(kept, sum)
	}
	if s.p.EpsilonCutoff > 0 {
		kept, sum = probable(kept, s.p.EpsilonCutoff*sum)
	}
	if s.p.EtaCutoff > 0 {
		kept, sum = probable(kept, eta(kept, sum, s.p.EtaCutoff)*sum)
	}
	return kept, sum
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

// atLeast keeps what weighs that much.
func atLeast(c []candidate, weight float64) ([]candidate, float64) {
	keep, sum := c[:0], 0.0
	for _, x := range c {
		if x.prob >= weight {
			keep = append(keep, x)
			sum += x.prob
		}
	}
	return keep, sum
}
