//go:build gc && !noasm && !purego

package kernel

//go:noescape
func scaleNEON(x []float32, s float32)

//go:noescape
func addNEON(dst, x []float32)

//go:noescape
func mulNEON(dst, x []float32)

//go:noescape
func maximumNEON(x []float32) float32

//go:noescape
func expSubNEON(x []float32, max float32) float32

//go:noescape
func sigmoidNEON(x []float32)

//go:noescape
func siluNEON(x []float32)

//go:noescape
func siluMulNEON(dst, gate, up []float32)

//go:noescape
func quickGELUNEON(x []float32)

//go:noescape
func geluNEON(x []float32)

//go:noescape
func geluTanhNEON(x []float32)

//go:noescape
func sumNEON(x []float32) float64

//go:noescape
func sumSquaresNEON(x []float32, mean float64) float64

//go:noescape
func scaleRowNEON(dst, x, w []float32, s float32)

//go:noescape
func shiftScaleRowNEON(dst, x, w, b []float32, mean, s float32)

//go:noescape
func rotateHalfNEON(lo, hi, cos, sin []float32)

//go:noescape
func rotatePairsNEON(x, cos, sin []float32)

//go:noescape
func bf16ToF32NEON(dst []float32, src []uint16)

//go:noescape
func f16ToF32NEON(dst []float32, src []uint16)
