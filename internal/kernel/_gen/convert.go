package main

// Conversions of 16-bit floats on amd64.

import "fmt"

func formatOffset(disp int, reg string) string { return fmt.Sprintf("%d(%s)", disp, reg) }

// convert writes the widening of 16-bit floats, and the rounding to half precision, of whole
// vectors; convert_amd64.go leaves the rest to Go, which gives the same bits.
func convert(f *file) {
	for _, c := range []struct{ name, format string }{{"bf16ToF32", "BF16"}, {"f16ToF32", "F16"}} {
		f.wholeVectors(c.name, "(dst []float32, src []uint16)", f.bytes(), f.bytes()/2, func() {
			f.widen(c.format, "(BX)", 0, false)
			f.op("VMOVUPS %s, (AX)", f.v(0))
		})
	}
	f.wholeVectors("f32ToF16", "(dst []uint16, src []float32)", f.bytes()/2, f.bytes(), func() {
		f.op("VMOVUPS (BX), %s", f.v(0))
		f.op("VCVTPS2PH $0, %s, (AX)", f.v(0))
	})
}

// wholeVectors writes a function that runs body for each whole vector, from BX to AX; a vector
// takes so many bytes there.
func (f *file) wholeVectors(name, signature string, dst, src int, body func()) {
	f.text(name, signature, 48)
	f.op("MOVQ dst_base+0(FP), AX")
	f.op("MOVQ src_base+24(FP), BX")
	f.op("MOVQ src_len+32(FP), CX")
	f.op("SHRQ $%d, CX", map[int]int{16: 4, 8: 3}[f.lanes])
	f.op("JZ done")
	f.label("loop")
	body()
	f.op("ADDQ $%d, AX", dst)
	f.op("ADDQ $%d, BX", src)
	f.op("DECQ CX")
	f.op("JNZ loop")
	f.label("done")
	f.ret()
}
