//go:build gc && !noasm && !purego

package kernel

// What stands before the assembly of vector.go and rotary.go on amd64 where that does not do
// everything: whole vectors of pairs, and the inner product as a matrix product. The rest is called
// by stubs_amd64.go as it is.

import "github.com/qwenvl/qwenvl/internal/cpu"

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
