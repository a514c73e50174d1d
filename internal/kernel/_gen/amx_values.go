package main

// The product of weights and values of attention in tiles of AMX, in bytes. amx.go is the packed
// product.

// With AMX weights and values are two bytes each: w = 64·w1 + w0 with both from 0 to 63, v = 64·v1
// + v0 with v0 from -32 to 31. A product is 4096·w1·v1 + 64·(w1·v0 + w0·v1) + w0·v0, and each of
// these three sums has a tile register.
const (
	valueShift = 6
	valueMask  = 0x10001 * (1<<valueShift - 1) // of both words of a lane
	valueHalf  = 0x10001 << (valueShift - 1)

	valueUpper, valueMixed, valueLower = 0, 1, 2 // tile registers of sums
	weightUpper, weightLower           = 4, 5
	columnUpper, columnLower           = 6, 7

	valueBytes = 3 * tileBytes // of the sums
)

// values writes valuesAMX(args *valuesArgs): for each 16 columns, all tiles of up to 16 rows. As in
// int8TileAMX the sums of a tile go through memory and are converted among the products of the next
// one: a row after every other instruction where there are 16 rows and 256 keys, elsewhere up to 4
// rows after each step.
//
// Registers: AX the weights, CX the bytes between their rows, BX and R10 the values' upper and
// lower bytes, R8 the bytes of a row of a tile, R12 where the sums are, DX where they go, R9 the
// bytes between rows there, R11 the rows to convert, SI those to convert now, R14 the steps. Z16 is
// the columns' scales. K1 is empty where there is nothing to add to.
func values(f *file) {
	f.tileText("values", "valuesArgs", 2*valueBytes)
	f.op("MOVQ valuesArgs_ldp(DI), CX")
	f.op("MOVQ valuesArgs_ldy(DI), R9")
	f.op("MOVQ $64, R8")
	f.frame("R12")
	f.op("MOVQ R12, valuesArgs_room(DI)")
	f.op("MOVQ valuesArgs_p(DI), AX")
	f.op("MOVQ valuesArgs_w(DI), BX")
	f.op("LEAQ %d(BX), R10", tileBytes)
	f.op("MOVQ valuesArgs_wscale(DI), SI")
	f.op("MOVQ SI, valuesArgs_scale(DI)")
	f.op("MOVQ valuesArgs_y(DI), SI")
	f.op("MOVQ SI, valuesArgs_to(DI)")
	f.op("MOVQ valuesArgs_tiles(DI), SI")
	f.op("MOVQ SI, valuesArgs_left(DI)")
	f.op("MOVQ valuesArgs_resume(DI), SI")
	f.op("KMOVW SI, K1")
	// what is added where there is nothing to add to: it changes nothing
	f.op("VMOVUPS %s, Z17", f.constant(1<<31))
	f.op("XORQ R11, R11") // nothing to convert yet
	f.valueGroup("any", 0)
	f.label("store")
	f.valueStore()
	f.valueNext()
	f.op("CMPQ R11, $16")
	f.op("JNE any")
	f.op("CMPQ valuesArgs_steps(DI), $4")
	f.op("JNE any")
	f.valueGroup("four", 4)
	f.op("JMP store")
	f.label("last")
	f.tileRelease()
	f.convertAll("last", f.valueConvertRow)
	f.ret()
}

// valueGroup multiplies a tile by all keys, and meanwhile converts the one before, if there is one:
// so many rows in a step, or any number.
func (f *file) valueGroup(name string, rows int) {
	f.label(name)
	for i := range 3 {
		f.tileZero(i)
	}
	f.op("MOVQ valuesArgs_steps(DI), R14")
	f.op("PCALIGN $64")
	f.label(name + "Step")
	for i, instruction := range []func(){
		func() { f.tileLoad(0, "AX", "CX", weightUpper) },
		func() { f.tileLoad(0, "BX", "R8", columnUpper) },
		func() { f.tileDot(unsignedBySigned, columnUpper, weightUpper, valueUpper) },
		func() { f.tileLoad(0, "R10", "R8", columnLower) },
		func() { f.tileDot(unsignedBySigned, columnLower, weightUpper, valueMixed) },
		func() { f.tileLoad(64, "AX", "CX", weightLower) },
		func() { f.tileDot(unsignedBySigned, columnLower, weightLower, valueLower) },
		func() { f.tileDot(unsignedBySigned, columnUpper, weightLower, valueMixed) },
	} {
		instruction()
		if rows > 0 && i%2 == 1 {
			f.valueConvertRow()
		}
	}
	f.op("ADDQ $128, AX")
	f.op("ADDQ $%d, BX", 2*tileBytes)
	f.op("ADDQ $%d, R10", 2*tileBytes)
	if rows == 0 {
		f.convertUpTo(4, name, f.valueConvertRow)
	}
	f.op("DECQ R14")
	f.op("JNZ %sStep", name)
	if rows == 0 {
		f.convertAll(name+"Rest", f.valueConvertRow) // where there are fewer steps
	}
}

