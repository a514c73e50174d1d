//go:build gc && !noasm && !purego

package kernel

// What norms are made of, on amd64: the assembly of norm_<isa>_amd64.s and, for each function,
// which of it runs. The references are in norm.go.

import "github.com/qwenvl/qwenvl/internal/cpu"

func sum(x []float32) float64 {
	switch {
	case cpu.AVX512:
		return sumAVX512(x)
	case cpu.AVX2:
		return sumAVX2(x)
	default:
		return sumGo(x)
	}
}

func sumSquares(x []float32, mean float64) float64 {
	switch {
	case cpu.AVX512:
		return sumSquaresAVX512(x, mean)
	case cpu.AVX2:
		return sumSquaresAVX2(x, mean)
	default:
		return sumSquaresGo(x, mean)
	}
}

func scaleRow(dst, x, w []float32, s float32) {
	switch {
	case cpu.AVX512:
		scaleRowAVX512(dst, x, w, s)
	case cpu.AVX2:
		scaleRowAVX2(dst, x, w, s)
	default:
		scaleRowGo(dst, x, w, s)
	}
}

func shiftScaleRow(dst, x, w, b []float32, mean, s float32) {
	switch {
	case cpu.AVX512:
		shiftScaleRowAVX512(dst, x, w, b, mean, s)
	case cpu.AVX2:
		shiftScaleRowAVX2(dst, x, w, b, mean, s)
	default:
		shiftScaleRowGo(dst, x, w, b, mean, s)
	}
}
