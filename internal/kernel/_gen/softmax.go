package main

// The softmax of attention in integers, on amd64.

import "math"

// softmaxInt16 writes softmaxInt16(args *softmaxArgs). Rows are taken 16 scores at a time; what is
// missing in the last 16 is the lowest number first, so that its weight is 0. Of instruction sets
// with AMX it writes weights as valuesAMX reads them, 64 at a time.
func softmaxInt16(f *file) {
	const (
		low, minus, sum, coefficients = 5, 6, 7, 8 // vector registers; coefficients takes four
		// 2^floor is nothing, and a normal number (AVX2 only)
		floor = -100
	)
	lowest := math.Float32bits(-math.MaxFloat32)
	c := fit(func(r float64) float64 { return weightTop * math.Exp2(r) }, -0.5, 0.5, 3)
	f.text("softmaxInt16", "(args *softmaxArgs)", 8)
	f.op("MOVQ args+0(FP), DI")
	f.op("MOVQ softmaxArgs_p(DI), DX")
	f.op("MOVQ softmaxArgs_s(DI), SI")
	f.op("MOVQ softmaxArgs_top(DI), R8")
	f.op("MOVQ softmaxArgs_sum(DI), R9")
	f.op("MOVQ softmaxArgs_n(DI), R10")
	step := 16
	if f.isa == amx {
		step = 64
	}
	f.op("LEAQ %d(R10), R11", step-1)
	f.op("ANDQ $~%d, R11", step-1) // keys, rounded up
	for i, v := range c {
		f.op("VMOVUPS %s, %s", f.float(v), f.v(coefficients+i))
	}
	if f.lanes == 8 {
		f.op("VMOVUPS %s, Y%d", f.float(floor), low)
	}
	f.label("row")
	f.op("MOVQ R10, CX")
	f.op("CMPQ CX, R11")
	f.op("JEQ full")
	f.label("fill")
	f.op("MOVL $%#x, (SI)(CX*4)", lowest)
	f.op("INCQ CX")
	f.op("CMPQ CX, R11")
	f.op("JLT fill")
	f.label("full")

	// The maximum. NaN is not looked for: it shows in the sum.
	f.op("MOVQ SI, AX")
	f.op("LEAQ (SI)(R11*4), BX")
	// Four vectors take turns, so that none waits for the one before; the powers of a row cannot
	// begin sooner.
	f.op("VMOVUPS %s, %s", f.constant(lowest), f.v(0))
	for i := 1; i < 4; i++ {
		f.op("VMOVAPS %s, %s", f.v(0), f.v(i))
	}
	f.op("LEAQ %d(BX), CX", -3*f.bytes())
	f.op("CMPQ AX, CX")
	f.op("JGE rest")
	f.label("max")
	for i := range 4 {
		f.op("VMAXPS %d(AX), %s, %s", i*f.bytes(), f.v(i), f.v(i))
	}
	f.op("ADDQ $%d, AX", 4*f.bytes())
	f.op("CMPQ AX, CX")
	f.op("JLT max")
	f.label("rest")
	f.op("CMPQ AX, BX")
	f.op("JGE combine")
	f.op("VMAXPS (AX), %s, %s", f.v(0), f.v(0))
	f.op("ADDQ $%d, AX", f.bytes())
	f.op("JMP rest")
	f.label("combine")
	f.op("VMAXPS %s, %s, %s", f.v(1), f.v(0), f.v(0))
	f.op("VMAXPS %s, %s, %s", f.v(3), f.v(2), f.v(2))
	f.op("VMAXPS %s, %s, %s", f.v(2), f.v(0), f.v(0))
	f.reduce("VMAXPS", 0, 1)
	f.op("VMAXSS (R8), X0, X0")
	f.op("VMOVSS X0, (R8)")
	f.op("VBROADCASTSS X0, %s", f.v(minus))
	f.op("VXORPS %s, %s, %s", f.constant(1<<31), f.v(minus), f.v(minus))

	f.zero(sum)
	f.op("MOVQ SI, AX")
	f.op("MOVQ DX, CX")
	f.label("exp")
	for v := range step / f.lanes {
		x, n, p := 12+3*v, 13+3*v, 14+3*v
		if f.lanes == 8 {
			x, n, p = 3*v, 3*v+1, 12+v
		}
		f.op("VADDPS %d(AX), %s, %s", v*f.bytes(), f.v(minus), f.v(x))
		if f.lanes == 8 {
			f.op("VMAXPS Y%d, Y%d, Y%d", x, low, x) // a NaN is taken from the operand named first
			f.op("VROUNDPS $8, Y%d, Y%d", x, n)
		} else {
			f.op("VRNDSCALEPS $8, Z%d, Z%d", x, n)
		}
		f.op("VSUBPS %s, %s, %s", f.v(n), f.v(x), f.v(x))
		f.op("VMOVAPS %s, %s", f.v(coefficients+3), f.v(p))
		for i := 2; i >= 0; i-- {
			f.op("VFMADD213PS %s, %s, %s", f.v(coefficients+i), f.v(x), f.v(p))
		}
		if f.lanes == 8 {
			f.op("VCVTPS2DQ Y%d, Y%d", n, n)
			f.op("VPSLLD $23, Y%d, Y%d", n, n)
			f.op("VPADDD Y%d, Y%d, Y%d", n, p, p)
		} else {
			f.op("VSCALEFPS Z%d, Z%d, Z%d", n, p, p)
		}
		f.op("VADDPS %s, %s, %s", f.v(p), f.v(sum), f.v(sum))
		f.op("VCVTPS2DQ %s, %s", f.v(p), f.v(p))
	}
	switch {
	case f.lanes == 8:
		f.op("VPACKSSDW Y13, Y12, Y2")
		f.op("VPERMQ $0xD8, Y2, Y2")
		f.op("VMOVDQU Y2, (CX)")
	case f.isa == amx:
		f.splitWeights(14, 17, 20, 23)
	default:
		f.op("VPMOVDW Z14, (CX)")
	}
	f.op("ADDQ $%d, AX", 4*step)
	f.op("ADDQ $%d, CX", 2*step)
	f.op("CMPQ AX, BX")
	f.op("JLT exp")
	f.reduce("VADDPS", sum, 1)
	f.op("VMOVSS X%d, (R9)", sum)

	f.op("ADDQ softmaxArgs_ldp(DI), DX")
	f.op("ADDQ softmaxArgs_lds(DI), SI")
	f.op("ADDQ $4, R8")
	f.op("ADDQ $4, R9")
	f.op("DECQ softmaxArgs_rows(DI)")
	f.op("JNZ row")
	f.ret()
}

