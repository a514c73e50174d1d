package rope

// Prompts longer than those that a model was trained on: a larger base for the whole sequence, and
// queries that grow with the logarithm of their position.

import "math"

// ForPrompt returns the configuration for a sequence that starts with a prompt of n tokens: past
// NTKLength the base grows, for the whole of the sequence.
//
// Source: dynamic NTK scaling as in Qwen (arXiv 2309.16609), section 2.4; the hub's modeling code,
// get_ntk_alpha.
func (c Config) ForPrompt(n int) Config {
	if c.NTKLength == 0 || n <= c.NTKLength {
		return c
	}
	alpha := math.Pow(2, math.Ceil(math.Log2(float64(n)/float64(c.NTKLength))+1)) - 1
	if alpha > 1 {
		c.Theta *= math.Pow(alpha, float64(c.Dim)/float64(c.Dim-2))
	}
	return c
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
