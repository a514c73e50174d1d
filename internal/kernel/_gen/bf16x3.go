package main

// Products of float32 rows by bfloat16 weights in tiles of AMX, each float32 cut into three
// bfloat16. package kernel's bf16x3.go says why and in which order.

import "fmt"

// Sizes of the products of bfloat16 in tiles, as package kernel has them.
const (
	bf16x3Parts = 3  // bfloat16 numbers that a float32 is the sum of
	bf16x3Cols  = 16 // rows of x of a tile, which are its columns
)

// bf16x3 writes the kernels of products of rows in float32 by weights in bfloat16 in tiles of AMX.
func bf16x3(f *file) {
	bf16x3Rows(f)
	bf16x3Row(f)
	bf16x3Gather(f)
	for _, blocks := range []int{1, 2} {
		bf16x3Tile(f, blocks)
	}
}

// bf16x3Rows writes bf16x3RowsAMX, which blocks up to 16 rows of x for bf16x3Tile: for each 32
// elements of k the upper, the middle and the lower parts, and of each 16 vectors, one for every
// two elements, with a pair for each row.
//
// Registers: R8 to R10 where the parts go, R12 the bytes of a vector, R13 of 16, DX the bytes done
// of each row. K1 are the rows.
func bf16x3Rows(f *file) {
	const one, upper = 6, 7
	f.text("bf16x3Rows", "(args *bf16x3RowsArgs)", 8)
	f.op("MOVQ args+0(FP), DI")
	f.op("MOVQ bf16x3RowsArgs_to(DI), R8")
	f.op("MOVQ bf16x3RowsArgs_pitch(DI), R12")
	f.op("MOVQ R12, R13")
	f.op("SHLQ $4, R13")
	f.op("LEAQ (R8)(R13*1), R9")
	f.op("LEAQ (R8)(R13*2), R10")
	f.op("MOVQ bf16x3RowsArgs_rows(DI), CX")
	f.tailMask(0)
	f.op("MOVQ bf16x3RowsArgs_steps(DI), CX")
	f.op("VMOVUPS %s, Z%d", f.float(1), one)
	f.op("VMOVUPS %s, Z%d", f.constant(0xffff0000), upper)
	f.op("XORQ DX, DX")
	f.label("loop")
	for chunk := range 8 { // of four elements of each row
		for r := range 4 {
			for q, reg := range []string{"AX", "BX", "SI", "R15"} {
				f.op("MOVQ (bf16x3RowsArgs_row+%d)(DI), %s", 8*(4*q+r), reg)
				if q == 0 {
					f.op("VMOVUPS %d(AX)(DX*1), X%d", 16*chunk, r)
				} else {
					f.op("VINSERTF32X4 $%d, %d(%s)(DX*1), Z%d, Z%d", q, 16*chunk, reg, r, r)
				}
			}
		}
		v := f.transpose4(0)
		for pair := range 2 {
			f.bf16x3Pair(v[2*pair], v[2*pair+1], one, upper)
			for _, reg := range []string{"R8", "R9", "R10"} {
				f.op("ADDQ R12, %s", reg)
			}
		}
	}
	for _, reg := range []string{"R8", "R9", "R10"} {
		f.op("LEAQ (%s)(R13*2), %s", reg, reg)
	}
	f.op("ADDQ $128, DX")
	f.op("DECQ CX")
	f.op("JNZ loop")
	f.ret()
}

