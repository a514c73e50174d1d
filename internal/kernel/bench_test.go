package kernel

// Benchmarks under each instruction set. Constants of this package name the one that chose them.

import (
	"fmt"
	"testing"

	"github.com/qwenvl/qwenvl/internal/cpu"
	"github.com/qwenvl/qwenvl/internal/testkit"
)

// eachISA runs body under each implementation, as testkit.AllImplementations does for tests.
func eachISA(b *testing.B, name string, body func(b *testing.B)) {
	names := cpu.Names()
	for i, isa := range append(names, testkit.Go) {
		b.Run(name+"/isa="+isa, func(b *testing.B) {
			for _, wider := range names[:i] {
				defer cpu.Disable(wider)()
			}
			body(b)
		})
	}
}

func reportRate(b *testing.B, flops, bytes int) {
	perSecond := float64(b.N) / b.Elapsed().Seconds() / 1e9
	b.ReportMetric(float64(flops)*perSecond, "GFLOP/s")
	b.ReportMetric(float64(bytes)*perSecond, "GB/s")
}

// BenchmarkMatMul reads fresh weights all the time where few rows are multiplied (the weights of
// 256 MB are visited in turn), as a decoder does.
func BenchmarkMatMul(b *testing.B) {
	for _, c := range []struct {
		format  weightFormat
		m, n, k int
	}{
		{formatBF16, 1, 1536, 1536}, {formatBF16, 1, 1536, 3584}, {formatBF16, 1, 1536, 8960},
		{formatF32, 1, 1280, 1280}, {formatF16, 1, 1536, 1536},
		{formatBF16, 2, 1536, 1536}, {formatBF16, 4, 1536, 1536}, {formatBF16, 6, 1536, 1536},
		{formatBF16, 4, 1536, 8960}, {formatBF16, 16, 1536, 1536}, {formatBF16, 24, 1536, 1536},
		{formatBF16, 96, 1280, 1280}, {formatF32, 96, 1280, 1280}, {formatF16, 96, 1280, 1280},
		{formatBF16, 512, 1536, 8960}, {formatF32, 1024, 5120, 1280}, {formatF32, 1024, 1280, 5120},
		{formatBF16, 1024, 5120, 1280},
	} {
		eachISA(b, fmt.Sprintf("fmt=%s/m=%d/n=%d/k=%d", formatNames[c.format], c.m, c.n, c.k), func(b *testing.B) {
			size := 2
			if c.format == formatF32 {
				size = 4
			}
			copies := 1
			if c.m <= 6 {
				copies = 256 << 20 / (c.n * c.k * size)
			}
			p := &product{format: c.format, m: c.m, n: c.n * copies, k: c.k, ldx: c.k,
				x: make([]float32, c.m*c.k)}
			if c.format == formatF32 {
				p.f32 = make([]float32, p.n*p.k)
			} else {
				p.u16 = make([]uint16, p.n*p.k)
			}
			for i := range p.x {
				p.x[i] = 1
			}
			p.dirtyScratch()
			y := make([]float32, c.m*c.n)
			at := 0
			for i := range p.u16 {
				p.u16[i] = uint16(i)&0x3ff | 0x3800
			}
			for i := range p.f32 {
				p.f32[i] = float32(i & 0xff)
			}
			b.SetBytes(int64(c.n * c.k * size))
			for b.Loop() {
				p.run(y, c.n, 0, c.m, at*c.n, c.n)
				at = (at + 1) % copies
			}
			reportRate(b, 2*c.m*c.n*c.k, c.n*c.k*size)
		})
	}
}

// BenchmarkMatMulPanel has the shapes of attention: 64 keys of head dimension d, for all queries of
// a tile or for those of one decoded token.
func BenchmarkMatMulPanel(b *testing.B) {
	for _, c := range []struct{ m, n, k int }{{1, 64, 128}, {6, 64, 128}, {64, 64, 128}, {64, 128, 64}, {64, 64, 80}, {64, 80, 64}} {
		eachISA(b, fmt.Sprintf("m=%d/n=%d/k=%d", c.m, c.n, c.k), func(b *testing.B) {
			x, w, y := normal(newRand(), c.m*c.k), normal(newRand(), c.k*c.n),
				make([]float32, c.m*c.n)
			for b.Loop() {
				MatMulPanel(y, c.n, x, c.k, c.m, w, c.n, c.n, c.k, false)
			}
			reportRate(b, 2*c.m*c.n*c.k, 4*c.k*c.n)
		})
	}
}

