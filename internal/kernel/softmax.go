package kernel

// The parts of a softmax in float32: the largest element and exponentials with their sum.
// softmax_int16.go is the softmax of attention in integers.

import "math"

// Max returns the largest element, NaN if there is one among them, and -Inf if x is empty.
func Max(x []float32) float32 { return maximum(x) }

func maximumGo(x []float32) float32 {
	m := float32(math.Inf(-1))
	for _, v := range x {
		m = max(m, v)
	}
	return m
}

// ExpSub replaces each element by the exponential of its difference to max, and returns the sum of
// the results:
//
//	x[i] = exp(x[i] - max)
//
// exp(-Inf) is 0 and NaN stays NaN; the error is below 2e-7 of the result wherever that is a normal
// float32. The sum is taken in an order that depends on len(x) only.
func ExpSub(x []float32, max float32) float32 { return expSub(x, max) }

func expSubGo(x []float32, max float32) float32 {
	var sum float32
	for i, v := range x {
		e := float32(math.Exp(float64(v - max)))
		x[i] = e
		sum += e
	}
	return sum
}
