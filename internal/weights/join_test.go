package weights

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/tensor"
)

// counted is n values of a type: first, first+1, and so on.
func counted(t testing.TB, d DType, first, n int) []byte {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(first + i)
	}
	switch d {
	case F32:
		return f32(v...)
	case BF16: // exact up to 256
		var b []byte
		for _, x := range v {
			b = append(b, u16(uint16(math.Float32bits(x)>>16))...)
		}
		return b
	}
	require.LessOrEqual(t, first+n, 2048)
	return halves(first + n - 1)[2*(first-1):]
}

// apart is q, k and v of [2, 16], [1, 16], [1, 16], values 1, 2, …, and their biases, each of a type.
func apart(t testing.TB, q, k, v DType) *Source {
	var tensors []named
	first := 1
	for _, p := range []struct {
		name  string
		rows  int
		dtype DType
	}{{"q", 2, q}, {"k", 1, k}, {"v", 1, v}} {
		tensors = append(tensors, named{p.name + ".weight", p.dtype, []int{p.rows, 16}, counted(t, p.dtype, first, 16*p.rows)})
		bias := p.dtype
		if bias == block8 {
			bias = F32
		}
		tensors = append(tensors, named{p.name + ".bias", bias, []int{p.rows}, counted(t, bias, first, p.rows)})
		first += 16 * p.rows
	}
	return source(t, 0, tensors...)
}

// fused joins q, k and v; q says its rows, the other two share what is left.
func fused(canonical string) Ref {
	if rest, ok := strings.CutPrefix(canonical, "qkv."); ok {
		return Ref{Join: []Ref{{Name: "q." + rest, Hi: 2}, {Name: "k." + rest}, {Name: "v." + rest}}}
	}
	return Ref{Name: canonical}
}

func TestRowsAreJoined(t *testing.T) {
	withBlocks(t)
	for _, c := range []struct {
		q, k, v DType
		format  tensor.Format
	}{
		{F32, F32, F32, tensor.F32}, {BF16, BF16, BF16, tensor.BF16}, {F16, F16, F16, tensor.F16},
		{block8, block8, block8, tensor.F16},
		{BF16, F16, F32, tensor.F32}, {F16, F16, BF16, tensor.F32}, {block8, F16, BF16, tensor.F32},
	} {
		t.Run(fmt.Sprint(c.q, c.k, c.v), func(t *testing.T) {
			src := apart(t, c.q, c.k, c.v)
			ld := NewLoader(src, fused)
			m := ld.MatrixBias("qkv", 4, 16)
			require.NoError(t, ld.Finish(), "all of every part is used")
			require.Equal(t, c.format, m.Format())
			for r, row := range values(t, m.WithBias(nil)) {
				for i, v := range row {
					require.Equal(t, float32(16*r+i+1), v)
				}
			}
			again := NewLoader(src, fused)
			require.Equal(t, []float32{1, 2, 33, 49}, again.Vector("qkv.bias", 4))
		})
	}
}

// Two frames of a convolution over patches of 2×2 become the matrix of the convolution over both.
func TestColumnsAreJoinedInRuns(t *testing.T) {
	withBlocks(t)
	const d, channels, run = 3, 3, 4 // [d, channels, 2, 2]
	ref := func(string) Ref { return Ref{Join: []Ref{{Name: "p"}, {Name: "p.1"}}, Run: run} }
	for _, types := range [][2]DType{{F32, F32}, {F16, F16}, {F16, F32}, {BF16, F16}} {
		t.Run(fmt.Sprint(types), func(t *testing.T) {
			n := d * channels * run
			src := source(t, 0,
				named{"p", types[0], []int{d, channels, 2, 2}, counted(t, types[0], 1, n)},
				named{"p.1", types[1], []int{d, channels, 2, 2}, counted(t, types[1], 1+n, n)},
			)
			ld := NewLoader(src, ref)
			got := values(t, ld.Matrix("patch", d, 2*channels*run))
			require.NoError(t, ld.Finish())
			for r := range d {
				for c := range channels {
					for frame := range 2 {
						for i := range run {
							want := frame*n + (r*channels+c)*run + i + 1
							require.Equal(t, float32(want), got[r][(c*2+frame)*run+i])
						}
					}
				}
			}
			ld = NewLoader(src, ref)
			ld.Matrix("patch", d, 2*channels*run-1)
			var se *ShapeError
			require.ErrorAs(t, ld.Finish(), &se)
			require.Equal(t, []int{d, 2*channels*run - 1}, se.Want)
		})
	}
	// Runs of whole blocks stay blocks; others are decoded.
	src := source(t, 0,
		named{"p", block8, []int{1, 16}, counted(t, F16, 1, 16)}, named{"p.1", block8, []int{1, 16}, counted(t, F16, 17, 16)})
	for run, format := range map[int]tensor.Format{8: tensor.F16, 16: tensor.F16, 4: tensor.F32} {
		ld := NewLoader(src, func(string) Ref { return Ref{Join: []Ref{{Name: "p"}, {Name: "p.1"}}, Run: run} })
		m := ld.Matrix("x", 1, 32)
		require.NoError(t, ld.Finish())
		require.Equal(t, format, m.Format())
		for at, v := range values(t, m)[0] {
			part, k := at/run%2, at/(2*run)
			require.Equal(t, float32(16*part+k*run+at%run+1), v)
		}
	}
}

