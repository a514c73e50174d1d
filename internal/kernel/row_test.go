package kernel

// The functions along a row, each against float64 over all it may be asked, and at the ends.

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/testkit"
)

func uniform(lo, hi float64) func(*rand.Rand) float32 {
	return func(rng *rand.Rand) float32 { return float32(lo + (hi-lo)*rng.Float64()) }
}

func TestActivations(t *testing.T) {
	logistic := func(v float64) float64 { return 1 / (1 + math.Exp(-v)) }
	erfGELU := func(v float64) float64 { return v * math.Erfc(-v/math.Sqrt2) / 2 }
	tanhGELU := func(v float64) float64 {
		return v / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(v+0.044715*v*v*v)))
	}
	for _, f := range []struct {
		name          string
		f             func([]float32)
		want          func(float64) float64
		rel, abs      float64
		negInf, large float64 // at -Inf, at 90
		posInf        float64
	}{
		{"Sigmoid", Sigmoid, logistic, 4e-7, 1e-37, 0, 1, 1},
		{"SiLU", SiLU, func(v float64) float64 { return v * logistic(v) }, 4e-7, 1e-36, math.NaN(), 90, math.Inf(1)},
		{"QuickGELU", QuickGELU, func(v float64) float64 { return v * logistic(1.702*v) }, 2e-6, 1e-36, math.NaN(), 90, math.Inf(1)},
		{"GELU", GELU, erfGELU, 2e-7, 3e-7, 0, 90, math.Inf(1)},
		{"GELUTanh", GELUTanh, tanhGELU, 4e-7, 4e-7, math.NaN(), 90, math.Inf(1)},
	} {
		t.Run(f.name, func(t *testing.T) {
			all(t, func(t *testing.T) {
				checkElementwise(t, f.f, f.want, uniform(-8, 8), f.rel, f.abs)
				checkElementwise(t, f.f, f.want, uniform(-1e-3, 1e-3), f.rel, f.abs)
				checkSpecial(t, f.f, map[float32]float64{0: f.want(0), inf: f.posInf, 90: f.large,
					negInf: f.negInf}, 1e-30)
			})
		})
	}
}

// GELU over all it can be asked, finely: the bound is absolute.
func TestGELUSweep(t *testing.T) {
	all(t, func(t *testing.T) {
		const n = 200_000
		x, want := make([]float32, n), make([]float64, n)
		for i := range x {
			x[i] = float32(-20 + 40*float64(i)/n)
			want[i] = float64(x[i]) * math.Erfc(-float64(x[i])/math.Sqrt2) / 2
		}
		GELU(x)
		testkit.Close(t, want, x, 1.2e-7, 1.5e-7)
	})
}

func TestSiLUMul(t *testing.T) {
	all(t, func(t *testing.T) {
		rng := newRand()
		for _, n := range lengths() {
			gate, up := normal(rng, n+1)[1:], normal(rng, n)
			want := make([]float64, n)
			for i := range want {
				v := float64(gate[i])
				want[i] = v / (1 + math.Exp(-v)) * float64(up[i])
			}
			g := testkit.NewGuarded(n, 3)
			SiLUMul(g.Slice(), gate, up)
			g.Check(t)
			testkit.Close(t, want, g.Slice(), 5e-7, 0)
			inPlace := append([]float32(nil), gate...)
			SiLUMul(inPlace, inPlace, up)
			testkit.SameBits(t, g.Slice(), inPlace)
		}
	})
}

func TestExpSub(t *testing.T) {
	all(t, func(t *testing.T) {
		rng := newRand()
		for _, n := range lengths() {
			for _, off := range offsets {
				g := testkit.NewGuarded(n, off)
				x := g.Slice()
				want, total := make([]float64, n), 0.0
				for i := range x {
					x[i] = float32(rng.Float64()*-80 + 3)
					want[i] = math.Exp(float64(x[i] - 3))
					total += want[i]
				}
				got := ExpSub(x, 3)
				g.Check(t)
				testkit.Close(t, want, x, 2e-7, 0)
				require.InDelta(t, total, float64(got), total*1e-6)
			}
		}
	})
}

