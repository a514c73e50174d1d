package main

// Micro-kernels for many rows, and what interleaves rows for them (micro-panels in the words of
// BLIS). matmul.go has the inner-product tiles, whose bits they give.

import "fmt"

// microHeights returns the heights that the micro-kernels come in, which are two vectors wide:
// cutting any number of rows from the first height on into the fewest tiles, of nearly equal
// heights, needs no others.
func microHeights(v isa) (least, most int) {
	if v.lanes == 16 {
		return 6, 12
	}
	return 3, 6
}

// micro writes the products of operands that were blocked by interleave, and interleave itself.
//
// Both operands hold, for each lane l of an inner-product tile, the elements of k that this lane
// adds, step after step: of all rows of the tile of x, or of all columns of the panel of w. So a
// sum register can do for one lane at a time what the inner-product tile does for all, and be added
// to y in the same order.
func micro(f *file) {
	least, most := microHeights(f.isa)
	for rows := least; rows <= most; rows++ {
		microTile(f, rows)
	}
	for _, format := range weightFormats {
		interleave(f, format)
	}
}

// lanePad is the bytes between the elements of one lane and those of the next: it keeps lanes a
// multiple of a page long from fighting for the same lines of the first-level cache, and takes what
// interleave writes too much.
const lanePad = 64

// prefetchDistance is how many bytes ahead the panel of w is fetched, and twice what x is.
const prefetchDistance = 2048

func microTile(f *file, rows int) {
	f.text(fmt.Sprintf("micro%d", rows), "(args *microArgs)", 8)
	b, broadcast := 2*rows, 2*rows+2
	f.op("MOVQ args+0(FP), DI")
	f.op("MOVQ microArgs_y(DI), DX")
	f.op("MOVQ microArgs_ldy(DI), R8")
	for i, reg := range []string{"R9", "R10", "R11", "R12", "R13"} {
		if rows > 3+2*i {
			f.op("LEAQ (%s)(R8*2), %s", []string{"R8", "R9", "R10", "R11", "R12"}[i], reg)
		}
	}
	f.op("MOVQ microArgs_x(DI), AX")
	f.op("MOVQ microArgs_w(DI), BX")
	f.op("MOVQ microArgs_steps(DI), R15")
	f.op("MOVQ microArgs_fetchStep(DI), R14")
	f.op("MOVQ microArgs_fetch(DI), DI")
	for r := range rows { // y is first wanted at the end of a lane, by all of its rows at once
		f.op("PREFETCHT0 %s", strided("DX", r))
		if f.lanes == 16 {
			f.op("PREFETCHT0 64%s", strided("DX", r))
		}
	}
	f.op("MOVQ $%d, SI", f.lanes)
	f.label("lane")
	for i := range 2 * rows {
		f.zero(i)
	}
	step := func(i int) {
		for j := range 2 {
			f.op("VMOVUPS %d(BX), %s", (2*i+j)*f.bytes(), f.v(b+j))
		}
		// both operands come from the second level of the cache; a Xeon whose core is shared is 7 %
		// faster so
		if f.lanes == 16 {
			f.op("PREFETCHT0 %d(BX)", prefetchDistance+2*i*f.bytes())
			f.op("PREFETCHT0 %d(BX)", prefetchDistance+(2*i+1)*f.bytes())
			f.op("PREFETCHT0 %d(AX)", prefetchDistance/2+4*i*rows)
		}
		for r := range rows {
			reg := broadcast
			if f.lanes == 16 {
				reg += r % 4
			} else {
				reg += r % 2
			}
			f.op("VBROADCASTSS %d(AX), %s", 4*(i*rows+r), f.v(reg))
			for j := range 2 {
				f.op("VFMADD231PS %s, %s, %s", f.v(reg), f.v(b+j), f.v(2*r+j))
			}
		}
	}
	advance := func(n int) {
		f.op("ADDQ $%d, AX", 4*n*rows)
		f.op("ADDQ $%d, BX", 2*n*f.bytes())
	}
	f.op("MOVQ R15, CX")
	f.op("SHRQ $1, CX")
	f.op("JZ odd")
	f.label("loop")
	step(0)
	f.op("PREFETCHT1 (DI)")
	f.op("ADDQ R14, DI")
	step(1)
	advance(2)
	f.op("DECQ CX")
	f.op("JNZ loop")
	f.label("odd")
	f.op("TESTQ $1, R15")
	f.op("JZ add")
	step(0)
	advance(1)
	f.label("add")
	for r := range rows {
		for j := range 2 {
			f.op("VADDPS %d%s, %s, %s", j*f.bytes(), strided("DX", r), f.v(2*r+j), f.v(2*r+j))
			f.op("VMOVUPS %s, %d%s", f.v(2*r+j), j*f.bytes(), strided("DX", r))
		}
	}
	f.op("ADDQ $%d, AX", lanePad)
	f.op("ADDQ $%d, BX", lanePad)
	f.op("MOVQ args+0(FP), CX")
	f.op("ADDQ microArgs_fetchGap(CX), DI")
	f.op("DECQ SI")
	f.op("JNZ lane")
	f.ret()
}

