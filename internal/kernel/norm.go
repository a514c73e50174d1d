package kernel

// RMS norm and layer norm along a row: what other packages call, and the references of their parts.
// Sums are taken in float64, so that instruction sets differ in the last bits only.

import "math"

// RMSNorm divides a row by its root mean square and multiplies it by the weights:
//
//	dst[i] = x[i] · (1/√(mean(x²) + eps)) · w[i]
//
// The mean is taken in float64. dst may be x. An empty row is left alone.
//
// Panics if the lengths differ.
// Source: Zhang and Sennrich (arXiv 1910.07467).
func RMSNorm(dst, x, w []float32, eps float32) {
	checkPair(len(dst), len(x))
	checkPair(len(dst), len(w))
	if len(x) == 0 {
		return
	}
	mean := sumSquares(x, 0) / float64(len(x))
	scaleRow(dst, x, w, float32(1/math.Sqrt(mean+float64(eps))))
}

// LayerNorm shifts a row to mean 0, scales it to variance 1 and applies weights and bias:
//
//	dst[i] = (x[i] - mean(x)) · (1/√(var(x) + eps)) · w[i] + b[i]
//
// Mean and variance (of the row, not of a sample) are taken in float64. dst may be x. An empty row
// is left alone.
//
// Panics if the lengths differ.
// Source: Ba, Kiros and Hinton (arXiv 1607.06450).
func LayerNorm(dst, x, w, b []float32, eps float32) {
	checkPair(len(dst), len(x))
	checkPair(len(dst), len(w))
	checkPair(len(dst), len(b))
	if len(x) == 0 {
		return
	}
	mean := sum(x) / float64(len(x))
	variance := sumSquares(x, mean) / float64(len(x))
	shiftScaleRow(dst, x, w, b, float32(mean), float32(1/math.Sqrt(variance+float64(eps))))
}

// sumGo returns the sum in float64.
func sumGo(x []float32) float64 {
	var s float64
	for _, v := range x {
		s += float64(v)
	}
	return s
}

// sumSquaresGo returns Σ (x[i] - mean)² in float64.
func sumSquaresGo(x []float32, mean float64) float64 {
	var s float64
	for _, v := range x {
		d := float64(v) - mean
		s += d * d
	}
	return s
}

// scaleRowGo computes dst[i] = x[i] · s · w[i].
func scaleRowGo(dst, x, w []float32, s float32) {
	for i, v := range x {
		dst[i] = v * s * w[i]
	}
}

// shiftScaleRowGo computes dst[i] = (x[i] - mean) · s · w[i] + b[i].
func shiftScaleRowGo(dst, x, w, b []float32, mean, s float32) {
	for i, v := range x {
		dst[i] = (v-mean)*s*w[i] + b[i]
	}
}
