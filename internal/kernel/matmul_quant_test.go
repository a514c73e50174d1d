package kernel

// Products with packed weights against exact integer sums, and the same bits on every instruction
// set.

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/testkit"
)

// quantProduct is one call of a quantized product, with everything it reads.
type quantProduct struct {
	bits, m, n, k int
	q             []int8
	scale         []float32
	sums          []int32
	panels        []uint8
	f32           []float32
	bf16          []uint16
}

// newQuantProduct draws activations and packed bytes directly, so that all values occur: -128 among
// the weights, ±127 among the activations.
func newQuantProduct(rng *rand.Rand, bits, m, n, k int) *quantProduct {
	p := &quantProduct{bits: bits, m: m, n: n, k: k}
	size, count := PackedInt8Len(n, k)
	if bits == 4 {
		size, count = PackedInt4Len(n, k)
		p.bf16 = make([]uint16, count)
		for i := range p.bf16 {
			p.bf16[i] = bf16(float32(rng.NormFloat64()))
		}
	} else {
		p.f32 = normal(rng, count)
	}
	p.panels = make([]uint8, size)
	for i := range p.panels {
		p.panels[i] = uint8(rng.UintN(256))
		if at := i % int4PanelBytes(k) % blockInt4; bits == 4 && at < stepBytes {
			z := rng.IntN(16)
			p.panels[i] = uint8(rng.IntN(stepLimits[z]+1) | z<<4)
		}
	}
	groups, stride := QuantizedGroups(k), QuantizedStride(k)
	p.q, p.scale, p.sums = make([]int8, m*stride), normal(rng, m*groups),
		make([]int32, m*groups*SumsPerGroup)
	for i := range p.q {
		p.q[i] = int8(rng.IntN(255) - 127)
	}
	p.sum()
	return p
}

// sum fills in the sums of the activations.
func (p *quantProduct) sum() {
	groups, stride := QuantizedGroups(p.k), QuantizedStride(p.k)
	for r := range p.m {
		for i := range wholeParts(p.k) {
			sums := p.sums[(r*groups+i/Group)*SumsPerGroup:]
			sums[0] -= zeroByte * int32(p.q[r*stride+i])
			sums[1+i%Group/part] -= int32(p.q[r*stride+i])
		}
	}
}

// run computes rows r0..r0+m-1 for some panels, at their places in y.
func (p *quantProduct) run(y []float32, ldy, r0, m, panel0, count int) {
	y = y[min(len(y), max(0, panel0*PanelRows)):]
	groups, stride := QuantizedGroups(p.k), QuantizedStride(p.k)
	q, scale, sums := p.q[r0*stride:], p.scale[r0*groups:], p.sums[r0*groups*SumsPerGroup:]
	if p.bits == 4 {
		MatMulInt4(y, ldy, q, scale, sums, m, p.panels, p.bf16, panel0, count, p.n, p.k)
	} else {
		MatMulInt8(y, ldy, q, scale, sums, m, p.panels, p.f32, panel0, count, p.n, p.k)
	}
}

// weight returns an element of the weights as an integer, and the scale of its group.
func (p *quantProduct) weight(c, i int) (int64, float32) {
	groups, depth := QuantizedGroups(p.k), wholeParts(p.k)
	at := (c/32*groups+i/256)*32 + c%32
	if p.bits == 4 {
		panel := p.panels[c/32*(groups*128+depth*16):]
		block := panel[i/256*(128+4096):]
		sz := block[i%256/64*32+c%32]
		b := block[128+i%256/8*128+c%32*4+i%4]
		return int64(sz&15) * (int64(b>>(i/4%2*4)&15) - int64(sz>>4)), fromBF16(p.bf16[at])
	}
	return int64(p.panels[c/32*depth*32+i/4*128+c%32*4+i%4]) - 128, p.f32[at]
}

// oracle computes one element with exact integer sums.
func (p *quantProduct) oracle(r, c int) float32 {
	groups, stride := QuantizedGroups(p.k), QuantizedStride(p.k)
	var acc float32
	for g := range groups {
		var sum int64
		var s float32
		for i := g * Group; i < min(wholeParts(p.k), (g+1)*Group); i++ {
			var w int64
			w, s = p.weight(c, i)
			sum += w * int64(p.q[r*stride+i])
		}
		acc = fma32(float32(float32(sum)*p.scale[r*groups+g]), s, acc)
	}
	return acc
}

