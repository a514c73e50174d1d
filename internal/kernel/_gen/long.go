package main

// One long row by weights: a tile over all blocks of k. matmul.go has the others.

import "fmt"

// longTile writes long<format>(args *dotArgs): one row of x by four weight rows, over all blocks of
// k. It goes along one weight row after the other from end to end, so that memory is read in one
// run, and keeps the sums of each block; then it adds those to y block by block, in the order of
// the other tiles.
func longTile(f *file, format string) {
	f.text("long"+format, "(args *dotArgs)", 8)
	dotStart(f)
	w := f.weightBytes(format)
	f.op("MOVQ dotArgs_distance(DI), R12")
	for c := range dotCols {
		name := func(s string) string { return fmt.Sprintf("row%d%s", c, s) }
		f.op("MOVQ dotArgs_x(DI), AX")
		f.op("MOVQ (dotArgs_w+%d)(DI), BX", 8*c)
		f.op("MOVQ dotArgs_sums(DI), R15")
		f.op("MOVQ dotArgs_blocks(DI), R14")
		f.label(name("block"))
		f.zero(0)
		f.op("MOVQ dotArgs_steps(DI), R13")
		f.op("CMPQ R14, $1")
		f.op("JNE %s", name("whole"))
		f.op("MOVQ dotArgs_lastSteps(DI), R13")
		f.label(name("whole"))
		f.steps(name(""), func(i int) {
			f.widen(format, fmt.Sprintf("%d(BX)", i*w), 4+i, false)
			f.op("VFMADD231PS %s, %s, %s", rowAddr(0, i*f.bytes()), f.v(4+i), f.v(0))
		}, func(n int) {
			f.fetchRow(n * w)
			f.op("ADDQ $%d, AX", n*f.bytes())
			f.op("ADDQ $%d, BX", n*w)
		})
		f.op("CMPQ R14, $1")
		f.op("JNE %s", name("store"))
		f.op("MOVQ dotArgs_tail(DI), R13")
		f.op("TESTQ R13, R13")
		f.op("JZ %s", name("store"))
		dotTail(f, format, 1, 0, []string{"BX"})
		f.label(name("store"))
		f.op("VMOVUPS %s, %d(R15)", f.v(0), c*f.bytes())
		f.op("ADDQ $%d, R15", dotCols*f.bytes())
		f.op("DECQ R14")
		f.op("JNZ %s", name("block"))
	}
	f.op("MOVQ dotArgs_sums(DI), R15")
	f.op("MOVQ dotArgs_blocks(DI), R14")
	f.label("reduce")
	for c := range dotCols {
		f.op("VMOVUPS %d(R15), %s", c*f.bytes(), f.v(c))
	}
	dotReduce(f, 1)
	f.op("ADDQ $%d, R15", dotCols*f.bytes())
	f.op("DECQ R14")
	f.op("JNZ reduce")
	f.ret()
}