func TestExpSubEnds(t *testing.T) {
	all(t, func(t *testing.T) {
		f := func(x []float32) { ExpSub(x, 0) }
		checkSpecial(t, f, map[float32]float64{
			0: 1, 1: math.E, negInf: 0, -104: 0, -1e30: 0, -math.MaxFloat32: 0, inf: math.Inf(1),
			89: math.Inf(1), 1e30: math.Inf(1),
			88: math.Exp(88), -87: math.Exp(-87), 88.72: math.Exp(float64(float32(88.72))),
		}, 0)
		// Subnormal results are right to a unit of the smallest one.
		for v := float32(-104); v < -87; v += 0.37 {
			x := []float32{v}
			ExpSub(x, 0)
			require.InDelta(t, math.Exp(float64(v)), float64(x[0]),
				1.5*math.SmallestNonzeroFloat32+2e-7*math.Exp(float64(v)), "%v", v)
		}
		require.True(t, math.IsNaN(float64(ExpSub([]float32{1, nan, 2}, 2))))
		require.Zero(t, ExpSub(nil, 1))
	})
}

// exp over every binade it is used on, finely.
func TestExpSubSweep(t *testing.T) {
	all(t, func(t *testing.T) {
		const n = 300_000
		x, want := make([]float32, n), make([]float64, n)
		for i := range x {
			x[i] = float32(-87 + 175*float64(i)/n)
			want[i] = math.Exp(float64(x[i]))
		}
		ExpSub(x, 0)
		testkit.Close(t, want, x, 2e-7, 0)
	})
}

func TestMax(t *testing.T) {
	all(t, func(t *testing.T) {
		rng := newRand()
		require.Equal(t, negInf, Max(nil))
		for _, n := range lengths() {
			x := normal(rng, n)
			for at := range min(n, 60) {
				was := x[at]
				x[at] = 50
				require.Equal(t, float32(50), Max(x))
				x[at] = nan
				require.True(t, math.IsNaN(float64(Max(x))), "n=%d at=%d", n, at)
				x[at] = was
			}
			for i := range x {
				x[i] = -1 - x[i]*x[i]
			}
			if n > 0 {
				require.Equal(t, maximumGo(x), Max(x))
			}
		}
		require.Equal(t, negInf, Max([]float32{negInf, negInf, negInf}))
	})
}

func TestScaleAddMul(t *testing.T) {
	ops := []struct {
		name string
		f    func(dst, x []float32)
		want func(a, b float32) float32
	}{
		{"Scale", func(dst, _ []float32) { Scale(dst, 1.7) }, func(a, _ float32) float32 { return a * 1.7 }},
		{"Add", Add, func(a, b float32) float32 { return a + b }},
		{"Mul", Mul, func(a, b float32) float32 { return a * b }},
	}
	for _, op := range ops {
		t.Run(op.name, func(t *testing.T) {
			all(t, func(t *testing.T) {
				rng := newRand()
				for _, n := range lengths() {
					for _, off := range offsets {
						g := testkit.NewGuarded(n, off)
						dst, x := g.Slice(), normal(rng, n+off)[off:]
						fillNormal(rng, dst)
						if n > 2 {
							x[n-1], dst[n-2] = inf, negInf
						}
						want := make([]float32, n)
						for i := range want {
							want[i] = op.want(dst[i], x[i])
						}
						op.f(dst, x)
						g.Check(t)
						testkit.SameBits(t, want, dst)
					}
				}
			})
		})
	}
}

func TestDotIsAnElementOfMatMul(t *testing.T) {
	all(t, func(t *testing.T) {
		rng := newRand()
		for _, n := range lengths() {
			a, b := normal(rng, n), normal(rng, n+1)[1:]
			var y [1]float32
			MatMulF32(y[:], 1, a, n, 1, b, 1, n, make([]float32, MatMulScratch(1, 1, n)))
			testkit.SameBits(t, y[:], []float32{Dot(a, b)})
			var want, size float64
			for i := range a {
				want += float64(a[i]) * float64(b[i])
				size += math.Abs(float64(a[i]) * float64(b[i]))
			}
			require.InDelta(t, want, float64(Dot(a, b)), size*1e-6)
		}
	})
}

