package main

import "math"

// softmaxInt16 writes softmaxInt16(args *softmaxArgs). Rows are taken 16 scores at a time; what is missing in the last 16 is the
// lowest number first, so that its weight is 0.
func softmaxInt16(f *file) {
	const (
		low, minus, sum, coefficients = 5, 6, 7, 8 // vector registers; coefficients takes four
		floor                         = -100       // 2^floor is nothing, and a normal number (AVX2 only)
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
	f.op("LEAQ 15(R10), R11")
	f.op("ANDQ $~15, R11") // keys, rounded up
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
	f.op("VMOVUPS %s, %s", f.constant(lowest), f.v(0))
	if f.lanes == 8 {
		f.op("VMOVAPS Y0, Y1")
	}
	f.label("max")
	f.op("VMAXPS (AX), %s, %s", f.v(0), f.v(0))
	if f.lanes == 8 {
		f.op("VMAXPS 32(AX), Y1, Y1")
	}
	f.op("ADDQ $64, AX")
	f.op("CMPQ AX, BX")
	f.op("JLT max")
	if f.lanes == 8 {
		f.op("VMAXPS Y1, Y0, Y0")
	}
	f.reduce("VMAXPS", 0, 1)
	f.op("VMAXSS (R8), X0, X0")
	f.op("VMOVSS X0, (R8)")
	f.op("VBROADCASTSS X0, %s", f.v(minus))
	f.op("VXORPS %s, %s, %s", f.constant(1<<31), f.v(minus), f.v(minus))

	f.zero(sum)
	f.op("MOVQ SI, AX")
	f.op("MOVQ DX, CX")
	f.label("exp")
	for v := range 16 / f.lanes {
		x, n, p := 3*v, 3*v+1, 3*v+2
		if v == 1 {
			x, n, p = 3, 4, 13
		}
		f.op("VADDPS %d(AX), %s, %s", v*32, f.v(minus), f.v(x))
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
	if f.lanes == 8 {
		f.op("VPACKSSDW Y13, Y2, Y2")
		f.op("VPERMQ $0xD8, Y2, Y2")
		f.op("VMOVDQU Y2, (CX)")
	} else {
		f.op("VPMOVDW Z2, (CX)")
	}
	f.op("ADDQ $64, AX")
	f.op("ADDQ $32, CX")
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
