package kernel

// Attention in integers, piece by piece: every instruction set gives the bits of the references,
// and those are as near to the exact result as the comments at the functions say.

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/testkit"
)

// headDims are widths of heads, odd ones among them.
var headDims = []int{1, 7, 8, 9, 16, 17, 31, 33, 64, 72, 80, 100, 128, 133}

// padded returns x filled up with zeros to the depth of a head of that width.
func padded(x []float32) []float32 { return append(x, make([]float32, HeadDepth(len(x))-len(x))...) }

// head is quantized rows, or the keys of a panel, with what they were made from.
type head struct {
	m, k, ldx       int
	x, center, gain []float32
	q               []int8
	scale           []float32
	sums            []int32
	panel           []uint8
	scratch         []float32
	bytes           []int8
}

func newHead(rng *rand.Rand, m, k, off int) *head {
	h := &head{m: m, k: k, ldx: k + off, center: padded(normal(rng, k)),
		gain: padded(normal(rng, k))}
	h.x = normal(rng, off+m*h.ldx)[off:]
	h.q, h.scale, h.sums = make([]int8, m*HeadStride(k)), make([]float32, max(m, 32)),
		make([]int32, max(m, 32))
	h.panel, h.bytes = make([]uint8, 32*HeadStride(k)), make([]int8, 32*HeadStride(k))
	h.scratch = normal(rng, HeadDepth(k))
	return h
}

func (h *head) quantize() {
	QuantizeHead(h.q, h.scale, h.sums, h.x, h.ldx, h.m, h.k, h.center, h.gain, h.scratch)
}

func (h *head) pack() {
	PackKeys(h.panel, h.scale, h.x, h.ldx, h.m, h.k, h.center, h.gain, h.scratch, h.bytes, h.sums)
}

// Every instruction set gives the bits of the reference, and those are within half a step.
func TestQuantizeHead(t *testing.T) {
	all(t, func(t *testing.T) {
		rng := newRand()
		for _, k := range headDims {
			for _, off := range offsets {
				const m = 5
				h := newHead(rng, m, k, off)
				h.x[h.ldx] = 1000
				if k > 1 {
					h.x[2*h.ldx+k-1] = nan
					h.x[3*h.ldx] = inf
				}
				copy(h.x[4*h.ldx:], h.center[:k])
				for i := range h.q {
					h.q[i] = 77
				}
				h.quantize()
				depth, stride := HeadDepth(k), HeadStride(k)
				q, scale, sums := make([]int8, m*stride), make([]float32, m), make([]int32, m)
				quantizeHeadGo(q, scale, sums, h.x, h.ldx, m, k, h.center, h.gain,
					make([]float32, depth), 0)
				testkit.SameBits(t, scale, h.scale[:m])
				require.Equal(t, sums, h.sums[:m])
				for r := range m {
					require.Equal(t, q[r*stride:][:depth], h.q[r*stride:][:depth])
					for _, v := range h.q[r*stride+depth : (r+1)*stride] {
						require.EqualValues(t, 77, v)
					}
					for i := range k {
						if s := float64(h.scale[r]); s == s {
							want := float64(h.x[r*h.ldx+i]-h.center[i]) * float64(h.gain[i])
							require.InDelta(t, want, float64(h.q[r*stride+i])*s, s*0.5001+1e-30)
						}
					}
				}
				require.Equal(t, k > 1, h.scale[2] != h.scale[2])
				require.Equal(t, k > 1, h.scale[3] != h.scale[3])
				require.Zero(t, h.scale[4])
			}
		}
	})
}

func TestPackKeys(t *testing.T) {
	all(t, func(t *testing.T) {
		rng := newRand()
		for _, k := range headDims {
			for _, m := range []int{0, 1, 5, 31, 32} {
				h := newHead(rng, m, k, m%4)
				h.pack()
				scale := append([]float32(nil), h.scale[:m]...)
				h.quantize()
				testkit.SameBits(t, h.scale[:m], scale)
				for i := range HeadDepth(k) {
					for r := range 32 {
						want := uint8(128)
						if r < m {
							want += uint8(h.q[r*HeadStride(k)+i])
						}
						if got := h.panel[i/4*128+4*r+i%4]; got != want {
							t.Fatalf("k=%d, key %d, element %d: want %d, got %d", k, r, i, want,
								got)
						}
					}
				}
			}
		}
	})
}