// interleave blocks lanes rows (16, or 8) of one format for the micro-kernels: element i·lanes+l
// of row r goes to the r-th place of step i of lane l. It always writes a whole vector, so steps
// that are less apart must be written in order.
func interleave(f *file, format string) {
	const upper = 5
	f.text("interleave"+format, "(args *interleaveArgs)", 8)
	f.op("MOVQ args+0(FP), DI")
	f.op("MOVQ interleaveArgs_to(DI), R8") // lanes 0-3, 4-7, 8-11, 12-15
	f.op("MOVQ interleaveArgs_pitch(DI), R12")
	f.op("LEAQ (R12)(R12*2), R13")
	f.op("LEAQ (R8)(R12*4), R9")
	f.op("LEAQ (R9)(R12*4), R10")
	f.op("LEAQ (R10)(R12*4), R11")
	f.op("MOVQ interleaveArgs_steps(DI), CX")
	f.op("XORQ DX, DX") // bytes done of each row
	if format == "BF16" {
		f.op("VMOVUPS %s, %s", f.constant(0xffff0000), f.v(upper))
	}
	f.label("loop")
	perLoad := 4 // elements of a row in 16 bytes
	if format != "F32" {
		perLoad = 8
	}
	parts := f.lanes / 4
	rowRegs := []string{"AX", "BX", "SI", "R15"}
	store := func(v, lane int) {
		at := []string{"", "(R12*1)", "(R12*2)", "(R13*1)"}[lane%4]
		f.op("VMOVUPS %s, (%s)%s", f.v(v), []string{"R8", "R9", "R10", "R11"}[lane/4], at)
	}
	for chunk := range f.lanes / perLoad {
		for r := range 4 {
			for q := range parts {
				f.op("MOVQ (interleaveArgs_rows+%d)(DI), %s", 8*(4*q+r), rowRegs[q])
			}
			f.op("VMOVUPS %d(AX)(DX*1), X%d", 16*chunk, r)
			for q := 1; q < parts; q++ {
				if f.lanes == 16 {
					f.op("VINSERTF32X4 $%d, %d(%s)(DX*1), Z%d, Z%d", q, 16*chunk, rowRegs[q], r, r)
				} else {
					f.op("VINSERTF128 $%d, %d(%s)(DX*1), Y%d, Y%d", q, 16*chunk, rowRegs[q], r, r)
				}
			}
		}
		for i, v := range f.transpose4(0) {
			lane := chunk*perLoad + i
			switch format {
			case "F32":
				store(v, lane)
				continue
			case "BF16":
				f.op("VPSLLD $16, %s, %s", f.v(v), f.v(4))
				store(4, lane+i)
				f.op("VANDPS %s, %s, %s", f.v(upper), f.v(v), f.v(4))
				store(4, lane+i+1)
			case "F16":
				f.halves(v, 4, 5)
				store(4, lane+i)
				store(5, lane+i+1)
			}
		}
	}
	f.op("MOVQ interleaveArgs_stride(DI), AX")
	for i := range parts {
		f.op("ADDQ AX, %s", []string{"R8", "R9", "R10", "R11"}[i])
	}
	f.op("ADDQ $%d, DX", f.weightBytes(format))
	f.op("DECQ CX")
	f.op("JNZ loop")
	f.ret()
}

// halves converts the lower and the upper half of each 32-bit lane of v from half precision.
func (f *file) halves(v, low, high int) {
	if f.lanes == 16 {
		f.op("VPMOVDW Z%d, Y%d", v, low)
		f.op("VCVTPH2PS Y%d, Z%d", low, low)
		f.op("VPSRLD $16, Z%d, Z%d", v, high)
		f.op("VPMOVDW Z%d, Y%d", high, high)
		f.op("VCVTPH2PS Y%d, Z%d", high, high)
		return
	}
	const t = 6
	pack := func(from, to int) { // the lower halves, whose upper ones are 0, of all lanes
		f.op("VEXTRACTF128 $1, Y%d, X%d", from, t)
		f.op("VPACKUSDW X%d, X%d, X%d", t, from, to)
		f.op("VCVTPH2PS X%d, Y%d", to, to)
	}
	f.op("VPSRLD $16, Y%d, Y%d", v, high)
	f.op("VPSLLD $16, Y%d, Y%d", v, low)
	f.op("VPSRLD $16, Y%d, Y%d", low, low)
	pack(high, high)
	pack(low, low)
}
