package tensor

// A benchmark of attention over the cache, deep in a text.

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkAttendPaged times decoding of one row at a depth, over the layers of Qwen2-VL-2B, so
// that keys and values come from memory; B/s is of keys and values.
func BenchmarkAttendPaged(b *testing.B) {
	const layers, heads, floor = 28, 12, 0.0625
	rng := rand.New(rand.NewPCG(1, 1))
	for _, format := range []Format{F32, F16} {
		layout := KVLayout{Heads: 2, KeyDim: 128, ValueDim: 128, Format: format}
		for _, depth := range []int{1024, 8192} {
			blocks := make([][]float32, depth/TileKeys)
			for i := range blocks {
				blocks[i] = make([]float32, layers*layout.Floats())
				for j := range blocks[i] {
					blocks[i][j] = floor * float32(j*7%13)
				}
			}
			for _, threads := range []int{1, 2} {
				b.Run(fmt.Sprintf("format=%v/depth=%d/threads=%d", format, depth, threads), func(b *testing.B) {
					ex := NewExec(threads)
					defer ex.Close()
					q, dst := random(rng, 1, heads*128), New(1, heads*128)
					seqs := []KVRows{{RowLo: 0, RowHi: 1, Pos: depth - 1, Blocks: blocks}}
					b.SetBytes(int64(4 * depth / TileKeys * layers * layout.Floats()))
					for b.Loop() {
						for l := range layers {
							ex.AttendPaged(dst, q, seqs, layout, l*layout.Floats(), heads, 0.1)
						}
					}
				})
			}
		}
	}
}
