package kernel

// Elementwise functions and the inner product: what other packages call, and the references.

// Scale multiplies each element by s:
//
//	x[i] *= s
func Scale(x []float32, s float32) { scale(x, s) }

func scaleGo(x []float32, s float32) {
	for i := range x {
		x[i] *= s
	}
}

// Add adds x to dst:
//
//	dst[i] += x[i]
//
// Panics if the lengths differ.
func Add(dst, x []float32) {
	checkPair(len(dst), len(x))
	add(dst, x)
}

func addGo(dst, x []float32) {
	for i := range dst {
		dst[i] += x[i]
	}
}

// Mul multiplies dst by x, element by element:
//
//	dst[i] *= x[i]
//
// Panics if the lengths differ.
func Mul(dst, x []float32) {
	checkPair(len(dst), len(x))
	mul(dst, x)
}

func mulGo(dst, x []float32) {
	for i := range dst {
		dst[i] *= x[i]
	}
}

// Dot returns the inner product of a and b. Its bits are those of the element that [MatMulF32]
// computes for the row a and the weight row b.
//
// Panics if the lengths differ.
func Dot(a, b []float32) float32 {
	checkPair(len(a), len(b))
	return dot(a, b)
}

func dotGo(a, b []float32) float32 {
	var sum float32
	for k0 := 0; k0 < len(a); k0 += goTile {
		k1 := min(k0+goTile, len(a))
		w := b[k0:k1]
		s, _, _, _ := dot4(a[k0:k1], w, w, w, w)
		sum += s
	}
	return sum
}
