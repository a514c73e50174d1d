package kernel

// bf16x3: a float32 as the sum of three bfloat16, so that an instruction that multiplies bfloat16
// alone multiplies float32 exactly. This file has the cut and, in Go, the order in which the
// products are added; bf16x3_amd64.go does it with AMX.

import "math"

const (
	bf16x3Step  = 32  // elements of k that tiles of bfloat16 multiply at once
	bf16x3Depth = 512 // most of k that is added up before the sum is added to the others
)

// toBF16x3 returns the three bfloat16 numbers that a float32 is the sum of, as float32: its upper,
// middle and lower 8 bits. Where it is not finite the others are 0.
func toBF16x3(v float32) (parts [3]float32) {
	const upper = 0xffff0000
	for i := range parts {
		parts[i] = math.Float32frombits(math.Float32bits(v) & upper)
		if v-v != 0 {
			parts[0] = v
			return parts
		}
		v -= parts[i]
	}
	return parts
}

// matMulBF16x3Go documents in which order AMX adds up the products of rows in float32 and weights
// in bfloat16: k is cut into blocks, as even as multiples of 32 allow; in each, for 32 elements
// after 32 and for the upper, the middle and the lower parts, those at even places and those at odd
// ones are added up by themselves, then the two sums, then what is there. So every product is
// exact, and sums are rounded to float32. What is below the normal numbers counts as 0.
//
// Source: Intel's manual, volume 2, "TDPBF16PS".
func matMulBF16x3Go(y []float32, ldy int, x []float32, ldx, m int, w []uint16, n, k int) {
	depth := blockLen(max(k, 1), bf16x3Depth, bf16x3Step)
	for r := range m {
		for c := range n {
			y[r*ldy+c] = 0
			for k0 := 0; k0 < k; k0 += depth {
				var sum float32
				for s0 := k0; s0 < min(k0+depth, k); s0 += bf16x3Step {
					for part := range 3 {
						var pair [2]float32
						for i := s0; i < min(s0+bf16x3Step, k); i++ {
							v := float64(toBF16x3(x[r*ldx+i])[part]) * float64(fromBF16(w[c*k+i]))
							pair[i%2] = float32(float64(pair[i%2]) + v)
						}
						sum += pair[0] + pair[1]
					}
				}
				y[r*ldy+c] += sum
			}
		}
	}
}
