package weights

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/tensor"
)

// stacked is experts as [E, in, 2*out] and [E, out, in], the way fused mixtures store them, and the same untransposed.
func stacked(t testing.TB, experts, hidden, inter int) *Source {
	return source(t, 0,
		named{"gate_up", F32, []int{experts, hidden, 2 * inter}, seq(experts * hidden * 2 * inter)},
		named{"down", F32, []int{experts, inter, hidden}, seq(experts * inter * hidden)},
		named{"plain", F32, []int{experts, 2 * inter, hidden}, seq(experts * hidden * 2 * inter)},
	)
}

// stackedNames reads "gate.E.weight", "up.E.weight", "down.E.weight", and "pgate.E.weight", "pup.E.weight".
func stackedNames(hidden, inter int) Names {
	return func(canonical string) Ref {
		var what string
		var e int
		for _, w := range []string{"gate", "up", "down", "pgate", "pup"} {
			if n, _ := fmt.Sscanf(canonical, w+".%d.weight", &e); n == 1 {
				what = w
			}
		}
		switch what {
		case "gate":
			return Ref{Name: "gate_up", Transpose: true, Lo: e * hidden, Hi: (e + 1) * hidden, ColHi: inter}
		case "up":
			return Ref{Name: "gate_up", Transpose: true, Lo: e * hidden, Hi: (e + 1) * hidden, ColLo: inter, ColHi: 2 * inter}
		case "down":
			return Ref{Name: "down", Transpose: true, Lo: e * inter, Hi: (e + 1) * inter}
		case "pgate":
			return Ref{Name: "plain", Lo: 2 * e * inter, Hi: (2*e + 1) * inter}
		case "pup":
			return Ref{Name: "plain", Lo: (2*e + 1) * inter, Hi: (2*e + 2) * inter}
		}
		return Ref{Name: canonical}
	}
}

// values reads a matrix back through a product with unit vectors.
func values(t testing.TB, m *tensor.Matrix) [][]float32 {
	t.Helper()
	require.NotNil(t, m)
	ex := tensor.NewExec(1)
	defer ex.Close()
	x, y := ex.Alloc(m.Cols(), m.Cols()), ex.Alloc(m.Cols(), m.Rows())
	for i := range m.Cols() {
		clear(x.Row(i))
		x.Row(i)[i] = 1
	}
	ex.Linear(y, x.Input(), m, tensor.Identity)
	out := make([][]float32, m.Rows())
	for r := range out {
		for c := range m.Cols() {
			out[r] = append(out[r], y.Row(c)[r])
		}
	}
	return out
}

func TestStackedExperts(t *testing.T) {
	const experts, hidden, inter = 3, 5, 4
	src, names := stacked(t, experts, hidden, inter), stackedNames(hidden, inter)
	ld := NewLoader(src, names)
	for e := range experts {
		gate, up := ld.Matrix(fmt.Sprint("gate.", e), inter, hidden), ld.Matrix(fmt.Sprint("up.", e), inter, hidden)
		down := ld.Matrix(fmt.Sprint("down.", e), hidden, inter)
		pgate, pup := ld.Matrix(fmt.Sprint("pgate.", e), inter, hidden), ld.Matrix(fmt.Sprint("pup.", e), inter, hidden)
		g, u, d, pg, pu := values(t, gate), values(t, up), values(t, down), values(t, pgate), values(t, pup)
		for o := range inter {
			for i := range hidden {
				at := (e*hidden+i)*2*inter + o + 1 // values count from 1
				require.Equal(t, float32(at), g[o][i])
				require.Equal(t, float32(at+inter), u[o][i])
				require.Equal(t, float32((e*inter+o)*hidden+i+1), d[i][o])
				require.Equal(t, float32((2*e*inter+o)*hidden+i+1), pg[o][i])
				require.Equal(t, float32(((2*e+1)*inter+o)*hidden+i+1), pu[o][i])
			}
		}
	}
	require.NoError(t, ld.Finish())

	shape, ok := ld.Shape("gate.1.weight")
	require.True(t, ok)
	require.Equal(t, []int{experts, hidden, 2 * inter}, shape)
	shape[0] = 99 // the caller's own
	shape, _ = ld.Sub("gate").Shape("1.weight")
	require.Equal(t, experts, shape[0])
	_, ok = ld.Shape("none")
	require.False(t, ok)
}

