package main

// Quantizing activations, and the search for 4-bit steps, on arm64. quantize.go is the same for
// amd64.

import "math"

// neonQuantize writes quantize256(q *int8, scale *float32, sums *int32, x *float32, groups
// uintptr): some groups of activations, as quantizeGroupsGo does it.
func neonQuantize(f *neonFile) {
	f.text("quantize256", "(q *int8, scale *float32, sums *int32, x *float32, groups uintptr)", 40)
	f.op("MOVD q+0(FP), R0")
	f.op("MOVD scale+8(FP), R1")
	f.op("MOVD sums+16(FP), R2")
	f.op("MOVD x+24(FP), R3")
	f.op("MOVD groups+32(FP), R4")
	f.op("MOVD $%#x, R6", math.Float32bits(float32(math.Inf(1))))
	f.op("MOVD $%#x, R7", tinyBits)
	f.useConstants()
	f.float(31, 127)
	f.label("group")
	f.largestBits("R3", group)
	f.op("CMP R6, R8")
	f.op("BHS bad")
	f.op("CMP R7, R8")
	f.op("BLO tiny")
	f.op("FDIVS F31, F0, F1")
	f.op("FMOVS.P F1, 4(R1)")
	f.op("FDIVS F0, F31, F2")
	f.op("MOVD $0, R9") // the sum of all
	for i := 0; i < group; i += 16 {
		if i%part == 0 {
			f.zero(3)
		}
		for j := range 4 {
			f.op("FMOVQ.P 16(R3), F%d", 4+j)
			f.byElement("FMUL", 4+j, 4+j, 2, 0)
			f.v("FCVTNS.4S", 4+j, 4+j)
			f.v("ADD.4S", 3, 3, 4+j)
		}
		f.packBytes()
		f.op("FMOVQ.P F4, 16(R0)")
		if i%part == part-16 {
			f.v("ADDV", 3, 3)
			f.op("FMOVS F3, R8")
			f.op("NEGW R8, R8")
			f.op("MOVW R8, %d(R2)", 4*(1+i/part))
			f.op("ADDW R8, R9, R9")
		}
	}
	f.op("LSLW $7, R9, R9") // times 128
	f.op("MOVW R9, (R2)")
	f.label("next")
	f.op("ADD $%d, R2, R2", 4*(1+groupParts))
	f.op("SUBS $1, R4, R4")
	f.op("BNE group")
	f.ret()
	f.label("bad")
	f.op("MOVD $0x7fc00000, R8")
	f.op("B clear")
	f.label("tiny")
	f.op("MOVD $0, R8")
	f.label("clear")
	f.op("MOVW.P R8, 4(R1)")
	for i := range 1 + groupParts {
		f.op("MOVW ZR, %d(R2)", 4*i)
	}
	f.zero(4)
	for i := 0; i < group; i += 16 {
		f.op("FMOVQ.P F4, 16(R0)")
	}
	f.op("ADD $%d, R3, R3", 4*group)
	f.op("B next")
}

// neonQuantizeInt4 writes what PackInt4 does to a part of 64 weights: extremes64, squares64 and
// round64.
func neonQuantizeInt4(f *neonFile) {
	const inverse, high, low = 29, 30, 31
	scalars := func(at int) {
		f.op("FMOVS inverse+%d(FP), F%d", at, inverse)
		f.op("FMOVS low+%d(FP), F%d", at+4, low)
		f.op("FMOVS high+%d(FP), F%d", at+8, high)
		f.dup("S", low, low, 0)
		f.dup("S", high, high, 0)
	}
	// round leaves w·inverse in u and, rounded, in r.
	round := func(u, r int) {
		f.op("FMOVQ.P 16(R0), F%d", u)
		f.byElement("FMUL", u, u, inverse, 0)
		f.v("FRINTN.4S", r, u)
		f.v("FMAX.4S", r, r, low)
		f.v("FMIN.4S", r, r, high)
	}

	f.text("extremes64", "(w *[64]float32) (bits uint32, low, high float32)", 20)
	f.op("MOVD w+0(FP), R0")
	f.largestBits("R0", part)
	f.op("MOVW R8, bits+8(FP)")
	f.op("FMOVQ (R0), F0")
	f.op("FMOVQ (R0), F2")
	for i := 4; i < part; i += 4 {
		f.op("FMOVQ %d(R0), F1", 4*i)
		f.v("FMIN.4S", 0, 0, 1)
		f.v("FMAX.4S", 2, 2, 1)
	}
	f.v("FMINV", 0, 0)
	f.v("FMAXV", 2, 2)
	f.op("FMOVS F0, low+12(FP)")
	f.op("FMOVS F2, high+16(FP)")
	f.ret()

	f.text("squares64", "(w *[64]float32, inverse, low, high float32) float32", 28)
	f.op("MOVD w+0(FP), R0")
	scalars(8)
	f.zero(0)
	f.zero(1)
	for i := 0; i < part; i += 4 { // eight lanes: two vectors take turns
		u, r := 2+i/4%4*2, 3+i/4%4*2
		round(u, r)
		f.v("FSUB.4S", u, u, r)
		f.v("FMUL.4S", u, u, u)
		f.v("FADD.4S", i/4%2, i/4%2, u)
	}
	f.v("FADD.4S", 0, 0, 1)
	f.dup("D", 1, 0, 1)
	f.v("FADD.4S", 0, 0, 1)
	f.v("FADDP.S", 0, 0)
	f.op("FMOVS F0, ret+24(FP)")
	f.ret()

	f.text("round64", "(q *[64]uint8, w *[64]float32, inverse, low, high float32)", 28)
	f.op("MOVD q+0(FP), R1")
	f.op("MOVD w+8(FP), R0")
	scalars(16)
	for i := 0; i < part; i += 16 {
		for j := range 4 {
			round(4+j, 4+j)
			f.v("FSUB.4S", 4+j, 4+j, low)
			f.v("FCVTNS.4S", 4+j, 4+j)
		}
		f.packBytes()
		f.op("FMOVQ.P F4, 16(R1)")
	}
	f.ret()
}

// packBytes narrows the integers of registers 4 to 7 to bytes, in register 4.
func (f *neonFile) packBytes() {
	f.v("SQXTN.4H", 4, 4)
	f.v("SQXTN2.8H", 4, 5)
	f.v("SQXTN.4H", 6, 6)
	f.v("SQXTN2.8H", 6, 7)
	f.v("SQXTN.8B", 4, 4)
	f.v("SQXTN2.16B", 4, 6)
}

// largestBits finds, in F0 and R8, the largest of the bits of |x| of n elements at the address in
// reg; registers 1 to 7 are lost.
func (f *neonFile) largestBits(reg string, n int) {
	for i := 0; i < n; i += 4 {
		j := i / 4 % 4
		if i < 16 {
			f.op("FMOVQ %d(%s), F%d", 4*i, reg, j)
			f.v("FABS.4S", j, j)
			continue
		}
		f.op("FMOVQ %d(%s), F%d", 4*i, reg, 4+j)
		f.v("FABS.4S", 4+j, 4+j)
		f.v("UMAX.4S", j, j, 4+j)
	}
	f.v("UMAX.4S", 0, 0, 1)
	f.v("UMAX.4S", 2, 2, 3)
	f.v("UMAX.4S", 0, 0, 2)
	f.v("UMAXV", 0, 0)
	f.op("FMOVS F0, R8")
}
