//go:build gc && !noasm && !purego

package kernel

//go:noescape
func scaleAVX512(x []float32, s float32)

//go:noescape
func addAVX512(dst, x []float32)

//go:noescape
func mulAVX512(dst, x []float32)

//go:noescape
func maximumAVX512(x []float32) float32

//go:noescape
func expSubAVX512(x []float32, max float32) float32

//go:noescape
func sigmoidAVX512(x []float32)

//go:noescape
func siluAVX512(x []float32)

//go:noescape
func siluMulAVX512(dst, gate, up []float32)

//go:noescape
func quickGELUAVX512(x []float32)

//go:noescape
func geluAVX512(x []float32)

//go:noescape
func geluTanhAVX512(x []float32)

//go:noescape
func sumAVX512(x []float32) float64

//go:noescape
func sumSquaresAVX512(x []float32, mean float64) float64

//go:noescape
func scaleRowAVX512(dst, x, w []float32, s float32)

//go:noescape
func shiftScaleRowAVX512(dst, x, w, b []float32, mean, s float32)

//go:noescape
func rotateHalfAVX512(lo, hi, cos, sin []float32)

//go:noescape
func rotatePairsAVX512(x, cos, sin []float32)

//go:noescape
func bf16ToF32AVX512(dst []float32, src []uint16)

//go:noescape
func f16ToF32AVX512(dst []float32, src []uint16)

//go:noescape
func f32ToF16AVX512(dst []uint16, src []float32)
