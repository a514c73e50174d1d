package main

// Panel tiles and the transpose on arm64. panel.go is the same for amd64.

import "fmt"

// neonPanelTiles are the tiles of sums of the panel product: rows by vectors, where 0 vectors are
// one column.
var neonPanelTiles = []panelTile{
	{6, 4}, {6, 2}, {6, 1}, {6, 0}, {4, 4}, {4, 2}, {4, 1}, {4, 0}, {2, 8}, {2, 4}, {2, 2}, {2, 1},
	{2, 0}, {1, 8}, {1, 4}, {1, 2}, {1, 1}, {1, 0},
}

// neonPanel writes the function panelTile(args *panelArgs), which goes to the tile of the rows and
// vectors asked for. Sums run along a row of b, and each adds one product per step of k with a
// fused multiply-add, so every tile gives the same bits.
func neonPanel(f *neonFile) {
	f.text("panelTile", "(args *panelArgs)", 8)
	f.op("MOVD args+0(FP), R0")
	f.op("MOVD panelArgs_rows(R0), R1")
	f.op("MOVD panelArgs_vectors(R0), R2")
	f.op("ADD R1<<4, R2, R2")
	for _, t := range neonPanelTiles {
		f.op("CMP $%d, R2", 16*t.rows+t.vectors)
		f.op("BEQ tile%dx%d", t.rows, t.vectors)
	}
	f.ret()
	for _, t := range neonPanelTiles {
		neonPanelTile(f, t)
	}
}

func neonPanelTile(f *neonFile, t panelTile) {
	vectors, size, load := t.vectors, 16, "FMOVQ"
	if vectors == 0 { // one column, in lane 0
		vectors, size, load = 1, 4, "FMOVS"
	}
	label := func(name string) string { return fmt.Sprintf("%s%dx%d", name, t.rows, t.vectors) }
	sum := func(r, j int) int { return r*vectors + j }
	row := func(r int) int { return 5 + r } // the pointers of the rows, of a or of c
	rows := func(field string) {
		f.op("MOVD panelArgs_ld%s(R0), R1", field)
		f.op("MOVD panelArgs_%s(R0), R%d", field, row(0))
		for r := 1; r < t.rows; r++ {
			f.op("ADD R1, R%d, R%d", row(r-1), row(r))
		}
	}
	f.label(label("tile"))
	rows("c")
	f.op("MOVD panelArgs_accumulate(R0), R2")
	f.op("CBNZ R2, %s", label("accumulate"))
	for i := range t.rows * vectors {
		f.zero(i)
	}
	f.op("B %s", label("start"))
	f.label(label("accumulate"))
	for r := range t.rows {
		for j := range vectors {
			f.op("%s %d(R%d), F%d", load, size*j, row(r), sum(r, j))
		}
	}
	f.label(label("start"))
	rows("a")
	f.op("MOVD panelArgs_b(R0), R2")
	f.op("MOVD panelArgs_ldb(R0), R3")
	f.op("MOVD panelArgs_k(R0), R4")
	b := t.rows * vectors // the registers of b follow the sums, then those of a
	a := b + vectors
	free := 32 - a
	f.label(label("loop"))
	for j := range vectors {
		f.op("%s %d(R2), F%d", load, size*j, b+j)
	}
	f.op("ADD R3, R2, R2")
	loadA := func(r int) {
		if r < t.rows {
			f.op("FMOVS.P 4(R%d), F%d", row(r), a+r%free)
		}
	}
	for r := range free {
		loadA(r)
	}
	for r := range t.rows {
		for j := range vectors {
			f.byElement("FMLA", sum(r, j), b+j, a+r%free, 0)
		}
		loadA(r + free)
	}
	f.op("SUBS $1, R4, R4")
	f.op("BNE %s", label("loop"))
	rows("c")
	for r := range t.rows {
		for j := range vectors {
			f.op("%s F%d, %d(R%d)", load, sum(r, j), size*j, row(r))
		}
	}
	f.ret()
}

// neonTranspose writes transpose4, which transposes n blocks of 4×4 that lie side by side in src,
// below each other in dst.
func neonTranspose(f *neonFile) {
	f.text("transpose4", "(dst *float32, ldd uintptr, src *float32, lds, n uintptr)", 40)
	f.op("MOVD dst+0(FP), R0")
	f.op("MOVD ldd+8(FP), R1")
	f.op("MOVD src+16(FP), R2")
	f.op("MOVD lds+24(FP), R3")
	f.op("MOVD n+32(FP), R4")
	for r := 1; r < 4; r++ {
		f.op("ADD R3, R%d, R%d", []int{0, 2, 5, 6}[r], 4+r)
	}
	f.label("loop")
	for i, r := range []int{2, 5, 6, 7} {
		f.op("FMOVQ.P 16(R%d), F%d", r, i)
	}
	f.v("TRN1.4S", 4, 0, 1)
	f.v("TRN2.4S", 5, 0, 1)
	f.v("TRN1.4S", 6, 2, 3)
	f.v("TRN2.4S", 7, 2, 3)
	f.v("TRN1.2D", 0, 4, 6)
	f.v("TRN1.2D", 1, 5, 7)
	f.v("TRN2.2D", 2, 4, 6)
	f.v("TRN2.2D", 3, 5, 7)
	for i := range 4 {
		f.op("FMOVQ F%d, (R0)", i)
		f.op("ADD R1, R0, R0")
	}
	f.op("SUBS $1, R4, R4")
	f.op("BNE loop")
	f.ret()
}
