package main

// Unpacking of 4-bit weights to bytes, on amd64.

// unpacker is the registers with which half bytes become bytes of the layout of int8: 128 +
// step·(half byte - zero).
type unpacker struct {
	mask  int // 15 in every byte
	words int // shuffles that spread the lowest byte of each 32 bits over their two words,
	bytes int // and over their four bytes
	temp  int
}

// integers names the instruction that moves a vector of integers between memory and a register.
func (f *file) integers() string {
	if f.lanes == 16 {
		return "VMOVDQU64"
	}
	return "VMOVDQU"
}

// useUnpacker loads the constants.
func (f *file) useUnpacker(u unpacker) {
	load := f.integers()
	f.op("%s %s, %s", load, f.constant(0x0f0f0f0f), f.v(u.mask))
	const none = 0x80
	f.op("%s %s, %s", load, f.table("words", func(i int) uint32 {
		b := uint32(i % 4 * 4)
		return b | none<<8 | b<<16 | none<<24
	}, f.lanes), f.v(u.words))
	f.op("%s %s, %s", load, f.table("bytes",
		func(i int) uint32 { return uint32(i%4*4) * 0x01010101 }, f.lanes), f.v(u.bytes))
}

func (f *file) and(a, b, dst int) {
	op := "VPAND"
	if f.lanes == 16 {
		op = "VPANDD"
	}
	f.op("%s %s, %s, %s", op, f.v(a), f.v(b), f.v(dst))
}

// stepsOf reads the steps and zeros of as many columns as a vector has lanes, disp bytes from SI
// on, into the words of register step and, as 128 - step·zero, into the bytes of register offset.
func (f *file) stepsOf(u unpacker, disp, step, offset int) {
	f.op("VPMOVZXBD %d(SI), %s", disp, f.v(step))
	f.op("VPSRLD $4, %s, %s", f.v(step), f.v(offset))
	f.and(u.mask, step, step)
	f.op("VPMULLW %s, %s, %s", f.v(step), f.v(offset), f.v(offset))
	f.op("%s %s, %s", f.integers(), f.constant(128), f.v(u.temp))
	f.op("VPSUBD %s, %s, %s", f.v(offset), f.v(u.temp), f.v(offset))
	f.op("VPSHUFB %s, %s, %s", f.v(u.words), f.v(step), f.v(step))
	f.op("VPSHUFB %s, %s, %s", f.v(u.bytes), f.v(offset), f.v(offset))
}

// toBytes makes bytes of the low halves in register low, in their place, and of the high halves, in
// register high. The products of half bytes and steps, up to 225, do not carry from a byte into the
// next.
func (f *file) toBytes(u unpacker, low, high, step, offset int) {
	f.op("VPSRLW $4, %s, %s", f.v(low), f.v(high))
	for _, r := range []int{low, high} {
		f.and(u.mask, r, r)
		f.op("VPMULLW %s, %s, %s", f.v(step), f.v(r), f.v(r))
		f.op("VPADDB %s, %s, %s", f.v(offset), f.v(r), f.v(r))
	}
}

// unpackInt4 writes unpackInt4(dst, src *uint8, parts uintptr): some parts of a group of a panel in
// the layout of int8.
func unpackInt4(f *file) {
	u := unpacker{mask: 15, words: 14, bytes: 13, temp: 12}
	const weights = partBytes * part / 2 // of a part
	f.text("unpackInt4", "(dst, src *uint8, parts uintptr)", 24)
	f.op("MOVQ dst+0(FP), DI")
	f.op("MOVQ src+8(FP), SI")
	f.op("MOVQ parts+16(FP), CX")
	f.op("LEAQ %d(SI), BX", groupParts*partBytes)
	f.useUnpacker(u)
	load := f.integers()
	vectors := panelBytes / f.bytes()
	f.label("part")
	for v := range vectors {
		f.stepsOf(u, v*f.lanes, 2*v, 2*v+1)
	}
	for at := 0; at < weights; at += panelBytes {
		for v := range vectors {
			if v*f.bytes()%64 == 0 {
				f.op("PREFETCHT0 %d(BX)", 4096+at+v*f.bytes())
			}
			f.op("%s %d(BX), %s", load, at+v*f.bytes(), f.v(8))
			f.toBytes(u, 8, 9, 2*v, 2*v+1)
			f.op("%s %s, %d(DI)", load, f.v(8), 2*at+v*f.bytes())
			f.op("%s %s, %d(DI)", load, f.v(9), 2*at+panelBytes+v*f.bytes())
		}
	}
	f.op("ADDQ $%d, SI", partBytes)
	f.op("ADDQ $%d, BX", weights)
	f.op("ADDQ $%d, DI", 2*weights)
	f.op("DECQ CX")
	f.op("JNZ part")
	f.ret()
}
