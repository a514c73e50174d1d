package main

import "fmt"

// quantKernel is the quantised product on one instruction set: tiles of up to rows rows by vectors vectors of 32-bit sums.
// A panel of 32 columns takes several passes where its sums are more vectors than that.
type quantKernel struct {
	name    string // of the function, before that of the instruction set
	rows    int    // at most
	vectors int
	alone   int  // vectors of a tile of one row, if not as many: a whole panel's, so that memory is read in one pass
	chains  int  // sums that wait for each other's latency are split into so many at most
	acc     int  // registers for them
	half    bool // weights of 4 bits
	signed  bool // whether block takes the offset of the weights off
	// zeros begins the sums with what the zeros of the weights take off, where they do not begin with what the offset does: CX points to the
	// steps and zeros of the group, SI to the sums of the rows.
	zeros func(t *quantTile)
	few   *quantKernel // the tiles of up to few.rows rows, if they are written in another way
	// start loads constants; block writes the products of unroll steps (4 elements of k, 128 bytes of a panel of bytes).
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
	group      = 256 // elements of k, and of one of its parts: the constants Group and part of package kernel
	part       = 64
	groupParts = group / part
	partBytes  = 32 // the steps and zeros of one part of a panel of 4-bit weights
)

func int8AVX512VNNI() quantKernel {
	return quantKernel{name: "int8Tile", rows: 12, vectors: 2, chains: 4, acc: 24, unroll: 4, start: func(*file) {},
		block: func(t *quantTile) {
			for i := range t.unroll {
				t.prefetch(i*panelBytes, 2)
				for v := range 2 {
					t.op("VMOVDQU64 %d(BX), Z%d", i*panelBytes+v*64, 24+v)
				}
				for r := range t.height {
					q := 26 + r%4
					t.op("VPBROADCASTD %s, Z%d", t.row("AX", r, 4*i), q)
					for v := range 2 {
						t.op("VPDPBUSD Z%d, Z%d, Z%d", q, 24+v, t.sum(i%t.split, r, v))
					}
				}
			}
		}}
}

// int4AVX512VNNI makes bytes of the half bytes of a part, times their step and from their zero on, as unpackInt4 does. That costs more than it
// saves for few rows.
func int4AVX512VNNI() quantKernel {
	few := int4FewAVX512VNNI()
	const step, offset, weight, q = 16, 18, 20, 24
	u := unpacker{mask: 31, words: 30, bytes: 29, temp: 28}
	return quantKernel{name: "int4Tile", rows: 8, vectors: 2, chains: 4, acc: 16, half: true, unroll: 16, few: &few,
		start: func(f *file) { f.useUnpacker(u) },
		block: func(t *quantTile) {
			for v := range 2 {
				t.stepsOf(u, 16*v, step+v, offset+v)
			}
			for i := 0; i < t.unroll; i += 2 {
				t.prefetch(i*panelBytes/2, 2)
				for v := range 2 { // the first step, and two registers on the second
					t.op("VMOVDQU64 %d(BX), Z%d", i*panelBytes/2+v*64, weight+v)
					t.toBytes(u, weight+v, weight+2+v, step+v, offset+v)
				}
				for j := range 2 {
					for r := range t.height {
						q := q + r%4
						t.op("VPBROADCASTD %s, Z%d", t.row("AX", r, 4*(i+j)), q)
						for v := range 2 {
							t.op("VPDPBUSD Z%d, Z%d, Z%d", q, weight+2*j+v, t.sum((i+j)%t.split, r, v))
						}
					}
				}
			}
			t.op("ADDQ $%d, SI", partBytes)
		}}
}

