package main

// Quantizing activations, and the search for 4-bit steps, on amd64. neon_quantize.go is the same
// for arm64.

import "math"

// tinyBits is the constant of that name in package kernel.
const tinyBits = (127 - 100) << 23

// quantize writes quantize256(q *int8, scale *float32, sums *int32, x *float32, groups uintptr):
// some groups of activations, as quantizeGroupsGo does it.
func quantize(f *file) {
	f.text("quantize256", "(q *int8, scale *float32, sums *int32, x *float32, groups uintptr)", 40)
	f.op("MOVQ q+0(FP), DI")
	f.op("MOVQ scale+8(FP), R8")
	f.op("MOVQ sums+16(FP), R9")
	f.op("MOVQ x+24(FP), SI")
	f.op("MOVQ groups+32(FP), CX")
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
	for i := 0; i < group; i += 32 {
		sum := 8 + i/part // of each part
		for j := range 4 {
			f.op("VMULPS %d(SI), Y2, Y%d", 4*(i+8*j), 4+j)
			f.op("VCVTPS2DQ Y%d, Y%d", 4+j, 4+j)
			if i%part+j == 0 {
				f.op("VMOVDQA Y4, Y%d", sum)
			} else {
				f.op("VPADDD Y%d, Y%d, Y%d", 4+j, sum, sum)
			}
		}
		f.packBytes()
		f.op("VMOVDQU Y4, %d(DI)", i)
	}
	f.op("VPHADDD Y9, Y8, Y8")
	f.op("VPHADDD Y11, Y10, Y10")
	f.op("VPHADDD Y10, Y8, Y8")
	f.op("VEXTRACTI128 $1, Y8, X9")
	f.op("VPADDD X9, X8, X8")
	f.op("VPXOR X3, X3, X3")
	f.op("VPSUBD X8, X3, X8")
	f.op("VMOVDQU X8, 4(R9)")
	f.op("VPHADDD X8, X8, X8")
	f.op("VPHADDD X8, X8, X8")
	f.op("VPSLLD $7, X8, X8") // times 128
	f.op("VMOVD X8, (R9)")
	f.label("next")
	f.op("ADDQ $%d, SI", 4*group)
	f.op("ADDQ $%d, DI", group)
	f.op("ADDQ $4, R8")
	f.op("ADDQ $%d, R9", 4*(1+groupParts))
	f.op("DECQ CX")
	f.op("JNZ group")
	f.ret()
	f.label("bad")
	f.op("MOVL $0x7fc00000, (R8)")
	f.op("JMP clear")
	f.label("tiny")
	f.op("MOVL $0, (R8)")
	f.label("clear")
	f.op("VPXOR Y3, Y3, Y3")
	f.op("MOVL $0, (R9)")
	f.op("VMOVDQU X3, 4(R9)")
	for i := 0; i < group; i += 32 {
		f.op("VMOVDQU Y3, %d(DI)", i)
	}
	f.op("JMP next")
}

// inOrder is the table with which VPERMD puts the packed bytes of four vectors in order.
func (f *file) inOrder() string {
	return f.table("inorder", func(i int) uint32 { return uint32(i/2 + i%2*4) }, 8)
}

// quantizeInt4 writes what PackInt4 does to a part of 64 weights: extremes64, squares64 and
// round64.
func quantizeInt4(f *file) {
	// round leaves w·inverse in Y<u> and, rounded to low (Y13) to high (Y12), in Y<r>.
	round := func(i, u, r int) {
		f.op("VMULPS %d(SI), Y11, Y%d", 4*i, u)
		f.op("VROUNDPS $8, Y%d, Y%d", u, r)
		f.op("VMAXPS Y13, Y%d, Y%d", r, r)
		f.op("VMINPS Y12, Y%d, Y%d", r, r)
	}
	scalars := func(at int) {
		f.op("VBROADCASTSS inverse+%d(FP), Y11", at)
		f.op("VBROADCASTSS low+%d(FP), Y13", at+4)
		f.op("VBROADCASTSS high+%d(FP), Y12", at+8)
	}

	f.text("extremes64", "(w *[64]float32) (bits uint32, low, high float32)", 20)
	f.op("MOVQ w+0(FP), SI")
	f.op("VMOVUPS %s, Y15", f.constant(math.MaxInt32))
	f.largestBits(part)
	f.op("MOVL AX, bits+8(FP)")
	f.op("VMOVUPS (SI), Y0")
	f.op("VMOVAPS Y0, Y4")
	for i := 8; i < part; i += 8 {
		f.op("VMINPS %d(SI), Y0, Y0", 4*i)
		f.op("VMAXPS %d(SI), Y4, Y4", 4*i)
	}
	f.fold(0, "VMINPS")
	f.fold(4, "VMAXPS")
	f.op("VMOVSS X0, low+12(FP)")
	f.op("VMOVSS X4, high+16(FP)")
	f.ret()

	f.text("squares64", "(w *[64]float32, inverse, low, high float32) float32", 28)
	f.op("MOVQ w+0(FP), SI")
	scalars(8)
	f.op("VXORPS Y0, Y0, Y0")
	for i := 0; i < part; i += 8 {
		u, r := 1+i/8%4*2, 2+i/8%4*2
		round(i, u, r)
		f.op("VSUBPS Y%d, Y%d, Y%d", r, u, u)
		f.op("VMULPS Y%d, Y%d, Y%d", u, u, u)
		f.op("VADDPS Y%d, Y0, Y0", u)
	}
	f.fold(0, "VADDPS")
	f.op("VMOVSS X0, ret+24(FP)")
	f.ret()

	f.text("round64", "(q *[64]uint8, w *[64]float32, inverse, low, high float32)", 28)
	f.op("MOVQ q+0(FP), DI")
	f.op("MOVQ w+8(FP), SI")
	scalars(16)
	f.op("VMOVDQU %s, Y14", f.inOrder())
	for i := 0; i < part; i += 32 {
		for j := range 4 {
			round(i+8*j, 4+j, 4+j)
			f.op("VSUBPS Y13, Y%d, Y%d", 4+j, 4+j)
			f.op("VCVTPS2DQ Y%d, Y%d", 4+j, 4+j)
		}
		f.packBytes()
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

// largestBits finds, in X0 and AX, the largest of the bits of |x| of n elements at SI. Y15 is the
// mask of all bits but the sign; Y0 to Y7 are lost.
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
