package tensor

// Benchmarks of products in the shapes of a published model.

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkLinear has the products of Qwen2-VL-2B: a prompt of 512 tokens through the decoder, a
// picture of 448×448 through the tower, and decoding of a few sequences, whose weights (256 MB of
// them are visited in turn) come from memory.
func BenchmarkLinear(b *testing.B) {
	for _, c := range []struct {
		format  Format
		m, n, k int
	}{
		{BF16, 512, 1536, 1536}, {BF16, 512, 256, 1536}, {BF16, 512, 8960, 1536}, {BF16, 512, 1536, 8960},
		{BF16, 1024, 3840, 1280}, {BF16, 1024, 1280, 1280}, {BF16, 1024, 5120, 1280}, {BF16, 1024, 1280, 5120}, {BF16, 1024, 1280, 1176},
		{F32, 1024, 1280, 1280}, {F32, 1024, 1280, 5120},
		{BF16, 1, 1536, 1536}, {BF16, 1, 8960, 1536}, {BF16, 1, 1536, 8960}, {F32, 1, 1536, 1536}, {F32, 1, 1536, 8960}, {F16, 1, 1536, 1536}, {F16, 1, 1536, 8960},
		{BF16, 2, 1536, 1536}, {BF16, 2, 1536, 8960}, {BF16, 4, 1536, 1536}, {BF16, 4, 1536, 8960}, {BF16, 8, 1536, 1536}, {BF16, 8, 1536, 8960},
		{BF16, 16, 1536, 1536}, {BF16, 16, 1536, 8960}, {BF16, 32, 1536, 1536}, {BF16, 64, 1536, 1536}, {BF16, 96, 1536, 1536}, {BF16, 128, 1536, 1536}, {BF16, 96, 1536, 8960},
		{Int8, 512, 1536, 1536}, {Int8, 512, 256, 1536}, {Int8, 512, 8960, 1536}, {Int8, 512, 1536, 8960}, {Int8, 1024, 3840, 1280}, {Int8, 1024, 1280, 5120},
		{Int8, 1, 8960, 1536}, {Int8, 1, 1536, 8960}, {Int8, 4, 8960, 1536}, {Int4, 512, 8960, 1536}, {Int4, 1, 8960, 1536}, {Int4, 1, 1536, 8960}, {Int4, 4, 8960, 1536},
	} {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("fmt=%s/m=%d/n=%d/k=%d/threads=%d", c.format, c.m, c.n, c.k, threads), func(b *testing.B) {
				ex := NewExec(threads)
				defer ex.Close()
				rng := rand.New(rand.NewPCG(1, 2))
				copies := 1
				if c.m <= 16 {
					copies = 256 << 20 / (c.n * c.k)
				}
				w, _ := matrix(rng, stored(c.format), c.n, c.k, false)
				all := make([]*Matrix, copies)
				for i := range all {
					if !c.format.Packed() {
						all[i] = NewMatrix(c.format, c.n, c.k, append([]byte(nil), w.data...), nil)
						continue
					}
					all[i] = NewPacked(c.format, w)
					if err := ex.Pack(all[i], memory(all[i].Bytes()), nil); err != nil {
						b.Fatal(err)
					}
				}
				x, y := random(rng, c.m, c.k), New(c.m, c.n)
				in := ex.Input(x, w)
				if c.format.Packed() {
					in = ex.Input(x, all[0])
				}
				at := 0
				for b.Loop() {
					ex.Linear(y, in, all[at], Identity)
					at = (at + 1) % copies
				}
				perSecond := float64(b.N) / b.Elapsed().Seconds() / 1e9
				b.ReportMetric(2*float64(c.m*c.n*c.k)*perSecond, "GFLOP/s")
				b.ReportMetric(float64(all[0].Bytes())*perSecond, "GB/s")
			})
		}
	}
}

// stored is what a matrix of a format is packed from.
func stored(f Format) Format {
	if f.Packed() {
		return BF16
	}
	return f
}
