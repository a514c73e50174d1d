package main

// The encodings of AMX against those of the GNU assembler.

import (
	"bytes"
	"testing"
)

// The encodings are those of the GNU assembler.
func TestTileEncodings(t *testing.T) {
	for _, c := range []struct {
		name string
		emit func(f *file)
		want string
	}{
		{"ldtilecfg 0(%rax)", func(f *file) { f.tileConfig("AX") }, "c4 e2 78 49 44 20 00"},
		{"tilerelease", func(f *file) { f.tileRelease() }, "c4 e2 78 49 c0"},
		{"tilezero %tmm3", func(f *file) { f.tileZero(3) }, "c4 e2 7b 49 d8"},
		{"tileloadd 0x40(%rbx,%r8,1),%tmm7", func(f *file) { f.tileLoad(64, "BX", "R8", 7) }, "c4 a2 7b 4b 7c 03 40"},
		{"tileloadd 0(%r10,%rcx,1),%tmm5", func(f *file) { f.tileLoad(0, "R10", "CX", 5) }, "c4 c2 7b 4b 6c 0a 00"},
		{"tilestored %tmm1,0x40(%r9,%r8,1)", func(f *file) { f.tileStore(1, 64, "R9", "R8") }, "c4 82 7a 4b 4c 01 40"},
		{"tdpbsud %tmm7,%tmm4,%tmm1", func(f *file) { f.tileDot(signedByUnsigned, 7, 4, 1) }, "c4 e2 42 5e cc"},
		{"tdpbusd %tmm7,%tmm4,%tmm1", func(f *file) { f.tileDot(unsignedBySigned, 7, 4, 1) }, "c4 e2 41 5e cc"},
		{"tdpbf16ps %tmm7,%tmm4,%tmm1", func(f *file) { f.tileDot(brainFloats, 7, 4, 1) }, "c4 e2 42 5c cc"},
	} {
		f := newFile(amx)
		c.emit(f)
		want := "\tBYTE $0x" +
			string(bytes.ReplaceAll([]byte(c.want), []byte(" "), []byte("; BYTE $0x"))) + " // "
		if got := f.body.String(); len(got) < len(want) || got[:len(want)] != want {
			t.Errorf("%s: %s, want %s", c.name, got, want)
		}
	}
}
