package family

// What each kind of rotary scaling reads, with the defaults of the reference. rope.go says where
// the keys stand; package rope computes.

import (
	"math"
	"strconv"

	"github.com/qwenvl/qwenvl/llm"
	"github.com/qwenvl/qwenvl/rope"
)

// scalingKinds are the kinds that the reference has for decoders.
var scalingKinds = []string{"linear", "dynamic", "yarn", "llama3", "longrope", "proportional"}

// maxFactor bounds what multiplies lengths, frequencies and scores, and its reciprocal.
const maxFactor = 1e6

// scaling reads a kind of scaling; nil: none. d has what stands beside it.
func (r rotary) scaling(kind string, c, o object, d *llm.Config) *rope.Scaling {
	switch kind {
	case "linear":
		return &rope.Scaling{Kind: rope.Linear, Factor: o.factor("factor")}
	case "dynamic":
		return &rope.Scaling{Kind: rope.Dynamic, Factor: o.factor("factor"), Original: d.MaxContext}
	case "yarn":
		return o.yarn(d.MaxContext, r.original(c, o, d))
	case "llama3":
		s := &rope.Scaling{Kind: rope.Llama3, Factor: o.factor("factor"),
			Original: r.original(c, o, d), LowFreq: o.factor("low_freq_factor"),
			HighFreq: o.factor("high_freq_factor")}
		if s.HighFreq <= s.LowFreq {
			o.fail("high_freq_factor", "is not above low_freq_factor", nil)
		}
		return s
	case "longrope":
		return o.longRoPE(d.MaxContext, r.original(c, o, d), d.Rope.Dim/2)
	}
	return nil
}

// original returns the trained length. The reference does not take the key from beside a decoder's
// other keys where these stand among those of a tower.
func (r rotary) original(c, o object, d *llm.Config) int {
	const key = "original_max_position_embeddings"
	if c.Has(key) && (c.path != "" || r.section == nil) {
		o = c
	}
	return o.intOr(key, maxCount, d.MaxContext)
}

// yarn reads YaRN. A factor that is null is what the lengths say.
func (o object) yarn(longest, original int) *rope.Scaling {
	s := &rope.Scaling{Kind: rope.YaRN, Original: original,
		BetaFast: o.orZero("beta_fast"), BetaSlow: o.orZero("beta_slow"),
		Exact: !o.boolOr("truncate", true)}
	if raw, ok := o.Values["truncate"]; ok && string(raw) == "null" {
		s.Exact = true
	}
	if raw, ok := o.Values["factor"]; ok && string(raw) == "null" {
		s.Factor = o.ratio(longest, original)
	} else {
		s.Factor = o.factor("factor")
	}
	fast, all := o.orZero("mscale"), o.orZero("mscale_all_dim")
	switch {
	case o.Has("attention_factor"):
		s.Attention = o.factor("attention_factor")
	case fast > 0 && all > 0:
		s.Attention = mscale(s.Factor, fast) / mscale(s.Factor, all)
	default:
		s.Attention = mscale(s.Factor, 1)
	}
	return s
}

// mscale returns how much sharper attention is over texts that are so much longer.
//
// Source: YaRN (arXiv 2309.00071), section 3.4.
func mscale(factor, weight float64) float64 {
	if factor <= 1 {
		return 1
	}
	return 0.1*weight*math.Log(factor) + 1
}

// longRoPE reads LongRoPE, whose factor has a part in the scale of attention only.
func (o object) longRoPE(longest, original, half int) *rope.Scaling {
	s := &rope.Scaling{Kind: rope.LongRoPE, Original: original, Attention: 1,
		Short: o.divisors("short_factor", half), Long: o.divisors("long_factor", half)}
	var factor float64
	if o.Has("factor") {
		factor = o.factor("factor")
	} else {
		factor = o.ratio(longest, original)
	}
	switch {
	case o.Has("attention_factor"):
		s.Attention = o.factor("attention_factor")
	case factor > 1 && original == 1:
		o.fail("original_max_position_embeddings", "has no logarithm to divide by", nil)
	case factor > 1:
		s.Attention = math.Sqrt(1 + math.Log(factor)/math.Log(float64(original)))
	}
	return s
}

// ratio returns the factor between two lengths.
func (o object) ratio(longest, original int) float64 {
	v := float64(longest) / float64(original)
	if v > maxFactor || v < 1/maxFactor {
		o.fail("original_max_position_embeddings", "is far from max_position_embeddings", nil)
		return 1
	}
	return v
}

// divisors reads a divisor for each frequency.
func (o object) divisors(key string, n int) []float64 {
	if !o.Has(key) {
		o.fail(key, "missing", nil)
		return make([]float64, n)
	}
	v := list[float64](o, key, n)
	for _, x := range v {
		if !(x >= 1/maxFactor && x <= maxFactor) {
			o.fail(key, "holds what is not a divisor of 1e-6…1e6", nil)
		}
	}
	return v
}

// factor reads a number of 1e-6…1e6.
func (o object) factor(key string) float64 {
	v := o.float(key, maxFactor)
	if v < 1/maxFactor {
		o.fail(key, "is below 1e-6", nil)
		return 1
	}
	return v
}

// orZero is factor where there is a number other than zero: the reference does not distinguish zero
// from none.
func (o object) orZero(key string) float64 {
	v, err := strconv.ParseFloat(string(o.Values[key]), 64)
	if !o.Has(key) || err == nil && v == 0 {
		return 0
	}
	return o.factor(key)
}