func TestRanges(t *testing.T) {
	all(t, func(t *testing.T) {
		rng := newRand()
		for _, n := range lengths() {
			for _, off := range offsets {
				const m = 3
				x := normal(rng, off+m*(n+off))[off:]
				if n > 0 {
					x[n/2] = nan
				}
				g, hi := testkit.NewGuarded(n, off), testkit.NewGuarded(n, off+1)
				for i := range n {
					g.Slice()[i], hi.Slice()[i] = 0.1, -0.1
				}
				Ranges(g.Slice(), hi.Slice(), x, n+off, m)
				g.Check(t)
				hi.Check(t)
				for i := range n {
					lo, up := float32(0.1), float32(-0.1)
					for r := range m {
						if v := x[r*(n+off)+i]; v == v {
							lo, up = min(lo, v), max(up, v)
						}
					}
					if lo != g.Slice()[i] || up != hi.Slice()[i] {
						t.Fatalf("n=%d, column %d: want %v to %v, got %v to %v", n, i, lo, up,
							g.Slice()[i], hi.Slice()[i])
					}
				}
			}
		}
	})
}

// Every element of a product has exactly the bits of its definition, whatever the number of rows.
func TestMatMulKeys(t *testing.T) {
	all(t, func(t *testing.T) {
		rng := newRand()
		for _, k := range headDims {
			for _, m := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 25, 32, 35, 64} {
				const count = 2
				h := newHead(rng, m, k, 1)
				h.quantize()
				stride := HeadStride(k)
				panels, scales := make([]uint8, count*32*stride), normal(rng, count*32)
				for i := range panels {
					panels[i] = uint8(rng.UintN(256))
				}
				ldy := count*32 + m%3
				g := testkit.NewGuarded((m-1)*ldy+count*32, m%5)
				y := g.Slice()
				MatMulKeys(y, ldy, h.q, h.scale, h.sums, m, panels, scales, count, k)
				g.Check(t)
				for r := range m {
					for c := range count * 32 {
						var sum int64
						for i := range k {
							sum += int64(h.q[r*stride+i]) * (int64(panels[c/32*32*stride+i/4*128+c%32*4+i%4]) - 128)
						}
						want := fma32(float32(float32(sum)*h.scale[r]), scales[c], 0)
						if math.Float32bits(want) != math.Float32bits(y[r*ldy+c]) {
							t.Fatalf("k=%d m=%d row %d, column %d: want %v, got %v", k, m, r, c,
								want, y[r*ldy+c])
						}
					}
				}
			}
		}
	})
}

func TestPackValues(t *testing.T) {
	all(t, func(t *testing.T) {
		rng := newRand()
		for _, n := range headDims {
			for _, keys := range []int{0, 1, 2, 7, 16, 33, 64, 255, 256} {
				ldx := n + keys%3
				x := normal(rng, max(1, keys*ldx))
				if keys > 1 && n > 1 {
					x[ldx+n-1] = nan
					for r := range keys {
						x[r*ldx] = 1e-35
					}
				}
				cols, depth := ValueCols(n), WeightKeys(keys)
				panels, scale := make([]int16, cols*depth), normal(rng, cols)
				for i := range panels {
					panels[i] = 99
				}
				PackValues(panels, scale, x, ldx, keys, n)
				packed := valuesOf(panels, depth)
				for c := range cols {
					var top float32
					for r := range keys {
						if c < n {
							top = max(top, float32(math.Abs(float64(x[r*ldx+c]))))
						}
					}
					want, inverse := top/1023, 1023/top
					if top != top || top < 1e-30 {
						want, inverse = top*0, 0
					}
					require.Zero(t, testkit.ULP(want, scale[c]), "%v %v", want, scale[c])
					for r := range depth {
						v := float32(0)
						if c < n && r < keys && inverse > 0 {
							v = x[r*ldx+c] * inverse
						}
						if got := packed[c/16*16*depth+r/2*32+c%16*2+r%2]; math.RoundToEven(float64(v)) != float64(got) {
							t.Fatalf("n=%d keys=%d column %d, key %d: want %v, got %d", n, keys, c,
								r, v, got)
						}
					}
				}
			}
		}
	})
}

