//go:build gc && !noasm && !purego

package kernel

// The products of attention in integers on amd64, and its softmax: which tiles run, and how the
// work is cut for them. Queries by keys are tiles of matmul_quant_asm.go; weights by values have
// tiles of their own, or with AMX those of values_amx_amd64.go.

import (
	"unsafe"

	"github.com/qwenvl/qwenvl/internal/cpu"
)

// valueArgs is what one call of a tile valueTile<columns> reads.
type valueArgs struct {
	p      unsafe.Pointer // row 0
	ldp    uintptr        // bytes between rows
	w      unsafe.Pointer // the first 16 columns of the panels
	ldw    uintptr        // bytes to the next 16
	wscale unsafe.Pointer
	y      unsafe.Pointer
	ldy    uintptr // bytes between rows
	rows   uintptr
	steps  uintptr // of 2 keys
	resume uintptr // 1: add to y, 0: store
}

func matMulKeys(y []float32, ldy int, q []int8, qscale []float32, sums []int32, m int,
	panels []uint8, scales []float32, count, k int) {
	t, ok := quantTilesFor()
	if !ok {
		matMulKeysGo(y, ldy, q, qscale, sums, m, panels, scales, count, k)
		return
	}
	if t.forRows(m) == tilesQuantAMX {
		keysAMX(y, ldy, q, qscale, sums, m, panels, scales, count, k)
		return
	}
	stride := HeadStride(k)
	args := quantArgs{ldq: uintptr(stride), lds: 4, ldsums: 4, ldy: uintptr(ldy) * 4,
		steps: uintptr(HeadDepth(k) / 4)}
	height := t.rows(false)
	tiles := (m + height - 1) / height
	for p := range count {
		args.w, args.wscale = unsafe.Pointer(&panels[p*stride*PanelRows]),
			unsafe.Pointer(&scales[p*PanelRows])
		for i := range tiles { // of nearly equal heights
			r0, r1 := m*i/tiles, m*(i+1)/tiles
			args.q = unsafe.Pointer(&q[r0*stride])
			args.scale, args.sums = unsafe.Pointer(&qscale[r0]), unsafe.Pointer(&sums[r0])
			args.y = unsafe.Pointer(&y[r0*ldy+p*PanelRows])
			args.rows, args.groups, args.resume = uintptr(r1-r0), 1, 0
			t.tile(false, &args)
		}
	}
}

func matMulValues(y []float32, ldy int, p []int16, ldp, m int, panels []int16, scales []float32,
	cols, depth int, accumulate bool) {
	t, ok := quantTilesFor()
	if !ok {
		matMulValuesGo(y, ldy, p, ldp, m, panels, scales, cols, depth, accumulate)
		return
	}
	if valuesInBytes() {
		matMulValuesAMX(y, ldy, p, ldp, m, panels, scales, cols, depth, accumulate)
		return
	}
	args := valueArgs{
		ldp: uintptr(ldp) * 2, ldw: uintptr(depth) * 32, ldy: uintptr(ldy) * 4,
		steps: uintptr(depth / 2), resume: flag(accumulate),
	}
	for c := 0; c < cols; {
		width, height := 16, 6
		if t == tilesQuantAVX512VNNI {
			width, height = 32, 12
			if cols-c == 48 { // an odd number of vectors: three at once, in fewer rows
				width, height = 48, 8
			}
		}
		args.w, args.wscale = unsafe.Pointer(&panels[c*depth]), unsafe.Pointer(&scales[c])
		tiles := (m + height - 1) / height
		for i := range tiles { // of nearly equal heights
			r0, r1 := m*i/tiles, m*(i+1)/tiles
			args.p, args.y, args.rows = unsafe.Pointer(&p[r0*ldp]), unsafe.Pointer(&y[r0*ldy+c]),
				uintptr(r1-r0)
			switch {
			case width == 48:
				valueTile48AVX512VNNI(&args)
			case width == 32:
				valueTile32AVX512VNNI(&args)
			case t == tilesQuantAVXVNNI:
				valueTile16AVXVNNI(&args)
			default:
				valueTile16AVX2(&args)
			}
		}
		c += width
	}
}

// softmaxArgs is what softmaxInt16 reads.
type softmaxArgs struct {
	p    unsafe.Pointer
	ldp  uintptr // bytes between rows
	s    unsafe.Pointer
	lds  uintptr // bytes between rows
	top  unsafe.Pointer
	sum  unsafe.Pointer
	rows uintptr
	n    uintptr // keys
}

func softmaxInt16(p []int16, ldp int, s []float32, lds, m, n int, top, sum []float32) {
	if !cpu.AVX2 {
		softmaxInt16Go(p, ldp, s, lds, m, n, top, sum)
		return
	}
	args := softmaxArgs{
		p: unsafe.Pointer(&p[0]), ldp: uintptr(ldp) * 2, s: unsafe.Pointer(&s[0]),
		lds: uintptr(lds) * 4,
		top: unsafe.Pointer(&top[0]), sum: unsafe.Pointer(&sum[0]), rows: uintptr(m), n: uintptr(n),
	}
	switch {
	case valuesInBytes():
		softmaxInt16AMX(&args)
	case cpu.AVX512:
		softmaxInt16AVX512(&args)
	default:
		softmaxInt16AVX2(&args)
	}
}
