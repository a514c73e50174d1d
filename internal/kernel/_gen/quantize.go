package main

import (
	"fmt"
	"math"
)

// tinyBits is the constant of that name in package kernel.
const tinyBits = (127 - 100) << 23

// quantize writes quantize<group>(q *int8, scale *float32, sums *int32, x *float32, groups, zero uintptr): some groups of
// activations, as quantizeGroupsGo does it.
func quantize(f *file) {
	for _, group := range []int{128, 64} {
		f.text(fmt.Sprintf("quantize%d", group), "(q *int8, scale *float32, sums *int32, x *float32, groups, zero uintptr)", 48)
		f.op("MOVQ q+0(FP), DI")
		f.op("MOVQ scale+8(FP), R8")
		f.op("MOVQ sums+16(FP), R9")
		f.op("MOVQ x+24(FP), SI")
		f.op("MOVQ groups+32(FP), CX")
		f.op("MOVQ zero+40(FP), R10")
		f.op("NEGQ R10")
		f.op("VMOVUPS %s, Y15", f.constant(math.MaxInt32))
		f.op("VMOVDQU %s, Y14", f.inOrder())
		f.op("VMOVSS %s, X13", f.float(127))
		f.label("group")
		f.largestBits(group)
		f.op("CMPL AX, $%#x", math.Float32bits(float32(math.Inf(1))))
		f.op("JCC bad")
		f.op("CMPL AX, $%#x", tinyBits)
		f.op("JCS tiny")
		f.op("VDIVSS X13, X0, X1")
		f.op("VMOVSS X1, (R8)")
		f.op("VDIVSS X0, X13, X2")
		f.op("VBROADCASTSS X2, Y2")
		f.op("VPXOR Y3, Y3, Y3")
		for i := 0; i < group; i += 32 {
			for j := range 4 {
				f.op("VMULPS %d(SI), Y2, Y%d", 4*(i+8*j), 4+j)
				f.op("VCVTPS2DQ Y%d, Y%d", 4+j, 4+j)
				f.op("VPADDD Y%d, Y3, Y3", 4+j)
			}
			f.packBytes()
			f.op("VMOVDQU Y4, %d(DI)", i)
		}
		f.fold(3, "VPADDD")
		f.op("VMOVD X3, AX")
		f.op("IMULL R10, AX")
		f.op("MOVL AX, (R9)")
		f.label("next")
		f.op("ADDQ $%d, SI", 4*group)
		f.op("ADDQ $%d, DI", group)
		f.op("ADDQ $4, R8")
		f.op("ADDQ $4, R9")
		f.op("DECQ CX")
		f.op("JNZ group")
		f.ret()
		f.label("bad")
		f.op("MOVL $0x7fc00000, (R8)")
		f.op("JMP clear")
		f.label("tiny")
		f.op("MOVL $0, (R8)")
		f.label("clear")
		f.op("MOVL $0, (R9)")
		f.op("VPXOR Y3, Y3, Y3")
		for i := 0; i < group; i += 32 {
			f.op("VMOVDQU Y3, %d(DI)", i)
		}
		f.op("JMP next")
	}
}

// inOrder is the table with which VPERMD puts the packed bytes of four vectors in order.
func (f *file) inOrder() string {
	return f.table("inorder", func(i int) uint32 { return uint32(i/2 + i%2*4) }, 8)
}

