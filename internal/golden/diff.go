package golden

// Differences between a recorded stage and a computed one.

import (
	"fmt"
	"math"
	"slices"
)

// DiffFloats returns the largest |got-want| over all elements of a float stage.
//
// Errors: another kind or shape, or a got that is not finite.
func (s Stage) DiffFloats(got []float32, shape ...int) (float64, error) {
	if s.IsInt() {
		return math.Inf(1), fmt.Errorf("golden: compare: got floats, want integers")
	}
	if !slices.Equal(shape, s.Shape) || len(got) != len(s.Floats) {
		return math.Inf(1), fmt.Errorf("golden: compare: got %d elements of shape %v, want shape %v", len(got), shape, s.Shape)
	}
	largest := 0.0
	for i, g := range got {
		d := math.Abs(float64(g) - float64(s.Floats[i]))
		if math.IsNaN(d) || math.IsInf(d, 0) {
			return math.Inf(1), fmt.Errorf("golden: compare: element %d is %v, want %v", i, g, s.Floats[i])
		}
		largest = max(largest, d)
	}
	return largest, nil
}

// DiffInts returns an error at the first element of an integer stage that differs, or where kind or
// shape do.
func (s Stage) DiffInts(got []int64, shape ...int) error {
	if !s.IsInt() {
		return fmt.Errorf("golden: compare: got integers, want floats")
	}
	if !slices.Equal(shape, s.Shape) || len(got) != len(s.Ints) {
		return fmt.Errorf("golden: compare: got %d elements of shape %v, want shape %v", len(got), shape, s.Shape)
	}
	for i, g := range got {
		if g != s.Ints[i] {
			return fmt.Errorf("golden: compare: element %d is %d, want %d", i, g, s.Ints[i])
		}
	}
	return nil
}
