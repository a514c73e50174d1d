package kernel

// The softmax between the products of attention in integers: scores to weights of 12 bits, block of
// keys by block. What other packages call, and the reference. softmax.go has the parts of that in
// float32.

import "math"

// SoftmaxInt16 turns m rows of scores into weights relative to the running maximum of each row,
// which it updates:
//
//	top[r] = max(top[r], max_i s[r,i]),  p[r,i] = 4095·2^(s[r,i] - top[r]) rounded,  sum[r] = Σ_i 4095·2^(s[r,i] - top[r])
//
// The powers are right to 2e-4 of them. A row with a NaN or an infinity gets a sum that is NaN, and
// undefined weights. The result of a row depends on that row only.
//
// Shapes: s is [m, WeightKeys(n)] with rows lds apart, of which the first n elements are read and
// the others lost; p is [m, WeightKeys(n)] with rows ldp apart, zero from n on; top and sum are
// [m].
//
// Panics if n exceeds GroupKeys or the slices are too short for their shapes.
func SoftmaxInt16(p []int16, ldp int, s []float32, lds, m, n int, top, sum []float32) {
	if n > GroupKeys {
		panic(badKeys)
	}
	checkMatrix(len(p), ldp, m, WeightKeys(n))
	checkMatrix(len(s), lds, m, WeightKeys(n))
	checkPacked(len(top), m, len(sum), m)
	if n == 0 {
		clear(sum[:m])
	} else if m > 0 {
		softmaxInt16(p, ldp, s, lds, m, n, top, sum)
	}
}

func softmaxInt16Go(p []int16, ldp int, s []float32, lds, m, n int, top, sum []float32) {
	for r := range m {
		row, weights := s[r*lds:][:n], p[r*ldp:][:WeightKeys(n)]
		top[r] = max(top[r], maximumGo(row))
		clear(weights[n:])
		sum[r] = 0
		for i, v := range row {
			e := float32(weightTop * math.Exp2(float64(v-top[r])))
			sum[r] += e
			weights[i] = 0
			if e > 0 { // NaN has no integer
				weights[i] = int16(math.RoundToEven(float64(e)))
			}
		}
	}
}
