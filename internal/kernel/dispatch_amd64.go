//go:build gc && !noasm && !purego

package kernel

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

func expSub(x []float32, max float32) float32 {
	switch {
	case cpu.AVX512:
		return expSubAVX512(x, max)
	case cpu.AVX2:
		return expSubAVX2(x, max)
	default:
		return expSubGo(x, max)
	}
}

func sigmoid(x []float32) {
	switch {
	case cpu.AVX512:
		sigmoidAVX512(x)
	case cpu.AVX2:
		sigmoidAVX2(x)
	default:
		sigmoidGo(x)
	}
}

func silu(x []float32) {
	switch {
	case cpu.AVX512:
		siluAVX512(x)
	case cpu.AVX2:
		siluAVX2(x)
	default:
		siluGo(x)
	}
}

func siluMul(dst, gate, up []float32) {
	switch {
	case cpu.AVX512:
		siluMulAVX512(dst, gate, up)
	case cpu.AVX2:
		siluMulAVX2(dst, gate, up)
	default:
		siluMulGo(dst, gate, up)
	}
}

func quickGELU(x []float32) {
	switch {
	case cpu.AVX512:
		quickGELUAVX512(x)
	case cpu.AVX2:
		quickGELUAVX2(x)
	default:
		quickGELUGo(x)
	}
}

func gelu(x []float32) {
	switch {
	case cpu.AVX512:
		geluAVX512(x)
	case cpu.AVX2:
		geluAVX2(x)
	default:
		geluGo(x)
	}
}

func geluTanh(x []float32) {
	switch {
	case cpu.AVX512:
		geluTanhAVX512(x)
	case cpu.AVX2:
		geluTanhAVX2(x)
	default:
		geluTanhGo(x)
	}
}

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

// The four below do whole vectors in assembly and leave the rest to Go.

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

func bf16ToF32(dst []float32, src []uint16) {
	done := 0
	switch {
	case cpu.AVX512:
		done = len(src) &^ 15
		bf16ToF32AVX512(dst[:done], src[:done])
	case cpu.AVX2:
		done = len(src) &^ 7
		bf16ToF32AVX2(dst[:done], src[:done])
	}
	bf16ToF32Go(dst[done:], src[done:])
}

func f32ToF16(dst []uint16, src []float32) {
	done := 0
	switch {
	case cpu.AVX512:
		done = len(src) &^ 15
		f32ToF16AVX512(dst[:done], src[:done])
	case cpu.AVX2:
		done = len(src) &^ 7
		f32ToF16AVX2(dst[:done], src[:done])
	}
	f32ToF16Go(dst[done:], src[done:])
}

func f16ToF32(dst []float32, src []uint16) {
	done := 0
	switch {
	case cpu.AVX512:
		done = len(src) &^ 15
		f16ToF32AVX512(dst[:done], src[:done])
	case cpu.AVX2:
		done = len(src) &^ 7
		f16ToF32AVX2(dst[:done], src[:done])
	}
	f16ToF32Go(dst[done:], src[done:])
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

//go:noescape
func transpose8AVX2(dst *float32, ldd uintptr, src *float32, lds, n uintptr)

func transpose(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	if !cpu.AVX2 {
		transposeGo(dst, ldd, src, lds, rows, cols)
		return
	}
	wholeRows, wholeCols := rows&^7, cols&^7
	if wholeCols > 0 {
		for r := 0; r < wholeRows; r += 8 {
			transpose8AVX2(&dst[r], uintptr(ldd)*4, &src[r*lds], uintptr(lds)*4, uintptr(wholeCols/8))
		}
	}
	if wholeRows < rows {
		transposeGo(dst[wholeRows:], ldd, src[wholeRows*lds:], lds, rows-wholeRows, cols)
	}
	if wholeCols < cols && wholeRows > 0 {
		transposeGo(dst[wholeCols*ldd:], ldd, src[wholeCols:], lds, wholeRows, cols-wholeCols)
	}
}
