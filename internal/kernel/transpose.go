package kernel

// The transpose of a matrix: what other packages call, and the reference.

// Transpose writes the transpose of a matrix:
//
//	dst[c*ldd+r] = src[r*lds+c]
//
// Shapes: src is [rows, cols] with rows lds apart, dst is [cols, rows] with rows ldd apart; they do
// not overlap.
//
// Panics if the slices are too short for their shapes.
func Transpose(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	checkMatrix(len(dst), ldd, cols, rows)
	checkMatrix(len(src), lds, rows, cols)
	if rows > 0 && cols > 0 {
		transpose(dst, ldd, src, lds, rows, cols)
	}
}

func transposeGo(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	const block = 8 // one cache line's worth of rows stays hot
	for r0 := 0; r0 < rows; r0 += block {
		r1 := min(r0+block, rows)
		for c := range cols {
			out := dst[c*ldd:]
			for r := r0; r < r1; r++ {
				out[r] = src[r*lds+c]
			}
		}
	}
}
