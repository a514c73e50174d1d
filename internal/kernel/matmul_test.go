package kernel

// Products with stored weights against float64, and that bits do not depend on the shape of a call.

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/blas64"

	"github.com/qwenvl/qwenvl/internal/cpu"
	"github.com/qwenvl/qwenvl/internal/half"
	"github.com/qwenvl/qwenvl/internal/testkit"
)

// product is one call of the product in one format, with everything it reads.
type product struct {
	format  weightFormat
	x       []float32
	ldx, m  int
	f32     []float32
	u16     []uint16
	n, k    int
	scratch []float32
}

var formatNames = map[weightFormat]string{formatF32: "f32", formatBF16: "bf16", formatF16: "f16"}

func newProduct(rng *rand.Rand, format weightFormat, m, n, k, ldx int) *product {
	p := &product{format: format, m: m, n: n, k: k, ldx: ldx, x: normal(rng, m*ldx)}
	if format == formatF32 {
		p.f32 = normal(rng, n*k)
	} else {
		p.u16 = make([]uint16, n*k)
		p.f32 = make([]float32, n*k) // the same weights, for the oracle
		for i := range p.u16 {
			if format == formatBF16 {
				p.u16[i] = uint16(math.Float32bits(float32(rng.NormFloat64())) >> 16)
			} else {
				// below 4, subnormals included
				p.u16[i] = uint16(rng.UintN(0x4400)) | uint16(rng.UintN(2))<<15
			}
		}
		weights{u16: p.u16, format: format}.load(p.f32, 0)
	}
	p.dirtyScratch()
	return p
}

func (p *product) dirtyScratch() {
	p.scratch = make([]float32, MatMulScratch(p.m, p.n, p.k))
	for i := range p.scratch {
		p.scratch[i] = nan
	}
}

// run computes rows r0..r0+m-1 of x by weight rows c0..c0+n-1.
func (p *product) run(y []float32, ldy, r0, m, c0, n int) {
	x := p.x[r0*p.ldx : (r0+m-1)*p.ldx+p.k]
	switch p.format {
	case formatF32:
		MatMulF32(y, ldy, x, p.ldx, m, p.f32[c0*p.k:(c0+n)*p.k], n, p.k, p.scratch)
	case formatBF16:
		MatMulBF16(y, ldy, x, p.ldx, m, p.u16[c0*p.k:(c0+n)*p.k], n, p.k, p.scratch)
	case formatF16:
		MatMulF16(y, ldy, x, p.ldx, m, p.u16[c0*p.k:(c0+n)*p.k], n, p.k, p.scratch)
	}
}

// oracle returns the product in float64 and the sum of the magnitudes of its terms.
func (p *product) oracle() (want, size []float64) {
	want, size = make([]float64, p.m*p.n), make([]float64, p.m*p.n)
	abs := func(x []float64) []float64 {
		y := make([]float64, len(x))
		for i, v := range x {
			y[i] = math.Abs(v)
		}
		return y
	}
	if p.k == 0 {
		return want, size
	}
	x, w := toFloat64(p.x), toFloat64(p.f32)
	gemm := func(out, x, w []float64) {
		blas64.Gemm(blas.NoTrans, blas.Trans, 1,
			blas64.General{Rows: p.m, Cols: p.k, Stride: p.ldx, Data: x},
			blas64.General{Rows: p.n, Cols: p.k, Stride: p.k, Data: w}, 0,
			blas64.General{Rows: p.m, Cols: p.n, Stride: p.n, Data: out})
	}
	gemm(want, x, w)
	gemm(size, abs(x), abs(w))
	return want, size
}

