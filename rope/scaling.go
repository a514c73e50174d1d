package rope

// Frequencies for texts longer than those that a model was trained on. A Scaling says how they come
// from the trained ones; prompt.go has what depends on the length of the text at hand. All is
// computed in the order and the precision of the reference, so that angles at far positions agree.

import (
	"fmt"
	"math"
)

// ScalingKind is a way of stretching frequencies.
type ScalingKind uint8

// The kinds. Names in brackets are those of configuration files.
const (
	Linear       ScalingKind = iota + 1 // every frequency divided by Factor [linear]
	Dynamic                             // a larger base, by the length of the text [dynamic]
	YaRN                                // slow frequencies divided, fast ones kept [yarn]
	Llama3                              // the same by wavelength [llama3]
	LongRoPE                            // each frequency divided by a number of its own [longrope]
	Proportional                        // divided, those from Rotated on left out [proportional]
)

// Scaling stretches the frequencies of a [Config]. Each kind reads the fields that name it, besides
// Kind and Attention.
//
// Source: position interpolation (arXiv 2306.15595), YaRN (arXiv 2309.00071), LongRoPE (arXiv
// 2402.13753); transformers, modeling_rope_utils.
type Scaling struct {
	Kind      ScalingKind
	Factor    float64 // how much longer texts may be; not of LongRoPE
	Original  int     // positions of training: of Dynamic, YaRN, Llama3, LongRoPE
	Attention float64 // cosines and sines are multiplied by it; 0: 1

	// BetaFast and BetaSlow are how often a frequency of YaRN turns within Original, from which on
	// it is kept, and up to which it is divided; 0: 32 and 1. Exact ones are not brought to whole
	// channels.
	BetaFast, BetaSlow float64
	Exact              bool

	LowFreq, HighFreq float64   // of Llama3: Original divided by the two wavelengths between
	Short, Long       []float64 // of LongRoPE: divisors up to Original positions, and beyond
	Rotated           int       // of Proportional: frequencies that are not zero
}

// validate checks the bounds that frequencies and ForPrompt rely on.
func (s *Scaling) validate(dim int) error {
	inside := func(v, least, most float64) bool { return v >= least && v <= most }
	ok := inside(s.Attention, 0, 1e6)
	if s.Kind != LongRoPE {
		ok = ok && inside(s.Factor, 1e-6, 1e6)
	}
	switch s.Kind {
	case Linear:
	case Dynamic:
		ok = ok && inside(float64(s.Original), 1, 1<<30) && dim >= 4
	case YaRN:
		ok = ok && inside(float64(s.Original), 1, 1<<30) && inside(s.BetaFast, 0, 1e6) &&
			inside(s.BetaSlow, 0, 1e6)
	case Llama3:
		ok = ok && inside(float64(s.Original), 1, 1<<30) && inside(s.LowFreq, 1e-6, 1e6) &&
			inside(s.HighFreq, s.LowFreq, 1e6) && s.HighFreq > s.LowFreq
	case LongRoPE:
		ok = ok && inside(float64(s.Original), 1, 1<<30)
		for _, divisors := range [][]float64{s.Short, s.Long} {
			ok = ok && len(divisors) == dim/2
			for _, v := range divisors {
				ok = ok && inside(v, 1e-6, 1e6)
			}
		}
	case Proportional:
		ok = ok && s.Rotated >= 0 && s.Rotated <= dim/2
	default:
		ok = false
	}
	if !ok {
		return fmt.Errorf("%w: scaling %+v of %d channels", ErrConfig, *s, dim)
	}
	return nil
}

// frequencies returns the frequencies theta^(−2i/Dim), stretched.
func (c Config) frequencies() []float32 {
	p := powers(c.Theta, c.Dim)
	s := c.Scaling
	if s == nil || s.Kind == Dynamic {
		return invert(p)
	}
	switch s.Kind {
	case YaRN:
		s.blend(p, c.Theta, c.Dim)
		return p
	case Llama3:
		s.byWavelength(invert(p))
		return p
	case LongRoPE:
		for i := range p {
			p[i] *= float32(s.Short[i])
		}
		return invert(p)
	}
	invert(p)
	for i := range p {
		p[i] /= float32(s.Factor)
		if s.Kind == Proportional && i >= s.Rotated {
			p[i] = 0
		}
	}
	return p
}

// blend makes YaRN's frequencies of the powers of the base: divided ones on one side of a ramp over
// the channels, kept ones on the other.
func (s *Scaling) blend(p []float32, theta float64, dim int) {
	low, high := s.ramp(theta, dim)
	for i, x := range p {
		at := (float32(i) - float32(low)) / float32(high-low)
		keep := 1 - min(max(at, 0), 1)
		divided := 1 / float32(float32(s.Factor)*x)
		p[i] = float32(divided*(1-keep)) + float32(1/x*keep)
	}
}

// ramp returns the channels between which YaRN goes over from kept frequencies to divided ones.
func (s *Scaling) ramp(theta float64, dim int) (low, high float64) {
	channel := func(turns, absent float64) float64 {
		if turns == 0 {
			turns = absent
		}
		return float64(dim) * math.Log(float64(s.Original)/(turns*2*math.Pi)) /
			(2 * math.Log(theta))
	}
	low, high = channel(s.BetaFast, 32), channel(s.BetaSlow, 1)
	if !s.Exact {
		low, high = math.Floor(low), math.Ceil(high)
	}
	low, high = max(low, 0), min(high, float64(dim-1))
	if low == high {
		high += 0.001
	}
	return low, high
}

// byWavelength divides frequencies whose wave is long, keeps those whose wave is short, and passes
// smoothly from one to the other.
func (s *Scaling) byWavelength(f []float32) {
	factor, original := float32(s.Factor), float32(s.Original)
	longest := float32(float64(s.Original) / s.LowFreq)
	shortest := float32(float64(s.Original) / s.HighFreq)
	for i, x := range f {
		switch wave := float32(2*math.Pi) / x; {
		case wave > longest:
			f[i] = x / factor
		case wave >= shortest:
			smooth := (original/wave - float32(s.LowFreq)) / float32(s.HighFreq-s.LowFreq)
			f[i] = float32((1-smooth)*x)/factor + float32(smooth*x)
		}
	}
}