// int4FewAVX512VNNI multiplies half bytes as they are. The sums of a part begin with what its zeros take off, and are multiplied by its steps.
// R12 points to the sums of the elements of row 0; R10 and R11 are once and three times the stride of those.
func int4FewAVX512VNNI() quantKernel {
	const step, zero, weight, q, mask = 16, 18, 18, 22, 31
	return quantKernel{rows: 4, vectors: 2, chains: 1, acc: 16, half: true, unroll: 16,
		zeros: func(t *quantTile) {
			t.op("LEAQ 4(SI), R12")
			t.op("MOVQ R8, R10")
			t.op("MOVQ R9, R11")
			for i := range t.height * t.vectors {
				t.zero(i)
			}
		},
		block: func(t *quantTile) {
			split := 4 / t.height // sums of a part that do not wait for each other
			sum := func(c, r, v int) int { return ((1+c)*t.height+r)*t.vectors + v }
			for v := range 2 {
				t.op("VPMOVZXBD %d(SI), Z%d", 16*v, step+v)
				t.op("VPSRLD $4, Z%d, Z%d", step+v, zero+v)
				t.and(mask, step+v, step+v)
			}
			for r := range t.height {
				t.op("VPBROADCASTD %s, Z%d", []string{"(R12)", "(R12)(R10*1)", "(R12)(R10*2)", "(R12)(R11*1)"}[r], q+r%2)
				for v := range 2 {
					t.op("VPMADDWD Z%d, Z%d, Z%d", q+r%2, zero+v, sum(0, r, v))
					for c := 1; c < split; c++ {
						t.zero(sum(c, r, v))
					}
				}
			}
			for i := 0; i < t.unroll; i += 2 {
				t.prefetch(i*panelBytes/2, 2)
				for v := range 2 {
					t.op("VMOVDQU64 %d(BX), Z%d", i*panelBytes/2+v*64, weight+v)
					t.op("VPSRLW $4, Z%d, Z%d", weight+v, weight+2+v)
					t.and(mask, weight+v, weight+v)
					t.and(mask, weight+2+v, weight+2+v)
				}
				for j := range 2 {
					for r := range t.height {
						q := q + (j*t.height+r)%4
						t.op("VPBROADCASTD %s, Z%d", t.row("AX", r, 4*(i+j)), q)
						for v := range 2 {
							t.op("VPDPBUSD Z%d, Z%d, Z%d", q, weight+2*j+v, sum((i+j)%split, r, v))
						}
					}
				}
			}
			for r := range t.height {
				for v := range 2 {
					for c := 1; c < split; c++ {
						t.op("VPADDD Z%d, Z%d, Z%d", sum(c, r, v), sum(0, r, v), sum(0, r, v))
					}
					t.op("VPMULLD Z%d, Z%d, Z%d", step+v, sum(0, r, v), sum(0, r, v))
					t.op("VPADDD Z%d, Z%d, Z%d", sum(0, r, v), t.sum(0, r, v), t.sum(0, r, v))
				}
			}
			t.op("ADDQ $%d, SI", partBytes)
			t.op("ADDQ $4, R12")
		}}
}

func int8AVXVNNI() quantKernel {
	return quantKernel{name: "int8Tile", rows: 6, vectors: 2, chains: 4, acc: 12, unroll: 4, start: func(*file) {},
		block: func(t *quantTile) {
			for i := range t.unroll {
				t.prefetch(i*panelBytes, 1)
				for v := range 2 {
					t.op("VMOVDQU %d(BX), Y%d", i*panelBytes+v*32, 12+v)
				}
				for r := range t.height {
					q := 14 + r%2
					t.op("VPBROADCASTD %s, Y%d", t.row("AX", r, 4*i), q)
					for v := range 2 {
						t.dotVEX("VPDPBUSD", q, 12+v, t.sum(i%t.split, r, v))
					}
				}
			}
		}}
}

// int8AVX2 multiplies |w| by q with the sign of w: sums of two such products, up to 2·128·127, fit 16 bits. Those of w + 128
// as it is would not, and would saturate.
func int8AVX2() quantKernel {
	return quantKernel{name: "int8Tile", rows: 8, vectors: 1, alone: 4, chains: 1, acc: 8, signed: true, unroll: 2,
		start: func(f *file) {
			f.op("VMOVDQU %s, Y14", f.constant(0x00010001))
			f.op("VMOVDQU %s, Y15", f.constant(0x80808080))
		},
		block: func(t *quantTile) {
			for i := range t.unroll {
				t.prefetch(i*panelBytes, (t.vectors+1)/2)
				for v := range t.vectors {
					t.op("VPXOR %d(BX), Y15, Y8", i*panelBytes+v*t.bytes())
					t.op("VPABSB Y8, Y9")
					for r := range t.height {
						q := 10 + (r+v)%4
						t.op("VPBROADCASTD %s, Y%d", t.row("AX", r, 4*i), q)
						t.op("VPSIGNB Y8, Y%d, Y%d", q, q)
						t.op("VPMADDUBSW Y%d, Y9, Y%d", q, q)
						t.op("VPMADDWD Y14, Y%d, Y%d", q, q)
						t.op("VPADDD Y%d, Y%d, Y%d", q, t.sum(0, r, v), t.sum(0, r, v))
					}
				}
			}
		}}
}

