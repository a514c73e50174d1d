package main

// Panel tiles on amd64, for panels in float32 and in half precision. neon_panel.go is the same for
// arm64.

import "fmt"

// panelTile is a tile of rows by vectors sums.
type panelTile struct{ rows, vectors int }

// fetches reports whether a tile fetches the next panel: those that few rows are computed with.
func (t panelTile) fetches(v isa, format string) bool {
	return t.vectors == 4 || t.vectors == 2 && (v.lanes == 8 || format == "F16")
}

func panelTiles(v isa) []panelTile {
	if v.lanes == 16 {
		return []panelTile{{12, 2}, {12, 1}, {8, 2}, {8, 1}, {6, 4}, {6, 2}, {6, 1}, {4, 4}, {4, 2},
			{4, 1}, {3, 4}, {3, 2}, {3, 1}, {2, 4}, {2, 2}, {2, 1}, {1, 4}, {1, 2}, {1, 1}}
	}
	return []panelTile{{6, 2}, {6, 1}, {4, 2}, {4, 1}, {2, 4}, {2, 2}, {2, 1}, {1, 4}, {1, 2},
		{1, 1}}
}

// panelF16Tiles are the tiles for a panel in half precision. Each widens what it reads, so with
// AVX-512 there is one for each number of query heads that share keys and values, up to 8.
func panelF16Tiles(v isa) []panelTile {
	if v.lanes == 16 {
		return []panelTile{{8, 2}, {8, 1}, {7, 4}, {7, 2}, {7, 1}, {6, 4}, {6, 2}, {6, 1}, {5, 4},
			{5, 2}, {5, 1}, {4, 4}, {4, 2}, {4, 1}, {3, 4}, {3, 2}, {3, 1}, {2, 4}, {2, 2}, {2, 1},
			{1, 4}, {1, 2}, {1, 1}}
	}
	return []panelTile{{6, 2}, {6, 1}, {4, 2}, {4, 1}, {3, 2}, {3, 1}, {2, 4}, {2, 2}, {2, 1},
		{1, 4}, {1, 2}, {1, 1}}
}

// panel writes the tiles panel<rows>x<vectors> and, for a panel in half precision,
// panelF16_<rows>x<vectors>: sums run along a row of b, and each adds one product per step of k
// with a fused multiply-add, so every tile gives the same bits. The last vector of a tile may be
// cut (AVX-512: in every tile; AVX2: in those of one vector, panel<rows>x1, but of half precision
// in none). Some fetch the panel that comes next.
func panel(f *file) {
	for _, t := range panelTiles(f.isa) {
		panelTileText(f, t, "F32")
	}
	for _, t := range panelF16Tiles(f.isa) {
		panelTileText(f, t, "F16")
	}
}

// strided addresses row r of a matrix whose row 0 is base: regs hold 1, 3, 5, 7, 9 and 11 times the
// stride.
func strided(base string, r int) string {
	if r == 0 {
		return "(" + base + ")"
	}
	scale := 1
	for r%2 == 0 && scale < 8 {
		r, scale = r/2, scale*2
	}
	return fmt.Sprintf("(%s)(%s*%d)", base, []string{"R8", "R9", "R10", "R11", "R12", "R13"}[r/2],
		scale)
}

// strides puts the odd multiples of the stride in a field of the arguments at DI into registers, as
// strided wants them.
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

func panelTileText(f *file, t panelTile, format string) {
	prefix := "panel"
	if format == "F16" {
		prefix = "panelF16_"
	}
	f.text(fmt.Sprintf("%s%dx%d", prefix, t.rows, t.vectors), "(args *panelArgs)", 8)
	acc := func(r, j int) int { return r*t.vectors + j }
	// registers of b follow the sums, then the broadcast, then (AVX2) the mask
	b := t.rows * t.vectors
	broadcast := func(r int) int {
		if f.lanes == 16 {
			return b + t.vectors + r%4
		}
		return b + t.vectors
	}
	mask := 15
	canMask := f.lanes == 16 || t.vectors == 1 && format == "F32"
	masked := func(j int) bool { return canMask && j == t.vectors-1 }

	f.op("MOVQ args+0(FP), DI")
	if canMask {
		f.op("MOVQ panelArgs_last(DI), CX")
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
	if t.fetches(f.isa, format) {
		f.op("MOVQ panelArgs_next(DI), R14")
		f.op("MOVQ panelArgs_nextStep(DI), R15")
	}
	f.label("loop")
	for j := range t.vectors {
		if format == "F16" {
			f.widen(format, fmt.Sprintf("%d(BX)", j*f.weightBytes(format)), b+j, masked(j))
		} else {
			f.load(fmt.Sprintf("%d(BX)", j*f.bytes()), b+j, mask, masked(j))
		}
	}
	for r := range t.rows {
		f.panelRow(strided("AX", r), b, t.vectors, broadcast(r), acc(r, 0), format)
	}
	if t.fetches(f.isa, format) {
		for line := 0; line < t.vectors*f.weightBytes(format); line += 64 {
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

// panelRow adds the products of one element of a and the vectors of b from register b on to the
// sums from acc on. Beside conversions AVX-512 is faster where each multiplication reads the
// element itself (BenchmarkMatMulPanelF16).
func (f *file) panelRow(a string, b, vectors, broadcast, acc int, format string) {
	if f.lanes == 16 && format == "F16" {
		for j := range vectors {
			f.op("VFMADD231PS.BCST %s, %s, %s", a, f.v(b+j), f.v(acc+j))
		}
		return
	}
	f.op("VBROADCASTSS %s, %s", a, f.v(broadcast))
	for j := range vectors {
		f.op("VFMADD231PS %s, %s, %s", f.v(broadcast), f.v(b+j), f.v(acc+j))
	}
}
