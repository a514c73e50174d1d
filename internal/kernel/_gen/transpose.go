package main

// The transpose on amd64.

// transpose writes transpose8, which transposes n blocks of 8×8 that lie side by side in src, below
// each other in dst.
func transpose(f *file) {
	f.text("transpose8", "(dst *float32, ldd uintptr, src *float32, lds, n uintptr)", 40)
	f.op("MOVQ dst+0(FP), DI")
	f.op("MOVQ ldd+8(FP), DX")
	f.op("MOVQ src+16(FP), SI")
	f.op("MOVQ lds+24(FP), R8")
	f.op("MOVQ n+32(FP), CX")
	f.op("LEAQ (R8)(R8*2), R9")
	f.op("LEAQ (R8)(R8*4), R10")
	f.op("LEAQ (R9)(R8*4), R11")
	f.op("LEAQ (DX)(DX*2), R12")
	row := []string{"(SI)", "(SI)(R8*1)", "(SI)(R8*2)", "(SI)(R9*1)", "(SI)(R8*4)", "(SI)(R10*1)",
		"(SI)(R9*2)", "(SI)(R11*1)"}
	f.label("loop")
	for half := range 2 { // four columns of all eight rows give four rows of the result
		for i := range 4 {
			f.op("VMOVUPS %d%s, X%d", 16*half, row[i], i)
			f.op("VINSERTF128 $1, %d%s, Y%d, Y%d", 16*half, row[i+4], i, i)
		}
		f.op("VUNPCKLPS Y1, Y0, Y4")
		f.op("VUNPCKHPS Y1, Y0, Y5")
		f.op("VUNPCKLPS Y3, Y2, Y6")
		f.op("VUNPCKHPS Y3, Y2, Y7")
		f.op("VUNPCKLPD Y6, Y4, Y0")
		f.op("VUNPCKHPD Y6, Y4, Y1")
		f.op("VUNPCKLPD Y7, Y5, Y2")
		f.op("VUNPCKHPD Y7, Y5, Y3")
		for i, at := range []string{"(DI)", "(DI)(DX*1)", "(DI)(DX*2)", "(DI)(R12*1)"} {
			f.op("VMOVUPS Y%d, %s", i, at)
		}
		f.op("LEAQ (DI)(DX*4), DI")
	}
	f.op("ADDQ $32, SI")
	f.op("DECQ CX")
	f.op("JNZ loop")
	f.ret()
}