// bf16x3Row writes bf16x3RowAMX, which is bf16x3Rows for one row, whose pairs are neighbors
// already.
func bf16x3Row(f *file) {
	const a, b, one, upper, index, high, out = 0, 1, 2, 3, 4, 5, 6
	f.text("bf16x3Row", "(to *float32, x *float32, steps uintptr)", 24)
	f.op("MOVQ to+0(FP), DI")
	f.op("MOVQ x+8(FP), SI")
	f.op("MOVQ steps+16(FP), CX")
	f.op("VMOVUPS %s, Z%d", f.float(1), one)
	f.op("VMOVUPS %s, Z%d", f.constant(0xffff0000), upper)
	f.op("VMOVUPS %s, Z%d", f.table("upperHalves",
		func(i int) uint32 { return uint32(4*i+3)<<16 | uint32(4*i+1) }, 16), index)
	f.label("loop")
	for i, v := range []int{a, b} {
		f.op("VMULPS %d(SI), Z%d, Z%d", 64*i, one, v)
		f.op("VFPCLASSPSZ $0x99, Z%d, K%d", v, 2+i)
		f.op("KNOTW K%d, K%d", 2+i, 2+i)
	}
	for part := range bf16x3Parts {
		f.op("VMOVDQA64 Z%d, Z%d", a, out)
		f.op("VPERMT2W Z%d, Z%d, Z%d", b, index, out)
		f.op("VMOVDQU32 Z%d, %d(DI)", out, 64*part)
		for i, v := range []int{a, b} {
			if part < bf16x3Parts-1 {
				f.op("VANDPS Z%d, Z%d, Z%d", upper, v, high)
				f.op("VSUBPS.Z Z%d, Z%d, K%d, Z%d", high, v, 2+i, v)
			}
		}
	}
	f.op("ADDQ $128, SI")
	f.op("ADDQ $%d, DI", 64*bf16x3Parts)
	f.op("DECQ CX")
	f.op("JNZ loop")
	f.ret()
}

// bf16x3Pair splits a vector of one element of k of all rows, and one of the next. What is cut off
// is exact, and nothing is where the upper part is not finite.
func (f *file) bf16x3Pair(a, b, one, upper int) {
	const highA, highB, out = 8, 9, 10
	for i, v := range []int{a, b} {
		f.op("VMULPS Z%d, Z%d, Z%d", one, v, v) // whose upper half says so if it is not a number
		f.op("VFPCLASSPSZ $0x99, Z%d, K%d", v, 2+i)
		f.op("KNOTW K%d, K%d", 2+i, 2+i)
	}
	for part := range bf16x3Parts {
		to := fmt.Sprintf("(%s)", []string{"R8", "R9", "R10"}[part])
		for i, v := range []int{a, b} {
			f.op("VANDPS Z%d, Z%d, Z%d", upper, v, highA+i)
			if part == 0 {
				f.op("VSUBPS.Z Z%d, Z%d, K%d, Z%d", highA+i, v, 2+i, v)
			} else if part < bf16x3Parts-1 {
				f.op("VSUBPS Z%d, Z%d, Z%d", highA+i, v, v)
			}
		}
		f.op("VPSRLD $16, Z%d, Z%d", highA, out)
		f.op("VPORD Z%d, Z%d, Z%d", highB, out, out)
		f.op("VMOVDQU32 Z%d, K1, %s", out, to)
	}
}

// bf16x3Gather writes bf16x3GatherAMX, which copies whole steps of 16 weight rows into tiles that
// follow each other pitch bytes apart.
func bf16x3Gather(f *file) {
	f.text("bf16x3Gather",
		"(to unsafe.Pointer, pitch uintptr, from unsafe.Pointer, ld, steps uintptr)", 40)
	f.op("MOVQ to+0(FP), DI")
	f.op("MOVQ pitch+8(FP), DX")
	f.op("MOVQ from+16(FP), SI")
	f.op("MOVQ ld+24(FP), R8")
	f.op("MOVQ $16, CX")
	f.label("row")
	f.op("MOVQ SI, AX")
	f.op("MOVQ DI, BX")
	f.op("MOVQ steps+32(FP), R9")
	f.label("step")
	f.op("VMOVUPS (AX), Z0")
	f.op("VMOVUPS Z0, (BX)")
	f.op("ADDQ $64, AX")
	f.op("ADDQ DX, BX")
	f.op("DECQ R9")
	f.op("JNZ step")
	f.op("ADDQ R8, SI")
	f.op("ADDQ $64, DI")
	f.op("DECQ CX")
	f.op("JNZ row")
	f.ret()
}

