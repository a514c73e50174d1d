package kernel

// The panel product against float64, and that bits do not depend on the cut; the transpose.

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/testkit"
)

func TestMatMulPanelAgainstFloat64(t *testing.T) {
	all(t, func(t *testing.T) {
		rng := newRand()
		for _, m := range []int{1, 2, 3, 4, 5, 7, 8, 11, 12, 13, 16, 25, 47} {
			for _, n := range []int{1, 3, 8, 9, 15, 16, 17, 20, 24, 31, 32, 33, 48, 64, 80, 100, 128, 130} {
				k := 1 + (m*7+n)%70
				for _, accumulate := range []bool{false, true} {
					t.Run(fmt.Sprintf("m=%d/n=%d/k=%d/accumulate=%v", m, n, k, accumulate), func(t *testing.T) {
						lda, ldb, ldc := k+m%3, n+m%5, n+n%3
						a, b := normal(rng, (m-1)*lda+k), normal(rng, (k-1)*ldb+n)
						g := testkit.NewGuarded((m-1)*ldc+n, n%7)
						c := g.Slice()
						fillNormal(rng, c)
						before := append([]float32(nil), c...)
						MatMulPanel(c, ldc, a, lda, m, b, ldb, n, k, accumulate)
						g.Check(t)
						for i, v := range c {
							r, j := i/ldc, i%ldc
							if j >= n {
								require.Equal(t, before[i], v, "gap between rows written")
								continue
							}
							var want, size float64
							if accumulate {
								want = float64(before[i])
							}
							for l := range k {
								term := float64(a[r*lda+l]) * float64(b[l*ldb+j])
								want += term
								size += math.Abs(term)
							}
							require.InDelta(t, want, float64(v),
								(size+math.Abs(want)+1)*1.2e-7*(2+math.Sqrt(float64(k))))
						}
					})
				}
			}
		}
	})
}

// Neither the other rows and columns nor a cut through k may change an element.
func TestMatMulPanelBits(t *testing.T) {
	all(t, func(t *testing.T) {
		rng := newRand()
		const m, n, k = 29, 90, 61
		a, b := normal(rng, m*k), normal(rng, k*n)
		whole := make([]float32, m*n)
		MatMulPanel(whole, n, a, k, m, b, n, n, k, false)
		for _, rows := range []int{1, 2, 3, 4, 6, 7, 8, 12, 13} {
			y := make([]float32, m*n)
			for r := 0; r < m; r += rows {
				MatMulPanel(y[r*n:], n, a[r*k:], k, min(rows, m-r), b, n, n, k, false)
			}
			testkit.SameBits(t, whole, y)
		}
		for _, cut := range []int{1, 7, 8, 16, 20, 33, 64, 89} {
			y := make([]float32, m*n)
			MatMulPanel(y, n, a, k, m, b, n, cut, k, false)
			MatMulPanel(y[cut:], n, a, k, m, b[cut:], n, n-cut, k, false)
			testkit.SameBits(t, whole, y)
		}
		for _, cut := range []int{1, 16, 60} {
			y := make([]float32, m*n)
			MatMulPanel(y, n, a, k, m, b, n, n, cut, false)
			MatMulPanel(y, n, a[cut:], k, m, b[cut*n:], n, n, k-cut, true)
			testkit.SameBits(t, whole, y)
		}
	})
}

func TestMatMulPanelEmptyProduct(t *testing.T) {
	all(t, func(t *testing.T) {
		c := []float32{1, 2, 3, 4}
		MatMulPanel(c, 2, nil, 0, 2, nil, 0, 2, 0, true)
		require.Equal(t, []float32{1, 2, 3, 4}, c)
		MatMulPanel(c, 2, nil, 0, 2, nil, 0, 2, 0, false)
		require.Equal(t, []float32{0, 0, 0, 0}, c)
	})
}

func TestTranspose(t *testing.T) {
	all(t, func(t *testing.T) {
		rng := newRand()
		for _, rows := range []int{0, 1, 2, 7, 8, 9, 16, 17, 31, 64} {
			for _, cols := range []int{0, 1, 3, 8, 15, 16, 20, 33, 80, 128} {
				lds, ldd := cols+rows%3, rows+cols%4
				src := normal(rng, rows*lds+cols)
				g := testkit.NewGuarded(max(0, (cols-1)*ldd+rows), rows%5)
				dst := g.Slice()
				want := append([]float32(nil), dst...)
				for r := range rows {
					for c := range cols {
						want[c*ldd+r] = src[r*lds+c]
					}
				}
				Transpose(dst, ldd, src, lds, rows, cols)
				g.Check(t)
				testkit.SameBits(t, want, dst)
			}
		}
	})
}
