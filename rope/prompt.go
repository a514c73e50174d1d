package rope

// What depends on how long a text is: a larger base for long ones, other divisors, and queries that
// grow with the logarithm of their position.

import "math"

// Reach returns what the rotation depends on of a text that is n positions long: texts of the same
// reach turn alike. It is 0 for those that are not stretched by their length.
func (c Config) Reach(n int) int {
	switch s := c.Scaling; {
	case c.NTKLength > 0 && n > c.NTKLength: // the base doubles with the length
		return int(math.Ceil(math.Log2(float64(n)/float64(c.NTKLength)) + 1))
	case s == nil || n <= s.Original:
	case s.Kind == Dynamic:
		return n
	case s.Kind == LongRoPE:
		return 1
	}
	return 0
}

// ForPrompt returns the configuration for a sequence that starts with a prompt of n positions. Past
// NTKLength the base grows, for the whole of the sequence; a Scaling by the length of the text
// applies to the prompt, and Grows says what holds for tokens behind it.
//
// Source: dynamic NTK scaling as in Qwen (arXiv 2309.16609), section 2.4; the hub's modeling code,
// get_ntk_alpha. Otherwise transformers, dynamic_rope_update.
func (c Config) ForPrompt(n int) Config {
	reach := c.Reach(n)
	switch s := c.Scaling; {
	case reach == 0:
	case s == nil:
		alpha := math.Pow(2, float64(reach)) - 1
		c.Theta *= math.Pow(alpha, float64(c.Dim)/float64(c.Dim-2))
	case s.Kind == LongRoPE:
		long := *s
		long.Short = long.Long
		c.Scaling = &long
	default:
		c.Theta, c.Scaling = s.base(c.Theta, c.Dim, n), nil
	}
	return c
}

// base returns Dynamic's base for a text of n positions, in float32 as the reference has it.
func (s *Scaling) base(theta float64, dim, n int) float64 {
	x := float32(float32(s.Factor)*float32(n))/float32(s.Original) - float32(s.Factor-1)
	y := float32(math.Pow(float64(x), float64(float32(float64(dim)/float64(dim-2)))))
	return min(float64(float32(theta)*y), math.MaxFloat32)
}

// Grows reports whether a token behind the prompt turns by the length that the text has with it,
// ForPrompt of that, while those before it keep the rotation that they were stored with.
func (c Config) Grows() bool {
	return c.Scaling != nil && (c.Scaling.Kind == Dynamic || c.Scaling.Kind == LongRoPE)
}

// QueryScale returns the factor of a query at position p: 1 up to LogNLength, beyond it the
// logarithm of p+1 to that base.
//
// Source: log-n attention as in Qwen (arXiv 2309.16609), section 2.4.
func (c Config) QueryScale(p int) float32 {
	if c.LogNLength == 0 || p+1 <= c.LogNLength {
		return 1
	}
	return float32(math.Log(float64(p+1)) / math.Log(float64(c.LogNLength)))
}
