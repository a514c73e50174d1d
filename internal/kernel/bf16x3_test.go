package kernel

// bf16x3: the three parts add up, and the reference of the products is near float64.

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestToBF16x3(t *testing.T) {
	rng := newRand()
	check := func(v float32) {
		parts := toBF16x3(v)
		var sum float64
		for _, p := range parts {
			require.Zero(t, math.Float32bits(p)&0xffff, "%v: %v is no bfloat16", v, p)
			sum += float64(p)
		}
		require.Equal(t, float64(v), sum)
	}
	for range 10000 {
		v := math.Float32frombits(rng.Uint32())
		if exponent := math.Float32bits(v) >> 23 & 255; exponent > 16 && exponent < 255 { // parts below the normal numbers have fewer bits
			check(v)
		}
	}
	for _, v := range []float32{0, 1, -1, math.MaxFloat32, -math.MaxFloat32} {
		check(v)
	}
	require.Equal(t, [3]float32{inf}, toBF16x3(inf))
	require.Equal(t, [3]float32{negInf}, toBF16x3(negInf))
	parts := toBF16x3(math.Float32frombits(0x7f800001)) // a NaN that its upper half does not show
	require.True(t, parts[0] != parts[0])
	require.Zero(t, parts[1])
}

func TestMatMulBF16x3GoAgainstFloat64(t *testing.T) {
	rng := newRand()
	for _, s := range []struct{ m, n, k int }{{1, 1, 1}, {3, 5, 0}, {2, 3, 31}, {3, 4, 33}, {2, 5, 512}, {3, 7, 1500}} {
		p := newProduct(rng, formatBF16, s.m, s.n, s.k, s.k+2)
		want, size := p.oracle()
		got := make([]float32, s.m*s.n)
		matMulBF16x3Go(got, s.n, p.x, p.ldx, s.m, p.u16, s.n, s.k)
		for i := range want {
			require.InDelta(t, want[i], got[i], size[i]*3e-7, "%v", s)
		}
	}
}
