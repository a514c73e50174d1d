package weights

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/tensor"
)

// seq is n float32 values 1, 2, 3, …
func seq(n int) []byte {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(i + 1)
	}
	return f32(v...)
}

func TestBind(t *testing.T) {
	src := source(t, 0,
		named{"model.layers.3.q_proj.weight", BF16, []int{2, 3}, u16(0x3f80, 0x4000, 0x4040, 0x4080, 0x40a0, 0x40c0)},
		named{"model.layers.3.q_proj.bias", F16, []int{2}, u16(0x3c00, 0xc000)},
		named{"patch.weight", F32, []int{2, 3, 2, 1, 1}, seq(12)},
		named{"norm.weight", F32, []int{3}, f32(1, -2, 0.5)},
		named{"table", F32, []int{2, 2}, seq(4)},
		named{"mtp.fc.weight", F64, []int{1}, make([]byte, 8)},
		named{"rotary.inv_freq", F32, []int{1}, f32(1)},
	)
	ld := NewLoader(src, Rename("layer.*.attn.q.*", "model.layers.*.q_proj.*"))
	q := ld.Sub("layer", 3).MatrixBias("attn.q", 2, 3)
	patch := ld.Matrix("patch", 2, 6)
	norm := ld.Vector("norm.weight", 3)
	table := ld.Floats("table", 2, 2)
	require.True(t, ld.Sub("layer", 3).Has("attn.q.weight"))
	require.False(t, ld.Sub("layer", 3).Has("attn.k.weight"))
	ld.Ignore("mtp.*", "*.inv_freq")
	require.NoError(t, ld.Finish())

	require.Equal(t, []int{2, 3}, []int{q.Rows(), q.Cols()})
	require.Equal(t, tensor.BF16, q.Format())
	require.Equal(t, []int{2, 6}, []int{patch.Rows(), patch.Cols()})
	require.Equal(t, tensor.F32, patch.Format())
	require.Equal(t, []float32{1, -2, 0.5}, norm)
	require.Equal(t, []float32{1, 2, 3, 4}, table)
}

// A matrix costs no memory where the file's layout allows, else one copy.
func TestMatrixIsUsedInPlaceWhenAligned(t *testing.T) {
	const rows, cols = 512, 512
	bytes := uint64(4 * rows * cols)
	for pad := range 8 {
		t.Run(fmt.Sprint("pad=", pad), func(t *testing.T) {
			src := source(t, pad, named{"w.weight", F32, []int{rows, cols}, seq(rows * cols)})
			inPlace := pad%4 == 0
			used := allocated(func() {
				ld := NewLoader(src, nil)
				require.NotNil(t, ld.Matrix("w", rows, cols))
				require.NoError(t, ld.Finish())
			})
			require.Equal(t, inPlace, used < bytes/2, "%d bytes allocated", used)
			require.Less(t, used, bytes*3/2)
			x, _ := src.Tensor("w.weight")
			got := aligned(x.Data, 4)
			require.Equal(t, seq(rows*cols), got)
			require.Zero(t, uintptr(unsafe.Pointer(&got[0]))%4)
			require.Equal(t, inPlace, &got[0] == &x.Data[0])
		})
	}
}

