package main

// What emitters for arm64 share: the file being written, constants, and the vector instructions,
// which are encoded here because Go's assembler knows few of them. emit.go is its counterpart for
// amd64.

import (
	"bytes"
	"fmt"
	"math"
	"strings"
)

// The instruction sets of arm64. All have vectors of four floats; the last two differ only where
// they multiply integers.
var (
	neonISA    = isa{"NEON", "neon", "V", 4}
	dotProdISA = isa{"DotProd", "dotprod", "V", 4}
	i8mmISA    = isa{"I8MM", "i8mm", "V", 4}
)

// neonFile collects an assembly file for arm64. Vector registers are V0 to V31 (F0 to F31 in loads
// and stores). Of the others the kernels use R0 to R17 and R19 to R25: R18 belongs to the system,
// R27 to the assembler, R26 and from R28 on to Go.
type neonFile struct {
	*file
	list []uint32 // the constants, each of which fills a vector
}

// constReg is where a function that uses constants keeps their address.
const constReg = "R25"

func newNEONFile(v isa) *neonFile { return &neonFile{file: newFile(v)} }

func (f *neonFile) source() []byte {
	if len(f.list) > 0 {
		var table bytes.Buffer
		table.WriteByte('\n')
		for i, bits := range f.list {
			for half := range 2 {
				fmt.Fprintf(&table, "DATA constants<>+%d(SB)/8, $0x%08x%08x\n", 16*i+8*half, bits,
					bits)
			}
		}
		fmt.Fprintf(&table, "GLOBL constants<>(SB), RODATA|NOPTR, $%d\n", 16*len(f.list))
		f.data = table
	}
	return f.file.source()
}

func (f *neonFile) ret() { f.op("RET") }

// useConstants makes constant and float available to the function.
func (f *neonFile) useConstants() { f.op("MOVD $constants<>(SB), %s", constReg) }

// constant loads the bits into every lane of register d.
func (f *neonFile) constant(d int, bits uint32) {
	at := 0
	for at < len(f.list) && f.list[at] != bits {
		at++
	}
	if at == len(f.list) {
		f.list = append(f.list, bits)
	}
	f.op("FMOVQ %d(%s), F%d", 16*at, constReg, d)
}

func (f *neonFile) float(d int, value float64) { f.constant(d, math.Float32bits(float32(value))) }

// encoding is an instruction without its registers: Rd at bit 0, Rn at bit 5 and, where it has
// three, Rm at bit 16.
type encoding struct {
	bits     uint32
	operands string // their arrangements
}

