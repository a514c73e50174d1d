//go:build gc && !noasm && !purego

package kernel

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

func expSub(x []float32, max float32) float32 {
	if cpu.NEON {
		return expSubNEON(x, max)
	}
	return expSubGo(x, max)
}

func sigmoid(x []float32) {
	if cpu.NEON {
		sigmoidNEON(x)
		return
	}
	sigmoidGo(x)
}

func silu(x []float32) {
	if cpu.NEON {
		siluNEON(x)
		return
	}
	siluGo(x)
}

func siluMul(dst, gate, up []float32) {
	if cpu.NEON {
		siluMulNEON(dst, gate, up)
		return
	}
	siluMulGo(dst, gate, up)
}

func quickGELU(x []float32) {
	if cpu.NEON {
		quickGELUNEON(x)
		return
	}
	quickGELUGo(x)
}

func gelu(x []float32) {
	if cpu.NEON {
		geluNEON(x)
		return
	}
	geluGo(x)
}

func geluTanh(x []float32) {
	if cpu.NEON {
		geluTanhNEON(x)
		return
	}
	geluTanhGo(x)
}

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

func bf16ToF32(dst []float32, src []uint16) {
	if cpu.NEON {
		bf16ToF32NEON(dst, src)
		return
	}
	bf16ToF32Go(dst, src)
}

func f16ToF32(dst []float32, src []uint16) {
	if cpu.NEON {
		f16ToF32NEON(dst, src)
		return
	}
	f16ToF32Go(dst, src)
}

func f32ToF16(dst []uint16, src []float32) { f32ToF16Go(dst, src) }
