package kernel

// One step of the gated delta rule against the rule written out in float64.

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDeltaStepFollowsTheRule(t *testing.T) {
	for _, dims := range [][2]int{{1, 1}, {16, 12}, {17, 33}, {128, 128}} {
		dk, dv := dims[0], dims[1]
		rng := rand.New(rand.NewPCG(1, uint64(dk)))
		random := func(n int) []float32 {
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(rng.NormFloat64())
			}
			return x
		}
		state, out := random(dk*dv), make([]float32, dv)
		want := make([]float64, dk*dv)
		for i, x := range state {
			want[i] = float64(x)
		}
		for range 5 {
			q, k, v := random(dk), random(dk), random(dv)
			qs, ks, g, beta := float32(0.3), float32(0.7/math.Sqrt(float64(dk))), float32(-0.4),
				float32(0.6)
			sum := make([]float64, dv)
			for j := range dv {
				p := 0.0
				for i := range dk {
					want[i*dv+j] *= math.Exp(float64(g))
					p += float64(k[i]*ks) * want[i*dv+j]
				}
				for i := range dk {
					want[i*dv+j] += float64(k[i]*ks) * float64(beta) * (float64(v[j]) - p)
					sum[j] += float64(q[i]*qs) * want[i*dv+j]
				}
			}
			DeltaStep(out, state, q, k, v, qs, ks, g, beta)
			for j := range dv {
				require.InDelta(t, sum[j], out[j], 2e-5*math.Sqrt(float64(dk)))
			}
		}
		for i := range want {
			require.InDelta(t, want[i], state[i], 2e-5)
		}
	}
	require.PanicsWithValue(t, badLength, func() { DeltaStep(nil, nil, make([]float32, 2), make([]float32, 3), nil, 1, 1, 0, 1) })
}
