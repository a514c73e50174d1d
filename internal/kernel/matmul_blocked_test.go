package kernel

// Products of rows in blocks: the bits of the plain products, for every cut.

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/cpu"
	"github.com/qwenvl/qwenvl/internal/testkit"
)

// blocked returns the rows of a product in blocks, or false where the kernels in use read them as
// they are. What else the memory holds is not a number.
func (p *product) blocked(t *testing.T) (Blocked, bool) {
	n := BlockedLen(p.m, p.k, p.format == formatBF16)
	if n == 0 {
		require.False(t, cpu.AVX512 || cpu.AVX2 && p.k >= 8, "these kernels gain by it")
		return Blocked{}, false
	}
	g := testkit.NewGuarded(n, 3)
	data := g.Slice()
	for i := range data {
		data[i] = nan
	}
	l := NewBlocked(data, p.m, p.k, p.format == formatBF16)
	half := l.Tiles() / 2
	l.Fill(p.x, p.ldx, half, l.Tiles())
	l.Fill(p.x, p.ldx, 0, half) // tiles may come in any order
	g.Check(t)
	return l, true
}

// runBlocked computes the rows of tiles from to to-1 by weight rows c0..c0+n-1.
func (p *product) runBlocked(y []float32, ldy int, l Blocked, from, to, c0, n int) {
	scratch := make([]float32, MatMulBlockedScratch(n, p.k, p.format == formatBF16))
	for i := range scratch {
		scratch[i] = nan
	}
	switch p.format {
	case formatF32:
		MatMulBlockedF32(y, ldy, l, from, to, p.f32[c0*p.k:(c0+n)*p.k], n, scratch)
	case formatBF16:
		MatMulBlockedBF16(y, ldy, l, from, to, p.u16[c0*p.k:(c0+n)*p.k], n, scratch)
	case formatF16:
		MatMulBlockedF16(y, ldy, l, from, to, p.u16[c0*p.k:(c0+n)*p.k], n, scratch)
	}
}

// Rows in blocks must give the bits of rows as they are, whichever tiles and columns are taken at
// once.
func TestMatMulBlockedEqualsMatMul(t *testing.T) {
	all(t, func(t *testing.T) {
		rng := newRand()
		for format, name := range formatNames {
			for _, s := range []struct{ m, n, k int }{
				{MatMulManyRows, 1, 5}, {165, 33, 129}, {171, 31, 2100},
				{260, MatMulManyCols + 9, 70}, {201, 70, 1280}, {199, 64, 4099},
			} {
				t.Run(fmt.Sprintf("fmt=%s/m=%d/n=%d/k=%d", name, s.m, s.n, s.k), func(t *testing.T) {
					p := newProduct(rng, format, s.m, s.n, s.k, s.k+s.n%3)
					want := make([]float32, s.m*s.n)
					p.run(want, s.n, 0, s.m, 0, s.n)
					l, ok := p.blocked(t)
					if !ok {
						return // these kernels have no such product
					}
					ldy := s.n + s.m%4
					for _, cut := range [][2]int{{0, l.Tiles()}, {1, 2}, {3, 3}, {l.Tiles() - 9, l.Tiles()}} {
						r0, r1 := l.Row(cut[0]), l.Row(cut[1])
						g := testkit.NewGuarded(max(0, (r1-r0-1)*ldy+s.n), s.k%5)
						y := g.Slice()
						for i := range y {
							y[i] = nan
						}
						p.runBlocked(y, ldy, l, cut[0], cut[1], 0, s.n)
						g.Check(t)
						for i, v := range y {
							r, c := i/ldy, i%ldy
							if c >= s.n {
								require.True(t, v != v, "gap between rows written at %d, %d", r, c)
							} else if math.Float32bits(v) != math.Float32bits(want[(r0+r)*s.n+c]) {
								t.Fatalf("row %d, column %d: %v, want %v", r0+r, c, v,
									want[(r0+r)*s.n+c])
							}
						}
					}
					y := make([]float32, s.m*s.n)
					for c := 0; c < s.n; c += 29 {
						p.runBlocked(y[c:], s.n, l, 0, l.Tiles(), c, min(29, s.n-c))
					}
					testkit.SameBits(t, want, y)
				})
			}
		}
	})
}

