package main

// The packed product on amd64: the frame of a tile, into which quant_tiles.go puts the instructions
// of each instruction set. amx.go is the one for AMX, neon_quant.go for arm64.

import "fmt"

// quantKernel is the quantized product on one instruction set: tiles of up to rows rows by vectors
// vectors of 32-bit sums. A panel of 32 columns takes several passes where its sums are more
// vectors than that.
type quantKernel struct {
	name    string // of the function, before that of the instruction set
	rows    int    // at most
	vectors int
	// vectors of a tile of one row, if not as many: a whole panel's, so that memory is read in one
	// pass
	alone  int
	chains int  // sums that wait for each other's latency are split into so many at most
	acc    int  // registers for them
	half   bool // weights of 4 bits
	signed bool // whether block takes the offset of the weights off
	// zeros begins a group, where its sums do not begin with what the offset of the weights takes
	// off: SI points to the sums of the elements of row 0, and the strides are theirs.
	zeros func(t *quantTile)
	few   *quantKernel // the tiles of up to few.rows rows, if they are written in another way
	// start loads constants; block writes the products of unroll steps (4 elements of k, 128 bytes
	// of a panel of bytes).
	start  func(f *file)
	unroll int
	block  func(t *quantTile)
}

// quantTile is a tile being written.
type quantTile struct {
	*file
	quantKernel
	height int // rows of this tile
	split  int // chains of this tile
}

// sum is the register of chain c of the sum of row r and vector v.
func (t *quantTile) sum(c, r, v int) int { return (c*t.height+r)*t.vectors + v }

// passBytes is what the columns of one pass take in a step of bytes, in y and in the scales in f32.
func (t *quantTile) passBytes() int { return t.vectors * t.bytes() }

const (
	panelBytes = 128 // the width of a panel in each of those
	// elements of k, and of one of its parts: the constants Group and part of package kernel
	group      = 256
	part       = 64
	groupParts = group / part
	partBytes  = 32 // the steps and zeros of one part of a panel of 4-bit weights
)

// prefetch fetches lines of the weights that lie ahead of BX, in bytes. Tiles that stream fetch
// from as far ahead as the arguments say, and lose speed by any fetch into the first level of the
// cache. A tile that takes several passes over a group fetches the next one meanwhile.
// BenchmarkMatMulQuant chose the other distances, with pages of both sizes.
func (t *quantTile) prefetch(at, lines int) {
	hint, distance, base := "PREFETCHT1", 4096, "(BX)"
	switch {
	case t.streams():
		distance, base = 0, "(BX)(R13*1)"
	case t.passBytes() < panelBytes:
		distance = group / 4 * panelBytes
		if t.half {
			distance = distance/2 + groupParts*partBytes
		}
	case t.half:
		hint = "PREFETCHT0"
	}
	for i := range lines {
		t.op("%s %d%s", hint, distance+at+64*i, base)
	}
}

// streams reports whether a tile is of so few rows that it takes weights as fast as memory gives
// them. R13, which the strides of few rows leave free, is then how far ahead it fetches: what is
// best differs from processor to processor. Bytes in AVX2 are slower than memory.
func (t *quantTile) streams() bool {
	if t.half {
		return t.height == 1
	}
	return t.lanes == 16 && t.height <= 4
}

// row addresses row r of what base points to, after strides.
func (t *quantTile) row(base string, r, disp int) string {
	at := strided(base, r)
	if disp == 0 {
		return at
	}
	return fmt.Sprint(disp) + at
}

