package adapter_test

// The resampler's optional projection, with one and without.

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/adapter"
	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/internal/family"
	"github.com/qwenvl/qwenvl/internal/shards"
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/testkit"
	"github.com/qwenvl/qwenvl/internal/testkit/ckpt"
	"github.com/qwenvl/qwenvl/internal/weights"
	"github.com/qwenvl/qwenvl/rope"
)

// A tower as wide as the decoder needs no projection of its features. Without one they are taken as
// they are, and one that is there is applied.
func TestResamplerProjection(t *testing.T) {
	const dir = "../testdata/qwen-vl-small"
	from, err := checkpoint.Open(dir)
	require.NoError(t, err)
	spec, err := family.Load(from)
	require.NoError(t, err)
	c := *spec.Vision.Adapter.Resampler
	require.True(t, c.Project)
	c.InputSize, c.Project = c.OutputSize, false
	x := tensor.New(c.Grid*c.Grid*2, c.InputSize)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range x.Floats() {
		x.Floats()[i] = float32(rng.NormFloat64())
	}
	ex := tensor.NewExec(2)
	defer ex.Close()
	run := func(change func(*ckpt.Checkpoint)) []float32 {
		changed := ckpt.Read(t, dir)
		change(changed)
		src, err := shards.OpenFS(changed.FS())
		require.NoError(t, err)
		defer src.Close()
		_, names := spec.Find(from, src)
		ld := weights.NewLoader(src, names)
		ld.Ignore("transformer.wte.*", "transformer.h.*", "transformer.ln_f.*", "lm_head.*",
			"transformer.visual.transformer.*",
			"transformer.visual.conv1.*", "transformer.visual.ln_pre.*",
			"transformer.visual.positional_embedding")
		a, err := adapter.New(adapter.Config{Resampler: &c}, ld.Sub("adapter"))
		require.NoError(t, err)
		require.NoError(t, ld.Finish())
		g := rope.Grid{T: 1, H: c.Grid, W: c.Grid}
		out, err := a.Forward(ex, adapter.Input{Rows: x, Grids: []rope.Grid{g, g}})
		require.NoError(t, err)
		return slices.Clone(out.Rows.Floats())
	}
	const name = "transformer.visual.attn_pool.kv_proj.weight"
	with := func(diagonal float32) func(*ckpt.Checkpoint) {
		return func(x *ckpt.Checkpoint) {
			v := make([]float32, c.InputSize*c.InputSize)
			for i := 0; i < len(v); i += c.InputSize + 1 {
				v[i] = diagonal
			}
			v[1] = diagonal - 1 // 0 for the identity
			w := x.Tensor(t, name)
			w.Shape = []int{c.InputSize, c.InputSize}
			w.Set(v)
		}
	}
	want := run(func(x *ckpt.Checkpoint) { x.Remove(name) })
	testkit.SameBits(t, want, run(with(1)))
	require.NotEqual(t, want, run(with(2)))
}
