package main

// Activations on amd64: exp as a power of two times a polynomial, and what is made of it.
// neon_activation.go is the same for arm64.

import "math"

// Vector registers with a fixed meaning in these kernels. The mask is used by AVX2 only.
const (
	regMask = 15
	regHigh = 14 // exp is infinite from here
	regLow  = 13 // exp is zero from here
)

const (
	quickGELUSlope = 1.702
	geluTanhCubic  = 0.044715
	geluCut        = 15 // from here on GELU is max(x, 0)
)

// activation writes ExpSub, Sigmoid, SiLU, SiLUMul, QuickGELU, GELU and GELUTanh.
func activation(f *file) {
	expSub(f)
	one := f.float(1)
	// quotient turns the exponential e of reg into num/(1 + e).
	quotient := func(num, reg int) {
		f.op("VADDPS %s, %s, %s", one, f.v(reg), f.v(reg))
		f.op("VDIVPS %s, %s, %s", f.v(reg), f.v(num), f.v(reg))
	}
	f.inPlace("sigmoid", func() {
		f.op("VMULPS %s, %s, %s", f.float(-1), f.v(0), f.v(1))
		f.exp(1, 2, 3, 4)
		f.op("VMOVUPS %s, %s", one, f.v(0))
		quotient(0, 1)
	})
	swish := func(slope float64) {
		f.op("VMULPS %s, %s, %s", f.float(-slope), f.v(0), f.v(1))
		f.exp(1, 2, 3, 4)
		quotient(0, 1)
	}
	f.inPlace("silu", func() { swish(1) })
	f.inPlace("quickGELU", func() { swish(quickGELUSlope) })
	f.inPlace("geluTanh", func() {
		// (1 + tanh u)/2 = 1/(1 + exp(-2u)) with u = √(2/π)·x·(1 + 0.044715·x²)
		f.op("VMULPS %s, %s, %s", f.v(0), f.v(0), f.v(1))
		f.op("VMOVUPS %s, %s", f.float(geluTanhCubic), f.v(2))
		f.op("VFMADD213PS %s, %s, %s", one, f.v(2), f.v(1))
		f.op("VMULPS %s, %s, %s", f.v(0), f.v(1), f.v(1))
		f.op("VMULPS %s, %s, %s", f.float(-2*math.Sqrt(2/math.Pi)), f.v(1), f.v(1))
		f.exp(1, 2, 3, 4)
		quotient(0, 1)
	})
	f.inPlace("gelu", func() { gelu(f) })
	siluMul(f, swish)
}

// inPlace writes a function of x alone; body takes register 0 to register 1.
func (f *file) inPlace(name string, body func()) {
	f.text(name, "(x []float32)", 24)
	f.op("MOVQ x_base+0(FP), AX")
	f.op("MOVQ x_len+8(FP), CX")
	f.expBounds()
	f.loop([]stream{{"AX", f.bytes()}}, regMask, func(tail bool) {
		f.load("(AX)", 0, regMask, tail)
		body()
		f.store(1, "(AX)", regMask, tail)
	})
	f.ret()
}

func siluMul(f *file, swish func(slope float64)) {
	f.text("siluMul", "(dst, gate, up []float32)", 72)
	f.op("MOVQ dst_base+0(FP), AX")
	f.op("MOVQ dst_len+8(FP), CX")
	f.op("MOVQ gate_base+24(FP), BX")
	f.op("MOVQ up_base+48(FP), DX")
	f.expBounds()
	w := f.bytes()
	f.loop([]stream{{"AX", w}, {"BX", w}, {"DX", w}}, regMask, func(tail bool) {
		f.load("(BX)", 0, regMask, tail)
		f.load("(DX)", 5, regMask, tail)
		swish(1)
		f.op("VMULPS %s, %s, %s", f.v(5), f.v(1), f.v(1))
		f.store(1, "(AX)", regMask, tail)
	})
	f.ret()
}

// gelu: max(x, 0) - a/2·erfc(a/√2) with a = min(|x|, 15), which is exact in both tails. erfc is
// exp(-a²/2) times a polynomial in (a - 4)/(a + 4).
func gelu(f *file) {
	const top = (geluCut - geluCenter) / float64(geluCut+geluCenter)
	c := fit(geluTail, -1, top, 10)
	f.op("VANDPS %s, %s, %s", f.constant(0x7fffffff), f.v(0), f.v(5))
	f.op("VMOVUPS %s, %s", f.float(geluCut), f.v(6))
	f.op("VMINPS %s, %s, %s", f.v(5), f.v(6), f.v(5)) // a NaN is taken from the operand named first
	f.op("VMULPS %s, %s, %s", f.v(5), f.v(5), f.v(1))
	f.op("VMULPS %s, %s, %s", f.float(-0.5), f.v(1), f.v(1))
	f.exp(1, 2, 3, 4)
	f.op("VSUBPS %s, %s, %s", f.float(geluCenter), f.v(5), f.v(2))
	f.op("VADDPS %s, %s, %s", f.float(geluCenter), f.v(5), f.v(3))
	f.op("VDIVPS %s, %s, %s", f.v(3), f.v(2), f.v(2))
	f.polynomial(c, 2, 3)
	f.op("VMULPS %s, %s, %s", f.float(0.5), f.v(5), f.v(5))
	f.op("VMULPS %s, %s, %s", f.v(3), f.v(1), f.v(1))
	f.zero(6)
	f.op("VMAXPS %s, %s, %s", f.v(0), f.v(6), f.v(6))
	f.op("VFNMADD213PS %s, %s, %s", f.v(6), f.v(5), f.v(1))
}

