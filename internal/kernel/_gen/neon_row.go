package main

// Functions along a row on arm64: elementwise ones, norms, rotary embeddings and conversions.

import "fmt"

// row is one argument of a function along rows: the register with its address, and the bytes of one
// element.
type row struct{ reg, size int }

// rowLoop writes a loop over R1 elements: body for four at a time, then for one at a time, which
// leaves lanes 1 to 3 of what is loaded 0. The addresses move along by themselves.
func (f *neonFile) rowLoop(rows []row, body func(one bool)) {
	advance := func(n int) {
		for _, r := range rows {
			f.op("ADD $%d, R%d, R%d", n*r.size, r.reg, r.reg)
		}
	}
	f.op("SUBS $4, R1, R1")
	f.op("BLT rest")
	f.label("loop")
	body(false)
	advance(4)
	f.op("SUBS $4, R1, R1")
	f.op("BGE loop")
	f.label("rest")
	f.op("ADDS $4, R1, R1")
	f.op("BEQ done")
	f.label("one")
	body(true)
	advance(1)
	f.op("SUBS $1, R1, R1")
	f.op("BNE one")
	f.label("done")
}

// loadRow and storeRow move four floats, or one, between vector register d and the address in
// R<reg>.
func (f *neonFile) loadRow(reg, d int, one bool) { f.op("%s (R%d), F%d", floatMove(one), reg, d) }

func (f *neonFile) storeRow(d, reg int, one bool) { f.op("%s F%d, (R%d)", floatMove(one), d, reg) }

func floatMove(one bool) string {
	if one {
		return "FMOVS"
	}
	return "FMOVQ"
}

// slice loads the address of the argument of that name at that offset into R<reg>; counted, also
// its length into R1.
func (f *neonFile) slice(name string, offset, reg int, counted bool) row {
	f.op("MOVD %s_base+%d(FP), R%d", name, offset, reg)
	if counted {
		f.op("MOVD %s_len+%d(FP), R1", name, offset+8)
	}
	return row{reg, 4}
}

// broadcast loads a float argument into every lane of d.
func (f *neonFile) broadcast(name string, offset, d int) {
	f.op("FMOVS %s+%d(FP), F%d", name, offset, d)
	f.dup("S", d, d, 0)
}

// neonVector writes Scale, Add, Mul, Max and the two rotary embeddings.
func neonVector(f *neonFile) {
	f.text("scale", "(x []float32, s float32)", 28)
	x := f.slice("x", 0, 2, true)
	f.broadcast("s", 24, 1)
	f.rowLoop([]row{x}, func(one bool) {
		f.loadRow(2, 0, one)
		f.v("FMUL.4S", 0, 0, 1)
		f.storeRow(0, 2, one)
	})
	f.ret()
	for _, o := range []struct{ name, op string }{{"add", "FADD.4S"}, {"mul", "FMUL.4S"}} {
		f.text(o.name, "(dst, x []float32)", 48)
		dst, x := f.slice("dst", 0, 2, true), f.slice("x", 24, 3, false)
		f.rowLoop([]row{dst, x}, func(one bool) {
			f.loadRow(2, 0, one)
			f.loadRow(3, 1, one)
			f.v(o.op, 0, 0, 1)
			f.storeRow(0, 2, one)
		})
		f.ret()
	}
	neonMaximum(f)
	neonRotateHalf(f)
	neonRotatePairs(f)
}

// neonMaximum: the instruction returns NaN where there is one, as Max must.
func neonMaximum(f *neonFile) {
	f.text("maximum", "(x []float32) float32", 28)
	x := f.slice("x", 0, 2, true)
	f.useConstants()
	f.constant(1, 0xff800000)
	f.v("MOV", 2, 1)
	f.rowLoop([]row{x}, func(one bool) {
		f.loadRow(2, 0, one)
		if one {
			f.v("FMAX.S", 2, 2, 0)
		} else {
			f.v("FMAX.4S", 1, 1, 0)
		}
	})
	f.v("FMAXV", 1, 1)
	f.v("FMAX.S", 1, 1, 2)
	f.op("FMOVS F1, ret+24(FP)")
	f.ret()
}

// rotate writes the rotation of (a, b) by (cos, sin) to (p, q).
func (f *neonFile) rotate(a, b, cos, sin, p, q int) {
	f.v("FMUL.4S", p, a, cos)
	f.v("FMUL.4S", q, b, cos)
	f.v("FMLS.4S", p, b, sin)
	f.v("FMLA.4S", q, a, sin)
}

func neonRotateHalf(f *neonFile) {
	f.text("rotateHalf", "(lo, hi, cos, sin []float32)", 96)
	rows := []row{f.slice("lo", 0, 2, true), f.slice("hi", 24, 3, false),
		f.slice("cos", 48, 4, false), f.slice("sin", 72, 5, false)}
	f.rowLoop(rows, func(one bool) {
		for i := range 4 {
			f.loadRow(2+i, i, one)
		}
		f.rotate(0, 1, 2, 3, 4, 5)
		f.storeRow(4, 2, one)
		f.storeRow(5, 3, one)
	})
	f.ret()
}

