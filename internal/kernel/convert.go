package kernel

// Conversions between float32 and the 16-bit floats: what other packages call, and the references.

import (
	"math"

	"github.com/qwenvl/qwenvl/internal/half"
)

// BF16ToF32 widens bfloat16 bits, which are the upper half of a float32:
//
//	dst[i] = float32 with the bits src[i] << 16
//
// Panics if the lengths differ.
func BF16ToF32(dst []float32, src []uint16) {
	checkPair(len(dst), len(src))
	bf16ToF32(dst, src)
}

func bf16ToF32Go(dst []float32, src []uint16) {
	for i, v := range src {
		dst[i] = math.Float32frombits(uint32(v) << 16)
	}
}

// F16ToF32 widens IEEE half precision bits. Every value is exact, subnormals and infinities
// included; a NaN stays a NaN.
//
// Panics if the lengths differ.
func F16ToF32(dst []float32, src []uint16) {
	checkPair(len(dst), len(src))
	f16ToF32(dst, src)
}

func f16ToF32Go(dst []float32, src []uint16) {
	for i, v := range src {
		dst[i] = halfToFloat(v)
	}
}

// halfToFloat moves exponent and mantissa into place and corrects the exponent's bias by a
// multiplication, which also normalizes subnormals.
func halfToFloat(h uint16) float32 {
	const (
		mantissaShift = 23 - 10
		biasFactor    = 1 << (127 - 15 - 1) * 2.0
		maxHalf       = 0x7c00 << mantissaShift // exponent of Inf and NaN after the shift
		infExponent   = 0xff << 23
	)
	sign := uint32(h&0x8000) << 16
	magnitude := uint32(h&0x7fff) << mantissaShift
	if magnitude >= maxHalf {
		return math.Float32frombits(sign | infExponent | magnitude)
	}
	v := math.Float32frombits(magnitude) * biasFactor
	return math.Float32frombits(sign | math.Float32bits(v))
}

// F32ToF16 rounds to IEEE half precision, half to even; what is too large becomes an infinity, and
// a NaN stays a NaN.
//
// Panics if the lengths differ.
func F32ToF16(dst []uint16, src []float32) {
	checkPair(len(dst), len(src))
	f32ToF16(dst, src)
}

func f32ToF16Go(dst []uint16, src []float32) {
	for i, v := range src {
		dst[i] = half.ToF16(v)
	}
}