// quantizeInt4 writes what PackInt4 does to a group of 64 weights: extremes64, squares64 and round64.
func quantizeInt4(f *file) {
	const group = 64
	start := func(w string) {
		f.op("MOVQ w+%s(FP), SI", w)
		f.op("VMOVUPS %s, Y13", f.float(-8))
		f.op("VMOVUPS %s, Y12", f.float(7))
	}
	// round leaves w·inverse in Y<u> and, rounded, in Y<r>.
	round := func(i, u, r int) {
		f.op("VMULPS %d(SI), Y11, Y%d", 4*i, u)
		f.op("VROUNDPS $8, Y%d, Y%d", u, r)
		f.op("VMAXPS Y13, Y%d, Y%d", r, r)
		f.op("VMINPS Y12, Y%d, Y%d", r, r)
	}

	f.text("extremes64", "(w *[64]float32) (bits uint32, top float32)", 16)
	f.op("MOVQ w+0(FP), SI")
	f.op("VMOVUPS %s, Y15", f.constant(math.MaxInt32))
	f.largestBits(group)
	f.op("MOVL AX, bits+8(FP)")
	f.op("VMOVUPS (SI), Y0")
	for i := 8; i < group; i += 8 {
		f.op("VMAXPS %d(SI), Y0, Y0", 4*i)
	}
	f.fold(0, "VMAXPS")
	f.op("VMOVSS X0, top+12(FP)")
	f.ret()

	f.text("squares64", "(w *[64]float32, inverse float32) float32", 20)
	start("0")
	f.op("VBROADCASTSS inverse+8(FP), Y11")
	f.op("VXORPS Y0, Y0, Y0")
	for i := 0; i < group; i += 8 {
		u, r := 1+i/8%4*2, 2+i/8%4*2
		round(i, u, r)
		f.op("VSUBPS Y%d, Y%d, Y%d", r, u, u)
		f.op("VMULPS Y%d, Y%d, Y%d", u, u, u)
		f.op("VADDPS Y%d, Y0, Y0", u)
	}
	f.fold(0, "VADDPS")
	f.op("VMOVSS X0, ret+16(FP)")
	f.ret()

	f.text("round64", "(q *[64]uint8, w *[64]float32, inverse float32)", 20)
	f.op("MOVQ q+0(FP), DI")
	start("8")
	f.op("VBROADCASTSS inverse+16(FP), Y11")
	f.op("VMOVDQU %s, Y14", f.inOrder())
	f.op("VMOVDQU %s, Y15", f.constant(0x08080808))
	for i := 0; i < group; i += 32 {
		for j := range 4 {
			round(i+8*j, 4+j, 4+j)
			f.op("VCVTPS2DQ Y%d, Y%d", 4+j, 4+j)
		}
		f.packBytes()
		f.op("VPADDB Y15, Y4, Y4")
		f.op("VMOVDQU Y4, %d(DI)", i)
	}
	f.ret()
}

// packBytes narrows the integers of Y4 to Y7 to bytes, in Y4. Y14 holds inOrder.
func (f *file) packBytes() {
	f.op("VPACKSSDW Y5, Y4, Y4")
	f.op("VPACKSSDW Y7, Y6, Y6")
	f.op("VPACKSSWB Y6, Y4, Y4")
	f.op("VPERMD Y4, Y14, Y4")
}

// largestBits finds, in X0 and AX, the largest of the bits of |x| of n elements at SI. Y15 is the mask of all bits but the
// sign; Y0 to Y7 are lost.
func (f *file) largestBits(n int) {
	for i := 0; i < n; i += 8 {
		j := i / 8 % 4
		if i < 32 {
			f.op("VANDPS %d(SI), Y15, Y%d", 4*i, j)
			continue
		}
		f.op("VANDPS %d(SI), Y15, Y%d", 4*i, 4+j)
		f.op("VPMAXSD Y%d, Y%d, Y%d", 4+j, j, j)
	}
	f.op("VPMAXSD Y1, Y0, Y0")
	f.op("VPMAXSD Y3, Y2, Y2")
	f.op("VPMAXSD Y2, Y0, Y0")
	f.fold(0, "VPMAXSD")
	f.op("VMOVD X0, AX")
}

// fold combines the eight lanes of Y<r> into the lowest one; X<r+1> is lost.
func (f *file) fold(r int, op string) {
	f.op("VEXTRACTI128 $1, Y%d, X%d", r, r+1)
	f.op("%s X%d, X%d, X%d", op, r+1, r, r)
	f.op("VPSHUFD $0x4E, X%d, X%d", r, r+1)
	f.op("%s X%d, X%d, X%d", op, r+1, r, r)
	f.op("VPSHUFD $0xB1, X%d, X%d", r, r+1)
	f.op("%s X%d, X%d, X%d", op, r+1, r, r)
}
