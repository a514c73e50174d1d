package main

// Activations on arm64. activation.go explains the arithmetic.

import "math"

// Vector registers with a fixed meaning in these kernels.
const (
	neonHigh = 31 // exp is infinite from here
	neonLow  = 30 // exp is zero from here
	neonOne  = 29
)

// neonActivation writes ExpSub, Sigmoid, SiLU, SiLUMul, QuickGELU, GELU and GELUTanh; the
// arithmetic is explained with activation.
func neonActivation(f *neonFile) {
	neonExpSub(f)
	// quotient turns the exponential e in register 1 into num/(1 + e).
	quotient := func(num int) {
		f.v("FADD.4S", 1, 1, neonOne)
		f.v("FDIV.4S", 1, num, 1)
	}
	f.inPlace("sigmoid", func() {
		f.v("FNEG.4S", 1, 0)
		f.exp(1)
		quotient(neonOne)
	})
	swish := func(slope float64) {
		if slope == 1 {
			f.v("FNEG.4S", 1, 0)
		} else {
			f.float(2, -slope)
			f.v("FMUL.4S", 1, 0, 2)
		}
		f.exp(1)
		quotient(0)
	}
	f.inPlace("silu", func() { swish(1) })
	f.inPlace("quickGELU", func() { swish(quickGELUSlope) })
	f.inPlace("geluTanh", func() {
		f.v("FMUL.4S", 1, 0, 0)
		f.float(2, geluTanhCubic)
		f.v("MOV", 3, neonOne)
		f.v("FMLA.4S", 3, 1, 2)
		f.v("FMUL.4S", 1, 3, 0)
		f.float(2, -2*math.Sqrt(2/math.Pi))
		f.v("FMUL.4S", 1, 1, 2)
		f.exp(1)
		quotient(0)
	})
	f.inPlace("gelu", f.gelu)

	f.text("siluMul", "(dst, gate, up []float32)", 72)
	rows := []row{f.slice("dst", 0, 2, true), f.slice("gate", 24, 3, false),
		f.slice("up", 48, 4, false)}
	f.expBounds()
	f.rowLoop(rows, func(one bool) {
		f.loadRow(3, 0, one)
		f.loadRow(4, 6, one)
		swish(1)
		f.v("FMUL.4S", 1, 1, 6)
		f.storeRow(1, 2, one)
	})
	f.ret()
}

// inPlace writes a function of x alone; body takes register 0 to register 1.
func (f *neonFile) inPlace(name string, body func()) {
	f.text(name, "(x []float32)", 24)
	x := f.slice("x", 0, 2, true)
	f.expBounds()
	f.rowLoop([]row{x}, func(one bool) {
		f.loadRow(2, 0, one)
		body()
		f.storeRow(1, 2, one)
	})
	f.ret()
}

func (f *neonFile) gelu() {
	const top = (geluCut - geluCenter) / float64(geluCut+geluCenter)
	f.v("FABS.4S", 6, 0)
	f.float(7, geluCut)
	f.v("FMIN.4S", 6, 6, 7)
	f.v("FMUL.4S", 1, 6, 6)
	f.float(7, -0.5)
	f.v("FMUL.4S", 1, 1, 7)
	f.exp(1)
	f.float(2, geluCenter)
	f.v("FSUB.4S", 3, 6, 2)
	f.v("FADD.4S", 2, 6, 2)
	f.v("FDIV.4S", 2, 3, 2)
	p := f.polynomial(fit(geluTail, -1, top, 10), 2, 3, 4)
	f.float(5, 0.5)
	f.v("FMUL.4S", 6, 6, 5)
	f.v("FMUL.4S", p, 1, p)
	f.zero(5)
	f.v("FMAX.4S", 1, 0, 5)
	f.v("FMLS.4S", 1, 6, p)
}

// polynomial evaluates the polynomial with coefficients c, lowest first, at register x. It uses two
// registers and returns the one with the result.
func (f *neonFile) polynomial(c []float64, x, p, q int) int {
	f.float(p, c[len(c)-1])
	for i := len(c) - 2; i >= 0; i-- {
		f.float(q, c[i])
		f.v("FMLA.4S", q, p, x)
		p, q = q, p
	}
	return p
}

// expBounds loads the registers that exp wants.
func (f *neonFile) expBounds() {
	f.useConstants()
	f.float(neonHigh, 89)
	f.float(neonLow, -104)
	f.float(neonOne, 1)
}

// exp replaces register x by its exponential; the registers from 2 to 5 are lost. Minimum and
// maximum let NaN through.
func (f *neonFile) exp(x int) {
	const (
		n, t, p, q = 2, 3, 4, 5
		half       = 0.35               // beyond ln 2 / 2
		ln2High    = 0x162e4 / 131072.0 // the upper 17 bits of ln 2
	)
	f.v("FMIN.4S", x, x, neonHigh)
	f.v("FMAX.4S", x, x, neonLow)
	f.float(t, math.Log2E)
	f.v("FMUL.4S", n, x, t)
	f.v("FRINTN.4S", n, n)
	f.float(t, ln2High)
	f.v("FMLS.4S", x, n, t)
	f.float(t, math.Ln2-ln2High)
	f.v("FMLS.4S", x, n, t)
	sum := f.polynomial(fit(expTail, -half, half, 4), x, p, q)
	f.v("FMUL.4S", t, x, x)
	f.v("FMLA.4S", x, t, sum)
	f.v("FADD.4S", x, x, neonOne)
	// 2ⁿ in two factors, each a normal number.
	f.v("FCVTNS.4S", n, n)
	f.shift("SSHR", t, n, 1)
	f.v("SUB.4S", n, n, t)
	f.constant(p, 127)
	for _, r := range []int{t, n} {
		f.v("ADD.4S", r, r, p)
		f.shift("SHL", r, r, 23)
		f.v("FMUL.4S", x, x, r)
	}
}

func neonExpSub(f *neonFile) {
	f.text("expSub", "(x []float32, max float32) float32", 36)
	x := f.slice("x", 0, 2, true)
	f.broadcast("max", 24, 6)
	f.zero(7)
	f.expBounds()
	f.rowLoop([]row{x}, func(one bool) {
		f.loadRow(2, 1, one)
		f.v("FSUB.4S", 1, 1, 6)
		f.exp(1)
		f.storeRow(1, 2, one)
		if one { // the other lanes hold the exponential of -max
			f.v("FMOV.S", 1, 1)
		}
		f.v("FADD.4S", 7, 7, 1)
	})
	f.v("FADDP.4S", 7, 7, 7)
	f.v("FADDP.S", 7, 7)
	f.op("FMOVS F7, ret+32(FP)")
	f.ret()
}
