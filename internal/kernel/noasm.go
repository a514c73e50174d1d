//go:build !(amd64 || arm64) || !gc || noasm || purego

package kernel

// Where there is no assembly, each function is its reference; stubs_noasm.go has those that are
// chosen as they are. Kernels that amd64 alone has in assembly stand in attention_noasm.go,
// matmul_blocked_noasm.go, outlier_noasm.go and panel_f16_noasm.go.

// scratchTiles returns the scratch that the products in assembly need.
func scratchTiles(_, _, _ int) int { return 0 }

func matMul(y []float32, ldy int, x []float32, ldx, m int, w weights, n, k int, scratch []float32) {
	matMulGo(y, ldy, x, ldx, m, w, n, k, scratch)
}

func matMulPanel(c []float32, ldc int, a []float32, lda, m int, b []float32, ldb, n, k int,
	accumulate bool, _ []float32) {
	matMulPanelGo(c, ldc, a, lda, m, b, ldb, n, k, accumulate)
}

func transpose(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	transposeGo(dst, ldd, src, lds, rows, cols)
}

func dot(a, b []float32) float32           { return dotGo(a, b) }
func f32ToF16(dst []uint16, src []float32) { f32ToF16Go(dst, src) }

func matMulPacked(y []float32, ldy int, x quantized, m int, p packed, panel0, count, n int) {
	matMulPackedGo(y, ldy, x, m, p, panel0, count, n)
}

func quantizeGroups(q []int8, scale []float32, sums []int32, x []float32) {
	quantizeGroupsGo(q, scale, sums, x)
}

func tileRows() int { return 1 }
