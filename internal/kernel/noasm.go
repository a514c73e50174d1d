//go:build !(amd64 || arm64) || !gc || noasm || purego

package kernel

// Where there is no assembly, each function is its reference. Kernels that amd64 alone has in
// assembly are chosen in attention_noasm.go, matmul_blocked_noasm.go, outlier_noasm.go and
// panel_f16_noasm.go.

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

func scale(x []float32, s float32)              { scaleGo(x, s) }
func add(dst, x []float32)                      { addGo(dst, x) }
func mul(dst, x []float32)                      { mulGo(dst, x) }
func dot(a, b []float32) float32                { return dotGo(a, b) }
func maximum(x []float32) float32               { return maximumGo(x) }
func expSub(x []float32, max float32) float32   { return expSubGo(x, max) }
func sigmoid(x []float32)                       { sigmoidGo(x) }
func silu(x []float32)                          { siluGo(x) }
func siluMul(dst, gate, up []float32)           { siluMulGo(dst, gate, up) }
func quickGELU(x []float32)                     { quickGELUGo(x) }
func gelu(x []float32)                          { geluGo(x) }
func geluTanh(x []float32)                      { geluTanhGo(x) }
func sum(x []float32) float64                   { return sumGo(x) }
func sumSquares(x []float32, m float64) float64 { return sumSquaresGo(x, m) }
func scaleRow(dst, x, w []float32, s float32)   { scaleRowGo(dst, x, w, s) }
func rotateHalf(lo, hi, cos, sin []float32)     { rotateHalfGo(lo, hi, cos, sin) }
func rotatePairs(x, cos, sin []float32)         { rotatePairsGo(x, cos, sin) }
func bf16ToF32(dst []float32, src []uint16)     { bf16ToF32Go(dst, src) }
func f16ToF32(dst []float32, src []uint16)      { f16ToF32Go(dst, src) }
func f32ToF16(dst []uint16, src []float32)      { f32ToF16Go(dst, src) }

func shiftScaleRow(dst, x, w, b []float32, mean, s float32) {
	shiftScaleRowGo(dst, x, w, b, mean, s)
}

func matMulPacked(y []float32, ldy int, x quantized, m int, p packed, panel0, count, n int) {
	matMulPackedGo(y, ldy, x, m, p, panel0, count, n)
}

func quantizeGroups(q []int8, scale []float32, sums []int32, x []float32) {
	quantizeGroupsGo(q, scale, sums, x)
}

func extremes64(w *[part]float32) (bits uint32, low, high float32) { return extremes64Go(w) }

func squares64(w *[part]float32, inverse, low, high float32) float32 {
	return squares64Go(w, inverse, low, high)
}

func round64(q *[part]uint8, w *[part]float32, inverse, low, high float32) {
	round64Go(q, w, inverse, low, high)
}

func tileRows() int { return 1 }
