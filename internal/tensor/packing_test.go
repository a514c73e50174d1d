package tensor

// Packed weights: products, memory, and cancelling while packing.

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

var packedFormats = []Format{Int8, Int4}

// memory returns n bytes that begin at a cache line.
func memory(n int) []byte {
	b := make([]byte, n+packAlign)
	return b[int(-uintptr(unsafe.Pointer(&b[0]))%packAlign):][:n:n]
}

// pack packs a random matrix, and returns the values that it stands for.
func pack(t *testing.T, ex *Exec, rng *rand.Rand, f Format, rows, cols int, bias bool) (*Matrix, []float32) {
	source, _ := matrix(rng, BF16, rows, cols, bias)
	m := NewPacked(f, source)
	require.True(t, m.Unpacked())
	read := 0
	require.NoError(t, ex.Pack(m, memory(m.Bytes()), func(b []byte) { read += len(b) }))
	require.Equal(t, 2*rows*cols, read)
	require.False(t, m.Unpacked())
	values := make([]float32, rows*cols)
	for r := range rows {
		m.DecodeRow(values[r*cols:(r+1)*cols], r)
	}
	return m, values
}

// distance is |got - want| / |want|.
func distance(got []float32, want []float64) float64 {
	var d, n float64
	for i, w := range want {
		d += (float64(got[i]) - w) * (float64(got[i]) - w)
		n += w * w
	}
	return math.Sqrt(d / n)
}

// Products with packed weights are those with the weights' values, but for the rounding of the
// input; a row is the same alone and in a batch, with one thread and with more, quantized
// beforehand or not.
func TestLinearPacked(t *testing.T) {
	for _, f := range packedFormats {
		for _, s := range [][3]int{{1, 1, 1}, {3, 65, 17}, {1, 200, 100}, {400, 130, 48}, {13, 320, 1100}} {
			t.Run(fmt.Sprintf("%v/%v", f, s), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(3, uint64(s[1])))
				n, rows, cols := s[0], s[1], s[2]
				ex, one := NewExec(2), NewExec(1)
				defer ex.Close()
				defer one.Close()
				x := random(rng, n, cols)
				w, v := pack(t, ex, rng, f, rows, cols, true)
				up, u := pack(t, ex, rng, f, rows, cols, false)
				next, nv := pack(t, ex, rng, f, 40, rows, true)
				in := ex.Input(x, w)
				plain, sum, gated, silu := New(n, rows), random(rng, n, rows), New(n, rows), New(n, rows)
				before := append([]float32{}, sum.data...)
				ex.Linear(plain, in, w, Identity)
				ex.LinearAdd(sum, in, w)
				ex.GatedLinear(gated, in, w, up, SiLU)
				ex.Linear(silu, in, w, SiLU)
				var wantPlain, wantGated, wantSilu []float64
				for r := range n {
					for c := range rows {
						p := dot(x, v, w.bias, r, c)
						a := p / (1 + math.Exp(-p))
						wantPlain, wantSilu, wantGated = append(wantPlain, p), append(wantSilu, a), append(wantGated, a*dot(x, u, nil, r, c))
						require.Equal(t, before[r*rows+c]+plain.Row(r)[c], sum.Row(r)[c])
					}
				}
				require.Less(t, distance(plain.data, wantPlain), 0.008)
				require.Less(t, distance(silu.data, wantSilu), 0.01)
				require.Less(t, distance(gated.data, wantGated), 0.015)

				// Three in one loop are the same.
				a, b, c := New(n, rows), New(n, rows), New(n, 7)
				third, _ := pack(t, ex, rng, f, 7, cols, false)
				ex.LinearThree([3]Tensor{a, b, c}, in, [3]*Matrix{w, up, third})
				testkit.SameBits(t, plain.data, a.data)
				ex.Linear(silu, in, up, Identity)
				testkit.SameBits(t, silu.data, b.data)
				alone := New(n, 7)
				ex.Linear(alone, in, third, Identity)
				testkit.SameBits(t, alone.data, c.data)
				ex.Linear(silu, in, w, SiLU)

				// Through the workspace into the next product, fused or not.
				for name, c := range map[string]struct {
					of Tensor
					in Input
				}{"linear": {silu, ex.LinearInput(in, w, SiLU, next)}, "gated": {gated, ex.GatedInput(in, w, up, SiLU, next)}} {
					got, want := New(n, 40), New(n, 40)
					ex.Linear(got, c.in, next, Identity)
					ex.Linear(want, c.of.Input(), next, Identity)
					testkit.SameBits(t, want.data, got.data)
					require.Panics(t, func() { c.in.Floats() }, name)
					var exact []float64
					for r := range n {
						for c0 := range 40 {
							exact = append(exact, dot(c.of, nv, next.bias, r, c0))
						}
					}
					require.Less(t, distance(got.data, exact), 0.0135, name) // gated values have heavier tails
				}
				for r := 0; r < n; r += 37 {
					alone := New(1, rows)
					one.Linear(alone, x.Slice(r, r+1).Input(), w, Identity)
					testkit.SameBits(t, plain.Row(r), alone.data)
				}
			})
		}
	}
}