func TestMatMulValues(t *testing.T) {
	all(t, func(t *testing.T) {
		rng := newRand()
		for _, n := range []int{1, 16, 33, 64, 80, 133} {
			for _, m := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 25, 35, 96} {
				for _, keys := range []int{1, 50, 256} {
					cols, depth := ValueCols(n), WeightKeys(keys)
					panels, scales := make([]int16, cols*depth), normal(rng, cols)
					for i := range panels {
						panels[i] = int16(rng.IntN(2*valueTop+1) - valueTop)
					}
					ldp, ldy := depth+m%3, cols+m%4
					p := make([]int16, m*ldp)
					for i := range p {
						p[i] = int16(rng.IntN(weightTop + 1))
					}
					for i := range panels[:2*depth] { // the largest sum
						panels[i] = valueTop
					}
					for i := range p[:depth] {
						p[i] = weightTop
					}
					g := testkit.NewGuarded((m-1)*ldy+cols, m%5)
					y := g.Slice()
					for i := range y {
						y[i] = nan
					}
					for _, accumulate := range []bool{false, true} {
						before := append([]float32(nil), y...)
						MatMulValues(y, ldy, orderedWeights(p, ldp, m, depth), ldp, m,
							orderedValues(panels, depth), scales, n, keys, accumulate)
						g.Check(t)
						for r := range m {
							for c := range cols {
								var sum int64
								for i := range depth {
									sum += int64(p[r*ldp+i]) * int64(panels[c/16*16*depth+i/2*32+c%16*2+i%2])
								}
								want := float32(sum) * scales[c]
								if accumulate {
									want = fma32(float32(sum), scales[c], before[r*ldy+c])
								}
								if sum > math.MaxInt32 || math.Float32bits(want) != math.Float32bits(y[r*ldy+c]) {
									t.Fatalf("n=%d m=%d keys=%d row %d, column %d: want %v, got %v",
										n, m, keys, r, c, want, y[r*ldy+c])
								}
							}
							for c := cols; c < ldy && r*ldy+c < len(y); c++ {
								if v := y[r*ldy+c]; v == v {
									t.Fatalf("gap between rows written at %d, %d", r, c)
								}
							}
						}
					}
				}
			}
		}
	})
}

func TestSoftmaxInt16(t *testing.T) {
	all(t, func(t *testing.T) {
		rng := newRand()
		for _, n := range []int{1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 100, 255, 256} {
			for _, spread := range []float32{0.1, 3, 300, 1e30} {
				const m = 3
				depth := WeightKeys(n)
				lds, ldp := depth+n%3, depth+n%2
				g := testkit.NewGuarded((m-1)*lds+depth, n%5)
				s := g.Slice()
				for i := range s {
					s[i] = float32(rng.NormFloat64()) * spread
				}
				x := append([]float32(nil), s...)
				p := make([]int16, m*ldp+1)
				for i := range p {
					p[i] = 77
				}
				top, sum := []float32{-math.MaxFloat32, 0, 2 * spread}, make([]float32, m)
				old := append([]float32(nil), top...)
				SoftmaxInt16(p, ldp, s, lds, m, n, top, sum)
				g.Check(t)
				for r := range m {
					weights := weightsOf(p[r*ldp:][:depth])
					want := old[r]
					for _, v := range x[r*lds:][:n] {
						want = max(want, v)
					}
					require.Equal(t, want, top[r])
					var total float64
					for i := range depth {
						var e float64
						if i < n {
							e = weightTop * math.Exp2(float64(x[r*lds+i]-want))
						}
						total += e
						require.InDelta(t, e, float64(weights[i]), 0.5001+2e-4*e)
					}
					require.InDelta(t, total, float64(sum[r]), 1e-3+2e-4*total)
					for i := r*ldp + depth; i < min((r+1)*ldp, len(p)); i++ {
						require.EqualValues(t, 77, p[i])
					}
				}
			}
		}
	})
}

