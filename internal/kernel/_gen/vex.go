package main

// Encodings of dot-product instructions of AVX-VNNI, which Go's assembler only knows for AVX-512.

// dotVEX writes VPDPBUSD, which adds to acc the products of the unsigned bytes of w and the signed
// ones of q, or VPDPWSSD, the same for pairs of signed 16-bit integers. The assembler only knows
// the encoding of AVX-512.
func (f *file) dotVEX(name string, q, w, acc int) {
	b := vexDot(map[string]byte{"VPDPBUSD": 0x50, "VPDPWSSD": 0x52}[name], acc, w, q)
	f.encoded(b[:], "%s Y%d, Y%d, Y%d", name, q, w, acc)
}

// vexDot encodes VEX.256.66.0F38.W0 opcode /r for three vector registers, in the order of Intel's
// manual.
func vexDot(opcode byte, dst, src1, src2 int) [5]byte {
	return [5]byte{
		0xc4,
		extension(dst, 7) | 1<<6 | extension(src2, 5) | 2, // R, X, B and the map 0F38
		byte(^src1&15<<3) | 1<<2 | 1,                      // W, vvvv, L and the prefix 66
		opcode,
		byte(3<<6 | dst&7<<3 | src2&7),
	}
}
