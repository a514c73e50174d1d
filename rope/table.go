package rope

// A decoder's frequencies, and the cosines and sines of one position. Towers, whose patches have
// two axes and no time, have theirs in vision.go.

import "math"

// Rotary holds the frequencies of a decoder's rotary embedding. It is immutable and safe for
// concurrent use.
type Rotary struct {
	freq []float32 // [Dim/2]
	axis []uint8   // which axis frequency i follows
}

// New returns the frequencies theta^(−2i/Dim) with the axis that each follows.
//
// Panics if the configuration does not validate.
// Source: transformers, apply_multimodal_rotary_pos_emb.
func New(c Config) *Rotary {
	if c.Validate() != nil {
		panic("rope: configuration was not validated")
	}
	r := &Rotary{freq: frequencies(c.Theta, c.Dim), axis: make([]uint8, c.Dim/2)}
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
}

// frequencies returns base^(−2i/dim) for i < dim/2, each step rounded to float32 as the reference
// does.
func frequencies(base float64, dim int) []float32 {
	f := make([]float32, dim/2)
	for i := range f {
		f[i] = 1 / float32(math.Pow(base, float64(float32(2*i)/float32(dim))))
	}
	return f
}

func cosSin(angle float32) (cos, sin float32) {
	s, c := math.Sincos(float64(angle))
	return float32(c), float32(s)
}
