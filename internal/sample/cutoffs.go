package sample

// The warpers that few requests ask for: top-h, typical-p and the cutoffs of truncation sampling.
// Each takes what the steps before left and keeps the order of the tokens.

import (
	"math"
	"slices"
)

// topHOf is how many of the best top-h looks at.
const topHOf = 100

// topH keeps the best as long as their share of the entropy of the hundred best is within TopH, at
// least one.
//
// Source: transformers, TopHLogitsWarper.
func (s *Sampler) topH(c []candidate, top float64) []candidate {
	n := copy(s.work, c)
	work := s.work[:n]
	if n > topHOf {
		last, _ := cut(work, topHOf, one)
		work = slices.DeleteFunc(work, func(x candidate) bool { return before(last, x) })
	}
	slices.SortFunc(work, func(a, b candidate) int {
		if before(a, b) {
			return -1
		}
		return 1
	})
	sum := 0.0
	for i := range work {
		work[i].prob = math.Exp((float64(work[i].logit) - top) / s.p.Temperature)
		sum += work[i].prob
	}
	budget := s.p.TopH * entropy(work, sum)
	last, spent := work[0], 0.0
	for i, x := range work {
		p := x.prob / sum
		if spent -= p * math.Log(p); i > 0 && spent > budget {
			break
		}
		last = x
	}
	keep := c[:0]
	for _, x := range c {
		if !before(last, x) {
			keep = append(keep, x)
		}
	}
	return keep
}

// typical keeps the tokens whose information is nearest to the entropy, the fewest that reach
// TypicalP, and those as near as the last of them.
//
// Source: transformers, TypicalLogitsWarper.
func (s *Sampler) typical(c []candidate, sum float64) ([]candidate, float64) {
	expected := entropy(c, sum)
	near := func(x candidate) float32 { return -float32(math.Abs(-math.Log(x.prob/sum) - expected)) }
	n := copy(s.work, c)
	for i := range s.work[:n] {
		s.work[i].logit = near(s.work[i])
	}
	last, _ := cut(s.work[:n], s.p.TypicalP*sum, probability)
	keep, sum2 := c[:0], 0.0
	for _, x := range c {
		if near(x) >= last.logit {
			keep = append(keep, x)
			sum2 += x.prob
		}
	}
	return keep, sum2
}

// eta returns the probability below which eta sampling drops tokens.
//
// Source: transformers, EtaLogitsWarper.
func eta(c []candidate, sum, epsilon float64) float64 {
	return min(epsilon, math.Sqrt(epsilon)*math.Exp(-entropy(c, sum)))
}

// probable keeps what weighs that much, and the best in any case.
//
// Source: transformers, EpsilonLogitsWarper.
func probable(c []candidate, weight float64) ([]candidate, float64) {
	best := 0.0
	for _, x := range c {
		best = max(best, x.prob)
	}
	return atLeast(c, min(weight, best))
}

// entropy returns that of weights with a sum, in nats.
func entropy(c []candidate, sum float64) float64 {
	h := 0.0
	for _, x := range c {
		if p := x.prob / sum; p > 0 {
			h -= p * math.Log(p)
		}
	}
	return h
}