// encodings are the vector instructions, most of which Go's assembler does not know. The part of a
// name after the dot tells those of one mnemonic apart.
var encodings = map[string]encoding{
	"FADD.4S":    {0x4e20d400, "4S 4S 4S"},
	"FSUB.4S":    {0x4ea0d400, "4S 4S 4S"},
	"FMUL.4S":    {0x6e20dc00, "4S 4S 4S"},
	"FDIV.4S":    {0x6e20fc00, "4S 4S 4S"},
	"FMLA.4S":    {0x4e20cc00, "4S 4S 4S"},
	"FMLS.4S":    {0x4ea0cc00, "4S 4S 4S"},
	"FMAX.4S":    {0x4e20f400, "4S 4S 4S"},
	"FMIN.4S":    {0x4ea0f400, "4S 4S 4S"},
	"FADDP.4S":   {0x6e20d400, "4S 4S 4S"},
	"FADD.2D":    {0x4e60d400, "2D 2D 2D"},
	"FSUB.2D":    {0x4ee0d400, "2D 2D 2D"},
	"FMLA.2D":    {0x4e60cc00, "2D 2D 2D"},
	"ADD.4S":     {0x4ea08400, "4S 4S 4S"},
	"SUB.4S":     {0x6ea08400, "4S 4S 4S"},
	"ADD.16B":    {0x4e208400, "16B 16B 16B"},
	"ADDP.8H":    {0x4e60bc00, "8H 8H 8H"},
	"UMAX.4S":    {0x6ea06400, "4S 4S 4S"},
	"AND.16B":    {0x4e201c00, "16B 16B 16B"},
	"EOR.16B":    {0x6e201c00, "16B 16B 16B"},
	"MUL.16B":    {0x4e209c00, "16B 16B 16B"},
	"MLA.16B":    {0x4e209400, "16B 16B 16B"},
	"SUB.16B":    {0x6e208400, "16B 16B 16B"},
	"ZIP1.16B":   {0x4e003800, "16B 16B 16B"},
	"ZIP1.8H":    {0x4e403800, "8H 8H 8H"},
	"ZIP2.8H":    {0x4e407800, "8H 8H 8H"},
	"ZIP1.4S":    {0x4e803800, "4S 4S 4S"},
	"ZIP2.4S":    {0x4e807800, "4S 4S 4S"},
	"UZP1.4S":    {0x4e801800, "4S 4S 4S"},
	"UZP2.4S":    {0x4e805800, "4S 4S 4S"},
	"TRN1.4S":    {0x4e802800, "4S 4S 4S"},
	"TRN2.4S":    {0x4e806800, "4S 4S 4S"},
	"TRN1.2D":    {0x4ec02800, "2D 2D 2D"},
	"TRN2.2D":    {0x4ec06800, "2D 2D 2D"},
	"SMULL":      {0x0e20c000, "8H 8B 8B"},
	"SMULL2":     {0x4e20c000, "8H 16B 16B"},
	"SMLAL":      {0x0e208000, "8H 8B 8B"},
	"SMLAL2":     {0x4e208000, "8H 16B 16B"},
	"USMMLA":     {0x4e80ac00, "4S 16B 16B"},
	"FADD.S":     {0x1e202800, "S S S"},
	"FMAX.S":     {0x1e204800, "S S S"},
	"MOV":        {0x4ea01c00, "16B 16B"}, // ORR with the register twice: see move
	"SADALP":     {0x4e606800, "4S 8H"},
	"SCVTF.4S":   {0x4e21d800, "4S 4S"},
	"FCVTNS.4S":  {0x4e21a800, "4S 4S"},
	"FRINTN.4S":  {0x4e218800, "4S 4S"},
	"FNEG.4S":    {0x6ea0f800, "4S 4S"},
	"FABS.4S":    {0x4ea0f800, "4S 4S"},
	"FCVTL.4S":   {0x0e217800, "4S 4H"},
	"FCVTL2.4S":  {0x4e217800, "4S 8H"},
	"FCVTL.2D":   {0x0e617800, "2D 2S"},
	"FCVTL2.2D":  {0x4e617800, "2D 4S"},
	"SQXTN.4H":   {0x0e614800, "4H 4S"},
	"SQXTN2.8H":  {0x4e614800, "8H 4S"},
	"SQXTN.8B":   {0x0e214800, "8B 8H"},
	"SQXTN2.16B": {0x4e214800, "16B 8H"},
	"UMAXV":      {0x6eb0a800, "S 4S"},
	"FMAXV":      {0x6e30f800, "S 4S"},
	"FMINV":      {0x6eb0f800, "S 4S"},
	"ADDV":       {0x4eb1b800, "S 4S"},
	"FADDP.S":    {0x7e30d800, "S 2S"},
	"FADDP.D":    {0x7e70d800, "D 2D"},
	"FMOV.S":     {0x1e204000, "S S"},
	"FCVT.D":     {0x1e22c000, "D S"},
}

// v writes the instruction of that name with registers Rd, Rn and Rm.
func (f *neonFile) v(name string, regs ...int) { f.word(vectors(name, regs...)) }

func vectors(name string, regs ...int) (uint32, string) {
	e, kinds := encodings[name], splitOperands(name)
	if len(kinds) != len(regs) {
		panic(name)
	}
	var text []string
	for i, r := range regs {
		e.bits |= register(r) << [...]int{0, 5, 16}[i]
		if len(kinds[i]) == 1 {
			text = append(text, fmt.Sprintf("%s%d", kinds[i], r))
		} else {
			text = append(text, fmt.Sprintf("V%d.%s", r, kinds[i]))
		}
	}
	if name == "MOV" {
		e.bits |= register(regs[1]) << 16
	}
	mnemonic, _, _ := strings.Cut(name, ".")
	return e.bits, mnemonic + " " + strings.Join(text, ", ")
}

// splitOperands returns the arrangements of an instruction's operands.
func splitOperands(name string) []string { return strings.Fields(encodings[name].operands) }

func register(r int) uint32 {
	if r < 0 || r > 31 {
		panic("no such register")
	}
	return uint32(r)
}

