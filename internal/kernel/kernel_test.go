package kernel

// What the tests of this package share: lengths, offsets, random operands and comparison element by
// element.

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/qwenvl/qwenvl/internal/cpu"
	"github.com/qwenvl/qwenvl/internal/testkit"
)

// lengths covers none to three blocks of the widest vectors with every tail, and a few real widths.
func lengths() []int {
	var ns []int
	for n := range 3*16 + 2 {
		ns = append(ns, n)
	}
	return append(ns, 63, 64, 65, 100, 127, 128, 257, 1280, 1536)
}

// offsets moves the start of a slice off every alignment.
var offsets = []int{0, 1, 3, 8}

func all(t *testing.T, body func(t *testing.T)) {
	t.Helper()
	testkit.AllImplementations(t, cpu.Names(), cpu.Disable, func(t *testing.T, _ string) { body(t) })
}

func newRand() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

func fillNormal(rng *rand.Rand, x []float32) {
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
}

func normal(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	fillNormal(rng, x)
	return x
}

func toFloat64(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

var (
	nan    = float32(math.NaN())
	inf    = float32(math.Inf(1))
	negInf = float32(math.Inf(-1))
)

// checkElementwise compares f, which works in place, with want for every length and offset, on
// values drawn by draw.
func checkElementwise(t *testing.T, f func(x []float32), want func(float64) float64, draw func(*rand.Rand) float32, rel, abs float64) {
	t.Helper()
	rng := newRand()
	for _, n := range lengths() {
		for _, off := range offsets {
			g := testkit.NewGuarded(n, off)
			x := g.Slice()
			expect := make([]float64, n)
			for i := range x {
				x[i] = draw(rng)
				expect[i] = want(float64(x[i]))
			}
			f(x)
			g.Check(t)
			testkit.Close(t, expect, x, rel, abs)
		}
	}
}

// checkSpecial checks f on single values, each in every lane of a vector and of its tail.
func checkSpecial(t *testing.T, f func(x []float32), cases map[float32]float64, abs float64) {
	t.Helper()
	check := func(v float32, want float64) {
		const n = 37
		for at := range n {
			x := make([]float32, n)
			x[at] = v
			f(x)
			testkit.Close(t, []float64{want}, x[at:at+1], 3e-7, abs)
		}
	}
	for v, want := range cases {
		check(v, want)
	}
	check(nan, math.NaN())
}
