//go:build gc && !noasm && !purego

package kernel

//go:noescape
func scaleAVX2(x []float32, s float32)

//go:noescape
func addAVX2(dst, x []float32)

//go:noescape
func mulAVX2(dst, x []float32)

//go:noescape
func maximumAVX2(x []float32) float32

//go:noescape
func expSubAVX2(x []float32, max float32) float32

//go:noescape
func sigmoidAVX2(x []float32)

//go:noescape
func siluAVX2(x []float32)

//go:noescape
func siluMulAVX2(dst, gate, up []float32)

//go:noescape
func quickGELUAVX2(x []float32)

//go:noescape
func geluAVX2(x []float32)

//go:noescape
func geluTanhAVX2(x []float32)

//go:noescape
func sumAVX2(x []float32) float64

//go:noescape
func sumSquaresAVX2(x []float32, mean float64) float64

//go:noescape
func scaleRowAVX2(dst, x, w []float32, s float32)

//go:noescape
func shiftScaleRowAVX2(dst, x, w, b []float32, mean, s float32)

//go:noescape
func rotateHalfAVX2(lo, hi, cos, sin []float32)

//go:noescape
func rotatePairsAVX2(x, cos, sin []float32)

//go:noescape
func bf16ToF32AVX2(dst []float32, src []uint16)

//go:noescape
func f16ToF32AVX2(dst []float32, src []uint16)

//go:noescape
func f32ToF16AVX2(dst []uint16, src []float32)
