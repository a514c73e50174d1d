//go:build gc && !noasm && !purego

package kernel

// What norms are made of, on arm64: the assembly of norm_neon_arm64.s, where NEON is in use. The
// references are in norm.go.

import "github.com/qwenvl/qwenvl/internal/cpu"

func sum(x []float32) float64 {
	if cpu.NEON {
		return sumNEON(x)
	}
	return sumGo(x)
}

func sumSquares(x []float32, mean float64) float64 {
	if cpu.NEON {
		return sumSquaresNEON(x, mean)
	}
	return sumSquaresGo(x, mean)
}

func scaleRow(dst, x, w []float32, s float32) {
	if cpu.NEON {
		scaleRowNEON(dst, x, w, s)
		return
	}
	scaleRowGo(dst, x, w, s)
}

func shiftScaleRow(dst, x, w, b []float32, mean, s float32) {
	if cpu.NEON {
		shiftScaleRowNEON(dst, x, w, b, mean, s)
		return
	}
	shiftScaleRowGo(dst, x, w, b, mean, s)
}
