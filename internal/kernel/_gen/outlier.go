package main

// Outliers on amd64: counting large bytes, and one column of a panel times a value.

// outlierByte is the constant of that name in package kernel.
const outlierByte = 16

// outlier writes countLarge256, how many bytes of some groups are outlierByte or more, and
// addColumn, one element of k of a panel times a value.
func outlier(f *file) {
	f.text("countLarge256", "(count *int32, q *int8, groups uintptr)", 24)
	f.op("MOVQ count+0(FP), DI")
	f.op("MOVQ q+8(FP), SI")
	f.op("MOVQ groups+16(FP), CX")
	f.op("VPXOR Y7, Y7, Y7")
	f.op("VMOVDQU %s, Y6", f.constant((outlierByte-1)*0x01010101))
	f.label("group")
	for i := 0; i < group; i += 32 {
		f.op("VPABSB %d(SI), Y%d", i, 1)
		f.op("VPCMPGTB Y6, Y1, Y1")
		if i == 0 {
			f.op("VPSUBB Y1, Y7, Y0")
		} else {
			f.op("VPSUBB Y1, Y0, Y0")
		}
	}
	f.op("VPSADBW Y7, Y0, Y0")
	f.fold(0, "VPADDD") // the odd lanes are 0
	f.op("VMOVD X0, (DI)")
	f.op("ADDQ $%d, SI", group)
	f.op("ADDQ $4, DI")
	f.op("DECQ CX")
	f.op("JNZ group")
	f.ret()

	f.text("addColumn",
		"(y *[32]float32, bytes *[128]uint8, scale *[32]float32, zero *[32]int32, value float32, mask uint32, shift uintptr)", 48)
	f.op("MOVQ y+0(FP), DI")
	f.op("MOVQ bytes+8(FP), SI")
	f.op("MOVQ scale+16(FP), R8")
	f.op("MOVQ zero+24(FP), R9")
	f.op("VBROADCASTSS value+32(FP), Y15")
	f.op("VBROADCASTSS mask+36(FP), Y14")
	f.op("VMOVQ shift+40(FP), X12")
	for i := range 4 {
		f.op("VMOVDQU %d(SI), Y%d", 32*i, i)
		f.op("VPSRLD X12, Y%d, Y%d", i, i)
		f.op("VPAND Y14, Y%d, Y%d", i, i)
		f.op("VPSUBD %d(R9), Y%d, Y%d", 32*i, i, i)
		f.op("VCVTDQ2PS Y%d, Y%d", i, i)
		f.op("VMULPS %d(R8), Y%d, Y%d", 32*i, i, i)
		f.op("VMOVUPS %d(DI), Y%d", 32*i, 4+i)
		f.op("VFMADD231PS Y%d, Y15, Y%d", i, 4+i)
		f.op("VMOVUPS Y%d, %d(DI)", 4+i, 32*i)
	}
	f.ret()
}