// byElement writes an instruction whose last operand is element i (of four) of register m: FMLA and
// FMUL of a float, SDOT and USDOT of four bytes.
func (f *neonFile) byElement(name string, d, n, m, i int) { f.word(byElement(name, d, n, m, i)) }

func byElement(name string, d, n, m, i int) (uint32, string) {
	e, ok := map[string]encoding{
		"FMLA":  {0x4f801000, "4S S"},
		"FMUL":  {0x4f809000, "4S S"},
		"SDOT":  {0x4f80e000, "16B 4B"},
		"USDOT": {0x4f80f000, "16B 4B"},
	}[name]
	if !ok || i < 0 || i > 3 {
		panic(name)
	}
	kinds := strings.Fields(e.operands)
	bits := e.bits | register(d) | register(n)<<5 | register(m)<<16 | uint32(i&1)<<21 | uint32(i>>1)<<11
	return bits, fmt.Sprintf("%s V%d.4S, V%d.%s, V%d.%s[%d]", name, d, n, kinds[0], m, kinds[1], i)
}

// shift writes a shift by a constant: SHL and SSHR of 32 bits, USHR of bytes.
func (f *neonFile) shift(name string, d, n, by int) { f.word(shift(name, d, n, by)) }

func shift(name string, d, n, by int) (uint32, string) {
	bits := register(d) | register(n)<<5
	kind := "4S"
	switch name {
	case "SHL":
		bits |= 0x4f005400 | uint32(32+by)<<16
	case "SSHR":
		bits |= 0x4f000400 | uint32(64-by)<<16
	case "USHR":
		bits |= 0x6f000400 | uint32(16-by)<<16
		kind = "16B"
	default:
		panic(name)
	}
	return bits, fmt.Sprintf("%s V%d.%s, V%d.%s, #%d", name, d, kind, n, kind, by)
}

// widenBF16 writes bits that are the upper halves of floats as floats: those of the lower or upper
// half of n.
func (f *neonFile) widenBF16(d, n int, upper bool) { f.word(widenBF16(d, n, upper)) }

func widenBF16(d, n int, upper bool) (uint32, string) {
	bits, name, kind := uint32(0x2e613800), "SHLL", "4H"
	if upper {
		bits, name, kind = 0x6e613800, "SHLL2", "8H"
	}
	return bits | register(d) | register(n)<<5,
		fmt.Sprintf("%s V%d.4S, V%d.%s, #16", name, d, n, kind)
}

// dup writes element i of n to every lane of d, in lanes of the given kind, S or D.
func (f *neonFile) dup(kind string, d, n, i int) { f.word(dup(kind, d, n, i)) }

func dup(kind string, d, n, i int) (uint32, string) {
	element, lanes := map[string]uint32{"S": uint32(i)<<3 | 4, "D": uint32(i)<<4 | 8}[kind],
		map[string]string{"S": "4S", "D": "2D"}[kind]
	return 0x4e000400 | element<<16 | register(n)<<5 | register(d),
		fmt.Sprintf("DUP V%d.%s, V%d.%s[%d]", d, lanes, n, kind, i)
}

// insert writes element 0 of n, 32 bits, to element i of d.
func (f *neonFile) insert(d, i, n int) { f.word(insert(d, i, n)) }

func insert(d, i, n int) (uint32, string) {
	return 0x6e000400 | (uint32(i)<<3|4)<<16 | register(n)<<5 | register(d),
		fmt.Sprintf("INS V%d.S[%d], V%d.S[0]", d, i, n)
}

// zero clears register d.
func (f *neonFile) zero(d int) { f.word(zeroed(d)) }

func zeroed(d int) (uint32, string) {
	return 0x4f000400 | register(d), fmt.Sprintf("MOVI V%d.4S, #0", d)
}

// halfLoad loads 16 bits from the address in R<n>, moves that along by post bytes, and clears the
// rest of d.
func (f *neonFile) halfLoad(d, n, post int) { f.word(halfLoad(d, n, post)) }

func halfLoad(d, n, post int) (uint32, string) {
	return 0x7c400400 | uint32(post)<<12 | register(n)<<5 | register(d),
		fmt.Sprintf("LDR H%d, [X%d], #%d", d, n, post)
}

// word writes one encoded instruction, with its text in the GNU assembler's syntax: CI assembles
// that and compares.
func (f *neonFile) word(bits uint32, text string) { f.op("WORD $0x%08x // %s", bits, text) }
