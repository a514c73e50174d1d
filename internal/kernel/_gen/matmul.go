package main

// Inner-product tiles with stored weights on amd64. long.go and micro.go are those of one long row
// and of many rows; neon_matmul.go is the same for arm64.

import "fmt"

// weightFormats are the formats of stored weights, as package kernel names them.
var weightFormats = []string{"F32", "BF16", "F16"}

// dotCols is the number of weight rows that one call multiplies; the reductions are written for
// four.
const dotCols = 4

// dotRows returns the most rows of x of one call: as many as keep rows·dotCols sums, the operands
// and nothing else in registers.
func dotRows(v isa) int {
	if v.lanes == 16 {
		return 6
	}
	return 3
}

// matMul writes two kinds of inner-product tiles of up to dotRows rows of x by four weight rows:
// dot<format>x<rows> goes along the four weight rows at once, row<format>x<rows> along one after
// the other, which is how memory is read fastest. Each of the rows·4 sums is one vector whose lane
// l adds, with fused multiply-adds, the products at l, l+lanes, l+2·lanes…; at the end the lanes
// are added to y in order. The tiles of longTile and micro do the same, so all give the same bits.
func matMul(f *file) {
	for _, format := range weightFormats {
		for rows := 1; rows <= dotRows(f.isa); rows++ {
			dotTile(f, format, rows)
			rowTile(f, format, rows)
		}
		if f.lanes == 16 {
			longTile(f, format)
		}
	}
	micro(f)
}

var weightRegs = [dotCols]string{"BX", "CX", "DX", "SI"}

// rowAddr addresses row r of x: AX is row 0, R8, R9, R10 are 1, 3 and 5 times the stride.
func rowAddr(r, disp int) string {
	return fmt.Sprintf("%d(AX)", disp) + []string{"", "(R8*1)", "(R8*2)", "(R9*1)", "(R8*4)",
		"(R10*1)"}[r]
}

// sum is the register of the sum of row r of x and weight row c.
func sum(r, c int) int { return r*dotCols + c }

// weightBytes is what one vector of weights takes in memory.
func (f *file) weightBytes(format string) int {
	if format == "F32" {
		return f.bytes()
	}
	return f.bytes() / 2
}

// dotStart loads the arguments' address, the strides of x and (AVX-512) the tail's mask.
func dotStart(f *file) {
	f.op("MOVQ args+0(FP), DI")
	if f.lanes == 16 {
		f.op("MOVQ dotArgs_tail(DI), CX")
		f.tailMask(0)
	}
	f.op("MOVQ dotArgs_ldx(DI), R8")
	f.op("LEAQ (R8)(R8*2), R9")
	f.op("LEAQ (R8)(R8*4), R10")
}

// steps writes a loop over R13 steps, some at a time and then one by one. It goes on at the label
// name+"end".
func (f *file) steps(name string, step func(i int), advance func(n int)) {
	const unroll = 4
	f.op("SUBQ $%d, R13", unroll)
	f.op("JLT %srest", name)
	f.label(name + "loop")
	for i := range unroll {
		step(i)
	}
	advance(unroll)
	f.op("SUBQ $%d, R13", unroll)
	f.op("JGE %sloop", name)
	f.label(name + "rest")
	f.op("ADDQ $%d, R13", unroll)
	f.op("JZ %send", name)
	f.label(name + "one")
	step(0)
	advance(1)
	f.op("DECQ R13")
	f.op("JNZ %sone", name)
	f.label(name + "end")
}

