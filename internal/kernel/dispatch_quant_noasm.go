//go:build !(amd64 || arm64) || !gc || noasm || purego

package kernel

func matMulPacked(y []float32, ldy int, x quantized, m int, p packed, panel0, count, n int) {
	matMulPackedGo(y, ldy, x, m, p, panel0, count, n)
}
