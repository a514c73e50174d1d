package main

// The product of weights and values of attention in 16-bit integers, on amd64 without AMX.

import "fmt"

// The weight of a row's largest score, and the largest value: constants of package kernel.
const (
	weightTop = 4095
	valueTop  = 1023
)

// valueKernel is the product of 16-bit weights and values on one instruction set: tiles of up to
// rows rows by vectors vectors of sums.
type valueKernel struct {
	rows, vectors int
	// dot adds to acc the products of the pairs of 16-bit integers of q and w.
	dot func(f *file, q, w, acc int)
}

func valueAVX512VNNI(rows, vectors int) valueKernel {
	return valueKernel{rows, vectors, func(f *file, q, w, acc int) {
		f.op("VPDPWSSD Z%d, Z%d, Z%d", q, w, acc)
	}}
}

func valueAVXVNNI() valueKernel {
	return valueKernel{6, 2, func(f *file, q, w, acc int) { f.dotVEX("VPDPWSSD", q, w, acc) }}
}

func valueAVX2() valueKernel {
	return valueKernel{6, 2, func(f *file, q, w, acc int) {
		f.op("VPMADDWD Y%d, Y%d, Y15", q, w)
		f.op("VPADDD Y15, Y%d, Y%d", acc, acc)
	}}
}

// emit writes valueTile<columns>(args *valueArgs): one tile of args.rows rows by that many
// columns, over all keys.
func (k valueKernel) emit(f *file) {
	f.text(fmt.Sprintf("valueTile%d", k.vectors*f.lanes), "(args *valueArgs)", 8)
	f.op("MOVQ args+0(FP), DI")
	f.op("MOVQ valueArgs_p(DI), AX")
	f.op("MOVQ valueArgs_w(DI), BX")
	f.op("MOVQ valueArgs_ldw(DI), SI")
	f.op("MOVQ valueArgs_y(DI), DX")
	f.op("MOVQ valueArgs_wscale(DI), R15")
	f.op("MOVQ valueArgs_rows(DI), CX")
	for height := 1; height < k.rows; height++ {
		f.op("CMPQ CX, $%d", height)
		f.op("JEQ rows%d", height)
	}
	for height := k.rows; height >= 1; height-- {
		f.label(fmt.Sprintf("rows%d", height))
		f.valueHeight(k, height)
		f.ret()
	}
}

func (f *file) valueHeight(k valueKernel, height int) {
	const unroll = 4
	acc := func(r, v int) int { return r*k.vectors + v }
	w := k.rows * k.vectors
	q := w + k.vectors
	each := func(body func(r, v int)) {
		for r := range height {
			for v := range k.vectors {
				body(r, v)
			}
		}
	}
	each(func(r, v int) { f.zero(acc(r, v)) })
	f.strides("valueArgs_ldp", height)
	f.op("MOVQ valueArgs_steps(DI), CX")
	step := fmt.Sprintf("step%d", height)
	f.label(step)
	for i := range unroll {
		for v := range k.vectors {
			if f.lanes == 16 { // vectors of 16 columns lie ldw apart
				f.op("VMOVDQU64 %d%s, Z%d", i*64, []string{"(BX)", "(BX)(SI*1)", "(BX)(SI*2)"}[v],
					w+v)
			} else {
				f.op("VMOVDQU %d(BX), Y%d", i*64+v*32, w+v)
			}
		}
		for r := range height {
			reg := q
			if f.lanes == 16 {
				reg += r % 4
			}
			f.op("VPBROADCASTD %d%s, %s", 4*i, strided("AX", r), f.v(reg))
			for v := range k.vectors {
				k.dot(f, reg, w+v, acc(r, v))
			}
		}
	}
	f.op("ADDQ $%d, AX", 4*unroll)
	f.op("ADDQ $%d, BX", 64*unroll)
	f.op("SUBQ $%d, CX", unroll)
	f.op("JNZ %s", step)
	for v := range k.vectors {
		f.op("VMOVUPS %d(R15), %s", v*f.bytes(), f.v(w+v))
	}
	f.strides("valueArgs_ldy", height)
	each(func(r, v int) { f.op("VCVTDQ2PS %s, %s", f.v(acc(r, v)), f.v(acc(r, v))) })
	first := fmt.Sprintf("first%d", height)
	f.op("CMPQ valueArgs_resume(DI), $0")
	f.op("JEQ %s", first)
	y := func(r, v int) string { return fmt.Sprint(v*f.bytes()) + strided("DX", r) }
	each(func(r, v int) {
		f.op("VFMADD213PS %s, %s, %s", y(r, v), f.v(w+v), f.v(acc(r, v)))
		f.op("VMOVUPS %s, %s", f.v(acc(r, v)), y(r, v))
	})
	f.ret()
	f.label(first)
	each(func(r, v int) {
		f.op("VMULPS %s, %s, %s", f.v(acc(r, v)), f.v(w+v), f.v(acc(r, v)))
		f.op("VMOVUPS %s, %s", f.v(acc(r, v)), y(r, v))
	})
}
