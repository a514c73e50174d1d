package kernel

// Activations of feed-forward parts, in place along a row: what other packages call, and the
// references, with math.Exp in float64. The assembly has a polynomial of its own
// (_gen/activation.go); the bounds that tests hold it to are in row_test.go.

import "math"

// Sigmoid applies the logistic function in place:
//
//	x[i] = 1 / (1 + exp(-x[i]))
func Sigmoid(x []float32) { sigmoid(x) }

func sigmoidGo(x []float32) {
	for i, v := range x {
		x[i] = float32(1 / (1 + math.Exp(-float64(v))))
	}
}

// SiLU applies the sigmoid-weighted linear unit in place:
//
//	x[i] = x[i] / (1 + exp(-x[i]))
func SiLU(x []float32) { silu(x) }

func siluGo(x []float32) {
	for i, v := range x {
		x[i] = swish(v, 1)
	}
}

// SiLUMul applies SiLU to gate and multiplies by up, the middle of a gated feed-forward layer:
//
//	dst[i] = gate[i] / (1 + exp(-gate[i])) · up[i]
//
// dst may be gate or up. Panics if the lengths differ.
func SiLUMul(dst, gate, up []float32) {
	checkPair(len(dst), len(gate))
	checkPair(len(dst), len(up))
	siluMul(dst, gate, up)
}

func siluMulGo(dst, gate, up []float32) {
	for i, v := range gate {
		dst[i] = swish(v, 1) * up[i]
	}
}

// QuickGELU applies the sigmoid approximation of GELU in place:
//
//	x[i] = x[i] / (1 + exp(-1.702·x[i]))
//
// Source: Hendrycks and Gimpel (arXiv 1606.08415), section 2.
func QuickGELU(x []float32) { quickGELU(x) }

func quickGELUGo(x []float32) {
	for i, v := range x {
		x[i] = swish(v, quickGELUSlope)
	}
}

const quickGELUSlope = 1.702

// swish returns v · sigmoid(slope·v).
func swish(v float32, slope float64) float32 {
	d := float64(v)
	return float32(d / (1 + math.Exp(-slope*d)))
}

// GELU applies the Gaussian error linear unit in place, with an error below 1e-6:
//
//	x[i] = x[i] · (1 + erf(x[i]/√2)) / 2
//
// Source: Hendrycks and Gimpel (arXiv 1606.08415), section 2.
func GELU(x []float32) { gelu(x) }

func geluGo(x []float32) {
	for i, v := range x {
		d := float64(v)
		// max(v, 0) minus what is missing keeps both tails exact and both infinities right.
		a := min(math.Abs(d), geluCut)
		x[i] = float32(max(d, 0) - a/2*math.Erfc(a/math.Sqrt2))
	}
}

// geluCut is an argument from which on GELU is max(x, 0) in float32.
const geluCut = 15

// GELUTanh applies the tanh approximation of GELU in place:
//
//	x[i] = x[i]/2 · (1 + tanh(√(2/π) · (x[i] + 0.044715·x[i]³)))
//
// Source: Hendrycks and Gimpel (arXiv 1606.08415), section 2.
func GELUTanh(x []float32) { geluTanh(x) }

func geluTanhGo(x []float32) {
	for i, v := range x {
		d := float64(v)
		// (1 + tanh u)/2 is the logistic function of 2u.
		u := 2 * math.Sqrt(2/math.Pi) * (d + geluTanhCubic*d*d*d)
		x[i] = float32(d / (1 + math.Exp(-u)))
	}
}

const geluTanhCubic = 0.044715
