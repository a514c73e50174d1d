//go:build gc && !noasm && !purego

package kernel

// Quantizing on amd64, activations and the search for 4-bit steps, in assembly or in Go.

import "github.com/qwenvl/qwenvl/internal/cpu"

func quantizeGroups(q []int8, scale []float32, sums []int32, x []float32) {
	if cpu.AVX2 {
		quantize256AVX2(&q[0], &scale[0], &sums[0], &x[0], uintptr(len(scale)))
		return
	}
	quantizeGroupsGo(q, scale, sums, x)
}

func extremes64(w *[part]float32) (bits uint32, low, high float32) {
	if cpu.AVX2 {
		return extremes64AVX2(w)
	}
	return extremes64Go(w)
}

func squares64(w *[part]float32, inverse, low, high float32) float32 {
	if cpu.AVX2 {
		return squares64AVX2(w, inverse, low, high)
	}
	return squares64Go(w, inverse, low, high)
}

func round64(q *[part]uint8, w *[part]float32, inverse, low, high float32) {
	if cpu.AVX2 {
		round64AVX2(q, w, inverse, low, high)
		return
	}
	round64Go(q, w, inverse, low, high)
}
