package main

import "fmt"

// panelTile is a tile of rows by vectors sums.
type panelTile struct{ rows, vectors int }

// fetches reports whether a tile fetches the next panel: those that few rows are computed with.
func (t panelTile) fetches(v isa) bool { return t.vectors == 4 || v.lanes == 8 && t.vectors == 2 }

func panelTiles(v isa) []panelTile {
	if v.lanes == 16 {
		return []panelTile{{12, 2}, {12, 1}, {8, 2}, {8, 1}, {6, 4}, {6, 2}, {6, 1}, {4, 4}, {4, 2}, {4, 1}, {3, 4}, {3, 2}, {3, 1}, {2, 4}, {2, 2}, {2, 1}, {1, 4}, {1, 2}, {1, 1}}
	}
	return []panelTile{{6, 2}, {6, 1}, {4, 2}, {4, 1}, {2, 4}, {2, 2}, {2, 1}, {1, 4}, {1, 2}, {1, 1}}
}

// panel writes the tiles panel<rows>x<vectors>: sums run along a row of b, and each adds one product per step of k with a
// fused multiply-add, so every tile gives the same bits. The last vector of a tile may be cut (AVX-512: in every tile;
// AVX2: in those of one vector, panel<rows>x1). Some fetch the panel that comes next.
func panel(f *file) {
	for _, t := range panelTiles(f.isa) {
		panelTileText(f, t)
	}
}

// strided addresses row r of a matrix whose row 0 is base: regs hold 1, 3, 5, 7, 9 and 11 times the stride.
func strided(base string, r int) string {
	if r == 0 {
		return "(" + base + ")"
	}
	scale := 1
	for r%2 == 0 && scale < 8 {
		r, scale = r/2, scale*2
	}
	return fmt.Sprintf("(%s)(%s*%d)", base, []string{"R8", "R9", "R10", "R11", "R12", "R13"}[r/2], scale)
}

// strides puts the odd multiples of the stride in a field of the arguments at DI into registers, as strided wants them.
func (f *file) strides(field string, rows int) {
	if rows == 1 {
		return
	}
	f.op("MOVQ %s(DI), R8", field)
	for i, reg := range []string{"R9", "R10", "R11", "R12", "R13"} {
		if rows <= 3+2*i {
			return
		}
		from := []string{"R8", "R9", "R10", "R11", "R12"}[i]
		f.op("LEAQ (%s)(R8*2), %s", from, reg)
	}
}

func panelTileText(f *file, t panelTile) {
	f.text(fmt.Sprintf("panel%dx%d", t.rows, t.vectors), "(args *panelArgs)", 8)
	acc := func(r, j int) int { return r*t.vectors + j }
	b := t.rows * t.vectors // registers of b follow the sums, then the broadcast, then (AVX2) the mask
	broadcast := b + t.vectors
	mask := 15
	masked := func(j int) bool { return j == t.vectors-1 && (f.lanes == 16 || t.vectors == 1) }

	f.op("MOVQ args+0(FP), DI")
	f.op("MOVQ panelArgs_last(DI), CX")
	if f.lanes == 16 || t.vectors == 1 {
		f.tailMask(mask)
	}
	f.op("MOVQ panelArgs_c(DI), DX")
	f.strides("panelArgs_ldc", t.rows)
	f.op("MOVQ panelArgs_accumulate(DI), AX")
	f.op("TESTQ AX, AX")
	f.op("JNZ accumulate")
	for i := range b {
		f.zero(i)
	}
	f.op("JMP start")
	f.label("accumulate")
	for r := range t.rows {
		for j := range t.vectors {
			f.load(fmt.Sprint(j*f.bytes())+strided("DX", r), acc(r, j), mask, masked(j))
		}
	}
	f.label("start")
	f.op("MOVQ panelArgs_a(DI), AX")
	f.strides("panelArgs_lda", t.rows)
	f.op("MOVQ panelArgs_b(DI), BX")
	f.op("MOVQ panelArgs_ldb(DI), SI")
	f.op("MOVQ panelArgs_k(DI), CX")
	if t.fetches(f.isa) {
		f.op("MOVQ panelArgs_next(DI), R14")
		f.op("MOVQ panelArgs_ahead(DI), R15")
	}
	f.label("loop")
	for j := range t.vectors {
		f.load(fmt.Sprintf("%d(BX)", j*f.bytes()), b+j, mask, masked(j))
	}
	for r := range t.rows {
		reg := broadcast
		if f.lanes == 16 {
			reg += r % 4
		}
		f.op("VBROADCASTSS %s, %s", strided("AX", r), f.v(reg))
		for j := range t.vectors {
			f.op("VFMADD231PS %s, %s, %s", f.v(reg), f.v(b+j), f.v(acc(r, j)))
		}
	}
	if t.fetches(f.isa) {
		for line := 0; line < t.vectors*f.bytes(); line += 64 {
			f.op("PREFETCHT1 %d(R14)", line)
		}
		f.op("ADDQ R15, R14")
	}
	f.op("ADDQ $4, AX")
	f.op("ADDQ SI, BX")
	f.op("DECQ CX")
	f.op("JNZ loop")
	f.strides("panelArgs_ldc", t.rows)
	for r := range t.rows {
		for j := range t.vectors {
			f.store(acc(r, j), fmt.Sprint(j*f.bytes())+strided("DX", r), mask, masked(j))
		}
	}
	f.ret()
}
