//go:build gc && !noasm && !purego

package kernel

// Quantizing on arm64, activations and the search for 4-bit steps, in assembly or in Go.

import "github.com/qwenvl/qwenvl/internal/cpu"

func quantizeGroups(q []int8, scale []float32, sums []int32, x []float32) {
	if cpu.NEON {
		quantize256NEON(&q[0], &scale[0], &sums[0], &x[0], uintptr(len(scale)))
		return
	}
	quantizeGroupsGo(q, scale, sums, x)
}

func extremes64(w *[part]float32) (bits uint32, low, high float32) {
	if cpu.NEON {
		return extremes64NEON(w)
	}
	return extremes64Go(w)
}

func squares64(w *[part]float32, inverse, low, high float32) float32 {
	if cpu.NEON {
		return squares64NEON(w, inverse, low, high)
	}
	return squares64Go(w, inverse, low, high)
}

func round64(q *[part]uint8, w *[part]float32, inverse, low, high float32) {
	if cpu.NEON {
		round64NEON(q, w, inverse, low, high)
		return
	}
	round64Go(q, w, inverse, low, high)
}
