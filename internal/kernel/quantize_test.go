package kernel

// Quantizing activations: the error, special groups, and the same bits on every instruction set.

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/testkit"
)

func TestFMA32RoundsOnce(t *testing.T) {
	rng := newRand()
	value := func() float32 {
		return math.Float32frombits(uint32(rng.UintN(2))<<31 | uint32(90+rng.UintN(70))<<23 | uint32(rng.UintN(1<<23)))
	}
	check := func(a, b, c float32) {
		exact := func(x float32) *big.Float { return new(big.Float).SetPrec(600).SetFloat64(float64(x)) }
		sum := exact(a)
		sum.Mul(sum, exact(b)).Add(sum, exact(c))
		want, _ := sum.Float32()
		require.Equal(t, want, fma32(a, b, c), "%g %g %g", a, b, c)
	}
	for range 100000 {
		a, b, c := value(), value(), value()
		check(a, b, c)
		check(a, b, -a*b)                               // what remains is the rounding error
		check(1+0x1p-12, 1+0x1p-12, c*0x1p-60)          // just beside a tie of the product
		check(-(1 + 0x1p-12), 1+0x1p-12, -c*0x1p-60)    //
		check(1+0x1p-23, 0x1p-25, 1+2*float32(0x1p-23)) // and of the sum
	}
	for _, c := range []struct{ a, b, c, want float32 }{
		{inf, 1, 0, inf}, {inf, -1, 5, negInf}, {inf, 0, 0, nan}, {1, 1, nan, nan},
		{nan, 0, 0, nan}, {inf, 1, negInf, nan},
		{math.MaxFloat32, 2, 0, inf}, {math.MaxFloat32, 2, negInf, negInf}, {0, 0, 0, 0},
		{-1, 0, 0, 0},
	} {
		require.Zero(t, testkit.ULP(c.want, fma32(c.a, c.b, c.c)), "%v", c)
	}
}

// Cases of one group each; NaN stands for what scale and products must become.
func TestQuantizeRowsSpecialGroups(t *testing.T) {
	fill := func(v float32) func(i int) float32 { return func(int) float32 { return v } }
	one := func(at int, v, rest float32) func(i int) float32 {
		return func(i int) float32 {
			if i == at {
				return v
			}
			return rest
		}
	}
	all(t, func(t *testing.T) {
		for name, c := range map[string]struct {
			x     func(i int) float32
			scale float32
			q     int8 // of every element but one
		}{
			"zero":                {fill(0), 0, 0},
			"negative zero":       {fill(float32(math.Copysign(0, -1))), 0, 0},
			"subnormal":           {fill(1e-40), 0, 0},
			"below 2^-100":        {fill(0x1.fffffep-101), 0, 0},
			"2^-100":              {fill(-0x1p-100), 0x1p-100 / 127, -127},
			"largest":             {fill(math.MaxFloat32), math.MaxFloat32 / 127, 127},
			"halves go to even":   {one(5, 254, 3), 2, 2},  // 1.5
			"halves go to even 2": {one(5, -254, 5), 2, 2}, // 2.5
			"nan first":           {one(0, nan, 1), nan, 0},
			"nan last":            {one(Group-1, nan, 1), nan, 0},
			"negative nan": {one(17, float32(math.Copysign(float64(nan), -1)),
				math.MaxFloat32), nan, 0},
			"inf":  {one(9, inf, 1), nan, 0},
			"-inf": {one(33, negInf, 1), nan, 0},
		} {
			t.Run(name, func(t *testing.T) {
				x := make([]float32, Group)
				for i := range x {
					x[i] = c.x(i)
				}
				q, scale, sums := make([]int8, QuantizedStride(Group)), []float32{5},
					[]int32{5, 5, 5, 5, 5}
				QuantizeRows(q, scale, sums, x, Group, 1, Group)
				require.Zero(t, testkit.ULP(c.scale, scale[0]), "%v", scale[0])
				require.Equal(t, c.q, q[1])
				want := make([]int32, SumsPerGroup)
				for i, v := range q[:Group] {
					want[0] -= 128 * int32(v)
					want[1+i/64] -= int32(v)
				}
				require.Equal(t, want, sums)
			})
		}
	})
}

// Every instruction set gives the bits of the reference, whatever the length, the offset and the
// stride; the error is at most half a step, and the rows' ends are zeros.
func TestQuantizeRows(t *testing.T) {
	all(t, func(t *testing.T) {
		rng := newRand()
		for _, k := range []int{1, 3, 15, 16, 17, 63, 64, 65, 127, 128, 129, 191, 192, 255, 256, 257, 300, 512, 1025} {
			for _, off := range offsets {
				const m = 3
				ldx := k + off
				x := normal(rng, off+m*ldx)[off:]
				x[k/2] *= 1000
				stride, groups := QuantizedStride(k), QuantizedGroups(k)
				const untouched = 77
				q := make([]int8, m*stride+off)[off:]
				for i := range q {
					q[i] = untouched
				}
				gs := testkit.NewGuarded(m*groups, off)
				scale, sums := gs.Slice(), make([]int32, m*groups*SumsPerGroup)
				QuantizeRows(q, scale, sums, x, ldx, m, k)
				gs.Check(t)
				for r := range m {
					all := make([]float32, groups*Group)
					copy(all, x[r*ldx:][:k])
					wantQ, wantScale, wantSums := make([]int8, len(all)), make([]float32, groups),
						make([]int32, groups*SumsPerGroup)
					quantizeGroupsGo(wantQ, wantScale, wantSums, all)
					row := q[r*stride:][:stride]
					require.Equal(t, wantQ[:wholeParts(k)], row[:wholeParts(k)])
					testkit.SameBits(t, wantScale, scale[r*groups:][:groups])
					require.Equal(t, wantSums, sums[r*groups*SumsPerGroup:][:groups*SumsPerGroup])
					for _, v := range row[wholeParts(k):] {
						require.EqualValues(t, untouched, v)
					}
					for i, v := range all[:wholeParts(k)] {
						s := scale[r*groups+i/Group]
						require.InDelta(t, v, float32(row[i])*s, float64(s)*0.50001)
						require.GreaterOrEqual(t, row[i], int8(-127))
					}
				}
			}
		}
	})
}

func TestQuantizeRowsMisuse(t *testing.T) {
	q, s, z, x := make([]int8, 1000), make([]float32, 10), make([]int32, 10), make([]float32, 500)
	for name, c := range map[string]struct {
		want string
		call func()
	}{
		"k":        {badSize, func() { QuantizeRows(q, s, z, x, 100, 2, -1) }},
		"m":        {badSize, func() { QuantizeRows(q, s, z, x, 100, -2, 100) }},
		"short x":  {badLength, func() { QuantizeRows(q, s, z, x[:199], 100, 2, 100) }},
		"stride":   {badStride, func() { QuantizeRows(q, s, z, x, 99, 2, 100) }},
		"short q":  {badLength, func() { QuantizeRows(q[:192+127], s, z, x, 100, 2, 100) }},
		"scale":    {badLength, func() { QuantizeRows(q, s[:1], z, x, 100, 2, 100) }},
		"sums":     {badLength, func() { QuantizeRows(q, s, z[:9], x, 100, 2, 100) }},
		"fits":     {"", func() { QuantizeRows(q[:192+128], s[:2], z[:10], x[:200], 100, 2, 100) }},
		"no rows":  {"", func() { QuantizeRows(nil, nil, nil, nil, 0, 0, 100) }},
		"no width": {"", func() { QuantizeRows(nil, nil, nil, nil, 0, 3, 0) }},
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
