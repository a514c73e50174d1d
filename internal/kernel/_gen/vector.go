package main

// Elementwise functions, the largest element and rotary embeddings on amd64.

// vector writes Scale, Add, Mul, Max and the two rotary embeddings.
func vector(f *file) {
	w := f.bytes()
	mask := 15

	f.text("scale", "(x []float32, s float32)", 28)
	f.op("MOVQ x_base+0(FP), AX")
	f.op("MOVQ x_len+8(FP), CX")
	f.op("VBROADCASTSS s+24(FP), %s", f.v(1))
	f.loop([]stream{{"AX", w}}, mask, func(tail bool) {
		f.load("(AX)", 0, mask, tail)
		f.op("VMULPS %s, %s, %s", f.v(1), f.v(0), f.v(0))
		f.store(0, "(AX)", mask, tail)
	})
	f.ret()

	for _, o := range []struct{ name, op string }{{"add", "VADDPS"}, {"mul", "VMULPS"}} {
		f.text(o.name, "(dst, x []float32)", 48)
		f.op("MOVQ dst_base+0(FP), AX")
		f.op("MOVQ dst_len+8(FP), CX")
		f.op("MOVQ x_base+24(FP), BX")
		f.loop([]stream{{"AX", w}, {"BX", w}}, mask, func(tail bool) {
			f.load("(AX)", 0, mask, tail)
			f.load("(BX)", 1, mask, tail)
			f.op("%s %s, %s, %s", o.op, f.v(1), f.v(0), f.v(0))
			f.store(0, "(AX)", mask, tail)
		})
		f.ret()
	}
	maximum(f)
	rotateHalf(f)
	rotatePairs(f)
}

// maximum keeps NaN apart, because the instruction forgets it: in K2 (AVX-512) or in vector
// register 3 (AVX2).
func maximum(f *file) {
	mask := 15
	negInf := f.constant(0xff800000)
	f.text("maximum", "(x []float32) float32", 28)
	f.op("MOVQ x_base+0(FP), AX")
	f.op("MOVQ x_len+8(FP), CX")
	f.op("VMOVUPS %s, %s", negInf, f.v(1))
	f.op("VMOVUPS %s, %s", negInf, f.v(2))
	if f.lanes == 16 {
		f.op("KXORW K2, K2, K2")
	} else {
		f.zero(3)
	}
	f.loop([]stream{{"AX", f.bytes()}}, mask, func(tail bool) {
		f.load("(AX)", 0, mask, tail)
		if tail { // the lanes beyond the end take no part
			if f.lanes == 16 {
				f.op("VBLENDMPS Z0, Z2, K1, Z0")
			} else {
				f.op("VBLENDVPS Y%d, Y0, Y2, Y0", mask)
			}
		}
		if f.lanes == 16 {
			f.op("VCMPPS $3, Z0, Z0, K3")
			f.op("KORW K3, K2, K2")
		} else {
			f.op("VCMPPS $3, Y0, Y0, Y4")
			f.op("VORPS Y4, Y3, Y3")
		}
		f.op("VMAXPS %s, %s, %s", f.v(0), f.v(1), f.v(1))
	})
	if f.lanes == 16 {
		f.op("VEXTRACTF64X4 $1, Z1, Y0")
		f.op("VMAXPS Y0, Y1, Y1")
		f.op("KMOVW K2, AX")
	} else {
		f.op("VMOVMSKPS Y3, AX")
	}
	f.op("VEXTRACTF128 $1, Y1, X0")
	f.op("VMAXPS X0, X1, X1")
	f.op("VPERMILPS $0x4E, X1, X0")
	f.op("VMAXPS X0, X1, X1")
	f.op("VPERMILPS $0xB1, X1, X0")
	f.op("VMAXPS X0, X1, X1")
	f.op("TESTL AX, AX")
	f.op("JZ number")
	f.op("VMOVUPS %s, %s", f.constant(0x7fc00000), f.v(1))
	f.label("number")
	f.op("VMOVSS X1, ret+24(FP)")
	f.ret()
}

func rotateHalf(f *file) {
	w, mask := f.bytes(), 15
	f.text("rotateHalf", "(lo, hi, cos, sin []float32)", 96)
	f.op("MOVQ lo_base+0(FP), AX")
	f.op("MOVQ lo_len+8(FP), CX")
	f.op("MOVQ hi_base+24(FP), BX")
	f.op("MOVQ cos_base+48(FP), DX")
	f.op("MOVQ sin_base+72(FP), SI")
	f.loop([]stream{{"AX", w}, {"BX", w}, {"DX", w}, {"SI", w}}, mask, func(tail bool) {
		f.load("(AX)", 0, mask, tail)
		f.load("(BX)", 1, mask, tail)
		f.load("(DX)", 2, mask, tail)
		f.load("(SI)", 3, mask, tail)
		f.op("VMULPS %s, %s, %s", f.v(3), f.v(1), f.v(4))
		f.op("VMULPS %s, %s, %s", f.v(3), f.v(0), f.v(5))
		f.op("VFMSUB213PS %s, %s, %s", f.v(4), f.v(2), f.v(0))
		f.op("VFMADD213PS %s, %s, %s", f.v(5), f.v(2), f.v(1))
		f.store(0, "(AX)", mask, tail)
		f.store(1, "(BX)", mask, tail)
	})
	f.ret()
}

// rotatePairs counts elements of x; a vector of it takes half a vector of cos and sin, each doubled
// to both lanes of its pair. vector_amd64.go calls it with a multiple of the lanes and leaves the
// rest to Go.
func rotatePairs(f *file) {
	double := func(src string, dst int) {
		f.op("VPMOVZXDQ %s, %s", src, f.v(dst))
		f.op("VMOVSLDUP %s, %s", f.v(dst), f.v(dst))
	}
	f.text("rotatePairs", "(x, cos, sin []float32)", 72)
	f.op("MOVQ x_base+0(FP), AX")
	f.op("MOVQ x_len+8(FP), CX")
	f.op("MOVQ cos_base+24(FP), DX")
	f.op("MOVQ sin_base+48(FP), SI")
	f.op("SHRQ $%d, CX", map[int]int{16: 4, 8: 3}[f.lanes])
	f.op("JZ done")
	f.label("loop")
	f.load("(AX)", 0, 0, false)
	double("(DX)", 1)
	double("(SI)", 2)
	f.op("VPERMILPS $0xB1, %s, %s", f.v(0), f.v(3))
	f.op("VMULPS %s, %s, %s", f.v(3), f.v(2), f.v(2))
	f.op("VFMADDSUB213PS %s, %s, %s", f.v(2), f.v(1), f.v(0))
	f.store(0, "(AX)", 0, false)
	f.op("ADDQ $%d, AX", f.bytes())
	f.op("ADDQ $%d, DX", f.bytes()/2)
	f.op("ADDQ $%d, SI", f.bytes()/2)
	f.op("DECQ CX")
	f.op("JNZ loop")
	f.label("done")
	f.ret()
}
