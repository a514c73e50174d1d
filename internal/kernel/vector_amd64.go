//go:build gc && !noasm && !purego

package kernel

// Elementwise functions, the largest element and rotary embeddings on amd64: the assembly of
// vector_<isa>_amd64.s and, for each function, which of it runs. The references are in vector.go,
// softmax.go and rotary.go.

import "github.com/qwenvl/qwenvl/internal/cpu"

func scale(x []float32, s float32) {
	switch {
	case cpu.AVX512:
		scaleAVX512(x, s)
	case cpu.AVX2:
		scaleAVX2(x, s)
	default:
		scaleGo(x, s)
	}
}

func add(dst, x []float32) {
	switch {
	case cpu.AVX512:
		addAVX512(dst, x)
	case cpu.AVX2:
		addAVX2(dst, x)
	default:
		addGo(dst, x)
	}
}

func mul(dst, x []float32) {
	switch {
	case cpu.AVX512:
		mulAVX512(dst, x)
	case cpu.AVX2:
		mulAVX2(dst, x)
	default:
		mulGo(dst, x)
	}
}

func maximum(x []float32) float32 {
	switch {
	case cpu.AVX512:
		return maximumAVX512(x)
	case cpu.AVX2:
		return maximumAVX2(x)
	default:
		return maximumGo(x)
	}
}

func rotateHalf(lo, hi, cos, sin []float32) {
	switch {
	case cpu.AVX512:
		rotateHalfAVX512(lo, hi, cos, sin)
	case cpu.AVX2:
		rotateHalfAVX2(lo, hi, cos, sin)
	default:
		rotateHalfGo(lo, hi, cos, sin)
	}
}

func rotatePairs(x, cos, sin []float32) {
	done := 0
	switch {
	case cpu.AVX512:
		done = len(x) &^ 15
		rotatePairsAVX512(x[:done], cos, sin)
	case cpu.AVX2:
		done = len(x) &^ 7
		rotatePairsAVX2(x[:done], cos, sin)
	}
	rotatePairsGo(x[done:], cos[done/2:], sin[done/2:])
}

// dot is a product of one by one, so that its bits are those of matMul.
func dot(a, b []float32) float32 {
	t, ok := tilesFor(len(a))
	if !ok {
		return dotGo(a, b)
	}
	var y [1]float32
	t.matMulRows(y[:], 1, a, len(a), 1, weights{f32: b}, 1, len(a))
	return y[0]
}
