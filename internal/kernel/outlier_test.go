package kernel

// Outliers: what they save, what is taken out, and that their products are added in one order.

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/testkit"
)

// quantRows is rows quantized with their outliers taken out.
type quantRows struct {
	q     []int8
	scale []float32
	sums  []int32
	out   Outliers
}

func quantizeGuarded(x []float32, m, k int) quantRows {
	groups, stride := QuantizedGroups(k), QuantizedStride(k)
	r := quantRows{make([]int8, m*stride), make([]float32, m*groups),
		make([]int32, m*groups*SumsPerGroup),
		Outliers{make([]uint8, m*groups), make([]uint8, m*groups*MaxOutliers),
			make([]float32, m*groups*MaxOutliers)}}
	for i := range m {
		QuantizeRow(r.q[i*stride:], r.scale[i*groups:], r.sums[i*groups*SumsPerGroup:],
			r.out.Row(i, groups, 0), x[i*k:][:k])
	}
	return r
}

// value is what element i of row r stands for.
func (q *quantRows) value(r, i, k int) float64 {
	groups := QuantizedGroups(k)
	g := i / Group
	v := float64(q.q[r*QuantizedStride(k)+i]) * float64(q.scale[r*groups+g])
	o := q.out.Row(r, groups, g)
	for j := range o.Count[0] {
		if int(o.Index[j]) == i%Group {
			v += float64(o.Value[j])
		}
	}
	return v
}

// relative returns |a-b| / |b|.
func relative(a, b []float64) float64 {
	var d, n float64
	for i := range a {
		d += (a[i] - b[i]) * (a[i] - b[i])
		n += b[i] * b[i]
	}
	return math.Sqrt(d / n)
}

// A few large columns do not cost the others their precision; rows without any are quantized as
// ever.
func TestQuantizeRowOutliers(t *testing.T) {
	all(t, func(t *testing.T) {
		rng := newRand()
		const m, k = 4, 1000
		for name, c := range map[string]struct {
			columns []int
			factor  float32
		}{
			"none": {nil, 1}, "one": {[]int{7}, 100}, "neighbors": {[]int{128, 129, 130}, 300},
			"last":             {[]int{999}, 1000},
			"eight of a group": {[]int{0, 3, 6, 9, 12, 15, 18, 21}, 200},
			"sixteen of a group": {[]int{0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 100, 130, 131, 200,
				254, 255}, 200}, "many groups": {[]int{1, 200, 400, 600, 800}, 1e6},
		} {
			t.Run(name, func(t *testing.T) {
				x := normal(rng, m*k)
				for r := range m {
					for _, c0 := range c.columns {
						x[r*k+c0] = c.factor * (2 +
							float32(rng.Float64())) * float32(1-2*rng.IntN(2))
					}
				}
				q := quantizeGuarded(x, m, k)
				plain := make([]int8, len(q.q))
				scale, sums := make([]float32, len(q.scale)), make([]int32, len(q.sums))
				QuantizeRows(plain, scale, sums, x, k, m, k)
				if len(c.columns) == 0 {
					require.Equal(t, plain, q.q)
					require.Equal(t, scale, q.scale)
					require.Equal(t, sums, q.sums)
					require.Equal(t, make([]uint8, len(q.out.Count)), q.out.Count)
					return
				}
				large := map[int]bool{}
				for _, c := range c.columns {
					large[c] = true
				}
				var got, want []float64
				for r := range m {
					for i := range k {
						if large[i] {
							require.InDelta(t, x[r*k+i], q.value(r, i, k), 0, "column %d", i)
							continue
						}
						got, want = append(got, q.value(r, i, k)), append(want, float64(x[r*k+i]))
					}
				}
				require.Less(t, relative(got, want), 0.008) // of normal values it is 0.0065
			})
		}
	})
}