// Every element has exactly the bits of the definition, under every instruction set, for every tail
// of m, n and k; nothing else is written.
func TestMatMulQuantBits(t *testing.T) {
	all(t, func(t *testing.T) {
		rng := newRand()
		for _, bits := range quantBits {
			for _, m := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 17, 31, 33, 51, 64, 100} {
				for _, s := range []struct{ n, k int }{{1, 1}, {32, 64}, {33, 65}, {31, 128}, {64, 200}, {40, 256}, {70, 513}, {64, 700}} {
					t.Run(fmt.Sprintf("bits=%d/m=%d/n=%d/k=%d", bits, m, s.n, s.k), func(t *testing.T) {
						p := newQuantProduct(rng, bits, m, s.n, s.k)
						ldy := s.n + m%4
						g := testkit.NewGuarded((m-1)*ldy+s.n, s.k%5)
						y := g.Slice()
						for i := range y {
							y[i] = nan
						}
						p.run(y, ldy, 0, m, 0, panelsOf(s.n))
						g.Check(t)
						for i, v := range y {
							r, c := i/ldy, i%ldy
							if c >= s.n {
								require.True(t, v != v, "gap between rows written at %d, %d", r, c)
								continue
							}
							want := p.oracle(r, c)
							require.Equal(t, math.Float32bits(want), math.Float32bits(v),
								"row %d, column %d: want %v, got %v", r, c, want, v)
						}
					})
				}
			}
		}
	})
}

// Long rows are cut into blocks; neither that, nor the number of rows, nor a split of the panels
// shows.
func TestMatMulQuantBitsDoNotDependOnTheSplit(t *testing.T) {
	all(t, func(t *testing.T) {
		rng := newRand()
		for _, bits := range quantBits {
			for _, s := range []struct{ n, k int }{{97, 320}, {70, 2600}, {64, 4500}} {
				t.Run(fmt.Sprintf("bits=%d/n=%d/k=%d", bits, s.n, s.k), func(t *testing.T) {
					const rows = 421 // more than tiles take at once
					p := newQuantProduct(rng, bits, rows, s.n, s.k)
					count := panelsOf(s.n)
					whole := make([]float32, rows*s.n)
					p.run(whole, s.n, 0, rows, 0, count)
					for _, at := range []struct{ r, c int }{{0, 0}, {11, 31}, {12, 32}, {rows - 1, s.n - 1}, {77, 50}, {383, 1}, {384, 33}} {
						require.Equal(t, p.oracle(at.r, at.c), whole[at.r*s.n+at.c])
					}
					for _, m := range []int{1, 2, 3, 4, 6, 7, 12, 13, 17, 31, 35, 64, 100, 388} {
						for _, r0 := range []int{0, rows - m} {
							y := make([]float32, m*s.n)
							p.run(y, s.n, r0, m, 0, count)
							testkit.SameBits(t, whole[r0*s.n:(r0+m)*s.n], y)
							clear(y)
							for panel := count - 1; panel >= 0; panel-- {
								p.run(y, s.n, r0, m, panel, 1)
							}
							testkit.SameBits(t, whole[r0*s.n:(r0+m)*s.n], y)
						}
					}
				})
			}
		}
	})
}

// A panel's call writes its own columns only.
func TestMatMulQuantWritesItsPanelsOnly(t *testing.T) {
	all(t, func(t *testing.T) {
		for _, bits := range quantBits {
			for _, m := range []int{1, 5, 40} {
				const n = 100
				p := newQuantProduct(newRand(), bits, m, n, 256)
				y := make([]float32, m*n)
				for i := range y {
					y[i] = nan
				}
				p.run(y, n, 0, m, 1, 2)
				for i, v := range y {
					require.Equal(t, i%n < 32 || i%n >= 96, v != v, "column %d", i%n)
				}
			}
		}
	})
}

