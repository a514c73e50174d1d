//go:build gc && !noasm && !purego

package kernel

func matMulPacked(y []float32, ldy int, x quantized, m int, p packed, panel0, count, n int) {
	matMulPackedGo(y, ldy, x, m, p, panel0, count, n)
}

func quantizeGroups(q []int8, scale []float32, sums []int32, x []float32, group int, zero int32) {
	quantizeGroupsGo(q, scale, sums, x, group, zero)
}
