package main

// The packed product on arm64, with SDOT, I8MM or plain NEON. quant.go is the same for amd64.

import (
	"fmt"
	"slices"
)

// neonQuant is a quantized product on arm64. A tile of h rows goes through the 32 columns of a
// panel in several passes of vectors(h) vectors of four columns; the sums of a pass stay in
// registers through a group.
type neonQuant struct {
	dot string // the instruction that multiplies vectors of bytes by one element, or ""
	// whether the sums begin with those of the activations, which take the weights' offset off
	offset  bool
	matrix  bool // whether tiles of two rows and more multiply matrices (I8MM)
	maxRows int
}

// neonQuantISA is the kernels of one instruction set.
type neonQuantISA struct {
	isa
	neonQuant
}

func neonQuants() []neonQuantISA {
	return []neonQuantISA{
		{neonISA, neonQuant{maxRows: 8}},
		{dotProdISA, neonQuant{maxRows: 8, dot: "SDOT"}},
		{i8mmISA, neonQuant{maxRows: 6, dot: "USDOT", offset: true, matrix: true}},
	}
}

// Registers of the tiles. Rows' pointers are R5 to R12. The sums take the vectors from V0 on.
const (
	regQuantArgs  = "R0"
	regWeights    = "R1" // at the current step of the group
	regY          = "R2"
	regScales     = "R3" // of the weights
	regGroup      = "R4" // four times the group: the offset into the rows' scales and sums
	regRow        = 5    // R5…
	regSteps      = "R13"
	regTemp       = "R14"
	regStride     = "R15"
	regColumn     = "R16" // the first column of the pass, in bytes of a row of y
	regPanel      = "R17" // the weights at the start of the group
	regQ          = "R19" // the activations at the start of the group
	regGroups     = "R20"
	regConstQuant = 31 // what is added to bytes
)

// vectors is the width of a pass of a tile of h rows, in vectors of four columns: as wide as the
// registers allow.
func (k neonQuant) vectors(h int) int {
	switch {
	case k.matrix && h > 2:
		return 4
	case h == 1, h <= 3 && k.dot != "":
		return 8
	case h <= 4, h == 5 && k.dot != "":
		return 4
	}
	return 2
}

// neonTile is a tile being written.
type neonTile struct {
	*neonFile
	neonQuant
	height, width int // rows, and vectors of a pass
}

// sum is the register of the sum of row r and vector v. Where matrices are multiplied it is that of
// the rows r and r+1 (r even) and half of the vector: two columns.
func (t *neonTile) sum(r, v int) int { return r*t.width + v }

func (f *neonFile) quant(k neonQuant) {
	f.text("int8Tile", "(args *quantArgs)", 8)
	f.op("MOVD args+0(FP), %s", regQuantArgs)
	f.op("MOVD quantArgs_q(%s), %s", regQuantArgs, regQ)
	f.op("MOVD quantArgs_w(%s), %s", regQuantArgs, regPanel)
	f.op("MOVD quantArgs_wscale(%s), %s", regQuantArgs, regScales)
	f.op("MOVD quantArgs_groups(%s), %s", regQuantArgs, regGroups)
	f.op("MOVD $0, %s", regGroup)
	if !k.offset {
		f.useConstants()
		f.constant(regConstQuant, 0x80808080)
	}
	f.op("MOVD quantArgs_rows(%s), %s", regQuantArgs, regTemp)
	for h := 1; h < k.maxRows; h++ {
		f.op("CMP $%d, %s", h, regTemp)
		f.op("BEQ rows%d", h)
	}
	for h := k.maxRows; h > 0; h-- {
		t := &neonTile{f, k, h, k.vectors(h)}
		f.label(fmt.Sprintf("rows%d", h))
		t.tile()
	}
}