// One tensor that holds several of the model's, cut by rows.
func TestParts(t *testing.T) {
	src := source(t, 0,
		named{"qkv.weight", F32, []int{6, 2}, seq(12)},
		named{"qkv.bias", F32, []int{6}, seq(6)},
		named{"experts", F32, []int{2, 3, 4}, seq(24)},
	)
	names := func(canonical string) Ref {
		switch canonical {
		case "q.weight", "q.bias":
			return Ref{Name: "qkv" + canonical[1:], Hi: 4}
		case "k.weight", "k.bias":
			return Ref{Name: "qkv" + canonical[1:], Lo: 4, Hi: 6}
		case "expert.0.weight":
			return Ref{Name: "experts", Hi: 3}
		case "expert.1.weight":
			return Ref{Name: "experts", Lo: 3, Hi: 6}
		case "over.weight":
			return Ref{Name: "experts", Lo: 4, Hi: 7}
		case "again.weight":
			return Ref{Name: "experts", Lo: 2, Hi: 5}
		}
		return Ref{Name: canonical}
	}
	t.Run("all", func(t *testing.T) {
		ld := NewLoader(src, names)
		q, k := ld.MatrixBias("q", 4, 2), ld.MatrixBias("k", 2, 2)
		e0, e1 := ld.Matrix("expert.0", 3, 4), ld.Matrix("expert.1", 3, 4)
		require.NoError(t, ld.Finish())
		require.Equal(t, []int{4, 2, 3, 3}, []int{q.Rows(), k.Rows(), e0.Rows(), e1.Rows()})
	})
	t.Run("vector", func(t *testing.T) {
		ld := NewLoader(src, names)
		require.Equal(t, []float32{5, 6}, ld.Vector("k.bias", 2))
	})
	t.Run("a part left over is unused", func(t *testing.T) {
		ld := NewLoader(src, names)
		ld.MatrixBias("q", 4, 2)
		ld.Matrix("k", 2, 2)
		ld.Matrix("expert.1", 3, 4)
		var ue *UnusedError
		require.ErrorAs(t, ld.Finish(), &ue)
		require.Equal(t, []string{"experts", "qkv.bias"}, ue.Tensors)
	})
	t.Run("beyond the end", func(t *testing.T) {
		ld := NewLoader(src, names)
		require.Nil(t, ld.Matrix("over", 3, 4))
		var se *ShapeError
		require.ErrorAs(t, ld.Finish(), &se)
	})
	t.Run("overlap", func(t *testing.T) {
		ld := NewLoader(src, names)
		ld.Matrix("expert.0", 3, 4)
		require.Nil(t, ld.Matrix("again", 3, 4))
		var de *DuplicateError
		require.ErrorAs(t, ld.Finish(), &de)
		require.Equal(t, "again.weight", de.For)
	})
}

// All problems come at once, each of its own type and naming file and tensor.
func TestFinishReportsEverything(t *testing.T) {
	nan := float32(math.NaN())
	src := source(t, 0,
		named{"w.weight", F32, []int{2, 3}, seq(6)},
		named{"transposed.weight", F32, []int{3, 2}, seq(6)},
		named{"int.weight", I32, []int{1, 1}, make([]byte, 4)},
		named{"int.bias", I64, []int{1}, make([]byte, 8)},
		named{"nan.weight", F32, []int{3}, f32(1, 2, nan)},
		named{"inf.bias", BF16, []int{2}, u16(0xff80, 0)},
		named{"inf.weight", BF16, []int{2, 1}, u16(0, 0)},
		named{"scalar", F32, nil, f32(1)},
		named{"left", F32, []int{1}, f32(1)},
	)
	ld := NewLoader(src, nil)
	require.NotNil(t, ld.Matrix("w", 2, 3))
	require.Nil(t, ld.Matrix("w", 2, 3))
	require.Nil(t, ld.Matrix("transposed", 2, 3))
	require.Nil(t, ld.MatrixBias("absent", 2, 3))
	require.Nil(t, ld.MatrixBias("int", 1, 1))
	require.Nil(t, ld.Vector("nan.weight", 3))
	require.Nil(t, ld.MatrixBias("inf", 2, 1))
	require.Nil(t, ld.Vector("scalar", 1))
	err := ld.Finish()
	var all []string
	for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
		all = append(all, e.Error())
		require.Contains(t, e.Error(), singleFile)
	}
	require.Equal(t, []string{
		`weights: tensor bound twice: model.safetensors: "w.weight" (for w.weight)`,
		`weights: wrong shape: model.safetensors: "transposed.weight": got [3 2], want [2 3]`,
		`weights: missing tensor: model.safetensors: "absent.weight" (for absent.weight)`,
		`weights: missing tensor: model.safetensors: "absent.bias" (for absent.bias)`,
		`weights: unsupported: model.safetensors: "int.weight": a weight matrix of type I32`,
		`weights: unsupported: model.safetensors: "int.bias": a vector of type I64`,
		`weights: not finite: model.safetensors: "nan.weight": element 2 is NaN`,
		`weights: not finite: model.safetensors: "inf.bias": element 0 is -Inf`,
		`weights: wrong shape: model.safetensors: "scalar": got [], want [1]`,
		`weights: tensors that config.json has no place for (1): model.safetensors: "left"`,
	}, all)
	for _, target := range []any{new(*DuplicateError), new(*ShapeError), new(*MissingError), new(*UnsupportedError), new(*ValueError), new(*UnusedError)} {
		require.True(t, errors.As(err, target), "%T", target)
	}
	var se *ShapeError
	require.ErrorAs(t, err, &se)
	require.Equal(t, ShapeError{File: singleFile, Tensor: "transposed.weight", Want: []int{2, 3}, Got: []int{3, 2}}, *se)
}