// Whatever part is left out or taken twice is reported, along rows and along columns.
func TestPartsAreAccountedFor(t *testing.T) {
	const experts, hidden, inter = 2, 3, 4
	names := stackedNames(hidden, inter)
	src := stacked(t, experts, hidden, inter)
	all := []string{"gate.0", "up.0", "gate.1", "up.1"}
	for skip := range all {
		ld := NewLoader(src, names)
		ld.Ignore("down", "plain")
		for i, n := range all {
			if i != skip {
				require.NotNil(t, ld.Matrix(n, inter, hidden))
			}
		}
		var ue *UnusedError
		require.ErrorAs(t, ld.Finish(), &ue)
		require.Equal(t, []string{"gate_up"}, ue.Tensors)
	}
	overlap := func(part, whole Ref, cols, rows int) error {
		ld := NewLoader(src, func(c string) Ref {
			if c == "whole.weight" {
				return whole
			}
			return part
		})
		ld.Ignore("*")
		require.NotNil(t, ld.Matrix("part", rows, cols))
		ld.Matrix("whole", 1, 1)
		return ld.Finish()
	}
	gate0 := Ref{Name: "gate_up", Transpose: true, Hi: hidden, ColHi: inter}
	cases := []struct {
		name    string
		part    Ref
		overlap bool
	}{
		{"corner", Ref{Name: "gate_up", Transpose: true, Lo: 2, Hi: 3, ColLo: 3, ColHi: 4}, true},
		{"row below", Ref{Name: "gate_up", Transpose: true, Lo: 3, Hi: 4, ColLo: 3, ColHi: 4}, false},
		{"column beside", Ref{Name: "gate_up", Transpose: true, Lo: 2, Hi: 3, ColLo: 4, ColHi: 5}, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := overlap(gate0, c.part, hidden, inter)
			if c.overlap {
				var de *DuplicateError
				require.ErrorAs(t, err, &de)
				require.Equal(t, "gate_up", de.Tensor)
			} else {
				require.NoError(t, err)
			}
		})
	}
	t.Run("whole rows and a transposed part", func(t *testing.T) {
		ld := NewLoader(src, func(c string) Ref {
			if c == "rows.weight" {
				return Ref{Name: "gate_up", Lo: 1, Hi: 2} // the second expert, as one row
			}
			return names(c)
		})
		ld.Ignore("down", "plain")
		require.NotNil(t, ld.Matrix("rows", 1, hidden*2*inter))
		require.Nil(t, ld.Matrix("up.1", inter, hidden))
		require.NotNil(t, ld.Matrix("up.0", inter, hidden))
		require.NotNil(t, ld.Matrix("gate.0", inter, hidden))
		err := ld.Finish()
		var de *DuplicateError
		require.ErrorAs(t, err, &de)
		require.Equal(t, "up.1.weight", de.For)
		require.NotContains(t, err.Error(), "unused")
	})
}

func TestTransposedShapes(t *testing.T) {
	src := source(t, 0,
		named{"w", F32, []int{3, 4}, seq(12)},
		named{"v", F32, []int{4}, seq(4)},
		named{"i", I32, []int{3, 4}, seq(12)},
		named{"s", F32, nil, seq(1)},
		named{"none", F32, []int{0, 4}, nil},
		named{"wide", F32, []int{3, 0}, nil},
		named{"wrap", F32, []int{0, math.MaxInt/2 + 1, 4}, nil},
	)
	cases := []struct {
		name       string
		ref        Ref
		rows, cols int
		ok         bool
	}{
		{"whole", Ref{Name: "w"}, 4, 3, true},
		{"not turned", Ref{Name: "w"}, 3, 4, false},
		{"rows", Ref{Name: "w", Lo: 1, Hi: 3}, 4, 2, true},
		{"columns", Ref{Name: "w", ColLo: 1, ColHi: 3}, 2, 3, true},
		{"both", Ref{Name: "w", Lo: 2, Hi: 3, ColLo: 3, ColHi: 4}, 1, 1, true},
		{"rows beyond", Ref{Name: "w", Lo: 2, Hi: 4}, 4, 2, false},
		{"columns beyond", Ref{Name: "w", ColLo: 3, ColHi: 5}, 2, 3, false},
		{"negative row", Ref{Name: "w", Lo: -1, Hi: 1}, 4, 2, false},
		{"negative column", Ref{Name: "w", ColLo: -1, ColHi: 1}, 2, 3, false},
		{"too few columns", Ref{Name: "w", ColLo: 1, ColHi: 3}, 3, 3, false},
		{"vector", Ref{Name: "v"}, 4, 1, false},
		{"scalar", Ref{Name: "s"}, 1, 1, false},
		{"no rows", Ref{Name: "none"}, 4, 0, true},
		{"no columns", Ref{Name: "wide"}, 0, 3, true},
		{"wraps around", Ref{Name: "wrap"}, 4, 0, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.ref.Transpose = true
			ld := NewLoader(src, func(string) Ref { return c.ref })
			m := ld.Matrix("x", c.rows, c.cols)
			ld.Ignore("*")
			err := ld.Finish()
			require.Equal(t, c.ok, m != nil)
			if c.ok {
				require.NoError(t, err)
				require.Equal(t, []int{c.rows, c.cols}, []int{m.Rows(), m.Cols()})
				return
			}
			var se *ShapeError
			require.ErrorAs(t, err, &se)
			require.Equal(t, []int{c.cols, c.rows}, se.Want)
		})
	}
	ld := NewLoader(src, func(string) Ref { return Ref{Name: "i", Transpose: true} })
	require.Nil(t, ld.Matrix("x", 4, 3))
	ld.Ignore("*")
	var ue *UnsupportedError
	require.ErrorAs(t, ld.Finish(), &ue)
}

