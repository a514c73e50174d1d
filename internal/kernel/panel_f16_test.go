package kernel

// The panel product in half precision gives the bits of widening the panel first.

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/testkit"
)

// halfPanel returns n halves of every kind but NaN: subnormals, infinities if asked for, and values
// up to 4.
func halfPanel(n int, infinities bool) []uint16 {
	rng := newRand()
	b := make([]uint16, n)
	for i := range b {
		b[i] = uint16(rng.UintN(0x4400)) | uint16(rng.UintN(2))<<15
		if infinities && rng.UintN(50) == 0 {
			b[i] = 0x7c00 | b[i]&0x8000
		}
	}
	return b
}

// Every tile must give the bits of widening the panel first, and read and write nothing else.
func TestMatMulPanelF16IsWidening(t *testing.T) {
	all(t, func(t *testing.T) {
		rng := newRand()
		for _, m := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 21, 25} {
			for _, n := range append(lengths()[1:], 130) {
				if n > 130 {
					continue
				}
				k := 1 + (m*7+n)%70
				t.Run(fmt.Sprintf("m=%d/n=%d/k=%d", m, n, k), func(t *testing.T) {
					lda, ldb, ldc := k+m%3, n+m%5, n+n%3
					a, b := normal(rng, (m-1)*lda+k), halfPanel((k-1)*ldb+n, n%4 == 0)
					wide := make([]float32, len(b))
					F16ToF32(wide, b)
					for _, accumulate := range []bool{false, true} {
						g := testkit.NewGuarded((m-1)*ldc+n, n%7)
						c := g.Slice()
						fillNormal(rng, c)
						want := append([]float32(nil), c...)
						MatMulPanel(want, ldc, a, lda, m, wide, ldb, n, k, accumulate)
						s := testkit.NewGuarded(k*n, m%5)
						for i := range s.Slice() {
							s.Slice()[i] = nan
						}
						MatMulPanelF16(c, ldc, a, lda, m, b, ldb, n, k, accumulate, s.Slice(),
							wide[:n])
						g.Check(t)
						s.Check(t)
						testkit.SameBits(t, want, c)
					}
				})
			}
		}
	})
}

// A NaN or infinity shows in its own row and column only.
func TestMatMulPanelF16NaN(t *testing.T) {
	all(t, func(t *testing.T) {
		const n, k = 75, 9
		for m := 1; m <= 9; m++ {
			for _, bad := range []uint16{0x7e00, 0xfc01, 0x7c00} {
				for at := 0; at < n; at += 5 {
					a, b := normal(newRand(), m*k), halfPanel(k*n, false)
					clean, c := make([]float32, m*n), make([]float32, m*n)
					MatMulPanelF16(clean, n, a, k, m, b, n, n, k, false, make([]float32, k*n), nil)
					b[4*n+at] = bad
					MatMulPanelF16(c, n, a, k, m, b, n, n, k, false, make([]float32, k*n), nil)
					for i, v := range c {
						if i%n == at {
							require.False(t, v-v == 0, "column %d of row %d is finite", at, i/n)
						} else {
							require.Equal(t, clean[i], v)
						}
					}
				}
			}
		}
	})
}

func TestMatMulPanelF16EmptyProduct(t *testing.T) {
	all(t, func(t *testing.T) {
		c := []float32{1, 2, 3, 4}
		MatMulPanelF16(c, 2, nil, 0, 2, nil, 0, 2, 0, true, nil, nil)
		require.Equal(t, []float32{1, 2, 3, 4}, c)
		MatMulPanelF16(c, 2, nil, 0, 2, nil, 0, 2, 0, false, nil, nil)
		require.Equal(t, []float32{0, 0, 0, 0}, c)
		MatMulPanelF16(nil, 2, nil, 3, 0, make([]uint16, 6), 2, 2, 3, false, make([]float32, 6),
			nil)
	})
}

func TestMatMulPanelF16Misuse(t *testing.T) {
	c, a, b, s := make([]float32, 4), make([]float32, 6), make([]uint16, 6), make([]float32, 6)
	for name, f := range map[string]func(){
		"c":       func() { MatMulPanelF16(c[1:], 2, a, 3, 2, b, 2, 2, 3, false, s, nil) },
		"a":       func() { MatMulPanelF16(c, 2, a[1:], 3, 2, b, 2, 2, 3, false, s, nil) },
		"b":       func() { MatMulPanelF16(c, 2, a, 3, 2, b[1:], 2, 2, 3, false, s, nil) },
		"scratch": func() { MatMulPanelF16(c, 2, a, 3, 2, b, 2, 2, 3, false, s[1:], nil) },
	} {
		t.Run(name, func(t *testing.T) { require.PanicsWithValue(t, badLength, f) })
	}
}

// BenchmarkMatMulPanelF16 times products with panels that lie in the second-level cache, in the
// shapes of attention, as they are and widened first.
func BenchmarkMatMulPanelF16(b *testing.B) {
	const panels = 24
	for _, s := range []struct{ n, k int }{{64, 128}, {128, 64}} {
		halves, scratch := halfPanel(panels*s.n*s.k, false), make([]float32, s.n*s.k)
		for _, m := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 20, 24, 25, 48, 96} {
			a, c := normal(newRand(), m*s.k), make([]float32, m*s.n)
			for _, widened := range []bool{false, true} {
				b.Run(fmt.Sprintf("n=%d/k=%d/m=%d/widened=%v", s.n, s.k, m, widened), func(b *testing.B) {
					for i := 0; b.Loop(); i++ {
						panel := halves[i%panels*s.n*s.k:][:s.n*s.k]
						if widened {
							matMulPanelWidened(c, s.n, a, s.k, m, panel, s.n, s.n, s.k, false,
								scratch, nil)
						} else {
							MatMulPanelF16(c, s.n, a, s.k, m, panel, s.n, s.n, s.k, false, scratch,
								nil)
						}
					}
				})
			}
		}
	}
}
