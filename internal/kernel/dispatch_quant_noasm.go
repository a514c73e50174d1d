//go:build !amd64 || !gc || noasm || purego

package kernel

func matMulPacked(y []float32, ldy int, x quantized, m int, p packed, panel0, count, n int) {
	matMulPackedGo(y, ldy, x, m, p, panel0, count, n)
}

func quantizeGroups(q []int8, scale []float32, sums []int32, x []float32, group int, zero int32) {
	quantizeGroupsGo(q, scale, sums, x, group, zero)
}

func extremes64(w *[GroupInt4]float32) (bits uint32, top float32)   { return extremes64Go(w) }
func squares64(w *[GroupInt4]float32, inverse float32) float32      { return squares64Go(w, inverse) }
func round64(q *[GroupInt4]uint8, w *[GroupInt4]float32, v float32) { round64Go(q, w, v) }

func matMulKeys(y []float32, ldy int, q []int8, qscale []float32, sums []int32, m int, panels []uint8, scales []float32, count, k int) {
	matMulKeysGo(y, ldy, q, qscale, sums, m, panels, scales, count, k)
}

func matMulValues(y []float32, ldy int, p []int16, ldp, m int, panels []int16, scales []float32, cols, depth int, accumulate bool) {
	matMulValuesGo(y, ldy, p, ldp, m, panels, scales, cols, depth, accumulate)
}

func quantizeHead(q []int8, scale []float32, sums []int32, x []float32, ldx, m, k int, centre, gain, scratch []float32, flip uint8) {
	quantizeHeadGo(q, scale, sums, x, ldx, m, k, centre, gain, scratch, flip)
}

func packValues(block []int16, scale *[16]float32, x []float32, ldx, keys, width int) {
	packValuesGo(block, scale, x, ldx, keys, width)
}

func softmaxInt16(p []int16, ldp int, s []float32, lds, m, n int, top, sum []float32) {
	softmaxInt16Go(p, ldp, s, lds, m, n, top, sum)
}

func ranges(lo, hi, x []float32, ldx, m int)                { rangesGo(lo, hi, x, ldx, m) }
func transposeBytes(panel []uint8, rows []int8, stride int) { transposeBytesGo(panel, rows, stride) }