func TestMatMulBlockedNotFinite(t *testing.T) {
	all(t, func(t *testing.T) {
		const m, n, k = MatMulManyRows, 40, 71
		for _, bad := range []float32{nan, inf} {
			p := newProduct(newRand(), formatF32, m, n, k, k)
			clean, y := make([]float32, m*n), make([]float32, m*n)
			p.x[70], p.x[(m-1)*k+70] = 1, 1
			l, ok := p.blocked(t)
			if !ok {
				return
			}
			p.runBlocked(clean, n, l, 0, l.Tiles(), 0, n)
			p.f32[7*k+70] = bad
			p.runBlocked(y, n, l, 0, l.Tiles(), 0, n)
			for i := range y {
				if i%n == 7 {
					require.True(t, y[i] != y[i] || math.IsInf(float64(y[i]), 0))
				} else {
					require.Equal(t, clean[i], y[i])
				}
			}
		}
	})
}

func TestMatMulBlockedAllocatesNothing(t *testing.T) {
	all(t, func(t *testing.T) {
		const m, n, k = MatMulManyRows, 33, 300
		p := newProduct(newRand(), formatBF16, m, n, k, k)
		l, ok := p.blocked(t)
		if !ok {
			return
		}
		y, scratch := make([]float32, m*n), make([]float32, MatMulBlockedScratch(n, k, true))
		require.Zero(t, testing.AllocsPerRun(5, func() {
			l := NewBlocked(l.data, m, k, true)
			l.Fill(p.x, k, 0, l.Tiles())
			MatMulBlockedBF16(y, n, l, 0, l.Tiles(), p.u16, n, scratch)
		}))
	})
}

func TestMatMulBlockedMisuse(t *testing.T) {
	f := func(n int) []float32 { return make([]float32, n) }
	const m, k = MatMulManyRows, 20
	require.PanicsWithValue(t, badSize, func() { BlockedLen(-1, 1, false) })
	require.PanicsWithValue(t, badSize, func() { MatMulBlockedScratch(1, -1, false) })
	require.PanicsWithValue(t, badBlocked, func() { NewBlocked(f(1<<16), MatMulManyRows-1, k, false) })
	require.Zero(t, BlockedLen(m, 0, true))
	n := BlockedLen(m, k, false)
	require.PanicsWithValue(t, badBlocked, func() { NewBlocked(f(max(n-1, 0)), m, k, false) })
	var none Blocked
	require.PanicsWithValue(t, badBlocked, func() { none.Fill(nil, 0, 0, 1) })
	require.Zero(t, none.Row(0))
	if n == 0 {
		return // no kernel of this build has such products
	}
	l, s := NewBlocked(f(n), m, k, false), f(MatMulBlockedScratch(3, k, false))
	for name, c := range map[string]struct {
		want string
		call func()
	}{
		"short x":       {badLength, func() { l.Fill(f(m*k-1), k, 0, 1) }},
		"tiles to lay":  {badBlocked, func() { l.Fill(f(m*k), k, 0, l.Tiles()+1) }},
		"tiles":         {badBlocked, func() { MatMulBlockedF32(f(3*m), 3, l, 2, 1, f(3*k), 3, s) }},
		"short y":       {badLength, func() { MatMulBlockedF32(f(3*m-1), 3, l, 0, l.Tiles(), f(3*k), 3, s) }},
		"short w":       {badLength, func() { MatMulBlockedF32(f(3*m), 3, l, 0, l.Tiles(), f(3*k-1), 3, s) }},
		"short scratch": {badScratch, func() { MatMulBlockedF32(f(3*m), 3, l, 0, l.Tiles(), f(3*k), 3, nil) }},
	} {
		t.Run(name, func(t *testing.T) { require.PanicsWithValue(t, c.want, c.call) })
	}
}
