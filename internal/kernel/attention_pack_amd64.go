//go:build gc && !noasm && !purego

package kernel

// What comes before attention in integers, on amd64: which assembly runs. Every
// instruction set gives the bytes of the references in attention_pack.go.

import (
	"unsafe"

	"github.com/qwenvl/qwenvl/internal/cpu"
)

// rangeArgs is what ranges reads.
type rangeArgs struct {
	lo      unsafe.Pointer
	hi      unsafe.Pointer
	x       unsafe.Pointer
	ldx     uintptr // bytes between rows
	rows    uintptr
	vectors uintptr // at most 4
	last    uintptr // elements in the last one
}

func ranges(lo, hi, x []float32, ldx, m int) {
	lanes := 16
	switch {
	case !cpu.AVX2:
		rangesGo(lo, hi, x, ldx, m)
		return
	case !cpu.AVX512:
		lanes = 8
	}
	for c := 0; c < len(lo); c += 4 * lanes {
		width := min(4*lanes, len(lo)-c)
		vectors := (width + lanes - 1) / lanes
		args := rangeArgs{unsafe.Pointer(&lo[c]), unsafe.Pointer(&hi[c]), unsafe.Pointer(&x[c]),
			uintptr(ldx) * 4, uintptr(m), uintptr(vectors),
			uintptr(width - (vectors-1)*lanes)}
		if cpu.AVX512 {
			rangesAVX512(&args)
		} else {
			rangesAVX2(&args)
		}
	}
}

// headArgs is what quantizeHead reads.
type headArgs struct {
	q       unsafe.Pointer
	ldq     uintptr // bytes between rows
	scale   unsafe.Pointer
	sums    unsafe.Pointer
	x       unsafe.Pointer
	ldx     uintptr // bytes between rows
	center  unsafe.Pointer
	gain    unsafe.Pointer
	scratch unsafe.Pointer
	rows    uintptr
	k       uintptr
	flip    uintptr // in every byte of 32 bits
}

func quantizeHead(q []int8, scale []float32, sums []int32, x []float32, ldx, m, k int,
	center, gain, scratch []float32, flip uint8) {
	if !cpu.AVX2 {
		quantizeHeadGo(q, scale, sums, x, ldx, m, k, center, gain, scratch, flip)
		return
	}
	clear(scratch[k:HeadDepth(k)])
	quantizeHeadAVX2(&headArgs{
		q: unsafe.Pointer(&q[0]), ldq: uintptr(HeadStride(k)), scale: unsafe.Pointer(&scale[0]),
		sums: unsafe.Pointer(&sums[0]),
		x:    unsafe.Pointer(&x[0]), ldx: uintptr(ldx) * 4, center: unsafe.Pointer(&center[0]),
		gain:    unsafe.Pointer(&gain[0]),
		scratch: unsafe.Pointer(&scratch[0]), rows: uintptr(m), k: uintptr(k),
		flip: uintptr(flip) * 0x01010101,
	})
}

func transposeBytes(panel []uint8, rows []int8, stride int) {
	if !cpu.AVX2 {
		transposeBytesGo(panel, rows, stride)
		return
	}
	for r := 0; r < PanelRows && stride > 0; r += 8 {
		transpose8AVX2((*float32)(unsafe.Pointer(&panel[4*r])), 4*PanelRows,
			(*float32)(unsafe.Pointer(&rows[r*stride])), uintptr(stride), uintptr(stride/32))
	}
}

// columnArgs is what packValues reads.
type columnArgs struct {
	dst   unsafe.Pointer
	scale unsafe.Pointer
	x     unsafe.Pointer
	ldx   uintptr // bytes between rows
	keys  uintptr
	width uintptr // at most 16
}

func packValues(block []int16, scale *[16]float32, x []float32, ldx, keys, width int) {
	switch {
	case valuesInBytes():
		packValuesBytes(block, scale, x, ldx, keys, width)
	case cpu.AVX2:
		packValuesWords(block, scale, x, ldx, keys, width)
	default:
		packValuesGo(block, scale, x, ldx, keys, width)
	}
}

func packValuesWords(block []int16, scale *[16]float32, x []float32, ldx, keys, width int) {
	packValuesAVX2(&columnArgs{unsafe.Pointer(&block[0]), unsafe.Pointer(scale),
		unsafe.Pointer(&x[0]), uintptr(ldx) * 4, uintptr(keys), uintptr(width)})
	clear(block[roundUp(keys, 2)*16:])
}

func packValuesBytes(block []int16, scale *[16]float32, x []float32, ldx, keys, width int) {
	var words [16 * GroupKeys]int16
	packValuesWords(words[:len(block)], scale, x, ldx, keys, width)
	splitValuesAMX(&block[0], &words[0], uintptr(len(block)/16/byteKeys))
}