// From floats to floats: close to the exact product, and bit for bit what one row gives.
func TestMatMulQuantAgainstFloat64(t *testing.T) {
	all(t, func(t *testing.T) {
		for _, bits := range quantBits {
			const m, n, k = 17, 45, 1536
			rng := newRand()
			x, w := normal(rng, m*k), normal(rng, n*k)
			panels, scales, bf := packMatrix(bits, w, n, k)
			p := &quantProduct{bits: bits, m: m, n: n, k: k, panels: panels, f32: scales, bf16: bf}
			p.q, p.scale, p.sums = make([]int8, m*QuantizedStride(k)),
				make([]float32, m*QuantizedGroups(k)),
				make([]int32, m*QuantizedGroups(k)*SumsPerGroup)
			QuantizeRows(p.q, p.scale, p.sums, x, k, m, k)
			y := make([]float32, m*n)
			p.run(y, n, 0, m, 0, panelsOf(n))
			var off, packedOff, size float64
			row := make([]float32, k)
			for c := range n {
				unpackRow(row, panels, scales, bf, c, n, k)
				for r := range m {
					var want, fromPacked float64
					for i := range k {
						want += float64(x[r*k+i]) * float64(w[c*k+i])
						fromPacked += float64(x[r*k+i]) * float64(row[i])
					}
					off += math.Pow(float64(y[r*n+c])-want, 2)
					packedOff += math.Pow(float64(y[r*n+c])-fromPacked, 2)
					size += want * want
				}
			}
			t.Logf("bits=%d: relative error %.5f, of which by the activations %.5f", bits,
				math.Sqrt(off/size), math.Sqrt(packedOff/size))
			require.Less(t, math.Sqrt(packedOff/size), 0.0075)
			require.Less(t, math.Sqrt(off/size), map[int]float64{8: 0.011, 4: 0.1}[bits])
		}
	})
}

// A NaN or infinity in an activation makes its row's results NaN and no other's; one in a weight,
// its column's.
func TestMatMulQuantNotFinite(t *testing.T) {
	all(t, func(t *testing.T) {
		for _, bits := range quantBits {
			for _, bad := range []float32{nan, inf, negInf} {
				for _, m := range []int{1, 3, 14, 34} {
					const n, k = 40, 300
					rng := newRand()
					x, w := normal(rng, m*k), normal(rng, n*k)
					x[(m-1)*k+299] = bad
					w[35*k+1] = bad
					panels, scales, bf := packMatrix(bits, w, n, k)
					p := &quantProduct{bits: bits, m: m, n: n, k: k, panels: panels, f32: scales,
						bf16: bf}
					groups := QuantizedGroups(k)
					p.q, p.scale, p.sums = make([]int8, m*QuantizedStride(k)),
						make([]float32, m*groups), make([]int32, m*groups*SumsPerGroup)
					QuantizeRows(p.q, p.scale, p.sums, x, k, m, k)
					y := make([]float32, m*n)
					p.run(y, n, 0, m, 0, 2)
					for i, v := range y {
						require.Equal(t, i/n == m-1 || i%n == 35, v != v, "row %d, column %d: %v",
							i/n, i%n, v)
					}
				}
			}
		}
	})
}

// Rows of zeros give zeros, also with weights of the largest magnitude.
func TestMatMulQuantZeros(t *testing.T) {
	all(t, func(t *testing.T) {
		for _, bits := range quantBits {
			for _, fill := range []uint8{0, 0xff} {
				for _, m := range []int{5, 21} {
					const n, k = 33, 256
					p := newQuantProduct(newRand(), bits, m, n, k)
					for i := range p.panels {
						p.panels[i] = fill
					}
					clear(p.q)
					clear(p.sums)
					y := normal(newRand(), m*n)
					p.run(y, n, 0, m, 0, 2)
					for _, v := range y {
						require.Zero(t, v)
					}
				}
			}
		}
	})
}

