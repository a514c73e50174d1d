package vision_test

// What a traced pass shows inside a block, for every kind of tower: that it is there, has its
// shape, adds up, and that showing it changes nothing.

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/internal/family"
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/testkit"
	"github.com/qwenvl/qwenvl/internal/weights"
	"github.com/qwenvl/qwenvl/preprocess"
	"github.com/qwenvl/qwenvl/rope"
	"github.com/qwenvl/qwenvl/vision"
)

func TestTraceInsideABlock(t *testing.T) {
	for _, fixture := range []string{"qwen2_vl-tiny", "qwen2_5_vl-tiny", "qwen-vl-small", "kimi-vl-tiny",
		"qwen3_vl_moe-tiny", "qwen3_5_moe-tiny"} {
		t.Run(fixture, func(t *testing.T) {
			ex := tensor.NewExec(2)
			defer ex.Close()
			enc, media := open(t, fixture)
			plain := encode(t, enc, ex, media)
			stages := map[string]tensor.Tensor{}
			ex.SetTrace(func(stage string, index int, x tensor.Tensor) {
				stages[fmt.Sprintf("%s.%d", stage, index)] = clone(x)
			})
			testkit.SameBits(t, plain.Floats(), encode(t, enc, ex, media).Floats())
			ex.SetTrace(nil)

			before := tensor.Tensor{}
			for i := range enc.Config().Depth {
				attn := stages[fmt.Sprintf("vision.attn.%d", i)]
				in := stages[fmt.Sprintf("vision.ffn_in.%d", i)]
				out := stages[fmt.Sprintf("vision.block.%d", i)]
				for _, v := range []tensor.Tensor{attn, in, out} {
					require.Equal(t, [2]int{plain.Rows, enc.Config().HiddenSize},
						[2]int{v.Rows, v.Cols})
				}
				if i > 0 {
					require.NotEqual(t, before.Floats(), attn.Floats(),
						"the attention adds something")
				}
				requireNormalized(t, enc.MLPNorm(i), attn, in)

				// The rows after the attention and what the MLP makes of them are the output.
				sum := clone(attn)
				enc.AddMLP(ex, i, sum)
				require.NotEqual(t, attn.Floats(), sum.Floats())
				testkit.SameBits(t, out.Floats(), sum.Floats())
				before = out
			}
		})
	}
}

// open loads a fixture's tower and makes random patches for it: two pictures and a video.
func open(t *testing.T, fixture string, change ...func(*vision.Config)) (
	*vision.Encoder, []*preprocess.Patches) {
	t.Helper()
	dir := filepath.Join("../testdata", fixture)
	from, err := checkpoint.Open(dir)
	require.NoError(t, err)
	spec, err := family.Load(from)
	require.NoError(t, err)
	src, err := from.Tensors()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, src.Close()) })
	_, names := spec.Find(from, src)
	ld := weights.NewLoader(src, names)
	ld.Ignore("*")
	for _, f := range change {
		f(&spec.Vision.Encoder)
	}
	enc, err := vision.New(spec.Vision.Encoder, ld.Sub("vision"))
	require.NoError(t, err)
	require.NoError(t, ld.Finish())

	c, rng := enc.Config(), rand.New(rand.NewPCG(7, 7))
	grids := []rope.Grid{{T: 1, H: 6, W: 10}, {T: 1, H: 4, W: 4}, {T: 2, H: 8, W: 6}}
	var media []*preprocess.Patches
	for _, g := range grids {
		g.H, g.W = g.H*c.MergeSize/2, g.W*c.MergeSize/2
		p := &preprocess.Patches{N: g.Patches(), Dim: c.PatchDim, Grid: g}
		for range p.N * p.Dim {
			p.Data = append(p.Data, float32(rng.NormFloat64()))
		}
		media = append(media, p)
	}
	return enc, media
}

func encode(t *testing.T, enc *vision.Encoder, ex *tensor.Exec, media []*preprocess.Patches) tensor.Tensor {
	t.Helper()
	j := enc.Begin(slices.Clone(media))
	for {
		done, err := j.Step(ex)
		require.NoError(t, err)
		if done {
			return j.Features().Rows
		}
	}
}

func clone(x tensor.Tensor) tensor.Tensor {
	out := tensor.New(x.Rows, x.Cols)
	copy(out.Floats(), x.Floats())
	return out
}

// requireNormalized demands that y is x after a norm.
func requireNormalized(t *testing.T, n *tensor.Norm, x, y tensor.Tensor) {
	t.Helper()
	for r := range x.Rows {
		mean, sum := 0.0, 0.0
		if n.Center {
			for _, v := range x.Row(r) {
				mean += float64(v) / float64(x.Cols)
			}
		}
		for _, v := range x.Row(r) {
			sum += (float64(v) - mean) * (float64(v) - mean)
		}
		scale := 1 / math.Sqrt(sum/float64(x.Cols)+float64(n.Eps))
		for i, v := range x.Row(r) {
			want := (float64(v) - mean) * scale * float64(n.Weight[i])
			if n.Center {
				want += float64(n.Bias[i])
			}
			require.InDelta(t, want, y.Row(r)[i], 1e-5*(1+math.Abs(want)))
		}
	}
}