// neonRotatePairs counts pairs. Loads and stores of pairs take them apart and together.
func neonRotatePairs(f *neonFile) {
	f.text("rotatePairs", "(x, cos, sin []float32)", 72)
	f.slice("x", 0, 2, false)
	rows := []row{{2, 8}, f.slice("cos", 24, 3, true), f.slice("sin", 48, 4, false)}
	f.rowLoop(rows, func(one bool) {
		if one {
			f.op("FMOVS (R2), F0")
			f.op("FMOVS 4(R2), F1")
		} else {
			f.op("VLD2 (R2), [V0.S4, V1.S4]")
		}
		f.loadRow(3, 2, one)
		f.loadRow(4, 3, one)
		f.rotate(0, 1, 2, 3, 4, 5)
		if one {
			f.op("FMOVS F4, (R2)")
			f.op("FMOVS F5, 4(R2)")
		} else {
			f.op("VST2 [V4.S4, V5.S4], (R2)")
		}
	})
	f.ret()
}

// neonConvert writes the widening of 16-bit floats.
func neonConvert(f *neonFile) {
	for _, c := range []struct{ name, format string }{{"bf16ToF32", "BF16"}, {"f16ToF32", "F16"}} {
		f.text(c.name, "(dst []float32, src []uint16)", 48)
		rows := []row{f.slice("dst", 0, 2, true), f.slice("src", 24, 3, false)}
		rows[1].size = 2
		f.rowLoop(rows, func(one bool) {
			if one {
				f.halfLoad(0, 3, 0)
			} else {
				f.op("FMOVD (R3), F0")
			}
			f.widen16(c.format, 0, 0, false)
			f.storeRow(0, 2, one)
		})
		f.ret()
	}
}

// neonNorm writes the statistics (in float64) and the row scalings of RMSNorm and LayerNorm.
func neonNorm(f *neonFile) {
	neonStatistic(f, "sum", "(x []float32) float64", 32, false)
	neonStatistic(f, "sumSquares", "(x []float32, mean float64) float64", 40, true)

	f.text("scaleRow", "(dst, x, w []float32, s float32)", 76)
	rows := []row{f.slice("dst", 0, 2, false), f.slice("x", 24, 3, true),
		f.slice("w", 48, 4, false)}
	f.broadcast("s", 72, 2)
	f.rowLoop(rows, func(one bool) {
		f.loadRow(3, 0, one)
		f.loadRow(4, 1, one)
		f.v("FMUL.4S", 0, 0, 2)
		f.v("FMUL.4S", 0, 0, 1)
		f.storeRow(0, 2, one)
	})
	f.ret()

	f.text("shiftScaleRow", "(dst, x, w, b []float32, mean, s float32)", 104)
	rows = []row{f.slice("dst", 0, 2, false), f.slice("x", 24, 3, true), f.slice("w", 48, 4, false),
		f.slice("b", 72, 5, false)}
	f.broadcast("mean", 96, 3)
	f.broadcast("s", 100, 4)
	f.rowLoop(rows, func(one bool) {
		f.loadRow(3, 0, one)
		f.loadRow(4, 1, one)
		f.loadRow(5, 2, one)
		f.v("FSUB.4S", 0, 0, 3)
		f.v("FMUL.4S", 0, 0, 4)
		f.v("FMLA.4S", 2, 0, 1)
		f.storeRow(2, 2, one)
	})
	f.ret()
}

// neonStatistic writes a sum of doubles over the row: of the elements, or of the squares of their
// differences to mean. Two vectors of two take turns; what is left goes to a third.
func neonStatistic(f *neonFile, name, signature string, argBytes int, squares bool) {
	f.text(name, signature, argBytes)
	x := f.slice("x", 0, 2, true)
	ret := 24
	if squares {
		ret = 32
		f.op("FMOVD mean+24(FP), F3")
		f.dup("D", 3, 3, 0)
	}
	for i := range 3 {
		f.zero(i)
	}
	term := func(acc, v int) {
		if !squares {
			f.v("FADD.2D", acc, acc, v)
			return
		}
		f.v("FSUB.2D", v, v, 3)
		f.v("FMLA.2D", acc, v, v)
	}
	f.rowLoop([]row{x}, func(one bool) {
		f.loadRow(2, 4, one)
		if one { // lane 1 of the third vector does not count
			f.v("FCVTL.2D", 4, 4)
			term(2, 4)
			return
		}
		f.v("FCVTL2.2D", 5, 4)
		f.v("FCVTL.2D", 4, 4)
		term(0, 4)
		term(1, 5)
	})
	f.v("FADD.2D", 0, 0, 1)
	f.v("FADDP.D", 0, 0)
	f.v("FADD.2D", 0, 0, 2)
	f.op("FMOVD F0, %s", fmt.Sprintf("ret+%d(FP)", ret))
	f.ret()
}
