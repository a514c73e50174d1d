//go:build !(amd64 || arm64) || !gc || noasm || purego

package kernel

func matMulPacked(y []float32, ldy int, x quantized, m int, p packed, panel0, count, n int) {
	matMulPackedGo(y, ldy, x, m, p, panel0, count, n)
}

func quantizeGroups(q []int8, scale []float32, sums []int32, x []float32) {
	quantizeGroupsGo(q, scale, sums, x)
}

func extremes64(w *[part]float32) (bits uint32, low, high float32) { return extremes64Go(w) }

func squares64(w *[part]float32, inverse, low, high float32) float32 {
	return squares64Go(w, inverse, low, high)
}

func round64(q *[part]uint8, w *[part]float32, inverse, low, high float32) {
	round64Go(q, w, inverse, low, high)
}

func tileRows() int { return 1 }
