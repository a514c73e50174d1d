package main

// The packed product in tiles of AMX. tile.go has the instructions; amx_values.go is the product of
// attention.

// Registers of int8TileAMX. A tile register is 16 rows of 64 bytes; sums are those of 16 rows by 16
// columns.
const (
	tileSums = 0 // to 3: rows 0..15 by columns 0..15 and 16..31, then rows 16..31
	tileRows = 4 // and 5: up to 64 elements of k of rows 0..15 and 16..31
	tileCols = 6 // and 7: of columns 0..15 and 16..31

	amxRows   = 32 // of the highest tile
	sumsBytes = amxRows * panelBytes
	sideBytes = 384 * panelBytes // of as many rows as package kernel's amxPass
)

// int8AMX writes int8TileAMX(args *amxArgs), tiles of up to 32 rows. The sums of a group go through
// memory, from where they are converted, scaled and added up among the products of the next group,
// which keep another unit busy: some rows after each of their instructions where 32 rows and the
// steps of a group make that even, elsewhere up to a quarter of the rows after each step.
//
// Registers: AX and R10 rows 0 and 16, CX the bytes between rows, BX the panel, R8 the bytes of a
// panel's step, R12 where the sums are; DX what they are added to, R9 where that goes, R13 the
// rows' scales, R15 their sums, R11 the rows to convert, SI those to convert now or the weights to
// fetch, R14 the steps. Z16 and Z17 are the columns' scales. K1 is empty where there is nothing to
// add to.
func int8AMX(f *file) {
	f.tileText("int8Tile", "amxArgs", 2*sumsBytes+sideBytes)
	f.op("MOVQ amxArgs_ldq(DI), CX")
	f.op("MOVQ $%d, R8", panelBytes)
	f.frame("R12")
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
	f.convertAll("last", f.amxConvertRow)
	f.ret()
}

// amxTile is one way to multiply a group.
type amxTile struct {
	name string
	sums int // tiles of them, two or four
	rows int // to convert after each instruction, or 0: up to a quarter after each step
	// whether weights are fetched after every other instruction: those after the group's, where it
	// is a whole one of a product
	fetch bool
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
		f.tileDot(signedByUnsigned, tileCols+i%2, tileRows+i/2, tileSums+i)
		after()
	}
	f.op("ADDQ amxArgs_stepQ(DI), AX")
	f.op("ADDQ amxArgs_stepW(DI), BX")
	if t.rows == 0 {
		f.convertUpTo(amxRows/groupParts, t.name, f.amxConvertRow)
	}
	f.op("DECQ R14")
	f.op("JNZ %sStep", t.name)
	if t.fetch {
		f.op("MOVQ SI, amxArgs_fetch(DI)")
	}
	if t.rows == 0 {
		f.convertAll(t.name+"Rest", f.amxConvertRow) // where the group has fewer steps
	}
}

// amxStore puts the sums of a group where amxConvertRow finds them.
func (f *file) amxStore(t amxTile) {
	f.op("MOVQ amxArgs_room(DI), R12")
	f.tileStore(tileSums, 0, "R12", "R8")
	f.tileStore(tileSums+1, 64, "R12", "R8")
	if t.sums == 4 {
		f.op("LEAQ %d(R12), SI", sumsBytes/2)
		f.tileStore(tileSums+2, 0, "SI", "R8")
		f.tileStore(tileSums+3, 64, "SI", "R8")
	}
	f.otherRoom("amxArgs", sumsBytes)
	f.op("MOVQ amxArgs_wscale(DI), SI")
	f.op("VMOVUPS (SI), Z16")
	f.op("VMOVUPS 64(SI), Z17")
	f.op("MOVQ amxArgs_scale(DI), R13")
	f.op("MOVQ amxArgs_sums(DI), R15")
	f.op("MOVQ amxArgs_from(DI), DX")
	f.op("MOVQ amxArgs_to(DI), R9")
	f.op("MOVQ amxArgs_loop(DI), SI")
	f.op("KMOVW amxLoop_add(SI), K1")
	// those of this group, while the next may be in another loop
	for _, ld := range []string{"ldfrom", "ldto"} {
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
		{"amxArgs_nextWScale(DI)", "wscale"}, {"amxArgs_nextScale(DI)", "scale"},
		{"amxArgs_nextSums(DI)", "sums"},
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
