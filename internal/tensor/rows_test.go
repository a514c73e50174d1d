package tensor

// Functions along rows, rotation, heads and traces, whatever the number of workers.

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/testkit"
)

func clone(t Tensor) Tensor { return FromSlice(t.Rows, t.Cols, slices.Clone(t.data)) }

// eachThreads runs an operation with one to four workers, whose results must agree to the bit, and
// returns the result.
func eachThreads(t *testing.T, op func(ex *Exec) Tensor) Tensor {
	t.Helper()
	var want Tensor
	for threads := 1; threads <= 4; threads++ {
		ex := NewExec(threads)
		require.Equal(t, threads, ex.Threads())
		got := op(ex)
		ex.Close()
		if threads == 1 {
			want = got
			continue
		}
		testkit.SameBits(t, want.data, got.data)
	}
	return want
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func TestNorms(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, center := range []bool{false, true} {
		for _, d := range []int{1, 3, 16, 48, 81} {
			t.Run(fmt.Sprintf("center=%v/d=%d", center, d), func(t *testing.T) {
				x := random(rng, 37, 3*d)
				norm := &Norm{Weight: random(rng, 1, d).data, Eps: 1e-5, Center: center}
				if center {
					norm.Bias = random(rng, 1, d).data
				}
				want := func(v []float32) []float64 {
					mean, square := 0.0, 0.0
					for _, a := range v {
						mean += float64(a) / float64(d)
					}
					if !center {
						mean = 0
					}
					for _, a := range v {
						square += (float64(a) - mean) * (float64(a) - mean) / float64(d)
					}
					out := make([]float64, d)
					for i, a := range v {
						out[i] = (float64(a) - mean) / math.Sqrt(square+1e-5) * float64(norm.Weight[i])
						if center {
							out[i] += float64(norm.Bias[i])
						}
					}
					return out
				}
				// The second and third of three heads, in place.
				heads := eachThreads(t, func(ex *Exec) Tensor {
					y := clone(x)
					ex.NormHeads(y, d, 2, norm)
					return y
				})
				one := New(x.Rows, d) // the second head alone
				for r := range x.Rows {
					require.Equal(t, x.Row(r)[:d], heads.Row(r)[:d])
					testkit.Close(t, want(x.Row(r)[d:2*d]), heads.Row(r)[d:2*d], 1e-5, 1e-5)
					testkit.Close(t, want(x.Row(r)[2*d:]), heads.Row(r)[2*d:], 1e-5, 1e-5)
					copy(one.Row(r), x.Row(r)[d:])
				}
				rows := eachThreads(t, func(ex *Exec) Tensor {
					y := New(one.Rows, d)
					ex.NormRows(y, one, norm)
					return y
				})
				for r := range rows.Rows {
					testkit.SameBits(t, heads.Row(r)[d:2*d], rows.Row(r))
				}
			})
		}
	}
}

func TestRotate(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for _, pairing := range []Pairing{HalfSplit, Neighbors} {
		for _, c := range []struct{ off, heads, dim, half int }{{0, 1, 2, 1}, {3, 2, 20, 10}, {0, 4, 64, 32}, {8, 3, 24, 5}, {0, 2, 80, 40}} {
			t.Run(fmt.Sprintf("%d/%+v", pairing, c), func(t *testing.T) {
				x := random(rng, 35, c.off+c.heads*c.dim+4)
				cos, sin := New(35, c.half), New(35, c.half)
				for i := range cos.data {
					a := rng.Float64() * 100
					cos.data[i], sin.data[i] = float32(math.Cos(a)), float32(math.Sin(a))
				}
				got := eachThreads(t, func(ex *Exec) Tensor {
					y := clone(x)
					ex.Rotate(y, c.off, c.heads, c.dim, cos, sin, pairing)
					return y
				})
				for r := range x.Rows {
					want := make([]float64, x.Cols)
					for i, v := range x.Row(r) {
						want[i] = float64(v)
					}
					for h := range c.heads {
						for i := range c.half {
							a, b := c.off+h*c.dim+i, c.off+h*c.dim+c.half+i
							if pairing == Neighbors {
								a, b = c.off+h*c.dim+2*i, c.off+h*c.dim+2*i+1
							}
							p, q := float64(x.Row(r)[a]), float64(x.Row(r)[b])
							co, si := float64(cos.Row(r)[i]), float64(sin.Row(r)[i])
							want[a], want[b] = p*co-q*si, q*co+p*si
						}
					}
					testkit.Close(t, want, got.Row(r), 1e-6, 1e-6)
				}
			})
		}
	}
}

func TestRowOperations(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	const n, d = 53, 24
	x, y := random(rng, n, d), random(rng, n, d)
	each := func(op func(ex *Exec, dst Tensor), want func(r, c int) float64) func(*testing.T) {
		return func(t *testing.T) {
			got := eachThreads(t, func(ex *Exec) Tensor {
				dst := clone(x)
				op(ex, dst)
				return dst
			})
			for r := range n {
				for c := range d {
					require.InDelta(t, want(r, c), got.Row(r)[c], 1e-6, "row %d, column %d", r, c)
				}
			}
		}
	}
	at := func(t Tensor, r, c int) float64 { return float64(t.Row(r)[c]) }
	index, factor := make([]int32, n), make([]float32, n)
	for i := range index {
		index[i], factor[i] = int32(rng.IntN(n)), float32(i)/8
	}
	column := random(rng, n, 1)
	t.Run("add", each(func(ex *Exec, dst Tensor) { ex.AddRows(dst, y) }, func(r, c int) float64 { return at(x, r, c) + at(y, r, c) }))
	t.Run("mul", each(func(ex *Exec, dst Tensor) { ex.MulRows(dst, y) }, func(r, c int) float64 { return at(x, r, c) * at(y, r, c) }))
	t.Run("gather", each(func(ex *Exec, dst Tensor) { ex.GatherRows(dst, y, index) }, func(r, c int) float64 { return at(y, int(index[r]), c) }))
	t.Run("scale", each(func(ex *Exec, dst Tensor) { ex.ScaleRows(dst, factor) }, func(r, c int) float64 { return at(x, r, c) * float64(factor[r]) }))
	t.Run("gate", each(func(ex *Exec, dst Tensor) { ex.Gate(dst, clone(y)) }, func(r, c int) float64 { return at(x, r, c) * sigmoid(at(y, r, c)) }))
	t.Run("gate rows", each(func(ex *Exec, dst Tensor) { ex.Gate(dst, clone(column)) },
		func(r, c int) float64 { return at(x, r, c) * sigmoid(at(column, r, 0)) }))
	t.Run("copy", each(func(ex *Exec, dst Tensor) { ex.CopyCols(dst, 5, y, 9, 7) }, func(r, c int) float64 {
		if c >= 5 && c < 12 {
			return at(y, r, c+4)
		}
		return at(x, r, c)
	}))
	wide := random(rng, n, 2*d)
	for half := range 2 {
		t.Run(fmt.Sprintf("split %d", half), each(func(ex *Exec, dst Tensor) {
			parts := [2]Tensor{New(n, d), New(n, d)}
			parts[half] = dst
			ex.SplitHeads(parts[0], parts[1], wide, 8)
		}, func(r, c int) float64 { return at(wide, r, c/8*16+half*8+c%8) }))
	}
}

func TestLinearHeads(t *testing.T) {
	for _, n := range []int{30, 200, chunkRows + 180} {
		t.Run(fmt.Sprint(n), func(t *testing.T) { testLinearHeads(t, n) })
	}
}

func testLinearHeads(t *testing.T, n int) {
	rng := rand.New(rand.NewPCG(4, 4))
	const rows, cols = 12, 20
	x := random(rng, n, 3+3*25)
	var w []*Matrix
	var values [][]float32
	for range 3 {
		m, v := matrix(rng, BF16, rows, cols, false)
		w, values = append(w, m), append(values, v)
	}
	got := eachThreads(t, func(ex *Exec) Tensor {
		y := New(n, 2+3*15)
		for i := range y.data {
			y.data[i] = 9
		}
		ex.LinearHeads(y, 2, 15, x, 3, 25, w)
		return y
	})
	for r := range n {
		for c, v := range got.Row(r) {
			if c < 2 || (c-2)%15 >= rows {
				require.Equal(t, float32(9), v, "column %d belongs to no head", c)
				continue
			}
			h := (c - 2) / 15
			in := FromSlice(1, cols, x.Row(r)[3+25*h:3+25*h+cols])
			require.InDelta(t, dot(in, values[h], nil, 0, (c-2)%15), v, 1e-4)
		}
	}
}

func TestCombine(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	const n, k, d = 40, 3, 17
	x, y := random(rng, n, d), random(rng, n*k, d)
	route := Route{K: k, Index: make([]int32, n*k), Weight: random(rng, 1, n*k).data}
	slot := make([]int32, n*k)
	for i, p := range rng.Perm(n * k) {
		slot[i] = int32(p)
	}
	got := eachThreads(t, func(ex *Exec) Tensor {
		dst := clone(x)
		ex.Combine(dst, clone(y), route, slot)
		return dst
	})
	for r := range n {
		for c := range d {
			want := float64(x.Row(r)[c])
			for j := r * k; j < (r+1)*k; j++ {
				want += float64(route.Weight[j]) * float64(y.Row(int(slot[j]))[c])
			}
			require.InDelta(t, want, got.Row(r)[c], 1e-5)
		}
	}
}

// delta is the convolution and the recurrence of one sequence in float64, from empty state.
func delta(x Tensor, weight []float32, gate, beta Tensor, s DeltaShape) (conv, out [][]float64) {
	for r := range x.Rows {
		row := make([]float64, s.Conv())
		for c := range row {
			for j := range s.Kernel {
				if in := r - s.Kernel + 1 + j; in >= 0 {
					row[c] += float64(x.Row(in)[c]) * float64(weight[c*s.Kernel+j])
				}
			}
			row[c] *= sigmoid(row[c])
		}
		conv = append(conv, row)
	}
	unit := func(v []float64, scale float64) []float64 {
		sum := 1e-6
		for _, a := range v {
			sum += a * a
		}
		u := make([]float64, len(v))
		for i, a := range v {
			u[i] = a * scale / math.Sqrt(sum)
		}
		return u
	}
	out = make([][]float64, x.Rows)
	for h := range s.ValueHeads {
		state := make([]float64, s.KeyDim*s.ValueDim)
		key := h * s.KeyHeads / s.ValueHeads
		for r, row := range conv {
			q := unit(row[key*s.KeyDim:(key+1)*s.KeyDim], 1/math.Sqrt(float64(s.KeyDim)))
			k := unit(row[(s.KeyHeads+key)*s.KeyDim:(s.KeyHeads+key+1)*s.KeyDim], 1)
			v := row[2*s.KeyHeads*s.KeyDim+h*s.ValueDim:]
			for i := range state {
				state[i] *= math.Exp(float64(gate.Row(r)[h]))
			}
			for j := range s.ValueDim {
				seen := 0.0
				for i := range k {
					seen += k[i] * state[i*s.ValueDim+j]
				}
				change, sum := float64(beta.Row(r)[h])*(v[j]-seen), 0.0
				for i := range k {
					state[i*s.ValueDim+j] += k[i] * change
					sum += q[i] * state[i*s.ValueDim+j]
				}
				out[r] = append(out[r], sum)
			}
		}
	}
	return conv, out
}

// The gated delta rule follows its formula, and rounds alike however a sequence is cut into passes.
func TestDelta(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	for _, s := range []DeltaShape{
		{KeyHeads: 1, ValueHeads: 1, KeyDim: 4, ValueDim: 4, Kernel: 4},
		{KeyHeads: 2, ValueHeads: 4, KeyDim: 24, ValueDim: 20, Kernel: 4},
		{KeyHeads: 3, ValueHeads: 3, KeyDim: 16, ValueDim: 33, Kernel: 2},
	} {
		t.Run(fmt.Sprintf("%+v", s), func(t *testing.T) {
			const n = 70
			x, gate, beta := random(rng, n, s.Conv()), random(rng, n, s.ValueHeads), random(rng, n, s.ValueHeads)
			for i := range gate.data {
				gate.data[i], beta.data[i] = -float32(rng.ExpFloat64()), float32(rng.Float64())
			}
			weight := random(rng, 1, s.Conv()*s.Kernel).data
			// Two sequences side by side: the first has all rows but the last five of x.
			run := func(chunk int) func(ex *Exec) Tensor {
				return func(ex *Exec) Tensor {
					conv, out := New(n, s.Conv()), New(n, s.ValueHeads*s.ValueDim)
					states := [2]StateRows{}
					for i := range states {
						states[i].Conv, states[i].State = make([]float32, s.ConvFloats()), make([]float32, s.StateFloats())
					}
					for lo := 0; lo < n-5; lo += chunk {
						states[0].RowLo, states[0].RowHi = lo, min(lo+chunk, n-5)
						states[1].RowLo, states[1].RowHi = n-5, n-5
						if lo == 0 {
							states[1].RowHi = n
						}
						ex.CausalConv(conv, x, weight, states[:], s)
						ex.DeltaScan(out, clone(conv), gate, beta, states[:], s)
					}
					both := New(n, conv.Cols+out.Cols)
					ex.CopyCols(both, 0, conv, 0, conv.Cols)
					ex.CopyCols(both, conv.Cols, out, 0, out.Cols)
					return both
				}
			}
			got := eachThreads(t, run(n))
			for _, part := range [][2]int{{0, n - 5}, {n - 5, n}} {
				conv, out := delta(x.Slice(part[0], part[1]), weight, gate.Slice(part[0], part[1]), beta.Slice(part[0], part[1]), s)
				for r := range conv {
					testkit.Close(t, conv[r], got.Row(part[0] + r)[:s.Conv()], 1e-5, 1e-5)
				}
				for r := range out { // by head, as out is
					testkit.Close(t, out[r], got.Row(part[0] + r)[s.Conv():], 1e-4, 1e-4)
				}
			}
			for _, chunk := range []int{1, 2, 7, 64} {
				testkit.SameBits(t, got.data, eachThreads(t, run(chunk)).data)
			}
		})
	}
}

// After Stop operations do nothing more, until Resume.
func TestStopAndResume(t *testing.T) {
	ex := NewExec(2)
	defer ex.Close()
	x, y := New(40, 8), New(40, 8)
	for i := range y.data {
		y.data[i] = 1
	}
	require.NoError(t, ex.Err())
	ex.Stop()
	ex.AddRows(x, y)
	require.ErrorIs(t, ex.Err(), ErrStopped)
	require.Zero(t, slices.Max(x.data))
	ex.Resume()
	ex.AddRows(x, y)
	require.NoError(t, ex.Err())
	require.Equal(t, y.data, x.data)
}

func TestTrace(t *testing.T) {
	ex := NewExec(1)
	defer ex.Close()
	var got []string
	ex.Emit("early", -1, New(1, 1))
	require.False(t, ex.Tracing())
	ex.SetTrace(func(stage string, index int, x Tensor) { got = append(got, fmt.Sprint(stage, index, x.Rows)) })
	require.True(t, ex.Tracing())
	ex.Emit("stage", 3, New(2, 1))
	ex.SetTrace(nil)
	ex.Emit("late", -1, New(1, 1))
	require.Equal(t, []string{"stage3 2"}, got)
}

func TestTensors(t *testing.T) {
	x := FromSlice(3, 2, []float32{1, 2, 3, 4, 5, 6})
	require.Equal(t, []float32{3, 4, 5, 6}, x.Slice(1, 3).Floats())
	require.Equal(t, []float32{4, 5, 6}, x.Reshape(2, 3).Row(1))
	require.Equal(t, 2, cap(x.Row(0)), "a row ends where it ends")
	x.Slice(2, 3).Row(0)[0] = 7
	require.Equal(t, float32(7), x.Row(2)[0])
	for name, f := range map[string]func(){
		"new":          func() { New(-1, 2) },
		"from slice":   func() { FromSlice(2, 2, make([]float32, 3)) },
		"slice":        func() { x.Slice(2, 4) },
		"slice turned": func() { x.Slice(2, 1) },
		"reshape":      func() { x.Reshape(4, 2) },
	} {
		require.PanicsWithValue(t, badShape, f, name)
	}
	m, values := matrix(rand.New(rand.NewPCG(7, 7)), F16, 3, 2, true)
	require.Equal(t, [3]int{3, 2, 12}, [3]int{m.Rows(), m.Cols(), m.Bytes()})
	require.Equal(t, F16, m.Format())
	row := make([]float32, 2)
	m.WithBias(nil).DecodeRow(row, 2)
	require.Equal(t, values[4:], row)
	require.PanicsWithValue(t, badShape, func() { m.WithBias(make([]float32, 2)) })
}

// Operands that do not fit are refused before any work.
func TestRowMisuse(t *testing.T) {
	ex := NewExec(1)
	defer ex.Close()
	x, shape := New(4, 6), DeltaShape{KeyHeads: 1, ValueHeads: 1, KeyDim: 2, ValueDim: 2, Kernel: 2}
	w, _ := matrix(rand.New(rand.NewPCG(8, 8)), F32, 2, 3, false)
	narrow, _ := matrix(rand.New(rand.NewPCG(8, 8)), F32, 2, 2, false)
	norm := &Norm{Weight: make([]float32, 4), Eps: 1}
	for name, f := range map[string]func(){
		"alloc":         func() { ex.Alloc(-1, 1) },
		"norm":          func() { ex.NormRows(x, x, norm) },
		"norm heads":    func() { ex.NormHeads(x, 0, 2, norm) },
		"norm offset":   func() { ex.NormHeads(x, -1, 1, norm) },
		"add":           func() { ex.AddRows(x, New(4, 5)) },
		"mul":           func() { ex.MulRows(x, New(3, 6)) },
		"gather":        func() { ex.GatherRows(x, x, make([]int32, 3)) },
		"scale":         func() { ex.ScaleRows(x, make([]float32, 5)) },
		"split":         func() { ex.SplitHeads(New(4, 3), New(4, 3), x, 2) },
		"gate":          func() { ex.Gate(x, New(4, 2)) },
		"copy":          func() { ex.CopyCols(x, 3, x, 0, 4) },
		"rotate":        func() { ex.Rotate(x, 0, 2, 4, New(4, 2), New(4, 2), HalfSplit) },
		"rotate width":  func() { ex.Rotate(x, 0, 1, 4, New(4, 3), New(4, 3), HalfSplit) },
		"rotate angles": func() { ex.Rotate(x, 0, 1, 4, New(3, 2), New(3, 2), HalfSplit) },
		"gated":         func() { ex.GatedLinear(New(4, 2), New(4, 3).Input(), w, narrow, SiLU) },
		"heads":         func() { ex.LinearHeads(New(4, 2), 0, 2, New(4, 3), 0, 3, []*Matrix{w, w}) },
		"heads mixed":   func() { ex.LinearHeads(New(4, 4), 0, 2, x, 0, 3, []*Matrix{w, narrow}) },
		"no heads":      func() { ex.LinearHeads(New(4, 4), 0, 2, x, 0, 3, nil) },
		"combine": func() {
			ex.Combine(x, New(4, 6), Route{K: 2, Index: make([]int32, 8), Weight: make([]float32, 8)}, make([]int32, 7))
		},
		"convolution": func() { ex.CausalConv(New(4, 6), x, make([]float32, 11), nil, shape) },
		"scan":        func() { ex.DeltaScan(New(4, 3), x, New(4, 1), New(4, 1), nil, shape) },
	} {
		require.PanicsWithValue(t, badShape, f, name)
	}
}
