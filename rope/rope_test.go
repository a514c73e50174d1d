package rope

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func axis(pos []Position, a int) []int32 {
	out := make([]int32, len(pos))
	for i, p := range pos {
		out[i] = p[a]
	}
	return out
}

func TestIndexOfPicture(t *testing.T) {
	// Three text tokens, the start marker, a picture of 4x6 patches, the end marker, two text
	// tokens.
	pos, delta, err := Index(13, []Media{{Start: 4, Grid: Grid{1, 4, 6}, Merge: 2}})
	require.NoError(t, err)
	require.Equal(t, []int32{0, 1, 2, 3, 4, 4, 4, 4, 4, 4, 7, 8, 9}, axis(pos, 0))
	require.Equal(t, []int32{0, 1, 2, 3, 4, 4, 4, 5, 5, 5, 7, 8, 9}, axis(pos, 1))
	require.Equal(t, []int32{0, 1, 2, 3, 4, 5, 6, 4, 5, 6, 7, 8, 9}, axis(pos, 2))
	require.Equal(t, -3, delta)
}

func TestIndexOfVideo(t *testing.T) {
	for _, c := range []struct {
		name          string
		seconds, rate float64
		times         []int32
		after         int32
	}{
		{"steps", 1, 0, []int32{4, 5, 6}, 7},
		{"one second a step, four positions a second", 1, 4, []int32{4, 8, 12}, 13},
		{"half a second a step", 0.5, 4, []int32{4, 6, 8}, 9},
		{"truncated after the product", 0.375, 2, []int32{4, 4, 5}, 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			pos, delta, err := Index(18, []Media{{Start: 4, Grid: Grid{3, 4, 4}, Merge: 2, Seconds: c.seconds, Rate: c.rate}})
			require.NoError(t, err)
			for i, time := range c.times {
				for j := range 4 {
					require.Equal(t, time, pos[4+4*i+j][0])
					require.Equal(t, int32(4+j/2), pos[4+4*i+j][1])
					require.Equal(t, int32(4+j%2), pos[4+4*i+j][2])
				}
			}
			require.Equal(t, Position{c.after, c.after, c.after}, pos[16])
			require.Equal(t, int(c.after)+2-18, delta)
		})
	}
}

func TestIndexOfText(t *testing.T) {
	pos, delta, err := Index(3, nil)
	require.NoError(t, err)
	require.Zero(t, delta)
	require.Equal(t, []Position{{0, 0, 0}, {1, 1, 1}, {2, 2, 2}}, pos)
}

func TestIndexRefusesWhatDoesNotFit(t *testing.T) {
	for name, m := range map[string][]Media{
		"past the end": {{Start: 2, Grid: Grid{1, 2, 2}, Merge: 1}},
		"overlap":      {{Start: 0, Grid: Grid{1, 2, 2}, Merge: 1}, {Start: 3, Grid: Grid{1, 1, 1}, Merge: 1}},
		"no frame":     {{Start: 0, Grid: Grid{0, 2, 2}, Merge: 1}},
		"no merge":     {{Start: 0, Grid: Grid{1, 2, 2}}},
		"wild time":    {{Start: 0, Grid: Grid{2, 1, 1}, Merge: 1, Seconds: 1, Rate: math.Inf(1)}},
		"not a time":   {{Start: 0, Grid: Grid{2, 1, 1}, Merge: 1, Seconds: math.NaN(), Rate: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := Index(5, m)
			require.ErrorIs(t, err, ErrMedia)
		})
	}
}

func TestFillTakesAxesInSections(t *testing.T) {
	c := Config{Dim: 16, Theta: 10000, Section: []int{2, 3, 3}}
	require.NoError(t, c.Validate())
	r := New(c)
	cos, sin := make([]float32, 8), make([]float32, 8)
	r.Fill(cos, sin, Position{3, 5, 7})
	for i := range 8 {
		p := []float64{3, 3, 5, 5, 5, 7, 7, 7}[i]
		angle := p * math.Pow(10000, -float64(i)/8)
		require.InDelta(t, math.Cos(angle), cos[i], 1e-6)
		require.InDelta(t, math.Sin(angle), sin[i], 1e-6)
	}
}

func TestConfigBounds(t *testing.T) {
	for name, c := range map[string]Config{
		"odd width":      {Dim: 15, Theta: 1e4},
		"no width":       {Theta: 1e4},
		"no base":        {Dim: 16},
		"NaN base":       {Dim: 16, Theta: math.NaN()},
		"infinite base":  {Dim: 16, Theta: math.Inf(1)},
		"two sections":   {Dim: 16, Theta: 1e4, Section: []int{4, 4}},
		"wrong sum":      {Dim: 16, Theta: 1e4, Section: []int{2, 3, 4}},
		"negative":       {Dim: 16, Theta: 1e4, Section: []int{-2, 5, 5}},
		"huge width":     {Dim: 1 << 20, Theta: 1e4},
		"overflow bait":  {Dim: 16, Theta: 1e4, Section: []int{math.MaxInt, math.MaxInt, 10}},
		"negative base":  {Dim: 16, Theta: -1},
		"base of one":    {Dim: 16, Theta: 1},
		"negative width": {Dim: -16, Theta: 1e4},
	} {
		t.Run(name, func(t *testing.T) { require.ErrorIs(t, c.Validate(), ErrConfig) })
	}
}

func TestVisionAnglesFollowMergeGroups(t *testing.T) {
	const half = 4
	cos, sin := make([]float32, 8*half), make([]float32, 8*half)
	VisionAngles(cos, sin, []Grid{{1, 2, 4}}, 2, half)
	order := [][2]int{{0, 0}, {0, 1}, {1, 0}, {1, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}}
	for i, yx := range order {
		for j := range half {
			f := math.Pow(10000, -float64(j%2)/2)
			angle := float64(yx[j/2]) * f
			require.InDelta(t, math.Cos(angle), cos[i*half+j], 1e-6, "patch %d", i)
			require.InDelta(t, math.Sin(angle), sin[i*half+j], 1e-6, "patch %d", i)
		}
	}
}