// Parts may be cuts, of one tensor and of several, and turned.
func TestCutsAreJoined(t *testing.T) {
	src := source(t, 0,
		named{"a", F32, []int{4, 2}, seq(8)},
		named{"b", F32, []int{2, 3}, seq(6)},
		named{"n", F32, []int{4}, seq(4)},
	)
	ld := NewLoader(src, func(c string) Ref {
		if c == "n" { // in another order
			return Ref{Join: []Ref{{Name: "n", Lo: 3, Hi: 4}, {Name: "n", Hi: 3, PlusOne: true}}}
		}
		return Ref{Join: []Ref{{Name: "a", Lo: 2, Hi: 4}, {Name: "b", Transpose: true, ColLo: 1, ColHi: 3}, {Name: "a", Hi: 2},
			{Name: "b", Transpose: true, ColHi: 1}}}
	})
	require.Equal(t, [][]float32{{5, 6}, {7, 8}, {2, 5}, {3, 6}, {1, 2}, {3, 4}, {1, 4}}, values(t, ld.Matrix("m", 7, 2)))
	require.Equal(t, []float32{4, 2, 3, 4}, ld.Vector("n", 4))
	require.NoError(t, ld.Finish())
}

// What is wrong is said of the part that is wrong, and everything at once.
func TestJoinsReportTheirParts(t *testing.T) {
	nan := float32(math.NaN())
	src := source(t, 0,
		named{"q.weight", F32, []int{2, 3}, seq(6)}, named{"q.bias", F32, []int{2}, seq(2)},
		named{"k.weight", F32, []int{2, 3}, seq(6)}, named{"k.bias", F32, []int{2}, f32(1, nan)},
		named{"v.weight", F32, []int{3, 3}, seq(9)}, named{"v.bias", I32, []int{2}, seq(2)},
		named{"spare", F32, []int{1}, seq(1)},
	)
	names := func(c string) Ref {
		var r Ref
		for _, p := range []string{"q.", "k.", "v."} {
			rest, joined := strings.CutPrefix(c, "qkv.")
			if !joined {
				return Ref{Name: c}
			}
			if rest == "lost" && p == "k." {
				rest = "bias"
			}
			r.Join = append(r.Join, Ref{Name: p + rest})
		}
		return r
	}
	ld := NewLoader(src, names)
	require.Nil(t, ld.MatrixBias("qkv", 6, 3))
	require.Nil(t, ld.Matrix("qkv", 6, 3), "a second time")
	require.Nil(t, ld.Vector("qkv.lost", 6))
	require.Nil(t, ld.Matrix("qkv", 7, 3), "three parts of 7 rows")
	err := ld.Finish()
	var all []string
	for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
		all = append(all, e.Error())
	}
	require.Equal(t, []string{
		`weights: wrong shape: model.safetensors: "v.weight": got [3 3], want [2 3]`,
		`weights: not finite: model.safetensors: "k.bias": element 1 is NaN`,
		`weights: unsupported: model.safetensors: "v.bias": a vector of type I32`,
		`weights: tensor bound twice: model.safetensors: "q.weight" (for qkv.weight)`,
		`weights: tensor bound twice: model.safetensors: "k.weight" (for qkv.weight)`,
		`weights: wrong shape: model.safetensors: "v.weight": got [3 3], want [2 3]`,
		`weights: missing tensor: model.safetensors: "q.lost" (for qkv.lost)`,
		`weights: tensor bound twice: model.safetensors: "k.bias" (for qkv.lost)`,
		`weights: missing tensor: model.safetensors: "v.lost" (for qkv.lost)`,
		`weights: wrong shape: model.safetensors: "q.weight": got [6 3], want [7 3]`,
	}, all[:10])
	require.Contains(t, all[len(all)-1], `tensors that config.json has no place for (1): model.safetensors: "spare"`)

	require.True(t, ld.Has("qkv.weight"))
	require.True(t, ld.Has("qkv.lost"), "a part of it is there")
	require.False(t, ld.Has("qkv.nothing"))
	shape, ok := ld.Shape("qkv.weight")
	require.True(t, ok)
	require.Equal(t, []int{2, 3}, shape)
}