// A row's result depends on that row only, and NaN shows in its sum.
func TestSoftmaxInt16NotFinite(t *testing.T) {
	all(t, func(t *testing.T) {
		for _, n := range []int{1, 5, 16, 40} {
			for at := range n {
				for _, bad := range []float32{nan, inf} {
					depth := WeightKeys(n)
					s := normal(newRand(), 3*depth)
					x := append([]float32(nil), s...)
					x[depth+at] = bad
					run := func(s []float32) ([]int16, []float32) {
						p, top, sum := make([]int16, 3*depth), []float32{-1e30, -1e30, -1e30},
							make([]float32, 3)
						SoftmaxInt16(p, depth, s, depth, 3, n, top, sum)
						return p, sum
					}
					wantP, want := run(s)
					gotP, got := run(x)
					require.True(t, got[1] != got[1], "%v", got)
					for _, r := range []int{0, 2} {
						require.Equal(t, want[r], got[r])
						require.Equal(t, wantP[r*depth:(r+1)*depth], gotP[r*depth:(r+1)*depth])
					}
				}
			}
		}
	})
}

func TestQuantizedAttentionAllocatesNothing(t *testing.T) {
	all(t, func(t *testing.T) {
		const m, k, keys = 14, 80, 32
		rng := newRand()
		q, kv := newHead(rng, m, k, 0), newHead(rng, keys, k, 0)
		depth := WeightKeys(keys)
		y, p, top, sum := make([]float32, m*96), make([]int16, m*depth), make([]float32, m),
			make([]float32, m)
		values, scale := make([]int16, ValueCols(k)*depth), make([]float32, ValueCols(k))
		require.Zero(t, testing.AllocsPerRun(5, func() {
			q.quantize()
			kv.pack()
			Ranges(kv.x[:k], kv.x[k:2*k], q.x, k, m)
			PackValues(values, scale, kv.x, k, keys, k)
			MatMulKeys(y, depth, q.q, q.scale, q.sums, m, kv.panel, kv.scale, 1, k)
			SoftmaxInt16(p, depth, y, depth, m, keys, top, sum)
			MatMulValues(y, ValueCols(k), p, depth, m, values, scale, k, keys, false)
		}))
	})
}

