package testkit

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAllImplementationsSwitchesOffTheWiderOnes(t *testing.T) {
	t.Setenv("REQUIRE_ISA", "")
	on := map[string]bool{"wide": true, "narrow": true}
	disable := func(name string) func() {
		on[name] = false
		return func() { on[name] = true }
	}
	var seen []string
	AllImplementations(t, []string{"wide", "narrow"}, disable, func(t *testing.T, isa string) {
		seen = append(seen, isa)
		require.Equal(t, isa == "wide", on["wide"])
		require.Equal(t, isa != Go, on["narrow"])
	})
	require.Equal(t, []string{"wide", "narrow", Go}, seen)
	require.True(t, on["wide"] && on["narrow"])
}

func TestRequired(t *testing.T) {
	t.Setenv("REQUIRE_ISA", "avx512, avx2")
	require.Equal(t, []string{"avx512", "avx2"}, Required())
}

// recorder stands for a test whose failure is expected.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Helper()               {}
func (r *recorder) Fatalf(string, ...any) { r.failed = true }

func TestGuardedSeesWritesOutside(t *testing.T) {
	for _, at := range []int{-1, 7} {
		g := NewGuarded(7, 3)
		for i := range g.Slice() {
			g.Slice()[i] = 1
		}
		g.Check(t)
		g.buf[g.lo+at] = 0
		r := &recorder{TB: t}
		g.Check(r)
		require.True(t, r.failed)
	}
}

func TestULP(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		a, b float32
		want int64
	}{
		{1, 1, 0},
		{1, math.Nextafter32(1, 2), 1},
		{0, float32(math.Copysign(0, -1)), 0},
		{math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, 2},
		{math.MaxFloat32, inf, 1},
		{nan, nan, 0},
		{nan, 1, -1},
	} {
		require.Equal(t, c.want, ULP(c.a, c.b), "%v %v", c.a, c.b)
	}
}

func TestClose(t *testing.T) {
	for _, c := range []struct {
		want float64
		got  float32
		fail bool
	}{
		{1, 1, false},
		{1, 1.2, true},
		{math.NaN(), float32(math.NaN()), false},
		{math.NaN(), 0, true},
		{0, float32(math.NaN()), true},
		{math.Inf(1), math.MaxFloat32, true},
		{math.Inf(1), float32(math.Inf(1)), false},
	} {
		r := &recorder{TB: t}
		Close(r, []float64{c.want}, []float32{c.got}, 0.1, 0)
		require.Equal(t, c.fail, r.failed, "%v %v", c.want, c.got)
	}
}

func TestSameBits(t *testing.T) {
	r := &recorder{TB: t}
	SameBits(r, []float32{0}, []float32{float32(math.Copysign(0, -1))})
	require.True(t, r.failed)
	SameBits(t, []float32{float32(math.NaN())}, []float32{float32(math.NaN())})
}