// emit writes the function <k.name>(args *quantArgs): one tile of args.rows rows by the 32 columns
// of a panel, over some groups of k.
func (k quantKernel) emit(f *file) {
	f.text(k.name, "(args *quantArgs)", 8)
	f.op("MOVQ args+0(FP), DI")
	f.op("MOVQ quantArgs_q(DI), AX")
	f.op("MOVQ quantArgs_w(DI), BX")
	f.op("MOVQ quantArgs_y(DI), DX")
	f.op("MOVQ quantArgs_wscale(DI), R15")
	f.op("XORQ R14, R14") // the group, times four
	k.start(f)
	f.op("MOVQ quantArgs_rows(DI), CX")
	for height := 1; height < k.rows; height++ {
		f.op("CMPQ CX, $%d", height)
		f.op("JEQ rows%d", height)
	}
	for height := k.rows; height >= 1; height-- {
		f.label(fmt.Sprintf("rows%d", height))
		t := &quantTile{file: f, quantKernel: k, height: height, split: 1}
		if k.few != nil && height <= k.few.rows {
			t.quantKernel = *k.few
		}
		if height == 1 && k.alone > 0 {
			t.vectors = k.alone
		}
		for t.split < t.chains && 2*t.split*height*t.vectors <= t.acc {
			t.split *= 2
		}
		t.write()
		f.ret()
	}
}

func (t *quantTile) write() {
	label := func(name string) string { return fmt.Sprintf("%s%d", name, t.height) }
	passes := panelBytes / t.passBytes()
	// y is needed only after the first group, and may be far away by then.
	t.strides("quantArgs_ldy", t.height)
	if t.streams() {
		t.op("MOVQ quantArgs_distance(DI), R13")
	}
	for r := range t.height {
		t.op("PREFETCHT0 %s", t.row("DX", r, 0))
		t.op("PREFETCHT0 %s", t.row("DX", r, 64))
	}
	t.label(label("group"))
	if t.half {
		t.op("MOVQ BX, quantArgs_parts(DI)")
		t.op("ADDQ $%d, BX", groupParts*partBytes)
	}
	if passes > 1 {
		t.label(label("pass"))
	}
	t.begin()
	if t.half {
		t.partsAt("SI")
	}
	t.strides("quantArgs_ldq", t.height)
	t.op("MOVQ quantArgs_steps(DI), CX")
	t.op("PCALIGN $64")
	t.label(label("step"))
	t.block(t)
	size := t.unroll * panelBytes
	if t.half {
		size /= 2
	}
	t.op("ADDQ $%d, AX", 4*t.unroll)
	t.op("ADDQ $%d, BX", size)
	t.op("SUBQ $%d, CX", t.unroll)
	t.op("JNZ %s", label("step"))
	t.finish(label)
	if passes > 1 { // back to the group's beginning, and on to the next columns
		t.op("MOVQ quantArgs_steps(DI), CX")
		t.op("SHLQ $2, CX")
		t.op("SUBQ CX, AX")
		shift := 5
		if t.half {
			shift--
		}
		t.op("SHLQ $%d, CX", shift)
		t.op("SUBQ CX, BX")
		t.op("ADDQ $%d, BX", t.passBytes())
		t.op("ADDQ $%d, DX", t.passBytes())
		t.op("MOVQ DX, SI")
		t.op("SUBQ quantArgs_y(DI), SI")
		t.op("CMPQ SI, $%d", panelBytes)
		t.op("JNE %s", label("pass"))
		t.op("SUBQ $%d, DX", panelBytes)
		t.op("LEAQ -%d(BX)(CX*1), BX", panelBytes)
		t.op("SHRQ $%d, CX", shift)
		t.op("ADDQ CX, AX")
	}
	t.op("MOVQ $1, quantArgs_resume(DI)")
	t.op("ADDQ $4, R14")
	t.op("DECQ quantArgs_groups(DI)")
	t.op("JNZ %s", label("group"))
}

