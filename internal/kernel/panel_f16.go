package kernel

// The panel product with a panel in half precision, as caches keep keys and values: widened first,
// or read as it is where few rows pass. panel.go is the product in float32, whose bits it gives.

// MatMulPanelF16 is [MatMulPanelThen] for a panel in half precision, with the bits of widening it
// first ([F16ToF32]). Few rows are multiplied without that where the instruction set can.
//
// Shapes: as MatMulPanel; scratch is k·n floats at least, which are overwritten.
//
// Panics if the slices are too short for their shapes.
func MatMulPanelF16(c []float32, ldc int, a []float32, lda, m int, b []uint16, ldb, n, k int,
	accumulate bool, scratch, next []float32) {
	checkMatrix(len(c), ldc, m, n)
	checkMatrix(len(a), lda, m, k)
	checkMatrix(len(b), ldb, k, n)
	checkMatrix(len(scratch), n, k, n)
	if m == 0 || n == 0 {
		return
	}
	if k == 0 {
		MatMulPanel(c, ldc, a, lda, m, nil, ldb, n, k, accumulate)
		return
	}
	matMulPanelF16(c, ldc, a, lda, m, b, ldb, n, k, accumulate, scratch, next)
}

// matMulPanelWidened widens the panel into scratch and multiplies that.
func matMulPanelWidened(c []float32, ldc int, a []float32, lda, m int, b []uint16, ldb, n, k int,
	accumulate bool, scratch, next []float32) {
	if ldb == n {
		f16ToF32(scratch[:k*n], b[:k*n])
	} else {
		for i := range k {
			f16ToF32(scratch[i*n:][:n], b[i*ldb:][:n])
		}
	}
	matMulPanel(c, ldc, a, lda, m, scratch, n, n, k, accumulate, next)
}