// valueStore puts the sums of a tile where valueConvertRow finds them.
func (f *file) valueStore() {
	f.op("MOVQ valuesArgs_room(DI), R12")
	for i := range 3 {
		if i > 0 {
			f.op("ADDQ $%d, R12", tileBytes)
		}
		f.tileStore(i, 0, "R12", "R8")
	}
	f.op("SUBQ $%d, R12", 2*tileBytes)
	f.otherRoom("valuesArgs", valueBytes)
	f.op("MOVQ valuesArgs_scale(DI), SI")
	f.op("VMOVUPS (SI), Z16")
	f.op("MOVQ valuesArgs_to(DI), DX")
	f.op("MOVQ valuesArgs_rows(DI), R11")
}

// valueNext goes on to the next tile, or the next 16 columns.
func (f *file) valueNext() {
	f.op("DECQ valuesArgs_left(DI)")
	f.op("JZ columns")
	f.op("ADDQ valuesArgs_nextP(DI), AX")
	f.op("SUBQ valuesArgs_sizeW(DI), BX")
	f.op("SUBQ valuesArgs_sizeW(DI), R10")
	f.op("MOVQ valuesArgs_nextY(DI), SI")
	f.op("ADDQ SI, valuesArgs_to(DI)")
	f.op("JMP on")
	f.label("columns")
	f.op("DECQ valuesArgs_blocks(DI)")
	f.op("JZ last")
	f.op("MOVQ valuesArgs_p(DI), AX")
	f.op("ADDQ $64, valuesArgs_scale(DI)")
	f.op("ADDQ $64, valuesArgs_y(DI)")
	f.op("MOVQ valuesArgs_y(DI), SI")
	f.op("MOVQ SI, valuesArgs_to(DI)")
	f.op("MOVQ valuesArgs_tiles(DI), SI")
	f.op("MOVQ SI, valuesArgs_left(DI)")
	f.label("on")
}

// valueConvertRow converts one row.
func (f *file) valueConvertRow() {
	f.op("VPSLLD $%d, %d(R12), Z0", 2*valueShift, valueUpper*tileBytes)
	f.op("VPSLLD $%d, %d(R12), Z1", valueShift, valueMixed*tileBytes)
	f.op("VPADDD %d(R12), Z0, Z0", valueLower*tileBytes)
	f.op("VMOVAPS Z17, Z2")
	f.op("VPADDD Z1, Z0, Z0")
	f.op("VMOVUPS (DX), K1, Z2")
	f.op("VCVTDQ2PS Z0, Z0")
	f.op("VFMADD231PS Z16, Z0, Z2")
	f.op("VMOVUPS Z2, (DX)")
	f.op("ADDQ $64, R12")
	f.op("ADDQ R9, DX")
}

// splitValues writes splitValuesAMX(dst, src *int16, steps uintptr): for each 64 keys of 16
// columns, the upper bytes of values and then the lower ones, as rows of 4 keys side by side for
// each column. Row i is of the keys from 16·(i%4) + 4·(i/4) on, the order that splitWeights leaves.
func splitValues(f *file) {
	f.text("splitValues", "(dst, src *int16, steps uintptr)", 24)
	f.op("MOVQ dst+0(FP), DI")
	f.op("MOVQ src+8(FP), SI")
	f.op("MOVQ steps+16(FP), CX")
	f.op("VMOVDQU64 %s, Z16", f.constant(valueHalf))
	f.op("VMOVDQU64 %s, Z17", f.constant(valueMask))
	// Packing leaves the two words of each column side by side, those of the second register behind
	// those of the first.
	f.op("VMOVDQU64 %s, Z18", f.table("pairs", func(i int) uint32 {
		c := uint32(i%4) * 2
		return (c+9)<<24 | (c+8)<<16 | (c+1)<<8 | c
	}, 16))
	f.label("step")
	for row := range 16 {
		from := (8*(row%4) + 2*(row/4)) * 64
		for i := range 2 {
			f.op("VMOVDQU64 %d(SI), Z%d", from+64*i, i)
		}
		for i := range 2 {
			f.op("VPADDW Z16, Z%d, Z%d", i, i)
			f.op("VPSRAW $%d, Z%d, Z%d", valueShift, i, 2+i)
			f.op("VPANDD Z17, Z%d, Z%d", i, i)
			f.op("VPSUBW Z16, Z%d, Z%d", i, i)
		}
		for i, to := range []int{tileBytes, 0} {
			f.op("VPACKSSWB Z%d, Z%d, Z%d", 2*i+1, 2*i, 2*i)
			f.op("VPSHUFB Z18, Z%d, Z%d", 2*i, 2*i)
			f.op("VMOVDQU64 Z%d, %d(DI)", 2*i, to+64*row)
		}
	}
	f.op("ADDQ $%d, SI", 2*tileBytes)
	f.op("ADDQ $%d, DI", 2*tileBytes)
	f.op("DECQ CX")
	f.op("JNZ step")
	f.ret()
}