// int4AVX2 multiplies half bytes as they are. It adds up eight sums of two products in 16 bits, at most 8·2·15·127, before it widens
// them, times their step. What the zeros take off is there when a group begins: see zeros.
func int4AVX2() quantKernel {
	return quantKernel{name: "int4Tile", rows: 6, vectors: 1, alone: 4, chains: 1, acc: 6, half: true, unroll: 16,
		start: func(f *file) { f.op("VMOVDQU %s, Y15", f.constant(0x0f0f0f0f)) },
		block: func(t *quantTile) {
			narrow := func(r, v int) int { return (t.height+r)*t.vectors + v } // sums in 16 bits
			for i := 0; i < t.unroll; i += 2 {
				t.prefetch(i*panelBytes/2, (t.vectors+1)/2)
				for v := range t.vectors {
					t.op("VMOVDQU %d(BX), Y12", i*panelBytes/2+v*t.bytes())
					t.op("VPSRLW $4, Y12, Y13")
					t.op("VPAND Y15, Y12, Y12")
					t.op("VPAND Y15, Y13, Y13")
					for j := range 2 {
						for r := range t.height {
							t.op("VPBROADCASTD %s, Y14", t.row("AX", r, 4*(i+j)))
							if (i+j)%8 == 0 {
								t.op("VPMADDUBSW Y14, Y12, Y%d", narrow(r, v))
								continue
							}
							t.op("VPMADDUBSW Y14, Y%d, Y14", 12+j)
							t.op("VPADDW Y14, Y%d, Y%d", narrow(r, v), narrow(r, v))
						}
					}
				}
				if i%8 != 6 {
					continue
				}
				for v := range t.vectors {
					t.op("VPMOVZXBD %d(SI), Y12", 8*v)
					t.op("VPAND Y15, Y12, Y12")
					t.op("VPSLLD $16, Y12, Y13")
					t.op("VPOR Y13, Y12, Y12")
					for r := range t.height {
						n, sum := narrow(r, v), t.sum(0, r, v)
						t.op("VPMADDWD Y12, Y%d, Y%d", n, n)
						t.op("VPADDD Y%d, Y%d, Y%d", n, sum, sum)
					}
				}
			}
			t.op("ADDQ $%d, SI", partBytes)
		},
		zeros: func(t *quantTile) {
			for p := range groupParts {
				for v := range t.vectors {
					t.op("VPMOVZXBD %d(CX), Y12", p*partBytes+8*v)
					t.op("VPSRLD $4, Y12, Y13")
					t.op("VPAND Y15, Y12, Y12")
					t.op("VPMULLW Y13, Y12, Y12")
					for r := range t.height {
						t.op("VPBROADCASTD %s, Y13", t.row("SI", r, 4*(1+p)))
						if p == 0 {
							t.op("VPMADDWD Y13, Y12, Y%d", t.sum(0, r, v))
							continue
						}
						t.op("VPMADDWD Y13, Y12, Y13")
						t.op("VPADDD Y13, Y%d, Y%d", t.sum(0, r, v), t.sum(0, r, v))
					}
				}
			}
		}}
}

// dotVEX writes VPDPBUSD, which adds to acc the products of the unsigned bytes of w and the signed ones of q, or VPDPWSSD, the same
// for pairs of signed 16-bit integers. The assembler only knows the encoding of AVX-512.
func (f *file) dotVEX(name string, q, w, acc int) {
	b := vexDot(map[string]byte{"VPDPBUSD": 0x50, "VPDPWSSD": 0x52}[name], acc, w, q)
	f.encoded(b[:], "%s Y%d, Y%d, Y%d", name, q, w, acc)
}

// vexDot encodes VEX.256.66.0F38.W0 opcode /r for three vector registers, in the order of Intel's manual.
func vexDot(opcode byte, dst, src1, src2 int) [5]byte {
	return [5]byte{
		0xc4,
		extension(dst, 7) | 1<<6 | extension(src2, 5) | 2, // R, X, B and the map 0F38
		byte(^src1&15<<3) | 1<<2 | 1,                      // W, vvvv, L and the prefix 66
		opcode,
		byte(3<<6 | dst&7<<3 | src2&7),
	}
}

// prefetch fetches lines of the weights that lie ahead of BX, in bytes. Tiles that stream fetch from as far ahead as the arguments say, and lose
// speed by any fetch into the first level of the cache. A tile that takes several passes over a group fetches the next one meanwhile.
// BenchmarkMatMulQuant chose the other distances, with pages of both sizes.
func (t *quantTile) prefetch(at, lines int) {
	hint, ahead := "PREFETCHT1", 4096
	switch {
	case t.streams():
		for i := range lines {
			t.op("PREFETCHT1 %d(BX)(R13*1)", at+64*i)
		}
		return
	case t.passBytes() < panelBytes:
		ahead = group / 4 * panelBytes
		if t.half {
			ahead = ahead/2 + groupParts*partBytes
		}
	case t.half:
		hint = "PREFETCHT0"
	}
	for i := range lines {
		t.op("%s %d(BX)", hint, ahead+at+64*i)
	}
}

// streams reports whether a tile is of so few rows that it takes weights as fast as memory gives them. R13, which the strides of few rows leave
// free, is then how far ahead it fetches: what is best differs from processor to processor. Bytes in AVX2 are slower than memory.
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

// quant writes the function <k.name>(args *quantArgs): one tile of args.rows rows by the 32 columns of a panel, over some
// groups of k.
func (f *file) quant(k quantKernel) {
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
		t.op("MOVQ quantArgs_ahead(DI), R13")
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
		t.partsAt("CX")
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
					t.op("VPADDD %s, %s, %s", t.v(t.sum(c+width/2, r, v)), t.v(t.sum(c, r, v)), t.v(t.sum(c, r, v)))
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