func dotTile(f *file, format string, rows int) {
	f.text(fmt.Sprintf("dot%sx%d", format, rows), "(args *dotArgs)", 8)
	dotStart(f)
	f.op("MOVQ dotArgs_x(DI), AX")
	for c, reg := range weightRegs {
		f.op("MOVQ (dotArgs_w+%d)(DI), %s", 8*c, reg)
	}
	f.op("MOVQ dotArgs_steps(DI), R13")
	f.op("MOVQ dotArgs_prefetchW(DI), R12")

	for i := range rows * dotCols {
		f.zero(i)
	}
	f.op("MOVQ dotArgs_prefetchX(DI), R11")
	w := f.weightBytes(format)
	f.steps("", func(i int) {
		if f.lanes == 16 {
			for c, reg := range weightRegs {
				f.widen(format, fmt.Sprintf("%d(%s)", i*w, reg), 24+c, false)
			}
			for r := range rows {
				t := 28 + r%4
				f.op("VMOVUPS %s, Z%d", rowAddr(r, i*64), t)
				for c := range dotCols {
					f.op("VFMADD231PS Z%d, Z%d, Z%d", t, 24+c, sum(r, c))
				}
			}
			return
		}
		for r := range rows {
			f.op("VMOVUPS %s, Y%d", rowAddr(r, i*32), 12+r)
		}
		for c, reg := range weightRegs {
			f.widen(format, fmt.Sprintf("%d(%s)", i*w, reg), 15, false)
			for r := range rows {
				f.op("VFMADD231PS Y15, Y%d, Y%d", 12+r, sum(r, c))
			}
		}
	}, func(n int) {
		if n > 1 {
			f.op("PREFETCHT1 (R12)")
			f.op("PREFETCHT1 64(R12)")
			f.op("ADDQ $128, R12")
			f.op("TESTQ R11, R11")
			f.op("JZ advance")
			f.op("PREFETCHT1 (R11)")
			f.op("PREFETCHT1 64(R11)")
			f.op("ADDQ $128, R11")
			f.label("advance")
		}
		f.op("ADDQ $%d, AX", n*f.bytes())
		for _, reg := range weightRegs {
			f.op("ADDQ $%d, %s", n*w, reg)
		}
	})
	f.op("MOVQ dotArgs_tail(DI), R13")
	f.op("TESTQ R13, R13")
	f.op("JZ finish")
	dotTail(f, format, rows, 0, weightRegs[:])

	f.label("finish")
	dotReduce(f, rows)
	f.ret()
}

func rowTile(f *file, format string, rows int) {
	f.text(fmt.Sprintf("row%sx%d", format, rows), "(args *dotArgs)", 8)
	dotStart(f)
	w := f.weightBytes(format)
	f.op("MOVQ dotArgs_distance(DI), R12")
	for c := range dotCols {
		f.op("MOVQ dotArgs_x(DI), AX")
		f.op("MOVQ (dotArgs_w+%d)(DI), BX", 8*c)
		f.op("MOVQ dotArgs_steps(DI), R13")
		for r := range rows {
			f.zero(sum(r, c))
		}
		f.steps(fmt.Sprint("row", c), func(i int) {
			t := 15
			if f.lanes == 16 {
				t = 24 + i
			}
			f.widen(format, fmt.Sprintf("%d(BX)", i*w), t, false)
			for r := range rows {
				f.op("VFMADD231PS %s, %s, %s", rowAddr(r, i*f.bytes()), f.v(t), f.v(sum(r, c)))
			}
		}, func(n int) {
			f.fetchRow(n * w)
			f.op("ADDQ $%d, AX", n*f.bytes())
			f.op("ADDQ $%d, BX", n*w)
		})
		f.op("MOVQ dotArgs_tail(DI), R13")
		f.op("TESTQ R13, R13")
		f.op("JZ row%dfinish", c)
		dotTail(f, format, rows, c, []string{"BX"})
		f.label(fmt.Sprintf("row%dfinish", c))
	}
	dotReduce(f, rows)
	f.ret()
}

// fetchRow fetches as many bytes of the weights at BX as a step takes, R12 bytes ahead.
func (f *file) fetchRow(bytes int) {
	for line := 0; line < bytes; line += 64 {
		f.op("PREFETCHT1 %d(BX)(R12*1)", line)
	}
}

// dotReduce adds the lanes of each sum, one after the other, to the elements of y in the columns
// wanted. Four sums are transposed, so that the same lane of all four lies side by side.
func dotReduce(f *file, rows int) {
	f.op("MOVQ dotArgs_y(DI), AX")
	f.op("MOVQ dotArgs_ldy(DI), BX")
	f.op("MOVQ dotArgs_cols(DI), CX")
	if f.lanes == 16 {
		f.tailMask(0)
	} else {
		f.op("LEAQ %s, R11", f.firstOnes())
		f.op("NEGQ CX")
	}
	for r := range rows {
		lanes := f.transpose4(sum(r, 0))
		y, t := 24, 25
		if f.lanes == 16 {
			f.op("VMOVUPS.Z (AX), K1, X24")
		} else {
			y, t = 12, 13
			f.op("VMOVUPS 32(R11)(CX*4), X14")
			f.op("VMASKMOVPS (AX), X14, X12")
		}
		for q := range f.lanes / 4 {
			for _, v := range lanes {
				switch {
				case q == 0:
					f.op("VADDPS X%d, X%d, X%d", v, y, y)
				case f.lanes == 16:
					f.op("VEXTRACTF32X4 $%d, Z%d, X%d", q, v, t)
					f.op("VADDPS X%d, X%d, X%d", t, y, y)
				default:
					f.op("VEXTRACTF128 $1, Y%d, X%d", v, t)
					f.op("VADDPS X%d, X%d, X%d", t, y, y)
				}
			}
		}
		if f.lanes == 16 {
			f.op("VMOVUPS X24, K1, (AX)")
		} else {
			f.op("VMASKMOVPS X12, X14, (AX)")
		}
		if r < rows-1 {
			f.op("ADDQ BX, AX")
		}
	}
}