// begin puts into the sums what makes up for the offset or the zeros of the weights.
func (t *quantTile) begin() {
	if t.signed {
		for r := range t.height {
			for v := range t.vectors {
				t.zero(t.sum(0, r, v))
			}
		}
		return
	}
	t.op("MOVQ quantArgs_sums(DI), SI")
	t.op("LEAQ (R14)(R14*%d), CX", groupParts) // 1 + groupParts sums for each group
	t.op("ADDQ CX, SI")
	t.strides("quantArgs_ldsums", t.height)
	if t.zeros != nil {
		t.zeros(t)
		return
	}
	for r := range t.height {
		t.op("VPBROADCASTD %s, %s", t.row("SI", r, 0), t.v(t.sum(0, r, 0)))
		for v := 1; v < t.vectors; v++ {
			t.op("%s %s, %s", t.move(), t.v(t.sum(0, r, 0)), t.v(t.sum(0, r, v)))
		}
		for c := 1; c < t.split; c++ {
			for v := range t.vectors {
				t.zero(t.sum(c, r, v))
			}
		}
	}
}

// partsAt points a register at the steps and zeros of the columns of this pass.
func (t *quantTile) partsAt(reg string) {
	if t.passBytes() == panelBytes {
		t.op("MOVQ quantArgs_parts(DI), %s", reg)
		return
	}
	t.op("MOVQ DX, %s", reg) // the first column, in floats
	t.op("SUBQ quantArgs_y(DI), %s", reg)
	t.op("SHRQ $2, %s", reg)
	t.op("ADDQ quantArgs_parts(DI), %s", reg)
}

func (t *quantTile) move() string {
	if t.lanes == 16 {
		return "VMOVDQA64"
	}
	return "VMOVDQA"
}

// finish scales the sums of a pass and adds them to y, or stores them there.
func (t *quantTile) finish(label func(string) string) {
	for width := t.split; width > 1; width /= 2 {
		for c := range width / 2 {
			for r := range t.height {
				for v := range t.vectors {
					t.op("VPADDD %s, %s, %s", t.v(t.sum(c+width/2, r, v)), t.v(t.sum(c, r, v)),
						t.v(t.sum(c, r, v)))
				}
			}
		}
	}
	w, temp := t.acc, t.acc+t.vectors // registers
	for v := range t.vectors {
		if t.half {
			t.op("VPMOVZXWD %d(R15), %s", v*t.bytes()/2, t.v(w+v))
			t.op("VPSLLD $16, %s, %s", t.v(w+v), t.v(w+v))
		} else {
			t.op("VMOVUPS %d(R15), %s", v*t.bytes(), t.v(w+v))
		}
	}
	if t.half {
		t.op("ADDQ $%d, R15", t.passBytes()/2)
	} else {
		t.op("ADDQ $%d, R15", t.passBytes())
	}
	t.op("MOVQ quantArgs_scale(DI), SI")
	t.op("ADDQ R14, SI")
	t.strides("quantArgs_lds", t.height)
	for r := range t.height {
		if t.lanes == 8 {
			t.op("VBROADCASTSS %s, Y%d", t.row("SI", r, 0), temp)
		}
		for v := range t.vectors {
			s := t.v(t.sum(0, r, v))
			t.op("VCVTDQ2PS %s, %s", s, s)
			if t.lanes == 16 {
				t.op("VMULPS.BCST %s, %s, %s", t.row("SI", r, 0), s, s)
			} else {
				t.op("VMULPS Y%d, %s, %s", temp, s, s)
			}
		}
	}
	t.strides("quantArgs_ldy", t.height)
	t.op("CMPQ quantArgs_resume(DI), $0")
	t.op("JEQ %s", label("first"))
	for r := range t.height {
		for v := range t.vectors {
			s := t.v(t.sum(0, r, v))
			t.op("VFMADD213PS %s, %s, %s", t.row("DX", r, v*t.bytes()), t.v(w+v), s)
			t.op("VMOVUPS %s, %s", s, t.row("DX", r, v*t.bytes()))
		}
	}
	t.op("JMP %s", label("stored"))
	t.label(label("first"))
	t.zero(temp)
	for r := range t.height {
		for v := range t.vectors {
			s := t.v(t.sum(0, r, v))
			t.op("VFMADD213PS %s, %s, %s", t.v(temp), t.v(w+v), s)
			t.op("VMOVUPS %s, %s", s, t.row("DX", r, v*t.bytes()))
		}
	}
	t.label(label("stored"))
}