// BenchmarkRow measures the functions along a row of 1536 in the caches; those that work in place
// start from a fresh copy each time.
func BenchmarkRow(b *testing.B) {
	const n = 1536
	x, w, dst, half := normal(newRand(), n), normal(newRand(), n), make([]float32, n),
		normal(newRand(), n/2)
	bits := make([]uint16, n)
	for _, f := range []struct {
		name string
		f    func()
	}{
		{"ExpSub", func() { copy(dst, x); ExpSub(dst, 0) }},
		{"Max", func() { Max(x) }},
		{"SiLUMul", func() { SiLUMul(dst, x, w) }},
		{"QuickGELU", func() { copy(dst, x); QuickGELU(dst) }},
		{"GELU", func() { copy(dst, x); GELU(dst) }},
		{"GELUTanh", func() { copy(dst, x); GELUTanh(dst) }},
		{"Add", func() { copy(dst, x); Add(dst, x) }},
		{"RMSNorm", func() { RMSNorm(dst, x, w, 1e-6) }},
		{"LayerNorm", func() { LayerNorm(dst, x, w, w, 1e-6) }},
		{"RotateHalf", func() { copy(dst, x); RotateHalf(dst, half, half) }},
		{"RotatePairs", func() { copy(dst, x); RotatePairs(dst, half, half) }},
		{"BF16ToF32", func() { BF16ToF32(dst, bits) }},
		{"F16ToF32", func() { F16ToF32(dst, bits) }},
		{"Dot", func() { Dot(x, w) }},
		{"Transpose", func() { Transpose(dst, 24, x, 64, 24, 64) }},
	} {
		eachISA(b, f.name, func(b *testing.B) {
			for b.Loop() {
				f.f()
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gelem/s")
		})
	}
}

// BenchmarkMatMulQuant is BenchmarkMatMul for packed weights.
func BenchmarkMatMulQuant(b *testing.B) {
	for _, bits := range quantBits {
		for _, c := range []struct{ m, n, k int }{
			{1, 1536, 1536}, {1, 1536, 8960}, {2, 1536, 1536}, {4, 1536, 1536}, {8, 1536, 1536},
			{12, 1536, 1536}, {16, 1536, 1536}, {24, 1536, 1536}, {32, 1536, 1536},
			{48, 1536, 1536},
			{96, 1280, 1280}, {512, 1536, 1536}, {512, 1536, 8960},
		} {
			eachISA(b, fmt.Sprintf("fmt=int%d/m=%d/n=%d/k=%d", bits, c.m, c.n, c.k), func(b *testing.B) {
				size, scales := PackedInt8Len(c.n, c.k)
				bytes := size + 4*scales
				if bits == 4 {
					size, scales = PackedInt4Len(c.n, c.k)
					bytes = size + 2*scales
				}
				copies := 1
				if c.m <= 48 {
					copies = 256 << 20 / bytes
				}
				matrices := newQuantProduct(newRand(), bits, c.m, c.n*copies, c.k).cut(copies)
				y := make([]float32, c.m*c.n)
				at := 0
				b.SetBytes(int64(bytes))
				for b.Loop() {
					matrices[at].run(y, c.n, 0, c.m, 0, c.n/PanelRows)
					at = (at + 1) % copies
				}
				reportRate(b, 2*c.m*c.n*c.k, bytes)
			})
		}
	}
}

// cut returns so many products, each with its part of the weights, which end with a whole panel.
func (p *quantProduct) cut(count int) []*quantProduct {
	parts := make([]*quantProduct, count)
	for i := range parts {
		part := *p
		part.n /= count
		part.panels = p.panels[i*len(p.panels)/count:]
		if p.bits == 4 {
			part.bf16 = p.bf16[i*len(p.bf16)/count:]
		} else {
			part.f32 = p.f32[i*len(p.f32)/count:]
		}
		parts[i] = &part
	}
	return parts
}

func BenchmarkQuantizeRows(b *testing.B) {
	const m, k = 16, 1536
	x := normal(newRand(), m*k)
	eachISA(b, "rows", func(b *testing.B) {
		q, scale, sums := make([]int8, m*QuantizedStride(k)), make([]float32, m*QuantizedGroups(k)),
			make([]int32, m*QuantizedGroups(k)*SumsPerGroup)
		for b.Loop() {
			QuantizeRows(q, scale, sums, x, k, m, k)
		}
		b.ReportMetric(float64(m*k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gelem/s")
	})
}

func BenchmarkPack(b *testing.B) {
	const n, k = 32, 1536
	w := normal(newRand(), n*k)
	for _, bits := range quantBits {
		eachISA(b, fmt.Sprintf("fmt=int%d", bits), func(b *testing.B) {
			panels, scales, bf := packMatrix(bits, w, n, k)
			for b.Loop() {
				if bits == 4 {
					PackInt4(panels, bf, w, 0, n, k)
				} else {
					PackInt8(panels, scales, w, 0, n, k)
				}
			}
			b.ReportMetric(float64(n*k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gelem/s")
		})
	}
}
