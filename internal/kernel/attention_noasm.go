//go:build !amd64 || !gc || noasm || purego

package kernel

// Attention in integers where there is no assembly for it: each function is its reference.

func matMulKeys(y []float32, ldy int, q []int8, qscale []float32, sums []int32, m int,
	panels []uint8, scales []float32, count, k int) {
	matMulKeysGo(y, ldy, q, qscale, sums, m, panels, scales, count, k)
}

func matMulValues(y []float32, ldy int, p []int16, ldp, m int, panels []int16, scales []float32,
	cols, depth int, accumulate bool) {
	matMulValuesGo(y, ldy, p, ldp, m, panels, scales, cols, depth, accumulate)
}

func quantizeHead(q []int8, scale []float32, sums []int32, x []float32, ldx, m, k int,
	center, gain, scratch []float32, flip uint8) {
	quantizeHeadGo(q, scale, sums, x, ldx, m, k, center, gain, scratch, flip)
}

func packValues(block []int16, scale *[16]float32, x []float32, ldx, keys, width int) {
	packValuesGo(block, scale, x, ldx, keys, width)
}

func softmaxInt16(p []int16, ldp int, s []float32, lds, m, n int, top, sum []float32) {
	softmaxInt16Go(p, ldp, s, lds, m, n, top, sum)
}

func ranges(lo, hi, x []float32, ldx, m int)                { rangesGo(lo, hi, x, ldx, m) }
func transposeBytes(panel []uint8, rows []int8, stride int) { transposeBytesGo(panel, rows, stride) }

func valuesInBytes() bool { return false }