func TestMatMulAgainstFloat64(t *testing.T) {
	shapes := []struct{ m, n, k int }{
		{1, 1, 1}, {1, 1, 16}, {1, 4, 0}, {3, 5, 0}, {2, 3, 15}, {3, 4, 17}, {5, 7, 33}, {6, 4, 64},
		{7, 9, 65}, {13, 12, 100},
		{1, 130, 1280}, {24, 4, 48}, {25, 33, 129}, {31, 66, 70}, {100, 37, 200}, {97, 65, 1025},
		{193, 34, 40}, {30, 9, 2056}, {64, 64, 3001}, {50, 259, 2500},
		{MatMulManyRows, 1, 5}, {165, 33, 129}, {171, 31, 2100}, {260, MatMulManyCols + 9, 70},
	}
	all(t, func(t *testing.T) {
		rng := newRand()
		for format, name := range formatNames {
			for _, s := range shapes {
				t.Run(fmt.Sprintf("fmt=%s/m=%d/n=%d/k=%d", name, s.m, s.n, s.k), func(t *testing.T) {
					p := newProduct(rng, format, s.m, s.n, s.k, s.k+s.n%3)
					want, size := p.oracle()
					ldy := s.n + s.m%4
					g := testkit.NewGuarded((s.m-1)*ldy+s.n, s.k%5)
					y := g.Slice()
					for i := range y {
						y[i] = nan
					}
					p.run(y, ldy, 0, s.m, 0, s.n)
					g.Check(t)
					for i, v := range y {
						r, c := i/ldy, i%ldy
						if c >= s.n {
							require.True(t, v != v, "gap between rows written at %d, %d", r, c)
							continue
						}
						// Rounding errors of a sum in blocks grow more slowly than this.
						bound := size[r*s.n+c] * 1.2e-7 * (4 + math.Sqrt(float64(s.k)))
						require.InDelta(t, want[r*s.n+c], float64(v), bound, "row %d, column %d", r,
							c)
					}
				})
			}
		}
	})
}

// The main contract: an element's bits do not depend on the other rows, the other columns or the
// place.
func TestMatMulBitsDoNotDependOnTheShape(t *testing.T) {
	all(t, func(t *testing.T) {
		rng := newRand()
		for format, name := range formatNames {
			for _, s := range []struct{ n, k int }{{37, 16}, {70, 129}, {41, 1280}, {33, 1100}, {131, 2600}} {
				t.Run(fmt.Sprintf("fmt=%s/n=%d/k=%d", name, s.n, s.k), func(t *testing.T) {
					const rows = MatMulManyRows + 41
					p := newProduct(rng, format, rows, s.n, s.k, s.k+3)
					whole := make([]float32, rows*s.n)
					p.run(whole, s.n, 0, rows, 0, s.n)
					for _, m := range []int{1, 2, 3, 5, 6, 7, 12, 13, 24, 25, 64, MatMulManyRows - 1, MatMulManyRows, rows - 1} {
						for _, r0 := range []int{0, 1, rows - m} {
							y := make([]float32, m*s.n)
							p.dirtyScratch()
							p.run(y, s.n, r0, m, 0, s.n)
							testkit.SameBits(t, whole[r0*s.n:(r0+m)*s.n], y)
						}
					}
					for _, m := range []int{1, 4, rows} {
						for _, cut := range []int{1, 2, 4, 7, 31, 32, s.n - 1} {
							y := make([]float32, m*s.n)
							p.run(y, s.n, 0, m, 0, cut)
							p.run(y[cut:], s.n, 0, m, cut, s.n-cut)
							testkit.SameBits(t, whole[:m*s.n], y)
						}
					}
				})
			}
		}
	})
}

// Float16 and bfloat16 weights are exact in float32, so all formats must give the bits of the
// widened weights; but tiles of AMX, which add up in an order of their own, those of its reference.
func TestMatMulFormatsAgree(t *testing.T) {
	all(t, func(t *testing.T) {
		rng := newRand()
		for _, m := range []int{1, 3, 40, MatMulManyRows} {
			for _, k := range []int{333, 1100} {
				for _, format := range []weightFormat{formatBF16, formatF16} {
					p := newProduct(rng, format, m, 21, k, k)
					want, got := make([]float32, m*21), make([]float32, m*21)
					p.run(got, 21, 0, m, 0, 21)
					if format == formatBF16 && cpu.AMX {
						matMulBF16x3Go(want, 21, p.x, p.ldx, m, p.u16, 21, k)
					} else {
						p.format = formatF32
						p.run(want, 21, 0, m, 0, 21)
					}
					testkit.SameBits(t, want, got)
				}
			}
		}
	})
}

