package main

// What comes before attention in integers: ranges of keys, queries and keys in 8 bits, values in
// 11.

import (
	"fmt"
	"math"
)

// prefetchRows is how many rows further on the functions below ask for their operands: the rows of
// one head lie far apart, where the processor does not look by itself.
const prefetchRows = 8

// ranges writes ranges(args *rangeArgs), for up to four vectors of columns. NaN is taken from the
// operand named first, which is never one.
func ranges(f *file) {
	const mask = 15
	f.text("ranges", "(args *rangeArgs)", 8)
	f.op("MOVQ args+0(FP), DI")
	f.op("MOVQ rangeArgs_lo(DI), AX")
	f.op("MOVQ rangeArgs_hi(DI), BX")
	f.op("MOVQ rangeArgs_x(DI), SI")
	f.op("MOVQ rangeArgs_ldx(DI), R9")
	f.op("MOVQ rangeArgs_rows(DI), R10")
	f.op("MOVQ rangeArgs_last(DI), CX")
	f.tailMask(mask)
	f.op("MOVQ rangeArgs_vectors(DI), CX")
	for vectors := 1; vectors < 4; vectors++ {
		f.op("CMPQ CX, $%d", vectors)
		f.op("JEQ vectors%d", vectors)
	}
	for vectors := 4; vectors > 0; vectors-- {
		f.label(fmt.Sprintf("vectors%d", vectors))
		at := func(v int, reg string) string { return fmt.Sprintf("%d(%s)", v*f.bytes(), reg) }
		last := vectors - 1
		for v := range vectors {
			f.load(at(v, "AX"), v, mask, v == last)
			f.load(at(v, "BX"), 4+v, mask, v == last)
		}
		f.label(fmt.Sprintf("row%d", vectors))
		for at := 0; at < vectors*f.bytes(); at += 64 {
			f.op("PREFETCHT0 %d(SI)(R9*%d)", at, prefetchRows)
		}
		for v := range vectors {
			f.load(at(v, "SI"), 8+v, mask, v == last)
			f.op("VMINPS %s, %s, %s", f.v(v), f.v(8+v), f.v(v))
			f.op("VMAXPS %s, %s, %s", f.v(4+v), f.v(8+v), f.v(4+v))
		}
		f.op("ADDQ R9, SI")
		f.op("DECQ R10")
		f.op("JNZ row%d", vectors)
		for v := range vectors {
			f.store(v, at(v, "AX"), mask, v == last)
			f.store(4+v, at(v, "BX"), mask, v == last)
		}
		f.ret()
	}
}

