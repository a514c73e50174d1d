// Package half converts between float32 and the 16-bit formats of checkpoints: bfloat16 and IEEE
// half precision.
//
// It is the scalar definition that faster kernels are held against, and what loads small tensors.
// All functions are pure and safe for concurrent use.
package half

import (
	"math"

	"github.com/x448/float16"
)

// FromBF16 widens a bfloat16, which is the upper half of a float32; the result is exact.
func FromBF16(b uint16) float32 { return math.Float32frombits(uint32(b) << 16) }

// ToBF16 rounds to the nearest bfloat16, ties to even. Values beyond the largest bfloat16 become
// infinities; a NaN stays a NaN with its sign, made quiet.
func ToBF16(f float32) uint16 {
	u := math.Float32bits(f)
	if u&0x7fffffff > 0x7f800000 {
		return uint16(u>>16) | 0x0040 // keep it a NaN even when only low bits were set
	}
	return uint16((u + 0x7fff + u>>16&1) >> 16)
}

// FromF16 widens an IEEE half; the result is exact.
func FromF16(h uint16) float32 { return float16.Frombits(h).Float32() }

// ToF16 rounds to the nearest IEEE half, ties to even; beyond 65504 it becomes an infinity.
func ToF16(f float32) uint16 { return float16.Fromfloat32(f).Bits() }