func TestQuantizedAttentionMisuse(t *testing.T) {
	const k = 20
	depth := WeightKeys(4)
	h := newHead(newRand(), 4, k, 0)
	f, b, i16 := make([]float32, 4*64), make([]uint8, 32*32), make([]int16, 32*64)
	for name, c := range map[string]struct {
		want string
		call func()
	}{
		"pair":         {badPair, func() { Ranges(f[:3], f[:4], f, 4, 1) }},
		"short":        {badLength, func() { Ranges(f[:4], f[4:8], f[:7], 4, 2) }},
		"q":            {badLength, func() { QuantizeHead(h.q[1:], h.scale, h.sums, h.x, k, 4, k, h.center, h.gain, h.scratch) }},
		"scale":        {badLength, func() { QuantizeHead(h.q, h.scale[:3], h.sums, h.x, k, 4, k, h.center, h.gain, h.scratch) }},
		"x":            {badLength, func() { QuantizeHead(h.q, h.scale, h.sums, h.x[1:], k, 4, k, h.center, h.gain, h.scratch) }},
		"gain":         {badLength, func() { QuantizeHead(h.q, h.scale, h.sums, h.x, k, 4, k, h.center, h.gain[1:], h.scratch) }},
		"negative":     {badSize, func() { QuantizeHead(h.q, h.scale, h.sums, h.x, k, 4, -1, h.center, h.gain, h.scratch) }},
		"too many":     {badPanel, func() { PackKeys(b, h.scale, h.x, k, 33, k, h.center, h.gain, h.scratch, h.bytes, h.sums) }},
		"panel":        {badLength, func() { PackKeys(b[1:], h.scale, h.x, k, 4, k, h.center, h.gain, h.scratch, h.bytes, h.sums) }},
		"keys":         {badKeys, func() { PackValues(i16, f, f, k, 257, k) }},
		"values":       {badLength, func() { PackValues(i16[:32*depth-1], f, f, k, 4, k) }},
		"y":            {badLength, func() { MatMulKeys(f[:127], 32, h.q, h.scale, h.sums, 4, b, f, 1, k) }},
		"ldy":          {badStride, func() { MatMulKeys(f, 31, h.q, h.scale, h.sums, 4, b, f, 1, k) }},
		"panels":       {badLength, func() { MatMulKeys(f, 32, h.q, h.scale, h.sums, 4, b[1:], f, 1, k) }},
		"weights":      {badLength, func() { MatMulValues(f, 32, i16[:4*depth-1], depth, 4, i16, f, k, 4, false) }},
		"many weights": {badKeys, func() { MatMulValues(f, 32, i16, 16, 4, i16, f, k, 257, false) }},
		"scores":       {badLength, func() { SoftmaxInt16(i16, depth, f[:4*depth-1], depth, 4, 4, f, f) }},
		"tops":         {badLength, func() { SoftmaxInt16(i16, depth, f, depth, 4, 4, f[:3], f) }},
		"many scores":  {badKeys, func() { SoftmaxInt16(i16, 272, f, 272, 1, 257, f, f) }},
		"nothing":      {"", func() { MatMulKeys(nil, 0, nil, nil, nil, 0, nil, nil, 0, k) }},
		"no keys":      {"", func() { SoftmaxInt16(nil, 0, nil, 0, 4, 0, f, f) }},
	} {
		t.Run(name, func(t *testing.T) {
			if c.want == "" {
				require.NotPanics(t, c.call)
			} else {
				require.PanicsWithValue(t, c.want, c.call)
			}
		})
	}
}

func BenchmarkQuantizedAttention(b *testing.B) {
	const m, k, keys = 96, 80, 256
	q, kv := newHead(newRand(), m, k, 0), newHead(newRand(), keys, k, 0)
	q.quantize()
	panels, scales, sums := make([]uint8, keys*HeadStride(k)), make([]float32, keys),
		make([]int32, 32)
	y, p, top, sum := make([]float32, m*keys), make([]int16, m*keys), make([]float32, m),
		make([]float32, m)
	out, values, scale := make([]float32, m*ValueCols(k)), make([]int16, ValueCols(k)*keys),
		make([]float32, ValueCols(k))
	lo, hi := make([]float32, k), make([]float32, k)
	pack := func() {
		for r := 0; r < keys; r += 32 {
			PackKeys(panels[r*HeadStride(k):], scales[r:], kv.x[r*k:], k, 32, k, kv.center, kv.gain,
				kv.scratch, kv.bytes, sums)
		}
	}
	pack()
	scores := normal(newRand(), m*keys)
	for _, f := range []struct {
		name  string
		elems int
		f     func()
	}{
		{"MatMulKeys", m * keys, func() { MatMulKeys(y, keys, q.q, q.scale, q.sums, m, panels, scales, keys/32, k) }},
		{"SoftmaxInt16", m * keys, func() { SoftmaxInt16(p, keys, scores, keys, m, keys, top, sum) }},
		{"MatMulValues", m * keys, func() { MatMulValues(out, ValueCols(k), p, keys, m, values, scale, k, keys, true) }},
		{"QuantizeHead", m * k, func() { q.quantize() }},
		{"PackKeys", keys * k, pack},
		{"PackValues", keys * k, func() { PackValues(values, scale, kv.x, k, keys, k) }},
		{"Ranges", keys * k, func() { Ranges(lo, hi, kv.x, k, keys) }},
	} {
		eachISA(b, f.name, func(b *testing.B) {
			for b.Loop() {
				f.f()
			}
			b.ReportMetric(float64(f.elems)*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gelem/s")
		})
	}
}
