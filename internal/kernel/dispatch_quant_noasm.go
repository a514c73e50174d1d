//go:build !(amd64 || arm64) || !gc || noasm || purego

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
