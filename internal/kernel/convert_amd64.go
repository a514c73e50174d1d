//go:build gc && !noasm && !purego

package kernel

// Conversions of 16-bit floats on amd64: the assembly of convert_<isa>_amd64.s, which does whole
// vectors, and which of it runs; the rest is left to the references in convert.go, with the same
// bits.

import "github.com/qwenvl/qwenvl/internal/cpu"

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
