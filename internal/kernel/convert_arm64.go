//go:build gc && !noasm && !purego

package kernel

// Conversions of 16-bit floats on arm64: the assembly of convert_neon_arm64.s, where NEON is in
// use; rounding to half precision is left to Go. The references are in convert.go.

import "github.com/qwenvl/qwenvl/internal/cpu"

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