func TestReportsAreCapped(t *testing.T) {
	var tensors []named
	for i := range 100 {
		tensors = append(tensors, named{fmt.Sprintf("t%02d", i), F32, []int{1}, f32(1)})
	}
	ld := NewLoader(source(t, 0, tensors...), nil)
	for i := range 1000 {
		ld.Sub("layer", i).Vector("norm", 1)
	}
	err := ld.Finish()
	require.ErrorContains(t, err, fmt.Sprintf("%d more problems", 1000-maxProblems))
	require.ErrorContains(t, err, "tensors that config.json has no place for (100)")
	require.ErrorContains(t, err, "and 80 more")
	require.Less(t, len(err.Error()), 10_000)
}

// A convolution is a matrix only if its dimensions multiply up, and hostile ones do not wrap around.
func TestShapes(t *testing.T) {
	huge := math.MaxInt/2 + 1
	src := source(t, 0,
		named{"conv.weight", F32, []int{2, 3, 4}, seq(24)},
		named{"flat.weight", F32, []int{24}, seq(24)},
		named{"wrap.weight", F32, []int{0, huge, 4}, nil},
		named{"none.weight", F32, []int{0, 3}, nil},
	)
	cases := []struct {
		name       string
		rows, cols int
		ok         bool
	}{
		{"conv", 2, 12, true}, {"conv", 6, 4, false}, {"conv", 2, 4, false}, {"conv", 24, 1, false}, {"conv", -2, -12, false},
		{"flat", 24, 1, false}, {"flat", 1, 24, false},
		{"wrap", 0, 0, false}, {"none", 0, 3, true}, {"none", 0, 2, false}, {"none", 1, 3, false},
	}
	for _, c := range cases {
		t.Run(fmt.Sprintf("%s %dx%d", c.name, c.rows, c.cols), func(t *testing.T) {
			ld := NewLoader(src, nil)
			require.Equal(t, c.ok, ld.Matrix(c.name, c.rows, c.cols) != nil)
			ld.Ignore("*")
			var se *ShapeError
			require.Equal(t, !c.ok, errors.As(ld.Finish(), &se))
		})
	}
	ld := NewLoader(src, nil)
	require.Nil(t, ld.Floats("conv.weight", 2, 12))
	require.Nil(t, ld.Floats("conv.weight"))
	require.Len(t, ld.Floats("conv.weight", 2, 3, 4), 24)
	require.Empty(t, ld.Floats("none.weight", 0, 3))
}

func TestCheckFinite(t *testing.T) {
	const n = 1 << 17
	for _, at := range []int{0, 1<<14 - 1, 1 << 14, n - 1} {
		v := make([]float32, n)
		v[at] = float32(math.Inf(-1))
		src := source(t, 0, named{"ids", I64, []int{1}, make([]byte, 8)}, named{"w", F32, []int{n}, f32(v...)})
		var ve *ValueError
		require.ErrorAs(t, src.CheckFinite(), &ve)
		require.Equal(t, ValueError{File: singleFile, Tensor: "w", Index: at, Value: math.Inf(-1)}, *ve)
	}
}

func TestRename(t *testing.T) {
	names := Rename(
		"embed.weight", "model.embed_tokens.weight",
		"layer.*.attn.o.*", "model.layers.*.self_attn.o_proj.*",
		"vision.block.*.*", "visual.blocks.*.*",
		"vision.*", "visual.*",
	)
	for canonical, want := range map[string]string{
		"embed.weight":            "model.embed_tokens.weight",
		"embed.weights":           "embed.weights",
		"embed":                   "embed",
		"layer.12.attn.o.weight":  "model.layers.12.self_attn.o_proj.weight",
		"layer.12.attn.o":         "layer.12.attn.o",
		"vision.block.0.mlp.up.b": "visual.blocks.0.mlp.up.b",
		"vision.patch.weight":     "visual.patch.weight",
		"vision":                  "vision",
		"head.weight":             "head.weight",
	} {
		require.Equal(t, Ref{Name: want}, names(canonical), canonical)
	}
	require.PanicsWithValue(t, badTable, func() { Rename(strings.Fields("a")...) })
	require.PanicsWithValue(t, badTable, func() { Rename("a.*", "b") })
	require.PanicsWithValue(t, badPart, func() { NewLoader(&Source{}, nil).Sub(1.5) })
}
