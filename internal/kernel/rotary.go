package kernel

// Rotary embeddings of one head, in place: what other packages call, and the references. package
// rope computes the angles.

// RotateHalf applies the rotary embedding whose pairs lie half a row apart, in place. With h =
// len(x)/2:
//
//	x[i], x[i+h] = x[i]·cos[i] - x[i+h]·sin[i], x[i+h]·cos[i] + x[i]·sin[i]    i = 0..h-1
//
// Panics unless cos and sin have half the length of x.
// Source: Su et al. (arXiv 2104.09864), with the channels permuted as in transformers' rotate_half.
func RotateHalf(x, cos, sin []float32) {
	checkPair(len(x), 2*len(cos))
	checkPair(len(cos), len(sin))
	h := len(cos)
	rotateHalf(x[:h:h], x[h:], cos, sin)
}

func rotateHalfGo(lo, hi, cos, sin []float32) {
	for i, c := range cos {
		a, b, s := lo[i], hi[i], sin[i]
		lo[i], hi[i] = a*c-b*s, b*c+a*s
	}
}

// RotatePairs applies the rotary embedding whose pairs are neighboring channels, in place:
//
//	x[2i], x[2i+1] = x[2i]·cos[i] - x[2i+1]·sin[i], x[2i+1]·cos[i] + x[2i]·sin[i]    i = 0..len(x)/2-1
//
// Panics unless cos and sin have half the length of x.
// Source: Su et al. (arXiv 2104.09864), equation 34.
func RotatePairs(x, cos, sin []float32) {
	checkPair(len(x), 2*len(cos))
	checkPair(len(cos), len(sin))
	rotatePairs(x, cos, sin)
}

func rotatePairsGo(x, cos, sin []float32) {
	for i, c := range cos {
		a, b, s := x[2*i], x[2*i+1], sin[i]
		x[2*i], x[2*i+1] = a*c-b*s, b*c+a*s
	}
}
