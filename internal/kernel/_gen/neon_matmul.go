package main

// Inner-product tiles with stored weights on arm64. matmul.go is the same for amd64.

import "fmt"

// Registers of the tiles of inner products. The rows of x are at R5…, the weight rows from the
// register after the last of them on.
const (
	regDotArgs = "R0"
	regDotX    = 5
	regDotK    = "R1"
)

const (
	neonDotRows   = 6
	neonDotNarrow = 2 // tiles of up to so many rows take eight columns, higher ones four
)

// neonDot writes the function dot<format>(args *dotArgs): a tile of up to six rows of x by four
// weight rows, or of one or two by eight, so that enough sums are under way at once. A sum is a
// vector whose lane l adds, with fused multiply-adds, the products at l, l+4, l+8…; those that make
// no whole vector are added to lane 0. Every tile does the same per sum, so they all give the same
// bits.
func (f *neonFile) neonDot(format string) {
	f.text("dot"+format, "(args *dotArgs)", 8)
	f.op("MOVD args+0(FP), %s", regDotArgs)
	f.op("MOVD dotArgs_rows(%s), R2", regDotArgs)
	for rows := 1; rows < neonDotRows; rows++ {
		f.op("CMP $%d, R2", rows)
		f.op("BEQ rows%d", rows)
	}
	for rows := neonDotRows; rows > 0; rows-- {
		t := &neonDotTile{neonFile: f, format: format, rows: rows, cols: 4}
		if rows <= neonDotNarrow {
			t.cols = 8
		}
		f.label(fmt.Sprintf("rows%d", rows))
		t.write()
	}
}

// neonDotTile is a tile being written.
type neonDotTile struct {
	*neonFile
	format     string
	rows, cols int
}

func (t *neonDotTile) sum(r, c int) int { return r*t.cols + c }

// x and w name the pointers of row r and column c.
func (t *neonDotTile) x(r int) string { return fmt.Sprintf("R%d", regDotX+r) }

func (t *neonDotTile) w(c int) string { return fmt.Sprintf("R%d", t.wReg(c)) }

func (t *neonDotTile) wReg(c int) int {
	reg := regDotX + t.rows + c
	if reg >= 18 {
		panic("R18 is not ours")
	}
	return reg
}

func (t *neonDotTile) write() {
	label := func(name string) string { return fmt.Sprintf("%s%d", name, t.rows) }
	t.op("MOVD dotArgs_ldx(%s), R2", regDotArgs)
	t.op("MOVD dotArgs_x(%s), %s", regDotArgs, t.x(0))
	for r := 1; r < t.rows; r++ {
		t.op("ADD R2, %s, %s", t.x(r-1), t.x(r))
	}
	for c := range t.cols {
		t.op("MOVD (dotArgs_w+%d)(%s), %s", 8*c, regDotArgs, t.w(c))
	}
	t.op("MOVD dotArgs_k(%s), %s", regDotArgs, regDotK)
	for i := range t.rows * t.cols {
		t.zero(i)
	}
	t.op("SUBS $8, %s, %s", regDotK, regDotK)
	t.op("BLT %s", label("rest"))
	t.label(label("loop"))
	t.eight()
	t.op("SUBS $8, %s, %s", regDotK, regDotK)
	t.op("BGE %s", label("loop"))
	t.label(label("rest"))
	t.op("ADDS $4, %s, %s", regDotK, regDotK) // what is left, less four
	t.op("BLT %s", label("few"))
	t.step(4)
	t.op("SUB $4, %s, %s", regDotK, regDotK)
	t.label(label("few"))
	t.op("ADDS $4, %s, %s", regDotK, regDotK)
	t.op("BEQ %s", label("reduce"))
	t.label(label("one"))
	t.step(1)
	t.op("SUBS $1, %s, %s", regDotK, regDotK)
	t.op("BNE %s", label("one"))
	t.label(label("reduce"))
	t.reduce()
	t.ret()
}

// eight adds eight products to each sum. Few rows leave registers to take eight weights of 16 bits
// at once.
func (t *neonDotTile) eight() {
	if t.cols == 4 || t.format == "F32" {
		t.step(4)
		t.step(4)
		return
	}
	x := t.rows * t.cols
	w := x + 2*t.rows
	for r := range t.rows {
		for half := range 2 {
			t.op("FMOVQ.P 16(%s), F%d", t.x(r), x+2*r+half)
		}
	}
	free := (32 - w) / 2 // pairs of registers for the weights
	load := func(c int) {
		if c < t.cols {
			low, high := w+c%free*2, w+c%free*2+1
			t.op("FMOVQ.P 16(%s), F%d", t.w(c), high)
			t.widen(low, high, false)
			t.widen(high, high, true)
		}
	}
	for c := range free - 1 {
		load(c)
	}
	for c := range t.cols {
		load(c + free - 1)
		for half := range 2 {
			for r := range t.rows {
				t.v("FMLA.4S", t.sum(r, c), w+c%free*2+half, x+2*r+half)
			}
		}
	}
}

// step adds four products to each sum, or one to its lane 0: loads of one element clear the other
// lanes.
func (t *neonDotTile) step(n int) {
	w := t.rows * t.cols
	free := 32 - w - t.cols
	x := w + t.cols
	for c := range t.cols {
		switch {
		case t.format == "F32" && n == 4:
			t.op("FMOVQ.P 16(%s), F%d", t.w(c), w+c)
		case t.format == "F32":
			t.op("FMOVS.P 4(%s), F%d", t.w(c), w+c)
		case n == 4:
			t.op("FMOVD.P 8(%s), F%d", t.w(c), w+c)
			t.widen(w+c, w+c, false)
		default:
			t.halfLoad(w+c, t.wReg(c), 2)
			t.widen(w+c, w+c, false)
		}
	}
	load := func(r int) {
		switch {
		case r >= t.rows:
		case n == 4:
			t.op("FMOVQ.P 16(%s), F%d", t.x(r), x+r%free)
		default:
			t.op("FMOVS.P 4(%s), F%d", t.x(r), x+r%free)
		}
	}
	for r := range free {
		load(r)
	}
	for r := range t.rows {
		for c := range t.cols {
			t.v("FMLA.4S", t.sum(r, c), w+c, x+r%free)
		}
		load(r + free)
	}
}

// widen makes floats of the lower or upper four of eight 16-bit ones.
func (f *neonFile) widen16(format string, d, n int, upper bool) {
	switch {
	case format == "BF16":
		f.widenBF16(d, n, upper)
	case upper:
		f.v("FCVTL2.4S", d, n)
	default:
		f.v("FCVTL.4S", d, n)
	}
}

func (t *neonDotTile) widen(d, n int, upper bool) { t.widen16(t.format, d, n, upper) }

// reduce adds up the lanes of all sums, first neighbors, and stores the results.
func (t *neonDotTile) reduce() {
	t.op("MOVD dotArgs_y(%s), R1", regDotArgs)
	t.op("MOVD dotArgs_ldy(%s), R2", regDotArgs)
	for r := range t.rows {
		for c := 0; c < t.cols; c += 4 {
			a := t.sum(r, c)
			t.v("FADDP.4S", a, a, a+1)
			t.v("FADDP.4S", a+2, a+2, a+3)
			t.v("FADDP.4S", a, a, a+2)
			t.op("FMOVQ F%d, %d(R1)", a, 4*c)
		}
		t.op("ADD R2, R1, R1")
	}
}