func TestNorms(t *testing.T) {
	all(t, func(t *testing.T) {
		rng := newRand()
		for _, n := range lengths() {
			for _, shift := range []float64{0, 30} {
				t.Run(fmt.Sprintf("n=%d/shift=%v", n, shift), func(t *testing.T) {
					x, w, b := normal(rng, n+1)[1:], normal(rng, n), normal(rng, n)
					var mean, square, variance float64
					for i := range x {
						x[i] += float32(shift)
						mean += float64(x[i]) / float64(n)
						square += float64(x[i]) * float64(x[i]) / float64(n)
					}
					for _, v := range x {
						variance += (float64(v) - mean) * (float64(v) - mean) / float64(n)
					}
					const eps = 1e-6
					rms, layer := make([]float64, n), make([]float64, n)
					for i, v := range x {
						rms[i] = float64(v) / math.Sqrt(square+eps) * float64(w[i])
						layer[i] = (float64(v)-mean)/math.Sqrt(variance+eps)*float64(w[i]) +
							float64(b[i])
					}
					g := testkit.NewGuarded(n, 1)
					RMSNorm(g.Slice(), x, w, eps)
					g.Check(t)
					testkit.Close(t, rms, g.Slice(), 3e-7, 0)
					inPlace := append([]float32(nil), x...)
					RMSNorm(inPlace, inPlace, w, eps)
					testkit.SameBits(t, g.Slice(), inPlace)

					LayerNorm(g.Slice(), x, w, b, eps)
					g.Check(t)
					if n > 1 || shift == 0 { // one element minus its mean is only as good as the mean's rounding
						testkit.Close(t, layer, g.Slice(), 5e-7, 2e-6*(1+shift))
					}
					copy(inPlace, x)
					LayerNorm(inPlace, inPlace, w, b, eps)
					testkit.SameBits(t, g.Slice(), inPlace)
				})
			}
		}
	})
}

func TestNormsOfNaN(t *testing.T) {
	all(t, func(t *testing.T) {
		const n = 37
		for at := range n {
			x, one, y := normal(newRand(), n), make([]float32, n), make([]float32, n)
			for i := range one {
				one[i] = 1
			}
			x[at] = nan
			RMSNorm(y, x, one, 1e-6)
			require.True(t, y[0] != y[0] && y[n-1] != y[n-1])
			LayerNorm(y, x, one, one, 1e-6)
			require.True(t, y[0] != y[0] && y[n-1] != y[n-1])
		}
	})
}

func TestRotate(t *testing.T) {
	all(t, func(t *testing.T) {
		rng := newRand()
		for _, h := range lengths() {
			angle := normal(rng, h)
			cos, sin := make([]float32, h), make([]float32, h)
			for i, v := range angle {
				cos[i], sin[i] = float32(math.Cos(float64(v))), float32(math.Sin(float64(v)))
			}
			for name, c := range map[string]struct {
				f    func(x, cos, sin []float32)
				pair func(i int) (int, int)
			}{
				"half":  {RotateHalf, func(i int) (int, int) { return i, i + h }},
				"pairs": {RotatePairs, func(i int) (int, int) { return 2 * i, 2*i + 1 }},
			} {
				g := testkit.NewGuarded(2*h, h%3)
				x := g.Slice()
				fillNormal(rng, x)
				want := make([]float64, 2*h)
				for i := range h {
					p, q := c.pair(i)
					a, b := float64(x[p]), float64(x[q])
					want[p] = a*float64(cos[i]) - b*float64(sin[i])
					want[q] = b*float64(cos[i]) + a*float64(sin[i])
				}
				c.f(x, cos, sin)
				g.Check(t)
				testkit.Close(t, want, x, 1e-7, 5e-7)
				_ = name
			}
		}
	})
}