// Every size about the tile, both element widths, odd addresses.
func TestTransposeSizes(t *testing.T) {
	for _, rows := range []int{1, 2, 31, 32, 33, 70} {
		for _, cols := range []int{1, 31, 32, 33, 65} {
			for _, size := range []int{2, 4} {
				for _, shift := range []int{0, 1} {
					ld := rows + 3
					src := make([]byte, shift+ld*cols*size)
					for i := range src {
						src[i] = byte(i*i>>3 ^ i)
					}
					src = src[shift:]
					dst := newBuffer(rows * cols * size)
					if size == 2 {
						transpose[uint16](dst, src, ld, rows, cols)
					} else {
						transpose[uint32](dst, src, ld, rows, cols)
					}
					for r := range rows {
						for c := range cols {
							require.Equal(t, src[(c*ld+r)*size:][:size], dst[(r*cols+c)*size:][:size], "%d %d %d", r, c, size)
						}
					}
				}
			}
		}
	}
}

func TestPlusOne(t *testing.T) {
	src := source(t, 0,
		named{"norm.weight", BF16, []int{4}, u16(0x3f80, 0xbf80, 0x0000, 0x3b80)}, // 1, -1, 0, 2⁻⁸
		named{"other.weight", F32, []int{1}, f32(1)},
	)
	rename := Rename("n.*", "norm.*")
	names := func(c string) Ref {
		r := rename(c)
		r.PlusOne = r.Name == "norm.weight"
		return r
	}
	ld := NewLoader(src, names)
	// 1+2⁻⁸ has no bfloat16: the sum is float32's.
	require.Equal(t, []float32{2, 0, 1, 1 + 1.0/256}, ld.Vector("n.weight", 4))
	require.Equal(t, []float32{1}, ld.Vector("other.weight", 1))
	require.NoError(t, ld.Finish())

	half := NewLoader(src, func(c string) Ref { return Ref{Name: "norm.weight", PlusOne: true, Lo: 2, Hi: 4} })
	require.Equal(t, []float32{1, 1 + 1.0/256}, half.Vector("x", 2))
	var ue *UnusedError
	require.ErrorAs(t, half.Finish(), &ue)
	require.Equal(t, []string{"norm.weight", "other.weight"}, ue.Tensors)
}

func TestReferencesThatMakeNoSense(t *testing.T) {
	src := source(t, 0, named{"w", F32, []int{1, 1}, f32(1)})
	for name, ref := range map[string]Ref{
		"columns": {Name: "w", ColHi: 1}, "plus one": {Name: "w", PlusOne: true}, "plus one transposed": {Name: "w", PlusOne: true, Transpose: true},
	} {
		t.Run("matrix "+name, func(t *testing.T) {
			require.PanicsWithValue(t, badRef, func() { NewLoader(src, func(string) Ref { return ref }).Matrix("w", 1, 1) })
		})
	}
	for name, ref := range map[string]Ref{"columns": {Name: "w", ColHi: 1}, "transposed": {Name: "w", Transpose: true}} {
		t.Run("vector "+name, func(t *testing.T) {
			require.PanicsWithValue(t, badRef, func() { NewLoader(src, func(string) Ref { return ref }).Vector("w", 1) })
		})
	}
}

// BenchmarkTranspose copies one expert's half of [2048, 2·768], whose rows are 3 KiB, and of a power of two.
func BenchmarkTranspose(b *testing.B) {
	for _, inter := range []int{768, 1024} {
		b.Run(fmt.Sprintf("rows=%d/cols=2048", inter), func(b *testing.B) {
			src := make([]byte, 2048*2*inter*2)
			for i := 0; i < len(src); i += 2 {
				binary.LittleEndian.PutUint16(src[i:], uint16(i))
			}
			dst := newBuffer(inter * 2048 * 2)
			b.SetBytes(int64(len(dst)))
			for b.Loop() {
				transpose[uint16](dst, src, 2*inter, inter, 2048)
			}
		})
	}
}