// tile writes the loops over groups and passes.
func (t *neonTile) tile() {
	label := func(name string) string { return fmt.Sprintf("%s%d", name, t.height) }
	t.label(label("group"))
	t.op("MOVD $0, %s", regColumn)
	t.label(label("pass"))
	t.op("ADD %s, %s, %s", regColumn, regPanel, regWeights)
	t.rows("ldq", regQ)
	multiply, row := t.products, t.rowSums
	if t.matrix && t.height > 1 {
		multiply, row = t.matrices, t.matrixSums
	}
	t.start()
	t.op("MOVD quantArgs_steps(%s), %s", regQuantArgs, regSteps)
	t.label(label("steps"))
	multiply()
	t.op("SUBS $4, %s, %s", regSteps, regSteps)
	t.op("BNE %s", label("steps"))
	t.finish(label, row)
	t.op("ADD $%d, %s, %s", 16*t.width, regColumn, regColumn)
	t.op("CMP $%d, %s", panelBytes, regColumn)
	t.op("BNE %s", label("pass"))
	t.op("MOVD quantArgs_steps(%s), %s", regQuantArgs, regTemp)
	t.op("ADD %s<<2, %s, %s", regTemp, regQ, regQ)
	t.op("ADD %s<<7, %s, %s", regTemp, regPanel, regPanel)
	t.op("MOVD $1, %s", regTemp)
	t.op("MOVD %s, quantArgs_resume(%s)", regTemp, regQuantArgs)
	t.op("ADD $4, %s, %s", regGroup, regGroup)
	t.op("SUBS $1, %s, %s", regGroups, regGroups)
	t.op("BNE %s", label("group"))
	t.ret()
}

// rows points R5… at the rows of a matrix of activations whose first row is at base.
func (t *neonTile) rows(stride, base string) {
	t.op("MOVD quantArgs_%s(%s), %s", stride, regQuantArgs, regStride)
	t.op("MOVD %s, R%d", base, regRow)
	for r := 1; r < t.height; r++ {
		t.op("ADD %s, R%d, R%d", regStride, regRow+r-1, regRow+r)
	}
	if t.matrix && t.height%2 == 1 && t.height > 1 { // the last row makes a pair with itself
		t.op("MOVD R%d, R%d", regRow+t.height-1, regRow+t.height)
	}
}

// scalars points regTemp at the scale or first sum of row 0 and this group, regStride at the
// distance between rows.
func (t *neonTile) scalars(field, stride string) {
	t.op("MOVD quantArgs_%s(%s), %s", field, regQuantArgs, regTemp)
	t.op("ADD %s, %s, %s", regGroup, regTemp, regTemp)
	if field == "sums" { // 1 + groupParts of them for each group
		t.op("ADD %s<<2, %s, %s", regGroup, regTemp, regTemp)
	}
	t.op("MOVD quantArgs_%s(%s), %s", stride, regQuantArgs, regStride)
}

// scalar loads the scale or sum of the next row into element 0 of register d.
func (t *neonTile) scalar(d int) {
	t.op("FMOVS (%s), F%d", regTemp, d)
	t.op("ADD %s, %s, %s", regStride, regTemp, regTemp)
}

// start puts the sums of the activations, or zeros, into the sums of a pass.
func (t *neonTile) start() {
	pairs := t.matrix && t.height > 1
	if !t.offset {
		for i := range t.height * t.width {
			t.zero(i)
		}
		return
	}
	t.scalars("sums", "ldsums")
	if !pairs {
		for r := range t.height {
			t.scalar(30)
			for v := range t.width {
				t.dup("S", t.sum(r, v), 30, 0)
			}
		}
		return
	}
	for r := 0; r < t.height; r += 2 {
		t.scalar(30)
		if r+1 < t.height {
			t.scalar(29)
			t.insert(30, 1, 29)
		} else {
			t.dup("S", 30, 30, 0)
		}
		for i := range 2 * t.width {
			t.dup("D", t.sum(r, i), 30, 0)
		}
	}
}

// loadWeights loads vector v of the four columns of step i (of four, from regWeights on) as bytes
// into register d.
func (t *neonTile) loadWeights(i, v, d int) {
	t.op("FMOVQ %d(%s), F%d", i*panelBytes+16*v, regWeights, d)
	if !t.offset {
		t.v("EOR.16B", d, d, regConstQuant)
	}
}

func (t *neonTile) advance() { t.op("ADD $%d, %s, %s", 4*panelBytes, regWeights, regWeights) }