// bf16x3Tile writes bf16x3Tile<blocks>AMX: 32 weight rows by one or two blocks of up to 16 rows of
// x. The sums of a call are added to c.
//
// Registers: AX and BX the two tiles of weights, CX the bytes between their rows, R13 those of a
// step; R8 and R9 the blocks of x, R10 the bytes between rows of a tile of them, R14 those of a
// tile; R12 what to fetch and SI how far that moves, R11 the steps; DX c. Tile registers: 0 to 3
// the sums, the second block's after the first's, 4 and 5 the weights, 6 and 7 x.
func bf16x3Tile(f *file, blocks int) {
	f.tileText(fmt.Sprintf("bf16x3Tile%d", blocks), "bf16x3Args", 2*blocks*tileBytes)
	for _, a := range []struct{ arg, reg string }{
		{"w", "AX"}, {"ldw", "CX"}, {"second", "BX"}, {"stepW", "R13"}, {"x", "R8"}, {"ldx", "R10"},
		{"steps", "R11"}, {"fetch", "R12"}, {"fetchStep", "SI"},
	} {
		f.op("MOVQ bf16x3Args_%s(DI), %s", a.arg, a.reg)
	}
	f.op("ADDQ AX, BX")
	f.op("MOVQ R10, R14")
	f.op("SHLQ $4, R14")
	if blocks == 2 {
		f.op("MOVQ (bf16x3Args_x+8)(DI), R9")
	}
	f.op("LEAQ (SI)(SI*2), R15")
	for i := range 2 * blocks {
		f.tileZero(tileSums + i)
	}
	f.op("PCALIGN $64")
	f.label("step")
	f.tileLoad(0, "AX", "CX", tileRows)
	f.tileLoad(0, "BX", "CX", tileRows+1)
	for part := range bf16x3Parts {
		for b := range blocks {
			reg := []string{"R8", "R9"}[b]
			f.tileLoad(0, reg, "R10", tileCols+b)
			f.op("ADDQ R14, %s", reg)
		}
		for b := range blocks {
			for half := range 2 {
				f.tileDot(brainFloats, tileCols+b, tileRows+half, tileSums+2*b+half)
			}
		}
		fours, hint := 1, "T1"
		// weights pass by few rows: as many of the next ones, not all at once, and to where they
		// are read in the end
		if blocks == 1 {
			fours, hint = []int{3, 3, 2}[part], "T0"
		} else if part > 0 {
			fours = 0
		}
		for range fours {
			for _, index := range []string{"", "(SI*1)", "(SI*2)", "(R15*1)"} {
				f.op("PREFETCH%s (R12)%s", hint, index)
			}
			if blocks == 1 {
				f.op("LEAQ (R12)(SI*4), R12")
			}
		}
	}
	if blocks == 1 {
		f.op("MOVQ SI, R9")
		f.op("SHLQ $5, R9")
		f.op("SUBQ R9, R12")
	}
	f.op("ADDQ $64, R12")
	f.op("ADDQ R13, AX")
	f.op("ADDQ R13, BX")
	f.op("DECQ R11")
	f.op("JNZ step")
	f.frame("R8")
	f.op("MOVQ $64, CX")
	f.op("MOVQ R8, R9")
	for i := range 2 * blocks {
		f.tileStore(tileSums+i, 0, "R9", "CX")
		if i < 2*blocks-1 {
			f.op("ADDQ $%d, R9", tileBytes)
		}
	}
	f.tileRelease()
	f.op("MOVQ bf16x3Args_c(DI), DX")
	f.op("MOVQ bf16x3Args_ldc(DI), R10")
	f.op("KMOVW bf16x3Args_again(DI), K1")
	f.op("MOVQ R10, BX")
	f.op("SHLQ $4, BX")
	f.op("ADDQ DX, BX")
	f.op("MOVQ $16, R11")
	f.label("add")
	for b := range blocks {
		for half, reg := range []string{"DX", "BX"} {
			i := 2*b + half
			f.op("VMOVUPS.Z %d(%s), K1, Z%d", 64*b, reg, i)
			f.op("VADDPS %d(R8), Z%d, Z%d", tileBytes*i, i, i)
		}
	}
	for b := range blocks {
		for half, reg := range []string{"DX", "BX"} {
			f.op("VMOVUPS Z%d, %d(%s)", 2*b+half, 64*b, reg)
		}
	}
	f.op("ADDQ $64, R8")
	f.op("ADDQ R10, DX")
	f.op("ADDQ R10, BX")
	f.op("DECQ R11")
	f.op("JNZ add")
	f.ret()
}
