package main

// The parts of norms on amd64. neon_row.go has them for arm64.

// norm writes the statistics (in float64) and the row scalings of RMSNorm and LayerNorm.
func norm(f *file) {
	statistic(f, "sum", "(x []float32) float64", 32, false)
	statistic(f, "sumSquares", "(x []float32, mean float64) float64", 40, true)

	w, mask := f.bytes(), 15
	f.text("scaleRow", "(dst, x, w []float32, s float32)", 76)
	f.op("MOVQ dst_base+0(FP), AX")
	f.op("MOVQ x_base+24(FP), BX")
	f.op("MOVQ x_len+32(FP), CX")
	f.op("MOVQ w_base+48(FP), DX")
	f.op("VBROADCASTSS s+72(FP), %s", f.v(2))
	f.loop([]stream{{"AX", w}, {"BX", w}, {"DX", w}}, mask, func(tail bool) {
		f.load("(BX)", 0, mask, tail)
		f.load("(DX)", 1, mask, tail)
		f.op("VMULPS %s, %s, %s", f.v(2), f.v(0), f.v(0))
		f.op("VMULPS %s, %s, %s", f.v(1), f.v(0), f.v(0))
		f.store(0, "(AX)", mask, tail)
	})
	f.ret()

	f.text("shiftScaleRow", "(dst, x, w, b []float32, mean, s float32)", 104)
	f.op("MOVQ dst_base+0(FP), AX")
	f.op("MOVQ x_base+24(FP), BX")
	f.op("MOVQ x_len+32(FP), CX")
	f.op("MOVQ w_base+48(FP), DX")
	f.op("MOVQ b_base+72(FP), SI")
	f.op("VBROADCASTSS mean+96(FP), %s", f.v(3))
	f.op("VBROADCASTSS s+100(FP), %s", f.v(4))
	f.loop([]stream{{"AX", w}, {"BX", w}, {"DX", w}, {"SI", w}}, mask, func(tail bool) {
		f.load("(BX)", 0, mask, tail)
		f.load("(DX)", 1, mask, tail)
		f.load("(SI)", 2, mask, tail)
		f.op("VSUBPS %s, %s, %s", f.v(3), f.v(0), f.v(0))
		f.op("VMULPS %s, %s, %s", f.v(4), f.v(0), f.v(0))
		f.op("VFMADD213PS %s, %s, %s", f.v(2), f.v(1), f.v(0))
		f.store(0, "(AX)", mask, tail)
	})
	f.ret()
}

// statistic writes a sum of doubles over the row: of the elements, or of the squares of their
// differences to mean. Two vectors of half the lanes take turns; what is left is added one by one.
func statistic(f *file, name, signature string, argBytes int, squares bool) {
	half := f.lanes / 2
	wide, narrow := "Z", "Y" // registers of half doubles, and of half floats
	if f.lanes == 8 {
		wide, narrow = "Y", "X"
	}
	f.text(name, signature, argBytes)
	f.op("MOVQ x_base+0(FP), AX")
	f.op("MOVQ x_len+8(FP), CX")
	ret := "ret+24(FP)"
	if squares {
		ret = "ret+32(FP)"
		f.op("VBROADCASTSD mean+24(FP), %s2", wide)
	}
	for i := range 2 {
		f.zero(i)
	}
	f.op("VXORPS X6, X6, X6")
	term := func(addr string, acc int) {
		t := 3 + acc
		f.op("VMOVUPS %s, %s%d", addr, narrow, t)
		f.op("VCVTPS2PD %s%d, %s%d", narrow, t, wide, t)
		if !squares {
			f.op("VADDPD %s%d, %s%d, %s%d", wide, t, wide, acc, wide, acc)
			return
		}
		f.op("VSUBPD %s2, %s%d, %s%d", wide, wide, t, wide, t)
		f.op("VFMADD231PD %s%d, %s%d, %s%d", wide, t, wide, t, wide, acc)
	}
	f.op("SUBQ $%d, CX", f.lanes)
	f.op("JLT rest")
	f.label("loop")
	term("(AX)", 0)
	term(formatOffset(4*half, "AX"), 1)
	f.op("ADDQ $%d, AX", f.bytes())
	f.op("SUBQ $%d, CX", f.lanes)
	f.op("JGE loop")
	f.label("rest")
	f.op("ADDQ $%d, CX", f.lanes)
	f.op("JZ done")
	f.label("one")
	f.op("VMOVSS (AX), X3")
	f.op("VCVTSS2SD X3, X3, X3")
	if squares {
		f.op("VSUBSD X2, X3, X3")
		f.op("VFMADD231SD X3, X3, X6")
	} else {
		f.op("VADDSD X3, X6, X6")
	}
	f.op("ADDQ $4, AX")
	f.op("DECQ CX")
	f.op("JNZ one")
	f.label("done")
	f.op("VADDPD %s1, %s0, %s0", wide, wide, wide)
	if f.lanes == 16 {
		f.op("VEXTRACTF64X4 $1, Z0, Y1")
		f.op("VADDPD Y1, Y0, Y0")
	}
	f.op("VEXTRACTF128 $1, Y0, X1")
	f.op("VADDPD X1, X0, X0")
	f.op("VUNPCKHPD X0, X0, X1")
	f.op("VADDSD X1, X0, X0")
	f.op("VADDSD X6, X0, X0")
	f.op("VMOVSD X0, %s", ret)
	f.ret()
}