// polynomial evaluates the polynomial with coefficients c, lowest first, at register x into
// register p.
func (f *file) polynomial(c []float64, x, p int) {
	f.op("VMOVUPS %s, %s", f.float(c[len(c)-1]), f.v(p))
	for i := len(c) - 2; i >= 0; i-- {
		f.op("VFMADD213PS %s, %s, %s", f.float(c[i]), f.v(x), f.v(p))
	}
}

// expBounds loads the registers that exp wants.
func (f *file) expBounds() {
	f.op("VMOVUPS %s, %s", f.float(89), f.v(regHigh))
	f.op("VMOVUPS %s, %s", f.float(-104), f.v(regLow))
}

// exp replaces register x by its exponential, using three more. With n = round(x/ln 2) and r = x -
// n·ln 2 it is 2ⁿ·(1 + r + r²·q(r)). ln 2 is split so that taking n·(its upper part) from x is
// exact. NaN stays NaN: minimum and maximum take it from the operand named first.
func (f *file) exp(x, n, p, t int) {
	const ln2High = 0x162e4 / 131072.0 // the upper 17 bits of ln 2
	f.op("VMINPS %s, %s, %s", f.v(x), f.v(regHigh), f.v(x))
	f.op("VMAXPS %s, %s, %s", f.v(x), f.v(regLow), f.v(x))
	f.op("VMULPS %s, %s, %s", f.float(math.Log2E), f.v(x), f.v(n))
	if f.lanes == 16 {
		f.op("VRNDSCALEPS $8, Z%d, Z%d", n, n)
	} else {
		f.op("VROUNDPS $8, Y%d, Y%d", n, n)
	}
	f.op("VFNMADD231PS %s, %s, %s", f.float(ln2High), f.v(n), f.v(x))
	f.op("VFNMADD231PS %s, %s, %s", f.float(math.Ln2-ln2High), f.v(n), f.v(x))
	const half = 0.35 // beyond ln 2 / 2
	f.polynomial(fit(expTail, -half, half, 4), x, p)
	f.op("VMULPS %s, %s, %s", f.v(x), f.v(x), f.v(t))
	f.op("VFMADD213PS %s, %s, %s", f.v(x), f.v(t), f.v(p))
	f.op("VADDPS %s, %s, %s", f.float(1), f.v(p), f.v(p))
	if f.lanes == 16 {
		f.op("VSCALEFPS Z%d, Z%d, Z%d", n, p, x)
		return
	}
	// 2ⁿ in two factors, each a normal number.
	bias := f.constant(127)
	f.op("VCVTPS2DQ Y%d, Y%d", n, n)
	f.op("VPSRAD $1, Y%d, Y%d", n, t)
	f.op("VPSUBD Y%d, Y%d, Y%d", t, n, n)
	f.op("VPADDD %s, Y%d, Y%d", bias, t, t)
	f.op("VPADDD %s, Y%d, Y%d", bias, n, n)
	f.op("VPSLLD $23, Y%d, Y%d", t, t)
	f.op("VPSLLD $23, Y%d, Y%d", n, n)
	f.op("VMULPS Y%d, Y%d, Y%d", t, p, p)
	f.op("VMULPS Y%d, Y%d, Y%d", n, p, x)
}

func expSub(f *file) {
	f.text("expSub", "(x []float32, max float32) float32", 36)
	f.op("MOVQ x_base+0(FP), AX")
	f.op("MOVQ x_len+8(FP), CX")
	f.op("VBROADCASTSS max+24(FP), %s", f.v(6))
	f.zero(7)
	f.expBounds()
	f.loop([]stream{{"AX", f.bytes()}}, regMask, func(tail bool) {
		f.load("(AX)", 1, regMask, tail)
		f.op("VSUBPS %s, %s, %s", f.v(6), f.v(1), f.v(1))
		f.exp(1, 2, 3, 4)
		f.store(1, "(AX)", regMask, tail)
		switch {
		case !tail:
			f.op("VADDPS %s, %s, %s", f.v(1), f.v(7), f.v(7))
		case f.lanes == 16:
			f.op("VADDPS Z1, Z7, K1, Z7")
		default:
			f.op("VANDPS Y%d, Y1, Y1", regMask)
			f.op("VADDPS Y1, Y7, Y7")
		}
	})
	if f.lanes == 16 {
		f.op("VEXTRACTF64X4 $1, Z7, Y1")
		f.op("VADDPS Y1, Y7, Y7")
	}
	f.op("VEXTRACTF128 $1, Y7, X1")
	f.op("VADDPS X1, X7, X7")
	f.op("VPERMILPS $0x4E, X7, X1")
	f.op("VADDPS X1, X7, X7")
	f.op("VPERMILPS $0xB1, X7, X1")
	f.op("VADDPS X1, X7, X7")
	f.op("VMOVSS X7, ret+32(FP)")
	f.ret()
}