// quantizeHead writes quantizeHead(args *headArgs), as quantizeHeadGo does it.
func quantizeHead(f *file) {
	const abs, flip, ones, mask, largest, sum = 15, 14, 13, 12, 0, 3
	f.text("quantizeHead", "(args *headArgs)", 8)
	f.op("MOVQ args+0(FP), DI")
	f.op("MOVQ headArgs_q(DI), DX")
	f.op("MOVQ headArgs_scale(DI), R8")
	f.op("MOVQ headArgs_sums(DI), R9")
	f.op("MOVQ headArgs_x(DI), R10")
	f.op("VMOVUPS %s, Y%d", f.constant(math.MaxInt32), abs)
	f.op("VPBROADCASTD headArgs_flip(DI), Y%d", flip)
	f.op("VMOVSS %s, X%d", f.float(127), ones)
	f.op("MOVQ headArgs_k(DI), CX")
	f.op("ANDQ $7, CX")
	f.tailMask(mask)
	f.op("MOVQ headArgs_ldx(DI), R14")
	f.label("row")
	f.op("MOVQ R10, SI")
	f.op("MOVQ headArgs_center(DI), R11")
	f.op("MOVQ headArgs_gain(DI), R12")
	f.op("MOVQ headArgs_scratch(DI), R13")
	f.op("MOVQ headArgs_k(DI), CX")
	f.op("VPXOR Y0, Y0, Y0")
	element := func() {
		f.op("VSUBPS (R11), Y1, Y1")
		f.op("VMULPS (R12), Y1, Y1")
		f.op("VMOVUPS Y1, (R13)")
		f.op("VANDPS Y%d, Y1, Y1", abs)
		f.op("VPMAXSD Y1, Y%d, Y%d", largest, largest)
	}
	f.op("SUBQ $8, CX")
	f.op("JLT last")
	f.label("center")
	f.op("PREFETCHT0 (SI)(R14*%d)", prefetchRows)
	f.op("VMOVUPS (SI), Y1")
	element()
	for _, reg := range []string{"SI", "R11", "R12", "R13"} {
		f.op("ADDQ $32, %s", reg)
	}
	f.op("SUBQ $8, CX")
	f.op("JGE center")
	f.label("last")
	f.op("ADDQ $8, CX")
	f.op("JZ all")
	f.op("VMASKMOVPS (SI), Y%d, Y1", mask)
	element()
	f.label("all")
	f.fold(largest, "VPMAXSD")
	f.op("VMOVD X0, AX")
	f.op("MOVQ headArgs_scratch(DI), R13")
	f.op("MOVQ headArgs_k(DI), CX")
	f.op("ADDQ $15, CX")
	f.op("SHRQ $4, CX")
	f.op("MOVQ DX, BX")
	f.op("CMPL AX, $%#x", math.Float32bits(float32(math.Inf(1))))
	f.op("JCC bad")
	f.op("CMPL AX, $%#x", tinyBits)
	f.op("JCS tiny")
	f.op("VDIVSS X%d, X0, X1", ones)
	f.op("VMOVSS X1, (R8)")
	f.op("VDIVSS X0, X%d, X2", ones)
	f.op("VBROADCASTSS X2, Y2")
	f.op("VPXOR Y%d, Y%d, Y%d", sum, sum, sum)
	f.label("round")
	for v := range 2 {
		f.op("VMULPS %d(R13), Y2, Y%d", 32*v, 4+v)
		f.op("VCVTPS2DQ Y%d, Y%d", 4+v, 4+v)
		f.op("VPADDD Y%d, Y%d, Y%d", 4+v, sum, sum)
	}
	f.op("VPACKSSDW Y5, Y4, Y4")
	f.op("VPERMQ $0xD8, Y4, Y4")
	f.op("VEXTRACTI128 $1, Y4, X5")
	f.op("VPACKSSWB X5, X4, X4")
	f.op("VPXOR X%d, X4, X4", flip)
	f.op("VMOVDQU X4, (BX)")
	f.op("ADDQ $64, R13")
	f.op("ADDQ $16, BX")
	f.op("DECQ CX")
	f.op("JNZ round")
	f.fold(sum, "VPADDD")
	f.op("VMOVD X%d, AX", sum)
	f.op("SHLL $7, AX") // times 128
	f.op("NEGL AX")
	f.op("MOVL AX, (R9)")
	f.label("next")
	f.op("ADDQ headArgs_ldq(DI), DX")
	f.op("ADDQ R14, R10")
	f.op("ADDQ $4, R8")
	f.op("ADDQ $4, R9")
	f.op("DECQ headArgs_rows(DI)")
	f.op("JNZ row")
	f.ret()
	f.label("bad")
	f.op("MOVL $0x7fc00000, (R8)")
	f.op("JMP clear")
	f.label("tiny")
	f.op("MOVL $0, (R8)")
	f.label("clear")
	f.op("MOVL $0, (R9)")
	f.label("zeros")
	f.op("VMOVDQU X%d, (BX)", flip)
	f.op("ADDQ $16, BX")
	f.op("DECQ CX")
	f.op("JNZ zeros")
	f.op("JMP next")
}

