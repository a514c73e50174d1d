package testkit

// Slices between guard bands, which show writes beyond either end.

import (
	"math"
	"testing"
)

const guardLen = 32

// guardValue is a signalling pattern that no kernel computes.
var guardValue = math.Float32frombits(0x7fa5a5a5)

// Guarded is a slice of floats between two guard bands, so that writes beyond either end are seen.
type Guarded struct {
	buf       []float32
	lo, width int
}

// NewGuarded returns n zero floats; offset moves them by so many floats, off the alignment that
// offset 0 has.
func NewGuarded(n, offset int) *Guarded {
	g := &Guarded{buf: make([]float32, n+offset+2*guardLen), lo: guardLen + offset, width: n}
	for i := range g.buf {
		g.buf[i] = guardValue
	}
	clear(g.Slice())
	return g
}

// Slice returns the floats inside. Its capacity ends where they end.
func (g *Guarded) Slice() []float32 { return g.buf[g.lo : g.lo+g.width : g.lo+g.width] }

// Check fails the test if a guard band was written to.
func (g *Guarded) Check(t testing.TB) {
	t.Helper()
	for i, v := range g.buf {
		inside := i >= g.lo && i < g.lo+g.width
		if !inside && math.Float32bits(v) != math.Float32bits(guardValue) {
			t.Fatalf("guard band written at %d of a slice of %d: %v", i-g.lo, g.width, v)
		}
	}
}