// products writes four steps of a tile of sums of single elements.
func (t *neonTile) products() {
	if t.dot == "" {
		t.longProducts()
		return
	}
	// What follows the sums: a vector of activations per row, then the weights, in turns.
	q := t.height * t.width
	weight := q + t.height
	free := regConstQuant - weight
	for r := range t.height {
		t.op("FMOVQ.P 16(R%d), F%d", regRow+r, q+r)
	}
	dots := func(i, v, w int) {
		for r := range t.height {
			t.byElement(t.dot, t.sum(r, v), w, q+r, i)
		}
	}
	// Weights are loaded as far ahead of their use as there are registers for them: not all
	// processors reorder.
	loads := 4 * t.width
	load := func(p int) {
		if p < loads {
			t.loadWeights(p/t.width, p%t.width, weight+p%free)
		}
	}
	for p := range free - 1 {
		load(p)
	}
	for p := range loads {
		load(p + free - 1)
		dots(p/t.width, p%t.width, weight+p%free)
	}
	t.advance()
}

// longProducts is products without an instruction for it: 16 products of bytes are added up in
// pairs as 16-bit numbers (two fit: 2·128·127 is below 2^15), then to the sums.
func (t *neonTile) longProducts() {
	q := t.height * t.width // the current row's bytes of one step, then of the other
	weight := q + 2
	product := weight + 2*t.width // pairs of registers for products
	pairs := (regConstQuant - product) / 2
	for i := 0; i < 4; i += 2 {
		for v := range t.width { // both steps of all vectors
			t.loadWeights(i, v, weight+2*v)
			t.loadWeights(i+1, v, weight+2*v+1)
		}
		for r := range t.height {
			t.op("FMOVD.P 8(R%d), F%d", regRow+r, q)
			t.dup("S", q+1, q, 1)
			t.dup("S", q, q, 0)
			t.longRow(r, q, weight, product, pairs)
		}
	}
	t.advance()
}

// longRow adds the products of two steps to the sums of one row, some at a time for the sake of
// processors that do not reorder.
func (t *neonTile) longRow(r, q, weight, product, pairs int) {
	type one struct{ v, step int }
	var all []one
	for v := range t.width {
		all = append(all, one{v, 0}, one{v, 1})
	}
	for batch := range slices.Chunk(all, pairs) {
		for i, p := range batch {
			low, w := product+2*i, weight+2*p.v+p.step
			t.v("SMULL", low, w, q+p.step)
			t.v("SMULL2", low+1, w, q+p.step)
		}
		for i := range batch {
			t.v("ADDP.8H", product+2*i, product+2*i, product+2*i+1)
		}
		for i, p := range batch {
			t.v("SADALP", t.sum(r, p.v), product+2*i)
		}
	}
}

// matrices writes four steps of products of matrices: pairs of columns by eight elements of k,
// which two steps hold, by the same elements of pairs of rows.
func (t *neonTile) matrices() {
	pairs := (t.height + 1) / 2
	q := 2 * pairs * t.width
	w := q + pairs // two registers for the weights, and two for pairs of columns
	load := func(i, v int) {
		t.loadWeights(i, v, w)
		t.loadWeights(i+1, v, w+1)
	}
	for i := 0; i < 4; i += 2 {
		load(i, 0)
		for p := range pairs {
			t.op("FMOVD.P 8(R%d), F%d", regRow+2*p, q+p)
			t.op("VLD1.P 8(R%d), V%d.D[1]", regRow+2*p+1, q+p)
		}
		for v := range t.width {
			t.v("ZIP1.4S", w+2, w, w+1)
			t.v("ZIP2.4S", w+3, w, w+1)
			if v+1 < t.width {
				load(i, v+1)
			}
			for p := range pairs {
				t.v("USMMLA", t.sum(2*p, 2*v), w+2, q+p)
				t.v("USMMLA", t.sum(2*p, 2*v+1), w+3, q+p)
			}
		}
	}
	t.advance()
}

// rowSums returns the register of the sums of row r and vector v.
func (t *neonTile) rowSums(r, v int) int { return t.sum(r, v) }

// matrixSums is rowSums of matrices: sums of one row lie two by two beside those of the other.
func (t *neonTile) matrixSums(r, v int) int {
	a, b := t.sum(r&^1, 2*v), t.sum(r&^1, 2*v+1)
	if r%2 == 0 {
		t.v("UZP1.4S", 28, a, b)
	} else {
		t.v("UZP2.4S", 28, a, b)
	}
	return 28
}

