package main

import "fmt"

// Registers of int8TileAMX. A tile register is 16 rows of 64 bytes; sums are those of 16 rows by 16 columns.
const (
	tileSums = 0 // to 3: rows 0..15 by columns 0..15 and 16..31, then rows 16..31
	tileRows = 4 // and 5: up to 64 elements of k of rows 0..15 and 16..31
	tileCols = 6 // and 7: of columns 0..15 and 16..31

	amxRows   = 32 // of the highest tile
	sumsBytes = amxRows * panelBytes
)

// vexTile encodes VEX.128.<prefix>.0F38.W0 opcode /r with tile register or number reg; rm is a tile register, or the memory at base with
// rows index bytes apart (both numbers of general registers) and disp. Go's assembler knows no AMX.
// Source: Intel's manual, volume 2, "TDPBSUD", "TILELOADD", "LDTILECFG".
type vexTile struct {
	prefix byte // 0: none, 1: 66, 2: F3, 3: F2
	opcode byte
	reg    int
	vvvv   int
	tile   int // rm, unless memory is set
	memory bool
	base   int
	index  int // noIndex: without
	disp   int
}

const noIndex = 4

func (v vexTile) bytes() []byte {
	second := byte(^v.vvvv&15<<3) | v.prefix // W0 and L0
	if !v.memory {
		return []byte{0xc4, 0xe2, second, v.opcode, byte(3<<6 | v.reg&7<<3 | v.tile)}
	}
	return []byte{
		0xc4, 1<<7 | extension(v.index, 6) | extension(v.base, 5) | 2, second, v.opcode,
		byte(1<<6 | v.reg&7<<3 | 4), byte(v.index&7<<3 | v.base&7), byte(int8(v.disp)),
	}
}

var registers = map[string]int{"AX": 0, "CX": 1, "DX": 2, "BX": 3, "SP": 4, "BP": 5, "SI": 6, "DI": 7,
	"R8": 8, "R9": 9, "R10": 10, "R11": 11, "R12": 12, "R13": 13, "R15": 15}

func (f *file) tileConfig(base string) {
	f.encoded(vexTile{opcode: 0x49, memory: true, base: registers[base], index: noIndex}.bytes(), "LDTILECFG (%s)", base)
}

func (f *file) tileRelease() { f.encoded(vexTile{opcode: 0x49}.bytes(), "TILERELEASE") }

func (f *file) tileZero(tile int) {
	f.encoded(vexTile{prefix: 3, opcode: 0x49, reg: tile}.bytes(), "TILEZERO TMM%d", tile)
}

// tileLoad reads 16 rows that lie stride bytes apart.
func (f *file) tileLoad(disp int, base, stride string, tile int) {
	f.encoded(vexTile{prefix: 3, opcode: 0x4b, reg: tile, memory: true, base: registers[base], index: registers[stride], disp: disp}.bytes(),
		"TILELOADD %d(%s)(%s*1), TMM%d", disp, base, stride, tile)
}

func (f *file) tileStore(tile, disp int, base, stride string) {
	f.encoded(vexTile{prefix: 2, opcode: 0x4b, reg: tile, memory: true, base: registers[base], index: registers[stride], disp: disp}.bytes(),
		"TILESTORED TMM%d, %d(%s)(%s*1)", tile, disp, base, stride)
}

// tileDot adds to sums the products of signed bytes of rows and unsigned ones of cols.
func (f *file) tileDot(cols, rows, sums int) {
	f.encoded(vexTile{prefix: 2, opcode: 0x5e, reg: sums, tile: rows, vvvv: cols}.bytes(), "TDPBSUD TMM%d, TMM%d, TMM%d", cols, rows, sums)
}

// int8AMX writes int8TileAMX(args *amxArgs), the tile of up to 32 rows. The sums of a group go through memory, from where they are converted,
// scaled and added to y among the products of the next group, which keep another unit busy: a quarter of the rows after each step. What a
// group is, args say: a part of k, or the next panel.
//
// Registers: AX and R10 rows 0 and 16, CX the bytes between rows, BX the panel, R8 the bytes of a panel's step, R9 where the
// current group's sums go and R12 from where the last ones come; DX y, R13 the rows' scales, R15 their sums, R11 the rows to convert, SI those to
// convert now, R14 the steps. Z16 and Z17 are the columns' scales. K1 is empty for the first group of a product.
func int8AMX(f *file) {
	f.fn = "int8Tile" + f.name
	const frame = 2*sumsBytes + 64
	fmt.Fprintf(&f.body, "\n// func %s(args *amxArgs)\nTEXT ·%s(SB), 0, $%d-8\n", f.fn, f.fn, frame)
	f.op("MOVQ args+0(FP), DI")
	f.op("MOVQ amxArgs_config(DI), AX")
	f.tileConfig("AX")
	f.op("MOVQ quantArgs_q(DI), AX")
	f.op("MOVQ quantArgs_ldq(DI), CX")
	f.op("MOVQ CX, R10")
	f.op("SHLQ $4, R10")
	f.op("ADDQ AX, R10")
	f.op("MOVQ quantArgs_w(DI), BX")
	f.op("MOVQ $%d, R8", panelBytes)
	f.op("LEAQ 63(SP), R9")
	f.op("ANDQ $-64, R9")
	f.op("XORQ SI, SI")
	f.op("SUBQ quantArgs_resume(DI), SI")
	f.op("KMOVW SI, K1")
	f.op("CMPQ quantArgs_rows(DI), $%d", amxRows/2)
	f.op("JGT high")
	for _, high := range []bool{false, true} {
		name := map[bool]string{false: "low", true: "high"}[high]
		f.label(name)
		f.amxGroup(name+"First", high, false)
		f.label(name + "Group")
		f.amxStore(high)
		f.op("DECQ quantArgs_groups(DI)")
		f.op("JZ last")
		f.amxGroup(name, high, true)
		f.op("JMP %sGroup", name)
	}
	f.label("last")
	f.tileRelease()
	f.op("MOVQ R11, SI")
	f.amxConvert("last")
	f.ret()
}

