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
		f.op("VMOVDQU %s, Y14", f.table("unpack", func(i int) uint32 { return uint32(i/2 + i%2*4) }, 8))
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
			f.op("VPACKSSDW Y5, Y4, Y4")
			f.op("VPACKSSDW Y7, Y6, Y6")
			f.op("VPACKSSWB Y6, Y4, Y4")
			f.op("VPERMD Y4, Y14, Y4")
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
