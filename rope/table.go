package rope

// A decoder's frequencies, and the cosines and sines of one position. Towers, whose patches have
// two axes and no time, have theirs in vision.go.

import "math"

// Rotary holds the frequencies of a decoder's rotary embedding. It is immutable and safe for
// concurrent use.
type Rotary struct {
	freq  []float32 // [Dim/2]
	axis  []uint8   // which axis frequency i follows
	scale float32   // of cosines and sines
}

// New returns the frequencies theta^(−2i/Dim), stretched where the configuration says so, with the
// axis that each follows.
//
// Panics if the configuration does not validate.
// Source: transformers, apply_multimodal_rotary_pos_emb.
func New(c Config) *Rotary {
	if c.Validate() != nil {
		panic("rope: configuration was not validated")
	}
	r := &Rotary{freq: c.frequencies(), axis: make([]uint8, c.Dim/2), scale: 1}
	if c.Scaling != nil && c.Scaling.Attention > 0 {
		r.scale = float32(c.Scaling.Attention)
	}
	if c.Interleaved && len(c.Section) > 0 {
		for i := range r.axis {
			if a := i % Axes; a > 0 && i < Axes*c.Section[a] {
				r.axis[i] = uint8(a)
			}
		}
		return r
	}
	at := 0
	for a, n := range c.Section {
		for range n {
			r.axis[at] = uint8(a)
			at++
		}
	}
	return r
}

// Half returns the number of frequencies, half of the rotated width.
func (r *Rotary) Half() int { return len(r.freq) }

// Fill writes the cosines and sines of one position.
//
// Shapes: cos and sin are Half long.
func (r *Rotary) Fill(cos, sin []float32, p Position) {
	for i, f := range r.freq {
		cos[i], sin[i] = cosSin(float32(p[r.axis[i]]) * f)
	}
	if r.scale != 1 {
		for i := range r.freq {
			cos[i] *= r.scale
			sin[i] *= r.scale
		}
	}
}

// frequencies returns base^(−2i/dim) for i < dim/2, each step rounded to float32 as the reference
// does.
func frequencies(base float64, dim int) []float32 { return invert(powers(base, dim)) }

// powers returns base^(2i/dim) for i < dim/2.
func powers(base float64, dim int) []float32 {
	p := make([]float32, dim/2)
	for i := range p {
		p[i] = float32(math.Pow(base, float64(float32(2*i)/float32(dim))))
	}
	return p
}

// invert replaces every x by 1/x.
func invert(p []float32) []float32 {
	for i, x := range p {
		p[i] = 1 / x
	}
	return p
}

func cosSin(angle float32) (cos, sin float32) {
	s, c := math.Sincos(float64(angle))
	return float32(c), float32(s)
}