// amxGroup multiplies a group, and meanwhile converts the one before.
func (f *file) amxGroup(name string, high, convert bool) {
	tiles := 2
	if high {
		tiles = 4
	}
	for i := range tiles {
		f.tileZero(tileSums + i)
	}
	f.op("MOVQ quantArgs_steps(DI), R14")
	f.op("PCALIGN $64")
	f.label(name + "Step")
	f.tileLoad(0, "AX", "CX", tileRows)
	if high {
		f.tileLoad(0, "R10", "CX", tileRows+1)
		f.op("ADDQ amxArgs_stepQ(DI), R10")
	}
	for i := range 2 {
		f.tileLoad(64*i, "BX", "R8", tileCols+i)
	}
	for i := range tiles {
		f.tileDot(tileCols+i%2, tileRows+i/2, tileSums+i)
	}
	f.op("ADDQ amxArgs_stepQ(DI), AX")
	f.op("ADDQ amxArgs_stepW(DI), BX")
	if convert {
		f.op("MOVQ $%d, SI", amxRows/groupParts)
		f.op("CMPQ SI, R11")
		f.op("CMOVQGT R11, SI")
		f.amxConvert(name)
	}
	f.op("DECQ R14")
	f.op("JNZ %sStep", name)
	if convert {
		f.op("MOVQ R11, SI") // where the group has fewer steps
		f.amxConvert(name + "Rest")
		f.op("KMOVW amxArgs_again(DI), K1")
	}
}

// amxStore puts the sums where amxConvert finds them.
func (f *file) amxStore(high bool) {
	f.tileStore(tileSums, 0, "R9", "R8")
	f.tileStore(tileSums+1, 64, "R9", "R8")
	f.op("MOVQ R9, R12")
	if high {
		f.op("ADDQ $%d, R9", sumsBytes/2)
		f.tileStore(tileSums+2, 0, "R9", "R8")
		f.tileStore(tileSums+3, 64, "R9", "R8")
		f.op("SUBQ $%d, R9", sumsBytes/2)
	}
	f.op("LEAQ 63(SP), SI") // the other half of the frame
	f.op("ANDQ $-64, SI")
	f.op("LEAQ %d(SI)(SI*1), SI", sumsBytes)
	f.op("SUBQ R9, SI")
	f.op("MOVQ SI, R9")
	f.op("MOVQ quantArgs_rows(DI), R11")
	f.op("ADDQ amxArgs_nextQ(DI), AX")
	f.op("ADDQ amxArgs_nextQ(DI), R10")
	f.op("ADDQ amxArgs_nextW(DI), BX")
	for _, p := range []struct{ arg, reg, next string }{
		{"quantArgs_y", "DX", "amxArgs_nextY"}, {"quantArgs_scale", "R13", "amxArgs_nextScale"}, {"quantArgs_sums", "R15", "amxArgs_nextSums"},
	} {
		f.op("MOVQ %s(DI), %s", p.arg, p.reg)
		f.op("MOVQ %s(DI), SI", p.next)
		f.op("ADDQ SI, %s(DI)", p.arg)
	}
	f.op("MOVQ quantArgs_wscale(DI), SI")
	f.op("VMOVUPS (SI), Z16")
	f.op("VMOVUPS 64(SI), Z17")
	f.op("ADDQ $%d, quantArgs_wscale(DI)", panelBytes)
}

// amxConvert converts SI rows.
func (f *file) amxConvert(name string) {
	f.op("SUBQ SI, R11")
	f.op("TESTQ SI, SI")
	f.op("JZ %sConverted", name)
	f.label(name + "Convert")
	f.op("VPBROADCASTD (R15), Z0")
	f.op("VBROADCASTSS (R13), Z1")
	for v := range 2 {
		f.op("VPADDD %d(R12), Z0, Z%d", 64*v, 2+v)
	}
	for v := range 2 {
		f.op("VCVTDQ2PS Z%d, Z%d", 2+v, 2+v)
	}
	for v := range 2 {
		f.op("VMULPS Z1, Z%d, Z%d", 2+v, 2+v)
		f.op("VMOVUPS.Z %d(DX), K1, Z%d", 64*v, 4+v)
	}
	for v := range 2 {
		f.op("VFMADD231PS Z%d, Z%d, Z%d", 16+v, 2+v, 4+v)
		f.op("VMOVUPS Z%d, %d(DX)", 4+v, 64*v)
	}
	f.op("ADDQ $%d, R12", panelBytes)
	f.op("ADDQ quantArgs_lds(DI), R13")
	f.op("ADDQ quantArgs_ldsums(DI), R15")
	f.op("ADDQ quantArgs_ldy(DI), DX")
	f.op("DECQ SI")
	f.op("JNZ %sConvert", name)
	f.label(name + "Converted")
}