// A NaN or infinity shows in its own row and column only.
func TestMatMulNotFinite(t *testing.T) {
	all(t, func(t *testing.T) {
		rng := newRand()
		for _, bad := range []float32{nan, inf} {
			for _, m := range []int{1, 5, 30, MatMulManyRows} {
				for i, at := range []int{0, 15, 64, 70} {
					const n, k = 11, 71
					p := newProduct(rng, []weightFormat{formatF32, formatBF16}[i%2], m, n, k, k)
					p.x[at], p.x[(m-1)*k+at] = 1, 1
					clean, y := make([]float32, m*n), make([]float32, m*n)
					p.run(clean, n, 0, m, 0, n)
					p.f32[7*k+at] = bad
					if p.u16 != nil {
						p.u16[7*k+at] = half.ToBF16(bad)
					}
					p.run(y, n, 0, m, 0, n)
					require.True(t, y[7] != y[7] || math.IsInf(float64(y[7]), 0), "m=%d at=%d: %v",
						m, at, y[7])
					for i := range y {
						if i%n != 7 {
							require.Equal(t, clean[i], y[i])
						}
					}
				}
			}
			const m, n, k, row = 5, 11, 71, 3
			for _, format := range []weightFormat{formatF32, formatBF16} {
				p := newProduct(rng, format, m, n, k, k)
				clean, y := make([]float32, m*n), make([]float32, m*n)
				p.run(clean, n, 0, m, 0, n)
				p.x[row*k+20] = bad
				p.run(y, n, 0, m, 0, n)
				for i := range y {
					if i/n == row {
						require.Equal(t, bad != bad, y[i] != y[i], "%v", y[i])
						require.False(t, y[i]-y[i] == 0)
					} else {
						require.Equal(t, clean[i], y[i])
					}
				}
			}
		}
	})
}

// The reference for few rows and gonum's tiles must round alike.
func TestMatMulGoFewRowsEqualsGonum(t *testing.T) {
	rng := newRand()
	const m, n, k = goManyRows, 70, 200
	p := newProduct(rng, formatF32, m, n, k, k)
	want, got := make([]float32, m*n), make([]float32, m*n)
	w := weights{f32: p.f32}
	if !gonumTiles {
		t.Log("gonum has no assembly in this build; all rows take one path")
	}
	matMulGo(want, n, p.x, k, m, w, n, k, make([]float32, scratchGo(m)))
	matMulFewRows(got, n, p.x, k, m, w, n, k, make([]float32, scratchGo(1)))
	testkit.SameBits(t, want, got)
}

func TestMatMulAgainstBLAS(t *testing.T) {
	all(t, func(t *testing.T) {
		const m, n, k = 29, 45, 700
		p := newProduct(newRand(), formatF32, m, n, k, k)
		want, got := make([]float32, m*n), make([]float32, m*n)
		blas32.Gemm(blas.NoTrans, blas.Trans, 1,
			blas32.General{Rows: m, Cols: k, Stride: k, Data: p.x},
			blas32.General{Rows: n, Cols: k, Stride: k, Data: p.f32}, 0,
			blas32.General{Rows: m, Cols: n, Stride: n, Data: want})
		p.run(got, n, 0, m, 0, n)
		testkit.Close(t, toFloat64(want), got, 1e-5, 1e-4)
	})
}

func TestMatMulAllocatesNothing(t *testing.T) {
	all(t, func(t *testing.T) {
		for _, m := range []int{1, 5, 40, MatMulManyRows} {
			p := newProduct(newRand(), formatBF16, m, 33, 300, 300)
			y := make([]float32, m*33)
			require.Zero(t, testing.AllocsPerRun(5, func() { p.run(y, 33, 0, m, 0, 33) }))
		}
	})
}

func TestMatMulMisuse(t *testing.T) {
	f := func(n int) []float32 { return make([]float32, n) }
	s := f(MatMulScratch(2, 3, 4))
	for name, c := range map[string]struct {
		want string
		call func()
	}{
		"negative m":    {badSize, func() { MatMulF32(f(6), 3, f(8), 4, -1, f(12), 3, 4, s) }},
		"negative k":    {badSize, func() { MatMulF32(f(6), 3, f(8), 4, 2, f(12), 3, -4, s) }},
		"short y":       {badLength, func() { MatMulF32(f(5), 3, f(8), 4, 2, f(12), 3, 4, s) }},
		"short x":       {badLength, func() { MatMulF32(f(6), 3, f(7), 4, 2, f(12), 3, 4, s) }},
		"short w":       {badLength, func() { MatMulF32(f(6), 3, f(8), 4, 2, f(11), 3, 4, s) }},
		"stride y":      {badStride, func() { MatMulF32(f(6), 2, f(8), 4, 2, f(12), 3, 4, s) }},
		"stride x":      {badStride, func() { MatMulF32(f(6), 3, f(8), 3, 2, f(12), 3, 4, s) }},
		"overflow":      {badLength, func() { MatMulF32(f(6), 3, f(8), math.MaxInt/2, 3, f(12), 1, 4, s) }},
		"short scratch": {badScratch, func() { MatMulF32(f(6), 3, f(8), 4, 2, f(12), 3, 4, nil) }},
		"scratch size":  {badSize, func() { MatMulScratch(1, -1, 1) }},
	} {
		t.Run(name, func(t *testing.T) { require.PanicsWithValue(t, c.want, c.call) })
	}
}
