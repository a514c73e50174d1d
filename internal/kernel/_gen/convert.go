package main

import "fmt"

func formatOffset(disp int, reg string) string { return fmt.Sprintf("%d(%s)", disp, reg) }

// convert writes the widening of 16-bit floats, and the rounding to half precision, of whole vectors; the dispatch leaves
// the rest to Go, which gives the same bits.
func convert(f *file) {
	for _, c := range []struct{ name, format string }{{"bf16ToF32", "BF16"}, {"f16ToF32", "F16"}} {
		f.text(c.name, "(dst []float32, src []uint16)", 48)
		f.op("MOVQ dst_base+0(FP), AX")
		f.op("MOVQ src_base+24(FP), BX")
		f.op("MOVQ src_len+32(FP), CX")
		f.op("SHRQ $%d, CX", map[int]int{16: 4, 8: 3}[f.lanes])
		f.op("JZ done")
		f.label("loop")
		f.widen(c.format, "(BX)", 0, false)
		f.op("VMOVUPS %s, (AX)", f.v(0))
		f.op("ADDQ $%d, AX", f.bytes())
		f.op("ADDQ $%d, BX", f.bytes()/2)
		f.op("DECQ CX")
		f.op("JNZ loop")
		f.label("done")
		f.ret()
	}
	f.text("f32ToF16", "(dst []uint16, src []float32)", 48)
	f.op("MOVQ dst_base+0(FP), AX")
	f.op("MOVQ src_base+24(FP), BX")
	f.op("MOVQ src_len+32(FP), CX")
	f.op("SHRQ $%d, CX", map[int]int{16: 4, 8: 3}[f.lanes])
	f.op("JZ done")
	f.label("loop")
	f.op("VMOVUPS (BX), %s", f.v(0))
	f.op("VCVTPS2PH $0, %s, (AX)", f.v(0))
	f.op("ADDQ $%d, BX", f.bytes())
	f.op("ADDQ $%d, AX", f.bytes()/2)
	f.op("DECQ CX")
	f.op("JNZ loop")
	f.label("done")
	f.ret()
}
