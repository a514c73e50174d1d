package main

// The tiles of the packed product on amd64, instruction set by instruction set; quant.go is their
// frame.

// The tiles of the quantized product, one after the other.

func int8AVX512VNNI() quantKernel {
	return quantKernel{name: "int8Tile", rows: 12, vectors: 2, chains: 4, acc: 24, unroll: 4,
		start: func(*file) {},
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

// int4AVX512VNNI makes bytes of the half bytes of a part, times their step and from their zero on,
// as unpackInt4 does. That costs more than it saves for few rows.
func int4AVX512VNNI() quantKernel {
	few := int4FewAVX512VNNI()
	const step, offset, weight, q = 16, 18, 20, 24
	u := unpacker{mask: 31, words: 30, bytes: 29, temp: 28}
	return quantKernel{name: "int4Tile", rows: 8, vectors: 2, chains: 4, acc: 16, half: true,
		unroll: 16, few: &few,
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
							t.op("VPDPBUSD Z%d, Z%d, Z%d", q, weight+2*j+v,
								t.sum((i+j)%t.split, r, v))
						}
					}
				}
			}
			t.op("ADDQ $%d, SI", partBytes)
		}}
}

// int4FewAVX512VNNI multiplies half bytes as they are. The sums of a part begin with what its zeros
// take off, and are multiplied by its steps. R12 points to the sums of the elements of row 0; R10
// and R11 are once and three times the stride of those.
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
				t.op("VPBROADCASTD %s, Z%d", []string{"(R12)", "(R12)(R10*1)", "(R12)(R10*2)",
					"(R12)(R11*1)"}[r], q+r%2)
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
	return quantKernel{name: "int8Tile", rows: 6, vectors: 2, chains: 4, acc: 12, unroll: 4,
		start: func(*file) {},
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

// int8AVX2 multiplies |w| by q with the sign of w: sums of two such products, up to 2·128·127, fit
// 16 bits. Those of w + 128 as it is would not, and would saturate.
func int8AVX2() quantKernel {
	return quantKernel{name: "int8Tile", rows: 8, vectors: 1, alone: 4, chains: 1, acc: 8,
		signed: true, unroll: 2,
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

// int4AVX2 multiplies half bytes as they are. It adds up eight sums of two products in 16 bits, at
// most 8·2·15·127, before it widens them, times their step. What the zeros take off is there when a
// group begins: see zeros.
func int4AVX2() quantKernel {
	return quantKernel{name: "int4Tile", rows: 6, vectors: 1, alone: 4, chains: 1, acc: 6,
		half: true, unroll: 16,
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
			t.partsAt("CX")
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