// Large elements of the input keep the product within one per cent.
func TestLinearPackedOutliers(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	ex := NewExec(2)
	defer ex.Close()
	const n, rows, cols = 20, 96, 1536
	x := random(rng, n, cols)
	source, v := matrix(rng, BF16, rows, cols, false)
	for r := range n {
		for _, c := range []int{3, 500, 501, 1400} {
			x.Row(r)[c] *= 300
		}
	}
	var want []float64
	for r := range n {
		for c := range rows {
			want = append(want, dot(x, v, nil, r, c))
		}
	}
	y := New(n, rows)
	for f, bound := range map[Format]float64{Int8: 0.01, Int4: 0.12} {
		m := NewPacked(f, source)
		require.NoError(t, ex.Pack(m, memory(m.Bytes()), nil))
		norm := &Norm{Weight: random(rng, 1, cols).data, Eps: 1e-6}
		ex.Linear(y, x.Input(), m, Identity)
		t.Logf("%v: %.4f", f, distance(y.data, want))
		require.Less(t, distance(y.data, want), bound, f.String())

		// A norm before it quantizes the same.
		h := New(n, cols)
		ex.NormRows(h, x, norm)
		a, b := New(n, rows), New(n, rows)
		ex.Linear(a, h.Input(), m, Identity)
		in := ex.NormInput(x, norm, m)
		ex.Linear(b, in, m, Identity)
		testkit.SameBits(t, a.data, b.data)
		testkit.SameBits(t, h.data, in.Floats().data)
	}
}

// A gated MLP some of whose inner columns are hundreds of times larger than the others, as down
// projections of Qwen2 see them, is as close to float32 as one without.
func TestMLPWithOutlierColumns(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	ex := NewExec(2)
	defer ex.Close()
	const n, hidden, inner = 24, 512, 2048
	draw := func(rows, cols int, large ...int) *Matrix {
		v := random(rng, rows, cols)
		for _, r := range large {
			for i := range v.Row(r) {
				v.Row(r)[i] *= 300
			}
		}
		for i := range v.data {
			v.data[i] *= 0.05
		}
		return NewMatrix(F32, rows, cols, bytesOf(v.data), nil)
	}
	plain := map[Format]float64{}
	for _, columns := range [][]int{nil, {1000}, {5, 6, 640, 1030, 1031, 2047}} {
		gate, up, down := draw(inner, hidden), draw(inner, hidden, columns...), draw(hidden, inner)
		norm := &Norm{Weight: random(rng, 1, hidden).data, Eps: 1e-6}
		x := random(rng, n, hidden)
		forward := func(gate, up, down *Matrix) Tensor {
			y := New(n, hidden)
			ex.LinearAdd(y, ex.GatedInput(ex.NormInput(x, norm, gate), gate, up, SiLU, down), down)
			return y
		}
		exact := forward(gate, up, down)
		want := make([]float64, len(exact.data))
		for i, v := range exact.data {
			want[i] = float64(v)
		}
		for f, bound := range map[Format]float64{Int8: 0.03, Int4: 0.3} {
			m := []*Matrix{NewPacked(f, gate), NewPacked(f, up), NewPacked(f, down)}
			for _, p := range m {
				require.NoError(t, ex.Pack(p, memory(p.Bytes()), nil))
			}
			d := distance(forward(m[0], m[1], m[2]).data, want)
			t.Logf("%v, columns %v: %.4f", f, columns, d)
			require.Less(t, d, bound)
			if columns == nil {
				plain[f] = d
			}
			require.Less(t, d, 1.2*plain[f])
		}
	}
}

func TestPackedOperationsAllocateNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	ex := NewExec(2)
	defer ex.Close()
	x := random(rng, 3, 256)
	norm := &Norm{Weight: random(rng, 1, 256).data, Eps: 1e-6}
	for _, f := range packedFormats {
		w, _ := pack(t, ex, rng, f, 384, 256, true)
		down, _ := pack(t, ex, rng, f, 256, 384, true)
		step := func() {
			mark := ex.Mark()
			h := ex.NormInput(x, norm, w)
			ex.LinearAdd(x, ex.GatedInput(h, w, w, SiLU, down), down)
			ex.LinearAdd(x, ex.LinearInput(h, w, GELU, down), down)
			ex.Release(mark)
		}
		step()
		require.Zero(t, testing.AllocsPerRun(50, step))
	}
}

// A stopped packing can be done again.
func TestPackStopped(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	ex := NewExec(2)
	defer ex.Close()
	source, _ := matrix(rng, F16, 70, 33, false)
	m := NewPacked(Int8, source)
	ex.Stop()
	require.ErrorIs(t, ex.Pack(m, memory(m.Bytes()), nil), ErrStopped)
	ex.Resume()
	require.True(t, m.Unpacked())
	require.NoError(t, ex.Pack(m, memory(m.Bytes()), nil))
}

func TestPackingMisuse(t *testing.T) {
	ex := NewExec(1)
	defer ex.Close()
	source, _ := matrix(rand.New(rand.NewPCG(1, 1)), F32, 64, 64, false)
	m := NewPacked(Int8, source)
	n := m.Bytes()
	require.Equal(t, PackedBytes(Int8, 64, 64), n)
	require.PanicsWithValue(t, badFormat, func() { NewPacked(F16, source) })
	require.PanicsWithValue(t, badFormat, func() { NewPacked(Int4, m) })
	require.PanicsWithValue(t, badFormat, func() { Int8.RowBytes(128) })
	require.PanicsWithValue(t, badPacking, func() { _ = ex.Pack(source, memory(n), nil) })
	require.PanicsWithValue(t, badPacking, func() { _ = ex.Pack(m, memory(n-1), nil) })
	require.PanicsWithValue(t, badData, func() { _ = ex.Pack(m, memory(n + 1)[1:], nil) })
	require.PanicsWithValue(t, badPacking, func() { ex.Linear(New(1, 64), New(1, 64).Input(), m, Identity) })
	require.NoError(t, ex.Pack(m, memory(n), nil))
	require.PanicsWithValue(t, badPacking, func() { _ = ex.Pack(m, memory(n), nil) })
	require.PanicsWithValue(t, badFormat, func() { ex.LinearHeads(New(1, 64), 0, 64, New(1, 64), 0, 64, []*Matrix{m}) })
	require.PanicsWithValue(t, badShape, func() {
		ex.LinearInput(New(1, 64).Input(), m, SiLU, NewPacked(Int8, must(matrix(rand.New(rand.NewPCG(1, 1)), F32, 4, 65, false))))
	})
	require.PanicsWithValue(t, badShape, func() { ex.NormInput(New(1, 63), &Norm{Weight: make([]float32, 63)}, m) })
	require.PanicsWithValue(t, badInput, func() { ex.Linear(New(1, 64), ex.LinearInput(New(1, 64).Input(), m, SiLU, m), source, Identity) })
}

// Packing into bfloat16 rounds to even.
func TestPackBF16(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	ex := NewExec(2)
	defer ex.Close()
	for _, f := range []Format{F32, F16, BF16} {
		source, v := matrix(rng, f, 70, 33, true)
		m := NewPacked(BF16, source)
		require.NoError(t, ex.Pack(m, memory(m.Bytes()), nil))
		row := make([]float32, 33)
		for r := range 70 {
			m.DecodeRow(row, r)
			for c, got := range row {
				require.Equal(t, half.FromBF16(half.ToBF16(v[r*33+c])), got)
			}
		}
		x, y := random(rng, 5, 33), New(5, 70)
		ex.Linear(y, x.Input(), m, Identity)
		require.InDelta(t, dot(x, v, source.bias, 4, 69), y.Row(4)[69], 0.1)
	}
}

func must(m *Matrix, _ []float32) *Matrix { return m }