// splitWeights writes the upper six bits of 64 weights to CX and the lower six behind them. Packing
// takes turns with the four registers, 4 weights each: so lie the keys of values too, see
// splitValues.
func (f *file) splitWeights(a, b, c, d int) {
	const words, low = 0, 2 // two registers each
	f.op("VPACKUSDW Z%d, Z%d, Z%d", b, a, words)
	f.op("VPACKUSDW Z%d, Z%d, Z%d", d, c, words+1)
	for i := range 2 {
		f.op("VPANDD %s, Z%d, Z%d", f.constant(valueMask), words+i, low+i)
		f.op("VPSRLW $%d, Z%d, Z%d", valueShift, words+i, words+i)
	}
	f.op("VPACKUSWB Z%d, Z%d, Z%d", words+1, words, words)
	f.op("VPACKUSWB Z%d, Z%d, Z%d", low+1, low, low)
	f.op("VMOVDQU64 Z%d, (CX)", words)
	f.op("VMOVDQU64 Z%d, 64(CX)", low)
}

// reduce combines the lanes of vector register r into the lowest one; register t is lost.
func (f *file) reduce(op string, r, t int) {
	if f.lanes == 16 {
		f.op("VEXTRACTF64X4 $1, Z%d, Y%d", r, t)
		f.op("%s Y%d, Y%d, Y%d", op, t, r, r)
	}
	f.op("VEXTRACTF128 $1, Y%d, X%d", r, t)
	f.op("%s X%d, X%d, X%d", op, t, r, r)
	f.op("VPERMILPS $0x4E, X%d, X%d", r, t)
	f.op("%s X%d, X%d, X%d", op, t, r, r)
	f.op("VPERMILPS $0xB1, X%d, X%d", r, t)
	f.op("%s X%d, X%d, X%d", op, t, r, r)
}
