package testkit

// Comparing floats: by bits, and within bounds.

import (
	"math"
	"testing"
)

// SameBits fails the test unless both slices hold the same bit patterns.
func SameBits(t testing.TB, want, got []float32) {
	t.Helper()
	if len(want) != len(got) {
		t.Fatalf("lengths %d and %d", len(want), len(got))
	}
	for i := range want {
		if math.Float32bits(want[i]) != math.Float32bits(got[i]) {
			t.Fatalf("element %d: want %v (%#x), got %v (%#x)", i, want[i], math.Float32bits(want[i]), got[i], math.Float32bits(got[i]))
		}
	}
}

// Close fails the test unless |got-want| <= abs + rel·|want| for each element; NaN must meet NaN,
// and an infinity the same infinity.
func Close(t testing.TB, want []float64, got []float32, rel, abs float64) {
	t.Helper()
	if len(want) != len(got) {
		t.Fatalf("lengths %d and %d", len(want), len(got))
	}
	for i, w := range want {
		if !within(w, float64(got[i]), rel, abs) {
			t.Fatalf("element %d of %d: want %v, got %v (difference %g)", i, len(want), w, got[i], float64(got[i])-w)
		}
	}
}

func within(want, got, rel, abs float64) bool {
	switch {
	case math.IsNaN(want):
		return math.IsNaN(got)
	case math.IsInf(want, 0) || math.IsInf(got, 0):
		return want == got
	}
	return math.Abs(got-want) <= abs+rel*math.Abs(want)
}

// ULP returns how many float32 values lie between a and b, or -1 when exactly one of them is NaN.
func ULP(a, b float32) int64 {
	an, bn := a != a, b != b
	switch {
	case an && bn:
		return 0
	case an || bn:
		return -1
	}
	d := ordered(a) - ordered(b)
	if d < 0 {
		d = -d
	}
	return d
}

// ordered maps floats to integers in the same order, both zeros to 0.
func ordered(f float32) int64 {
	b := int64(math.Float32bits(f))
	if b&0x80000000 != 0 {
		return 0x80000000 - b
	}
	return b
}