// Zeros, single values, not finite ones and a tail of a group.
func TestQuantizeRowSpecial(t *testing.T) {
	all(t, func(t *testing.T) {
		for _, k := range []int{1, 5, 63, 64, 65, Group - 1, Group, Group + 1, 3*Group - 7} {
			x := make([]float32, k)
			q := quantizeGuarded(x, 1, k)
			require.Equal(t, make([]float32, len(q.scale)), q.scale)
			require.Zero(t, q.out.Count[0])

			x[k-1] = -3
			q = quantizeGuarded(x, 1, k)
			require.InDelta(t, -3, q.value(0, k-1, k), 1e-6)

			x[0] = nan
			q = quantizeGuarded(x, 1, k)
			require.True(t, math.IsNaN(float64(q.scale[0])))
			require.Zero(t, q.out.Count[0])
		}
		require.PanicsWithValue(t, badLength, func() {
			QuantizeRow(make([]int8, 64), make([]float32, 1), make([]int32, SumsPerGroup),
				Outliers{make([]uint8, 1), make([]uint8, MaxOutliers-1),
					make([]float32, MaxOutliers)}, make([]float32, 3))
		})
	})
}

// outlierProduct is a product with outliers drawn at random.
func outlierProduct(rng *rand.Rand, bits, m, n, k int) (*quantProduct, Outliers) {
	p := newQuantProduct(rng, bits, m, n, k)
	groups := QuantizedGroups(k)
	o := Outliers{make([]uint8, m*groups), make([]uint8, m*groups*MaxOutliers),
		normal(rng, m*groups*MaxOutliers)}
	for i := range o.Count {
		if rng.IntN(3) == 0 {
			o.Count[i] = uint8(rng.IntN(MaxOutliers + 1))
		}
		for j := range MaxOutliers {
			o.Index[i*MaxOutliers+j] = uint8(rng.IntN(min(Group, wholeParts(k)-i%groups*Group)))
		}
	}
	return p, o
}

func (p *quantProduct) addOutliers(y []float32, ldy int, o Outliers, m, panel0, count int) {
	y = y[min(len(y), panel0*PanelRows):]
	if p.bits == 4 {
		AddOutliersInt4(y, ldy, o, m, p.panels, p.bf16, panel0, count, p.n, p.k)
	} else {
		AddOutliersInt8(y, ldy, o, m, p.panels, p.f32, panel0, count, p.n, p.k)
	}
}

// Every instruction set adds the bits of a plain loop, to the columns of its panels and no others.
func TestAddOutliers(t *testing.T) {
	all(t, func(t *testing.T) {
		rng := newRand()
		for _, bits := range quantBits {
			for _, n := range []int{1, 31, 32, 33, 70, 128} {
				for _, k := range []int{1, 60, 64, 129, 1100} {
					for _, off := range offsets {
						const m = 3
						p, o := outlierProduct(rng, bits, m, n, k)
						ldy := n + off
						g := testkit.NewGuarded((m-1)*ldy+n, off)
						y := g.Slice()
						fillNormal(rng, y)
						want := append([]float32(nil), y...)
						panels := panelsOf(n)
						panel0 := rng.IntN(panels)
						count := 1 + rng.IntN(panels-panel0)
						groups := QuantizedGroups(k)
						for r := range m {
							for c := panel0 * PanelRows; c < min(n, (panel0+count)*PanelRows); c++ {
								for gi := range groups {
									at := o.Row(r, groups, gi)
									for j := range at.Count[0] {
										w, s := p.weight(c, gi*Group+int(at.Index[j]))
										want[r*ldy+c] = fma32(at.Value[j], s*float32(w),
											want[r*ldy+c])
									}
								}
							}
						}
						p.addOutliers(y, ldy, o, m, panel0, count)
						g.Check(t)
						require.Equal(t, want, y, "bits=%d n=%d k=%d", bits, n, k)
					}
				}
			}
		}
		p, o := outlierProduct(rng, 8, 2, 40, 130)
		require.PanicsWithValue(t, badPanel, func() { p.addOutliers(make([]float32, 80), 40, o, 2, 1, 2) })
		require.PanicsWithValue(t, badLength, func() { p.addOutliers(make([]float32, 80), 40, o.Row(1, 1, 0), 2, 0, 1) })
	})
}
