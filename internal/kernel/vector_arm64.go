//go:build gc && !noasm && !purego

package kernel

// Elementwise functions, the largest element and rotary embeddings on arm64: the assembly of
// vector_neon_arm64.s, where NEON is in use. The references are in vector.go, softmax.go and
// rotary.go.

import "github.com/qwenvl/qwenvl/internal/cpu"

func scale(x []float32, s float32) {
	if cpu.NEON {
		scaleNEON(x, s)
		return
	}
	scaleGo(x, s)
}

func add(dst, x []float32) {
	if cpu.NEON {
		addNEON(dst, x)
		return
	}
	addGo(dst, x)
}

func mul(dst, x []float32) {
	if cpu.NEON {
		mulNEON(dst, x)
		return
	}
	mulGo(dst, x)
}

func maximum(x []float32) float32 {
	if cpu.NEON {
		return maximumNEON(x)
	}
	return maximumGo(x)
}

func rotateHalf(lo, hi, cos, sin []float32) {
	if cpu.NEON {
		rotateHalfNEON(lo, hi, cos, sin)
		return
	}
	rotateHalfGo(lo, hi, cos, sin)
}

func rotatePairs(x, cos, sin []float32) {
	if cpu.NEON {
		rotatePairsNEON(x, cos, sin)
		return
	}
	rotatePairsGo(x, cos, sin)
}