// packValues writes packValues(args *columnArgs), as packValuesGo does it, for two vectors of
// columns at once.
func packValues(f *file) {
	const abs, zero, mask = 15, 14, 12 // mask takes two
	f.text("packValues", "(args *columnArgs)", 8)
	f.op("MOVQ args+0(FP), DI")
	f.op("MOVQ columnArgs_x(DI), R8")
	f.op("MOVQ columnArgs_ldx(DI), R9")
	f.op("VMOVUPS %s, Y%d", f.constant(math.MaxInt32), abs)
	f.op("VPXOR Y%d, Y%d, Y%d", zero, zero, zero)
	for v := range 2 { // the columns in each vector
		f.op("MOVQ columnArgs_width(DI), CX")
		f.op("SUBQ $%d, CX", 8*v)
		f.op("XORQ AX, AX")
		f.op("CMPQ CX, $0")
		f.op("CMOVQLT AX, CX")
		f.op("MOVQ $8, AX")
		f.op("CMPQ CX, $8")
		f.op("CMOVQGT AX, CX")
		f.tailMask(mask + v)
		f.op("VPXOR Y%d, Y%d, Y%d", v, v, v)
	}
	f.op("MOVQ R8, SI")
	f.op("MOVQ columnArgs_keys(DI), CX")
	f.label("largest")
	f.op("PREFETCHT0 (SI)(R9*%d)", prefetchRows)
	for v := range 2 {
		f.op("VMASKMOVPS %d(SI), Y%d, Y%d", 32*v, mask+v, 2+v)
		f.op("VANDPS Y%d, Y%d, Y%d", abs, 2+v, 2+v)
		f.op("VPMAXSD Y%d, Y%d, Y%d", 2+v, v, v)
	}
	f.op("ADDQ R9, SI")
	f.op("DECQ CX")
	f.op("JNZ largest")
	f.op("MOVQ columnArgs_scale(DI), DX")
	f.op("VMOVUPS %s, Y10", f.float(valueTop))
	for v := range 2 {
		// Y4: where the largest is finite, Y5: and not tiny.
		f.op("VMOVDQU %s, Y4", f.constant(math.Float32bits(float32(math.Inf(1)))))
		f.op("VPCMPGTD Y%d, Y4, Y4", v)
		f.op("VMOVDQU %s, Y5", f.constant(tinyBits-1))
		f.op("VPCMPGTD Y5, Y%d, Y5", v)
		f.op("VPAND Y4, Y5, Y5")
		f.op("VDIVPS Y10, Y%d, Y6", v)
		f.op("VANDPS Y5, Y6, Y6")
		f.op("VMOVDQU %s, Y7", f.constant(0x7fc00000))
		f.op("VPANDN Y7, Y4, Y7")
		f.op("VORPS Y7, Y6, Y6")
		f.op("VMOVUPS Y6, %d(DX)", 32*v)
		f.op("VDIVPS Y%d, Y10, Y6", v)
		f.op("VANDPS Y5, Y6, Y%d", v)
	}
	f.op("MOVQ columnArgs_dst(DI), DX")
	f.op("MOVQ R8, SI")
	f.op("MOVQ columnArgs_keys(DI), CX")
	pair := func(rows int) {
		for v := range 2 {
			for r := range rows {
				f.op("VMASKMOVPS %d%s, Y%d, Y%d", 32*v, []string{"(SI)", "(SI)(R9*1)"}[r], mask+v,
					2+2*v+r)
				f.op("VMULPS Y%d, Y%d, Y%d", v, 2+2*v+r, 2+2*v+r)
				f.op("VCVTPS2DQ Y%d, Y%d", 2+2*v+r, 2+2*v+r)
			}
			second := zero
			if rows == 2 {
				second = 3 + 2*v
				f.op("VPSLLD $16, Y%d, Y%d", second, second)
			}
			f.op("VPBLENDW $0xAA, Y%d, Y%d, Y%d", second, 2+2*v, 2+2*v)
			f.op("VMOVDQU Y%d, %d(DX)", 2+2*v, 32*v)
		}
	}
	f.op("SUBQ $2, CX")
	f.op("JLT odd")
	f.label("pair")
	pair(2)
	f.op("LEAQ (SI)(R9*2), SI")
	f.op("ADDQ $64, DX")
	f.op("SUBQ $2, CX")
	f.op("JGE pair")
	f.label("odd")
	f.op("TESTQ $1, CX")
	f.op("JZ done")
	pair(1)
	f.label("done")
	f.ret()
}
