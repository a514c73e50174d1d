package main

// What kernels in tiles of AMX share: their instructions, which Go's assembler does not know,
// frames that hold sums, and loops that convert them.

import "fmt"

const tileBytes = 16 * 64 // of a whole tile register

// vexTile encodes VEX.128.<prefix>.0F38.W0 opcode /r with tile register or number reg; rm is a tile
// register, or the memory at base with rows index bytes apart (both numbers of general registers)
// and disp. Go's assembler knows no AMX.
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

var registers = map[string]int{"AX": 0, "CX": 1, "DX": 2, "BX": 3, "SP": 4, "BP": 5, "SI": 6,
	"DI": 7,
	"R8": 8, "R9": 9, "R10": 10, "R11": 11, "R12": 12, "R13": 13, "R15": 15}

func (f *file) tileConfig(base string) {
	f.encoded(vexTile{opcode: 0x49, memory: true, base: registers[base], index: noIndex}.bytes(),
		"LDTILECFG (%s)", base)
}

func (f *file) tileRelease() { f.encoded(vexTile{opcode: 0x49}.bytes(), "TILERELEASE") }

func (f *file) tileZero(tile int) {
	f.encoded(vexTile{prefix: 3, opcode: 0x49, reg: tile}.bytes(), "TILEZERO TMM%d", tile)
}

// tileLoad reads 16 rows that lie stride bytes apart.
func (f *file) tileLoad(disp int, base, stride string, tile int) {
	f.encoded(vexTile{prefix: 3, opcode: 0x4b, reg: tile, memory: true, base: registers[base],
		index: registers[stride], disp: disp}.bytes(),
		"TILELOADD %d(%s)(%s*1), TMM%d", disp, base, stride, tile)
}

func (f *file) tileStore(tile, disp int, base, stride string) {
	f.encoded(vexTile{prefix: 2, opcode: 0x4b, reg: tile, memory: true, base: registers[base],
		index: registers[stride], disp: disp}.bytes(),
		"TILESTORED TMM%d, %d(%s)(%s*1)", tile, disp, base, stride)
}

// tileProduct is an instruction that adds products to sums.
type tileProduct struct {
	name           string
	prefix, opcode byte
}

var (
	signedByUnsigned = tileProduct{"TDPBSUD", 2, 0x5e} // bytes, rows named first
	unsignedBySigned = tileProduct{"TDPBUSD", 1, 0x5e}
	brainFloats      = tileProduct{"TDPBF16PS", 2, 0x5c} // pairs of bfloat16
)

// tileDot adds to sums the products of rows and cols.
func (f *file) tileDot(p tileProduct, cols, rows, sums int) {
	f.encoded(vexTile{prefix: p.prefix, opcode: p.opcode, reg: sums, tile: rows,
		vvvv: cols}.bytes(), "%s TMM%d, TMM%d, TMM%d", p.name, cols, rows, sums)
}

// tileText starts a function name(args *kind), with a frame of so many bytes from the address that
// frame gives on. It leaves args in DI, and the tile registers in the shapes of its config.
func (f *file) tileText(name, kind string, bytes int) {
	f.textAs(name, "(args *"+kind+")", fmt.Sprintf("0, $%d-8", bytes+64))
	f.op("MOVQ args+0(FP), DI")
	f.op("MOVQ %s_config(DI), AX", kind)
	f.tileConfig("AX")
}

// frame sets reg to the first address in the frame that is a multiple of 64.
func (f *file) frame(reg string) {
	f.op("LEAQ 63(SP), %s", reg)
	f.op("ANDQ $-64, %s", reg)
}

// otherRoom makes room in args that of the two halves of the frame, of so many bytes, which is not
// at R12. SI is lost.
func (f *file) otherRoom(kind string, bytes int) {
	f.frame("SI")
	f.op("LEAQ %d(SI)(SI*1), SI", bytes)
	f.op("SUBQ R12, SI")
	f.op("MOVQ SI, %s_room(DI)", kind)
}

// convertUpTo converts so many of the R11 rows that wait, or all of them. SI is lost.
func (f *file) convertUpTo(most int, name string, row func()) {
	f.op("MOVQ $%d, SI", most)
	f.op("CMPQ SI, R11")
	f.op("CMOVQGT R11, SI")
	f.convert(name, row)
}

// convertAll converts all R11 rows that wait. SI is lost.
func (f *file) convertAll(name string, row func()) {
	f.op("MOVQ R11, SI")
	f.convert(name, row)
}

// convert converts SI rows.
func (f *file) convert(name string, row func()) {
	f.op("SUBQ SI, R11")
	f.op("TESTQ SI, SI")
	f.op("JZ %sConverted", name)
	f.label(name + "Convert")
	row()
	f.op("DECQ SI")
	f.op("JNZ %sConvert", name)
	f.label(name + "Converted")
}
