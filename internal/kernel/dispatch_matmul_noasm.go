//go:build !(amd64 || arm64) || !gc || noasm || purego

package kernel

// scratchBlocked returns the scratch that the blocked product in assembly needs.
func scratchBlocked(int) int { return 0 }

func matMul(y []float32, ldy int, x []float32, ldx, m int, w weights, n, k int, scratch []float32) {
	matMulGo(y, ldy, x, ldx, m, w, n, k, scratch)
}

func matMulPanel(c []float32, ldc int, a []float32, lda, m int, b []float32, ldb, n, k int, accumulate bool) {
	matMulPanelGo(c, ldc, a, lda, m, b, ldb, n, k, accumulate)
}

func transpose(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	transposeGo(dst, ldd, src, lds, rows, cols)
}

func dot(a, b []float32) float32 { return dotGo(a, b) }

func matMulPacked(y []float32, ldy int, x quantized, m int, p packed, panel0, count, n int) {
	matMulPackedGo(y, ldy, x, m, p, panel0, count, n)
}