// transpose4 transposes each 4×4 part of registers first to first+3 and returns the registers where
// the result is: part q of the l-th holds lane 4q+l of each. They are the upper registers 28 to 31
// (AVX-512; 24-27 are lost), or first to first+3 again (AVX2; 12-15 are lost).
func (f *file) transpose4(first int) [4]int {
	t, out := 24, [4]int{28, 29, 30, 31}
	if f.lanes == 8 {
		t, out = 12, [4]int{first, first + 1, first + 2, first + 3}
	}
	for i := range 2 {
		f.op("VUNPCKLPS %s, %s, %s", f.v(first+2*i+1), f.v(first+2*i), f.v(t+2*i))
		f.op("VUNPCKHPS %s, %s, %s", f.v(first+2*i+1), f.v(first+2*i), f.v(t+2*i+1))
	}
	for i := range 2 {
		f.op("VUNPCKLPD %s, %s, %s", f.v(t+2+i), f.v(t+i), f.v(out[2*i]))
		f.op("VUNPCKHPD %s, %s, %s", f.v(t+2+i), f.v(t+i), f.v(out[2*i+1]))
	}
	return out
}

// widen loads one vector of weights and makes it float32; masked (AVX-512) by K1.
func (f *file) widen(format, addr string, dst int, masked bool) {
	z, k := "", ""
	if masked {
		z, k = ".Z", "K1, "
	}
	switch format {
	case "F32":
		f.op("VMOVUPS%s %s, %s%s", z, addr, k, f.v(dst))
	case "BF16":
		f.op("VPMOVZXWD%s %s, %s%s", z, addr, k, f.v(dst))
		f.op("VPSLLD $16, %s, %s", f.v(dst), f.v(dst))
	case "F16":
		f.op("VCVTPH2PS%s %s, %s%s", z, addr, k, f.v(dst))
	}
}

// dotTail adds the last R13 products of each sum with the weight rows at regs, the first of which
// is column c0. AVX-512 loads them masked. AVX2 loads the last whole vector that the row has, which
// the block is long enough for, and clears the lanes that have been added already.
func dotTail(f *file, format string, rows, c0 int, regs []string) {
	if f.lanes == 16 {
		for i, reg := range regs {
			f.widen(format, "("+reg+")", 24+i, true)
		}
		for r := range rows {
			f.op("VMOVUPS.Z %s, K1, Z28", rowAddr(r, 0))
			for i := range regs {
				f.op("VFMADD231PS Z28, Z%d, Z%d", 24+i, sum(r, c0+i))
			}
		}
		return
	}
	scale := f.weightBytes(format) / f.lanes
	lastOnes := f.table("last", func(i int) uint32 {
		if i < 8 {
			return 0
		}
		return 0xffffffff
	}, 16)
	f.op("SUBQ $8, R13") // the (negative) distance from here to the last whole vector
	f.op("LEAQ (AX)(R13*4), AX")
	f.op("LEAQ %s, R11", lastOnes)
	f.op("LEAQ 32(R11)(R13*4), R11") // lanes -R13… are ones
	for r := range rows {
		f.op("VMOVUPS %s, Y%d", rowAddr(r, 0), 12+r)
		f.op("VANDPS (R11), Y%d, Y%d", 12+r, 12+r)
	}
	for i, reg := range regs {
		f.widen(format, fmt.Sprintf("(%s)(R13*%d)", reg, scale), 15, false)
		f.op("VANDPS (R11), Y15, Y15")
		for r := range rows {
			f.op("VFMADD231PS Y15, Y%d, Y%d", 12+r, sum(r, c0+i))
		}
	}
}