// Every 16-bit pattern of both formats, and every tail.
func TestConvert(t *testing.T) {
	every := make([]uint16, 1<<16)
	for i := range every {
		every[i] = uint16(i)
	}
	half := func(h uint16) float64 {
		exponent, mantissa := int(h>>10&31), float64(h&1023)
		v := math.Ldexp(1+mantissa/1024, exponent-15)
		switch {
		case exponent == 0:
			v = math.Ldexp(mantissa, -24)
		case exponent == 31 && mantissa == 0:
			v = math.Inf(1)
		case exponent == 31:
			v = math.NaN()
		}
		return math.Copysign(v, 1-2*float64(h>>15))
	}
	brain := func(h uint16) float64 { return float64(math.Float32frombits(uint32(h) << 16)) }
	for name, c := range map[string]struct {
		f    func([]float32, []uint16)
		want func(uint16) float64
	}{"f16": {F16ToF32, half}, "bf16": {BF16ToF32, brain}} {
		t.Run(name, func(t *testing.T) {
			all(t, func(t *testing.T) {
				check := func(src []uint16, off int) {
					g := testkit.NewGuarded(len(src), off)
					c.f(g.Slice(), src)
					g.Check(t)
					for i, v := range g.Slice() {
						want := c.want(src[i])
						if math.IsNaN(want) {
							require.True(t, v != v)
							continue
						}
						require.Equal(t, math.Float32bits(float32(want)), math.Float32bits(v),
							"%#x", src[i])
					}
				}
				check(every, 1)
				for _, n := range lengths() {
					check(every[0x3c00-n/2:][:n], n%4)
				}
			})
		})
	}
}

func TestRowMisuse(t *testing.T) {
	one, two := make([]float32, 1), make([]float32, 2)
	for name, call := range map[string]func(){
		"Add":         func() { Add(one, two) },
		"Mul":         func() { Mul(one, two) },
		"Dot":         func() { Dot(one, two) },
		"SiLUMul":     func() { SiLUMul(one, one, two) },
		"RMSNorm":     func() { RMSNorm(one, one, two, 0) },
		"LayerNorm":   func() { LayerNorm(one, one, one, two, 0) },
		"RotateHalf":  func() { RotateHalf(one, one, one) },
		"RotatePairs": func() { RotatePairs(two, one, two) },
		"BF16ToF32":   func() { BF16ToF32(one, nil) },
		"F16ToF32":    func() { F16ToF32(one, nil) },
	} {
		t.Run(name, func(t *testing.T) { require.PanicsWithValue(t, badPair, call) })
	}
	require.PanicsWithValue(t, badLength, func() { Transpose(one, 1, two, 2, 1, 2) })
	require.PanicsWithValue(t, badSize, func() { MatMulPanel(one, 1, one, 1, 1, one, 1, -1, 1, false) })
}

// Rounding to half precision gives back every half, rounds halves between them to even, and is the
// same on every instruction set.
func TestF32ToF16(t *testing.T) {
	rng := newRand()
	all(t, func(t *testing.T) {
		every, wide, back := make([]uint16, 1<<16), make([]float32, 1<<16), make([]uint16, 1<<16)
		for i := range every {
			every[i] = uint16(i)
		}
		F16ToF32(wide, every)
		F32ToF16(back, wide)
		for i, v := range wide {
			if v == v {
				require.Equal(t, every[i], back[i], "%v", v)
			} else {
				require.Greater(t, back[i]&0x7fff, uint16(0x7c00))
			}
		}
		for _, n := range lengths() {
			x, got, want := make([]float32, n), make([]uint16, n+2), make([]uint16, n)
			for i := range x {
				h := rng.UintN(0x7c00)
				x[i] = (wide[h] + wide[h+1]) / 2
				if h%3 == 0 {
					x[i] = math.Float32frombits(rng.Uint32N(0x7f800000))
				}
			}
			got[n], got[n+1] = 7, 7
			F32ToF16(got[:n], x)
			f32ToF16Go(want, x)
			require.Equal(t, want, got[:n])
			require.Equal(t, []uint16{7, 7}, got[n:])
		}
	})
	require.PanicsWithValue(t, badPair, func() { F32ToF16(make([]uint16, 1), nil) })
}
