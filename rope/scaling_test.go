package rope

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// What of a text's length matters: nothing up to that of training; then each length, one step, or
// steps of doubled length.
func TestReach(t *testing.T) {
	ones, twos := []float64{1, 1, 1, 1}, []float64{2, 2, 2, 2}
	for name, c := range map[string]struct {
		config Config
		reach  map[int]int
		grows  bool
	}{
		"plain": {Config{}, map[int]int{1: 0, 1 << 30: 0}, false},
		"dynamic": {Config{Scaling: &Scaling{Kind: Dynamic, Factor: 2, Original: 64}},
			map[int]int{1: 0, 64: 0, 65: 65, 1 << 30: 1 << 30}, true},
		"yarn": {Config{Scaling: &Scaling{Kind: YaRN, Factor: 2, Original: 64}},
			map[int]int{64: 0, 65: 0}, false},
		"longrope": {
			Config{Scaling: &Scaling{Kind: LongRoPE, Original: 64, Short: ones, Long: twos}},
			map[int]int{64: 0, 65: 1, 1000: 1}, true},
		"by the prompt": {Config{NTKLength: 64}, map[int]int{64: 0, 65: 2, 128: 2, 129: 3, 256: 3},
			false},
	} {
		t.Run(name, func(t *testing.T) {
			c.config.Dim, c.config.Theta = 8, 1e4
			require.NoError(t, c.config.Validate())
			require.Equal(t, c.grows, c.config.Grows())
			for n, want := range c.reach {
				require.Equal(t, want, c.config.Reach(n), n)
				at := c.config.ForPrompt(n)
				require.NoError(t, at.Validate())
				require.Equal(t, want == 0, New(at).same(New(c.config)), "length %d", n)
			}
		})
	}
}

// same reports whether two embeddings have the same frequencies.
func (r *Rotary) same(other *Rotary) bool {
	for i := range r.freq {
		if r.freq[i] != other.freq[i] {
			return false
		}
	}
	return r.scale == other.scale
}

// Frequencies stay finite numbers whatever the bounds let through.
func TestExtremeScalings(t *testing.T) {
	for _, theta := range []float64{math.Nextafter(1, 2), 1e12} {
		for _, factor := range []float64{1e-6, 1, 1e6} {
			for _, original := range []int{1, 1 << 30} {
				for kind := Linear; kind <= Proportional; kind++ {
					c := Config{Dim: 4, Theta: theta, Scaling: &Scaling{Kind: kind, Factor: factor,
						Original: original, LowFreq: 1e-6, HighFreq: 1e6,
						Short: []float64{1e-6, 1e6}, Long: []float64{1e6, 1e-6}, Rotated: 1}}
					require.NoError(t, c.Validate())
					for _, n := range []int{1, 1 << 30} {
						r := New(c.ForPrompt(n))
						for _, f := range r.freq {
							require.False(t, math.IsNaN(float64(f)) || math.IsInf(float64(f), 0),
								"%+v: %v", c.Scaling, r.freq)
						}
					}
				}
			}
		}
	}
}

func TestScalingBounds(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	ones := []float64{1, 1, 1, 1}
	for name, s := range map[string]Scaling{
		"no kind":            {Factor: 2},
		"another kind":       {Kind: Proportional + 1, Factor: 2},
		"no factor":          {Kind: Linear},
		"endless":            {Kind: Linear, Factor: inf},
		"not a number":       {Kind: Linear, Factor: nan},
		"no length":          {Kind: Dynamic, Factor: 2},
		"negative length":    {Kind: YaRN, Factor: 2, Original: -1},
		"negative scale":     {Kind: Linear, Factor: 2, Attention: -1},
		"scale not a number": {Kind: Linear, Factor: 2, Attention: nan},
		"turns":              {Kind: YaRN, Factor: 2, Original: 9, BetaFast: -1},
		"turns not a number": {Kind: YaRN, Factor: 2, Original: 9, BetaSlow: nan},
		"equal wavelengths":  {Kind: Llama3, Factor: 2, Original: 9, LowFreq: 1, HighFreq: 1},
		"few divisors":       {Kind: LongRoPE, Original: 9, Short: ones[:3], Long: ones[:3]},
		"a divisor of zero": {Kind: LongRoPE, Original: 9, Short: []float64{1, 1, 1, 1},
			Long: []float64{1, 0, 1, 1}},
		"more than rotate": {Kind: Proportional, Factor: 1, Rotated: 5},
	} {
		t.Run(name, func(t *testing.T) {
			c := Config{Dim: 8, Theta: 1e4, Scaling: &s}
			require.ErrorIs(t, c.Validate(), ErrConfig)
		})
	}
	two := Config{Dim: 2, Theta: 1e4, Scaling: &Scaling{Kind: Dynamic, Factor: 2, Original: 9}}
	require.ErrorIs(t, two.Validate(), ErrConfig)
	twice := Config{Dim: 8, Theta: 1e4, NTKLength: 9, Scaling: &Scaling{Kind: Linear, Factor: 2}}
	require.ErrorIs(t, twice.Validate(), ErrConfig)
}

// In turn, axes take what they ask for and time the rest; sections need not fit.
func TestInterleavedSections(t *testing.T) {
	c := Config{Dim: 16, Theta: 1e4, Section: []int{24, 20, 1}, Interleaved: true}
	require.NoError(t, c.Validate())
	require.Equal(t, []uint8{0, 1, 2, 0, 1, 0, 0, 1}, New(c).axis)
}
