package main

import "fmt"

// Registers of int8TileAMX. A tile register is 16 rows of 64 bytes; sums are those of 16 rows by 16 columns.
const (
	tileSums = 0 // to 3: rows 0..15 by columns 0..15 and 16..31, then rows 16..31
	tileRows = 4 // and 5: up to 64 elements of k of rows 0..15 and 16..31
	tileCols = 6 // and 7: of columns 0..15 and 16..31

	tileBytes = 16 * 64 // of a whole tile register
	amxRows   = 32      // of the highest tile
	sumsBytes = amxRows * panelBytes
	sideBytes = 384 * panelBytes // of as many rows as package kernel's amxPass
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

// int8AMX writes int8TileAMX(args *amxArgs), tiles of up to 32 rows. The sums of a group go through memory, from where they are converted,
// scaled and added up among the products of the next group, which keep another unit busy: some rows after each of their instructions where
// 32 rows and the steps of a group make that even, elsewhere up to a quarter of the rows after each step.
//
// Registers: AX and R10 rows 0 and 16, CX the bytes between rows, BX the panel, R8 the bytes of a panel's step, R12 where the
// sums are; DX what they are added to, R9 where that goes, R13 the rows' scales, R15 their sums, R11 the rows to convert, SI those to
// convert now or the weights to fetch, R14 the steps. Z16 and Z17 are the columns' scales. K1 is empty where there is nothing to add to.
func int8AMX(f *file) {
	f.fn = "int8Tile" + f.name
	const frame = 2*sumsBytes + sideBytes + 64
	fmt.Fprintf(&f.body, "\n// func %s(args *amxArgs)\nTEXT ·%s(SB), 0, $%d-8\n", f.fn, f.fn, frame)
	f.op("MOVQ args+0(FP), DI")
	f.op("MOVQ amxArgs_config(DI), AX")
	f.tileConfig("AX")
	f.op("MOVQ amxArgs_ldq(DI), CX")
	f.op("MOVQ $%d, R8", panelBytes)
	f.op("LEAQ 63(SP), R12")
	f.op("ANDQ $-64, R12")
	f.op("MOVQ R12, amxArgs_room(DI)")
	f.op("ADDQ $%d, R12", 2*sumsBytes)
	f.op("MOVQ R12, amxArgs_side(DI)")
	f.op("MOVQ amxArgs_loop(DI), SI")
	f.amxLoop()
	f.op("XORQ R11, R11") // nothing to convert yet
	f.op("CMPQ amxArgs_rows(DI), $%d", amxRows/2)
	f.op("JLE low")
	for _, t := range []amxTile{{name: "high", sums: 4}, {name: "low", sums: 2}} {
		f.label(t.name)
		f.amxGroup(t)
		f.label(t.name + "Store")
		f.amxStore(t)
		f.op("DECQ amxArgs_groups(DI)")
		f.op("JZ last")
		f.amxNext(t)
		if t.name == "high" {
			f.op("CMPQ amxArgs_rows(DI), $%d", amxRows)
			f.op("JNE high")
			f.op("CMPQ amxArgs_steps(DI), $4")
			f.op("JEQ four")
			f.op("CMPQ amxArgs_steps(DI), $2")
			f.op("JEQ two")
		}
		f.op("JMP %s", t.name)
	}
	for _, t := range []amxTile{{name: "two", sums: 4, rows: 2}, {name: "four", sums: 4, rows: 1, fetch: true}} {
		f.label(t.name)
		f.amxGroup(t)
		f.op("JMP highStore")
	}
	f.label("last")
	f.tileRelease()
	f.op("MOVQ R11, SI")
	f.amxConvert("last")
	f.ret()
}

// amxTile is one way to multiply a group.
type amxTile struct {
	name  string
	sums  int  // tiles of them, two or four
	rows  int  // to convert after each instruction, or 0: up to a quarter after each step
	fetch bool // whether weights are fetched after every other instruction: those after the group's, where it is a whole one of a product
}

// amxGroup multiplies a group, and meanwhile converts the one before, if there is one.
func (f *file) amxGroup(t amxTile) {
	instruction := 0
	after := func() { // an instruction
		for range t.rows {
			f.amxConvertRow()
		}
		if instruction++; t.fetch && instruction%2 == 0 {
			f.op("PREFETCHT1 (SI)")
			f.op("ADDQ $64, SI")
		}
	}
	if t.fetch {
		f.op("MOVQ amxArgs_fetch(DI), SI")
	}
	for i := range t.sums {
		f.tileZero(tileSums + i)
	}
	f.op("MOVQ amxArgs_steps(DI), R14")
	f.op("PCALIGN $64")
	f.label(t.name + "Step")
	f.tileLoad(0, "AX", "CX", tileRows)
	after()
	if t.sums == 4 {
		f.tileLoad(0, "R10", "CX", tileRows+1)
		after()
		f.op("ADDQ amxArgs_stepQ(DI), R10")
	}
	for i := range 2 {
		f.tileLoad(64*i, "BX", "R8", tileCols+i)
		after()
	}
	for i := range t.sums {
		f.tileDot(tileCols+i%2, tileRows+i/2, tileSums+i)
		after()
	}
	f.op("ADDQ amxArgs_stepQ(DI), AX")
	f.op("ADDQ amxArgs_stepW(DI), BX")
	if t.rows == 0 {
		f.op("MOVQ $%d, SI", amxRows/groupParts)
		f.op("CMPQ SI, R11")
		f.op("CMOVQGT R11, SI")
		f.amxConvert(t.name)
	}
	f.op("DECQ R14")
	f.op("JNZ %sStep", t.name)
	if t.fetch {
		f.op("MOVQ SI, amxArgs_fetch(DI)")
	}
	if t.rows == 0 {
		f.op("MOVQ R11, SI") // where the group has fewer steps
		f.amxConvert(t.name + "Rest")
	}
}

// amxStore puts the sums of a group where amxConvert finds them.
func (f *file) amxStore(t amxTile) {
	f.op("MOVQ amxArgs_room(DI), R12")
	f.tileStore(tileSums, 0, "R12", "R8")
	f.tileStore(tileSums+1, 64, "R12", "R8")
	if t.sums == 4 {
		f.op("LEAQ %d(R12), SI", sumsBytes/2)
		f.tileStore(tileSums+2, 0, "SI", "R8")
		f.tileStore(tileSums+3, 64, "SI", "R8")
	}
	f.op("LEAQ 63(SP), SI") // the other half of the frame
	f.op("ANDQ $-64, SI")
	f.op("LEAQ %d(SI)(SI*1), SI", sumsBytes)
	f.op("SUBQ R12, SI")
	f.op("MOVQ SI, amxArgs_room(DI)")
	f.op("MOVQ amxArgs_wscale(DI), SI")
	f.op("VMOVUPS (SI), Z16")
	f.op("VMOVUPS 64(SI), Z17")
	f.op("MOVQ amxArgs_scale(DI), R13")
	f.op("MOVQ amxArgs_sums(DI), R15")
	f.op("MOVQ amxArgs_from(DI), DX")
	f.op("MOVQ amxArgs_to(DI), R9")
	f.op("MOVQ amxArgs_loop(DI), SI")
	f.op("KMOVW amxLoop_add(SI), K1")
	for _, ld := range []string{"ldfrom", "ldto"} { // those of this group, while the next may be in another loop
		f.op("MOVQ amxLoop_%s(SI), R14", ld)
		f.op("MOVQ R14, amxArgs_%s(DI)", ld)
	}
	f.op("MOVQ amxArgs_rows(DI), R11")
}

// amxNext goes on to the next group, where SI is the loop of the last one.
func (f *file) amxNext(t amxTile) {
	f.op("DECQ amxArgs_left(DI)")
	f.op("JNZ %sNext", t.name)
	f.op("ADDQ $amxLoop__size, SI")
	f.op("MOVQ SI, amxArgs_loop(DI)")
	f.amxLoop()
	f.op("JMP %sOn", t.name)
	f.label(t.name + "Next")
	f.op("ADDQ amxArgs_nextQ(DI), AX")
	f.op("ADDQ amxArgs_nextQ(DI), R10")
	f.op("ADDQ amxArgs_nextW(DI), BX")
	for _, p := range [][2]string{
		{"amxArgs_nextWScale(DI)", "wscale"}, {"amxArgs_nextScale(DI)", "scale"}, {"amxArgs_nextSums(DI)", "sums"},
		{"amxLoop_nextFrom(SI)", "from"}, {"amxLoop_nextTo(SI)", "to"},
	} {
		f.op("MOVQ %s, R14", p[0])
		f.op("ADDQ R14, amxArgs_%s(DI)", p[1])
	}
	f.label(t.name + "On")
}

// amxLoop begins the loop at SI.
func (f *file) amxLoop() {
	f.op("MOVQ amxLoop_q(SI), AX")
	f.op("MOVQ CX, R10")
	f.op("SHLQ $4, R10")
	f.op("ADDQ AX, R10")
	f.op("MOVQ amxLoop_w(SI), BX")
	f.op("LEAQ %d(BX), R14", group*panelBytes/4)
	f.op("MOVQ R14, amxArgs_fetch(DI)")
	for _, p := range []string{"wscale", "scale", "sums", "from", "to"} {
		f.op("MOVQ amxLoop_%s(SI), R14", p)
		if p == "from" || p == "to" {
			f.op("TESTQ R14, R14")
			f.op("CMOVQEQ amxArgs_side(DI), R14")
		}
		f.op("MOVQ R14, amxArgs_%s(DI)", p)
	}
	f.op("MOVQ amxArgs_tiles(DI), R14")
	f.op("MOVQ R14, amxArgs_left(DI)")
}

// amxConvert converts SI rows.
func (f *file) amxConvert(name string) {
	f.op("SUBQ SI, R11")
	f.op("TESTQ SI, SI")
	f.op("JZ %sConverted", name)
	f.label(name + "Convert")
	f.amxConvertRow()
	f.op("DECQ SI")
	f.op("JNZ %sConvert", name)
	f.label(name + "Converted")
}

// amxConvertRow converts one row.
func (f *file) amxConvertRow() {
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
		f.op("VMOVUPS Z%d, %d(R9)", 4+v, 64*v)
	}
	f.op("ADDQ $%d, R12", panelBytes)
	for _, p := range [][2]string{{"lds", "R13"}, {"ldsums", "R15"}, {"ldfrom", "DX"}, {"ldto", "R9"}} {
		f.op("ADDQ amxArgs_%s(DI), %s", p[0], p[1])
	}
}
