package tensor

// Products against float64, in every format; the workspace; misuse.

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/half"
	"github.com/qwenvl/qwenvl/internal/testkit"
)

// matrix makes a random matrix of a format, and the values that it holds.
func matrix(rng *rand.Rand, f Format, rows, cols int, bias bool) (*Matrix, []float32) {
	values := make([]float32, rows*cols)
	for i := range values {
		values[i] = float32(rng.NormFloat64())
	}
	var b []float32
	if bias {
		b = random(rng, 1, rows).data
	}
	if f == F32 {
		return NewMatrix(f, rows, cols, bytesOf(values), b), values
	}
	bits := make([]uint16, len(values))
	for i, v := range values {
		if f == BF16 {
			bits[i] = half.ToBF16(v)
			values[i] = half.FromBF16(bits[i])
		} else {
			bits[i] = half.ToF16(v)
			values[i] = half.FromF16(bits[i])
		}
	}
	return NewMatrix(f, rows, cols, bytesOf(bits), b), values
}

func bytesOf[T float32 | uint16](x []T) []byte {
	if len(x) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), len(x)*int(unsafe.Sizeof(x[0])))
}

// dot is x·wᵀ + bias in float64.
func dot(x Tensor, w []float32, bias []float32, r, c int) float64 {
	sum := 0.0
	for k, v := range x.Row(r) {
		sum += float64(v) * float64(w[c*x.Cols+k])
	}
	if bias != nil {
		sum += float64(bias[c])
	}
	return sum
}

func TestLinear(t *testing.T) {
	for _, f := range []Format{F32, BF16, F16} {
		for _, s := range [][3]int{{1, 1, 1}, {3, 65, 17}, {1, 200, 100}, {400, 130, 48}, {13, 64, 192}, {blockedRows + 77, 40, 24}} {
			t.Run(fmt.Sprintf("%v/%v", f, s), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(3, uint64(s[1])))
				n, rows, cols := s[0], s[1], s[2]
				x := random(rng, n, cols)
				w, v := matrix(rng, f, rows, cols, true)
				up, u := matrix(rng, f, rows, cols, false)
				ex := NewExec(2)
				defer ex.Close()
				plain, sum, gated := New(n, rows), random(rng, n, rows), New(n, rows)
				before := append([]float32{}, sum.data...)
				ex.Linear(plain, x.Input(), w, Identity)
				ex.LinearAdd(sum, x.Input(), w)
				ex.GatedLinear(gated, x.Input(), w, up, SiLU)
				silu := New(n, rows)
				ex.Linear(silu, x.Input(), w, SiLU)
				tolerance := 3e-6 * math.Sqrt(float64(cols)) * 4
				for r := range n {
					for c := range rows {
						p := dot(x, v, w.bias, r, c)
						require.InDelta(t, p, plain.Row(r)[c], tolerance)
						require.Equal(t, before[r*rows+c]+plain.Row(r)[c], sum.Row(r)[c])
						a := p / (1 + math.Exp(-p))
						require.InDelta(t, a, silu.Row(r)[c], tolerance)
						require.InDelta(t, a*dot(x, u, nil, r, c), gated.Row(r)[c], 40*tolerance)
					}
				}
				// Three in one loop, of the same format or not, are the same.
				other, _ := matrix(rng, F32, rows, cols, true)
				for _, third := range []*Matrix{w, other} {
					a, b, c, want := New(n, rows), New(n, rows), New(n, rows), New(n, rows)
					ex.LinearThree([3]Tensor{a, b, c}, x.Input(), [3]*Matrix{w, up, third})
					testkit.SameBits(t, plain.data, a.data)
					ex.Linear(want, x.Input(), up, Identity)
					testkit.SameBits(t, want.data, b.data)
					ex.Linear(want, x.Input(), third, Identity)
					testkit.SameBits(t, want.data, c.data)
				}
				// Alone, and with one thread, a row is the same.
				one := NewExec(1)
				defer one.Close()
				for r := 0; r < n; r += 37 {
					alone := New(1, rows)
					one.Linear(alone, x.Slice(r, r+1).Input(), w, Identity)
					testkit.SameBits(t, plain.Row(r), alone.data)
				}
				row := make([]float32, cols)
				w.DecodeRow(row, rows-1)
				testkit.SameBits(t, v[(rows-1)*cols:], row)
			})
		}
	}
}

func TestOperationsAllocateNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	ex := NewExec(2)
	defer ex.Close()
	x := random(rng, 3, 64)
	w, _ := matrix(rng, BF16, 300, 64, true)
	norm := &Norm{Weight: random(rng, 1, 64).data, Eps: 1e-6}
	step := func() {
		mark := ex.Mark()
		y := ex.Alloc(3, 300)
		h := ex.Alloc(3, 64)
		ex.NormRows(h, x, norm)
		ex.Linear(y, h.Input(), w, GELU)
		ex.LinearAdd(y, h.Input(), w)
		ex.GatedLinear(y, h.Input(), w, w, SiLU)
		ex.AddRows(y, y)
		ex.Release(mark)
	}
	step()
	require.Zero(t, testing.AllocsPerRun(50, step))
}

func TestArena(t *testing.T) {
	var a arena
	m := a.mark()
	x := a.alloc(100)
	y := a.alloc(3 * slabFloats)
	require.Len(t, x, 100)
	require.Len(t, y, 3*slabFloats)
	for i := range x {
		x[i] = 1
	}
	require.Zero(t, y[0])
	a.release(m)
	require.Equal(t, &x[0], &a.alloc(10)[0], "memory is used again")
	a.release(m)
	a.trim()
	require.Len(t, a.slabs, 1)
	a.alloc(5)
	a.trim()
	require.Len(t, a.slabs, 1, "no effect while anything is allocated")
	require.Empty(t, a.alloc(0))
}

func TestMatrixMisuse(t *testing.T) {
	require.PanicsWithValue(t, badData, func() { NewMatrix(F32, 2, 2, make([]byte, 15), nil) })
	require.PanicsWithValue(t, badShape, func() { NewMatrix(F32, 2, 2, make([]byte, 16), make([]float32, 3)) })
	require.PanicsWithValue(t, badFormat, func() { NewMatrix(99, 1, 1, nil, nil) })
	require.PanicsWithValue(t, badWorkers, func() { NewExec(0) })
	ex := NewExec(1)
	defer ex.Close()
	w, _ := matrix(rand.New(rand.NewPCG(1, 1)), F32, 4, 4, false)
	require.PanicsWithValue(t, badShape, func() { ex.Linear(New(1, 4), New(1, 3).Input(), w, Identity) })
	require.PanicsWithValue(t, badShape, func() { w.DecodeRow(make([]float32, 4), 4) })
	require.Equal(t, "bf16", BF16.String())
	require.Equal(t, "unknown", Format(77).String())
}