// A joined matrix is packed as any other: to what packing the same matrix from one tensor gives.
func TestJoinsArePacked(t *testing.T) {
	const rows, cols = 96, 256
	whole := make([]float32, rows*cols)
	for i := range whole {
		whole[i] = float32(math.Sin(float64(i*i))) / 8
	}
	src := source(t, 0, named{"whole", F32, []int{rows, cols}, f32(whole...)},
		named{"a", F32, []int{32, cols}, f32(whole[:32*cols]...)}, named{"b", F32, []int{64, cols}, f32(whole[32*cols:]...)})
	ex := tensor.NewExec(2)
	defer ex.Close()
	for _, f := range []tensor.Format{tensor.BF16, tensor.Int8, tensor.Int4} {
		ld := NewLoader(src, func(c string) Ref {
			if c == "joined.weight" {
				return Ref{Join: []Ref{{Name: "a", Hi: 32}, {Name: "b"}}}
			}
			return Ref{Name: "whole"}
		}).As(f)
		a, b := ld.Matrix("joined", rows, cols), ld.Matrix("whole", rows, cols)
		require.NoError(t, ld.Finish())
		require.NoError(t, src.Pack(ex, ld.Pending()))
		got, want := make([]float32, cols), make([]float32, cols)
		for r := range rows {
			a.DecodeRow(got, r)
			b.DecodeRow(want, r)
			require.Equal(t, want, got)
		}
	}
}

// A plan has the parts, each with the shape that is wanted of it, and says that they are copied.
func TestJoinsArePlanned(t *testing.T) {
	names := func(c string) Ref {
		if c == "patch.weight" {
			return Ref{Join: []Ref{{Name: "p"}, {Name: "p.1"}}, Run: 4}
		}
		return fused(c)
	}
	ld, plan := NewPlanner(names)
	require.Nil(t, ld.As(tensor.Int8).MatrixBias("qkv", 6, 16))
	require.Nil(t, ld.Matrix("patch", 3, 24))
	require.Nil(t, ld.Floats("conv", 4, 1, 3))
	got := make([]string, len(plan.Binds))
	for i, b := range plan.Binds {
		got[i] = fmt.Sprint(b.Canonical, " ", b.Ref.Name, b.Shape, b.Format, b.Convert, b.Joined)
	}
	require.Equal(t, []string{
		"qkv.weight q.weight[2 16] int8 true true", "qkv.weight k.weight[2 16] int8 true true", "qkv.weight v.weight[2 16] int8 true true",
		"qkv.bias q.bias[2] f32 false true", "qkv.bias k.bias[2] f32 false true", "qkv.bias v.bias[2] f32 false true",
		"patch.weight p[3 12] f32 false true", "patch.weight p.1[3 12] f32 false true",
		"conv conv[4 1 3] f32 false false",
	}, got)
	require.Equal(t, []Ref{{Name: "conv"}}, plan.Binds[8].Ref.Parts())
}

func TestJoinsThatMakeNoSense(t *testing.T) {
	src := source(t, 0, named{"w", F32, []int{1, 1}, f32(1)})
	part := []Ref{{Name: "w"}}
	for name, ref := range map[string]Ref{
		"name": {Name: "w", Join: part}, "cut": {Hi: 1, Join: part}, "columns": {ColHi: 1, Join: part},
		"transposed": {Transpose: true, Join: part}, "plus one": {PlusOne: true, Join: part},
		"in a join": {Join: []Ref{{Join: part}}},
	} {
		names := func(string) Ref { return ref }
		t.Run(name, func(t *testing.T) {
			require.PanicsWithValue(t, badRef, func() { NewLoader(src, names).Matrix("w", 1, 1) })
			require.PanicsWithValue(t, badRef, func() { NewLoader(src, names).Vector("w", 1) })
		})
	}
	runs := func(string) Ref { return Ref{Join: part, Run: 1} }
	require.PanicsWithValue(t, badRef, func() { NewLoader(src, runs).Vector("w", 1) })
}

// A join costs one copy of what it makes.
func TestJoinCostsOneCopy(t *testing.T) {
	const rows, cols = 512, 512
	half := seq(rows / 2 * cols)
	src := source(t, 0, named{"a", F32, []int{rows / 2, cols}, half}, named{"b", F32, []int{rows / 2, cols}, slices.Clone(half)})
	used := allocated(func() {
		ld := NewLoader(src, func(string) Ref { return Ref{Join: []Ref{{Name: "a"}, {Name: "b"}}} })
		require.NotNil(t, ld.Matrix("w", rows, cols))
		require.NoError(t, ld.Finish())
	})
	require.Less(t, used, uint64(4*rows*cols*5/4))
}
