//go:build !amd64 || !gc || noasm || purego

package kernel

// The panel product with a panel in half precision where no kernel reads one: it is widened first.

func matMulPanelF16(c []float32, ldc int, a []float32, lda, m int, b []uint16, ldb, n, k int,
	accumulate bool, scratch, next []float32) {
	matMulPanelWidened(c, ldc, a, lda, m, b, ldb, n, k, accumulate, scratch, next)
}
