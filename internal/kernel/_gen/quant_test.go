package main

// The encoding of dot-product instructions against that of the GNU assembler.

import "testing"

// The encodings are those of the GNU assembler.
func TestVEXDot(t *testing.T) {
	for _, c := range []struct {
		opcode          byte
		dst, src1, src2 int
		want            [5]byte
	}{
		{0x50, 0, 12, 14, [5]byte{0xc4, 0xc2, 0x1d, 0x50, 0xc6}},
		{0x50, 3, 2, 1, [5]byte{0xc4, 0xe2, 0x6d, 0x50, 0xd9}},
		{0x50, 15, 15, 15, [5]byte{0xc4, 0x42, 0x05, 0x50, 0xff}},
		{0x50, 8, 7, 0, [5]byte{0xc4, 0x62, 0x45, 0x50, 0xc0}},
		{0x52, 11, 12, 14, [5]byte{0xc4, 0x42, 0x1d, 0x52, 0xde}},
	} {
		if got := vexDot(c.opcode, c.dst, c.src1, c.src2); got != c.want {
			t.Errorf("%d, %d, %d: %x, want %x", c.dst, c.src1, c.src2, got, c.want)
		}
	}
}