// The largest sums: nothing saturates.
func TestMatMulQuantExtremes(t *testing.T) {
	all(t, func(t *testing.T) {
		for _, bits := range quantBits {
			for _, m := range []int{1, 2, 3, 6, 8, 12, 20} {
				for _, fill := range []uint8{0, 1, 0x7f, 0x80, 0xf0, 0x0f, 0xff} {
					for _, v := range []int8{127, -127} {
						const n, k = 32, 256
						p := newQuantProduct(newRand(), bits, m, n, k)
						for i := range p.panels {
							if bits == 8 || i >= stepBytes {
								p.panels[i] = fill
								continue
							}
							z := []int{7, 8, 0, 15}[i%4]
							p.panels[i] = uint8(stepLimits[z] | z<<4)
						}
						for i := range p.q {
							p.q[i] = v
						}
						clear(p.sums)
						p.sum()
						y := make([]float32, m*n)
						p.run(y, n, 0, m, 0, 1)
						for i, got := range y {
							require.Equal(t, p.oracle(i/n, i%n), got)
						}
					}
				}
			}
		}
	})
}

func TestMatMulQuantEmpty(t *testing.T) {
	all(t, func(t *testing.T) {
		y := []float32{1, 2, 3, 4, 5, 6}
		MatMulInt8(y, 3, make([]int8, 128), nil, nil, 2, nil, nil, 0, 1, 3, 0)
		require.Equal(t, make([]float32, 6), y)
		y = []float32{1, 2, 3, 4, 5, 6}
		MatMulInt4(y, 3, make([]int8, 128), nil, nil, 2, nil, nil, 0, 1, 2, 0)
		require.Equal(t, []float32{0, 0, 3, 0, 0, 6}, y)
		MatMulInt4(y, 3, nil, nil, nil, 0, make([]uint8, 128+1024), make([]uint16, 32), 0, 1, 2, 5)
		require.Equal(t, []float32{0, 0, 3, 0, 0, 6}, y)
	})
}

func TestMatMulQuantAllocatesNothing(t *testing.T) {
	all(t, func(t *testing.T) {
		for _, bits := range quantBits {
			for _, m := range []int{1, 5, 40} {
				p := newQuantProduct(newRand(), bits, m, 70, 300)
				x, y := normal(newRand(), m*300), make([]float32, m*70)
				require.Zero(t, testing.AllocsPerRun(5, func() {
					QuantizeRows(p.q, p.scale, p.sums, x, 300, m, 300)
					p.run(y, 70, 0, m, 0, 3)
				}))
			}
		}
	})
}

func TestMatMulQuantMisuse(t *testing.T) {
	const m, n, k = 3, 40, 100
	y := make([]float32, m*n)
	for _, bits := range quantBits {
		p := newQuantProduct(newRand(), bits, m, n, k)
		cut := func(f func(*quantProduct)) func() {
			return func() {
				c := *p
				f(&c)
				c.run(y, n, 0, m, 0, 2)
			}
		}
		for name, c := range map[string]struct {
			want string
			call func()
		}{
			"panel0":     {badPanel, func() { p.run(y, n, 0, m, 2, 1) }},
			"panels":     {badPanel, func() { p.run(y, n, 0, m, 0, 3) }},
			"negative":   {badPanel, func() { p.run(y, n, 0, m, -1, 1) }},
			"count":      {badPanel, func() { p.run(y, n, 0, m, 0, -1) }},
			"negative m": {badSize, func() { p.run(y, n, 0, -1, 0, 1) }},
			"short y":    {badLength, func() { p.run(y[1:], n, 0, m, 0, 2) }},
			"ldy":        {badStride, func() { p.run(y, n-1, 0, m, 0, 2) }},
			"q":          {badLength, cut(func(p *quantProduct) { p.q = p.q[:len(p.q)-65] })},
			"qscale":     {badLength, cut(func(p *quantProduct) { p.scale = p.scale[1:] })},
			"sums":       {badLength, cut(func(p *quantProduct) { p.sums = p.sums[1:] })},
			"panels cut": {badLength, cut(func(p *quantProduct) { p.panels = p.panels[1:] })},
			"scales cut": {badLength, cut(func(p *quantProduct) {
				if bits == 4 {
					p.bf16 = p.bf16[1:]
				} else {
					p.f32 = p.f32[1:]
				}
			})},
			"no slack": {"", cut(func(p *quantProduct) { p.q = p.q[:len(p.q)-64] })},
		} {
			t.Run(fmt.Sprintf("bits=%d/%s", bits, name), func(t *testing.T) {
				if c.want == "" {
					require.NotPanics(t, c.call)
				} else {
					require.PanicsWithValue(t, c.want, c.call)
				}
			})
		}
	}
}