// finish scales the sums of a pass and adds them to y, where the first group finds zeros. It has
// the registers from 24 to 30 for itself, beside the sums, which it overwrites.
func (t *neonTile) finish(label func(string) string, sums func(r, v int) int) {
	const scales, temp, weight, y = 24, 30, 26, 27 // the scales of eight rows fill two registers
	t.op("MOVD quantArgs_y(%s), %s", regQuantArgs, regY)
	t.op("ADD %s, %s, %s", regColumn, regY, regY)
	t.rows("ldy", regY)
	t.op("MOVD quantArgs_resume(%s), %s", regQuantArgs, regSteps)
	t.op("CBNZ %s, %s", regSteps, label("resume"))
	t.zero(y)
	for r := range t.height {
		for v := range t.width {
			t.op("FMOVQ F%d, %d(R%d)", y, 16*v, regRow+r)
		}
	}
	t.label(label("resume"))
	t.scalars("scale", "lds")
	for r := range t.height {
		if r%4 == 0 {
			t.scalar(scales + r/4)
			continue
		}
		t.scalar(temp)
		t.insert(scales+r/4, r%4, temp)
	}
	for v := range t.width {
		t.op("FMOVQ.P 16(%s), F%d", regScales, weight)
		for r := range t.height {
			s := sums(r, v)
			t.v("SCVTF.4S", s, s)
			t.byElement("FMUL", s, s, scales+r/4, r%4)
			t.op("FMOVQ %d(R%d), F%d", 16*v, regRow+r, y)
			t.v("FMLA.4S", y, s, weight)
			t.op("FMOVQ F%d, %d(R%d)", y, 16*v, regRow+r)
		}
	}
}

// neonUnpackInt4 writes unpackInt4(dst, src *uint8, parts uintptr): some parts of a group of a
// panel of 4-bit weights in the layout of int8, eight columns at a time.
func neonUnpackInt4(f *neonFile) {
	const (
		steps, zeros       = 0, 1 // of 8 columns, in words, then in bytes
		low, high          = 2, 3
		step, offset       = 4, 6 // of 4 columns, in the bytes of each of two registers
		mask, middle, temp = 31, 30, 8
		weights            = partBytes * part / 2 // of a part
	)
	f.text("unpackInt4", "(dst, src *uint8, parts uintptr)", 24)
	f.op("MOVD dst+0(FP), R0")
	f.op("MOVD src+8(FP), R1")
	f.op("MOVD parts+16(FP), R2")
	f.op("ADD $%d, R1, R3", groupParts*partBytes)
	f.useConstants()
	f.constant(mask, 0x0f0f0f0f)
	f.constant(middle, 0x80808080)
	f.label("part")
	for c := 0; c < partBytes; c += 8 { // columns
		f.op("FMOVD %d(R1), F%d", c, steps)
		f.shift("USHR", zeros, steps, 4)
		f.v("AND.16B", steps, steps, mask)
		f.v("MUL.16B", zeros, zeros, steps)
		f.v("SUB.16B", zeros, middle, zeros)
		for _, r := range []struct{ from, to int }{{steps, step}, {zeros, offset}} {
			f.v("ZIP1.16B", temp, r.from, r.from) // each byte twice,
			f.v("ZIP1.8H", r.to, temp, temp)      // and four times
			f.v("ZIP2.8H", r.to+1, temp, temp)
		}
		for at := 0; at < weights; at += panelBytes {
			for v := range 2 {
				f.op("FMOVQ %d(R3), F%d", at+4*c+16*v, low)
				f.shift("USHR", high, low, 4)
				f.v("AND.16B", low, low, mask)
				for i, r := range []int{low, high} {
					f.v("MOV", temp, offset+v)
					f.v("MLA.16B", temp, r, step+v)
					f.op("FMOVQ F%d, %d(R0)", temp, 2*at+i*panelBytes+4*c+16*v)
				}
			}
		}
	}
	f.op("ADD $%d, R1, R1", partBytes)
	f.op("ADD $%d, R3, R3", weights)
	f.op("ADD $%d, R0, R0", 2*weights)
	f.op("SUBS $1, R2, R2")
	f.op("BNE part")
	f.ret()
}
