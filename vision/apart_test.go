package vision_test

// A tower whose checkpoint keeps q, k and v apart, and the convolution over two frames as two, as
// files for llama.cpp do: joined they are the tower itself, packed or not. What joins them is tested
// in internal/weights.

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/internal/family"
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/testkit"
	"github.com/qwenvl/qwenvl/internal/testkit/ckpt"
	"github.com/qwenvl/qwenvl/internal/weights"
	"github.com/qwenvl/qwenvl/vision"
)

const qkv, patchConv = "attn.qkv.", "patch_embed.proj.weight"

func TestTowerStoredApart(t *testing.T) {
	for _, fixture := range []string{"qwen2_vl-tiny", "qwen2_5_vl-tiny", "qwen3_vl_moe-tiny"} {
		for _, format := range []tensor.Format{tensor.F32, tensor.BF16, tensor.Int8} {
			t.Run(fixture+"/"+format.String(), func(t *testing.T) {
				ex := tensor.NewExec(2)
				defer ex.Close()
				_, media := open(t, fixture)
				whole := ckpt.Read(t, filepath.Join("../testdata", fixture))
				apart := whole.Clone()
				area := split(t, apart)
				names := func(n weights.Names) weights.Names { return n }
				want := encode(t, bindTower(t, ex, whole, names, format), ex, media)
				got := encode(t, bindTower(t, ex, apart, func(n weights.Names) weights.Names {
					return joinedNames(n, area)
				}, format), ex, media)
				testkit.SameBits(t, want.Floats(), got.Floats())
			})
		}
	}
}

// split takes the tensors of a checkpoint apart and returns the area of a patch in pixels.
func split(t *testing.T, c *ckpt.Checkpoint) (area int) {
	var out []*ckpt.Tensor
	add := func(x *ckpt.Tensor, name string, shape []int, data []byte) {
		out = append(out, &ckpt.Tensor{Name: name, DType: x.DType, Shape: shape, Data: data})
	}
	for _, x := range c.Tensors {
		switch n := len(x.Data); {
		case strings.Contains(x.Name, qkv):
			shape := append([]int{x.Shape[0] / 3}, x.Shape[1:]...)
			for i, part := range []string{"attn.q.", "attn.k.", "attn.v."} {
				add(x, strings.Replace(x.Name, qkv, part, 1), shape, x.Data[i*n/3:(i+1)*n/3])
			}
		case strings.HasSuffix(x.Name, patchConv):
			require.Len(t, x.Shape, 5)
			require.Equal(t, 2, x.Shape[2])
			area = x.Shape[3] * x.Shape[4]
			frames := [2][]byte{}
			run := n / (x.Shape[0] * x.Shape[1] * 2)
			for at := 0; at < n; at += run {
				frame := at / run % 2
				frames[frame] = append(frames[frame], x.Data[at:at+run]...)
			}
			shape := []int{x.Shape[0], x.Shape[1], x.Shape[3], x.Shape[4]}
			add(x, x.Name, shape, frames[0])
			add(x, x.Name+".1", shape, frames[1])
		default:
			out = append(out, x)
		}
	}
	require.Greater(t, len(out), len(c.Tensors)+1, "something is apart")
	require.NotZero(t, area)
	c.Tensors = out
	return area
}

// joinedNames finds the tensors of split by the names of the whole ones.
func joinedNames(names weights.Names, area int) weights.Names {
	return func(canonical string) weights.Ref {
		r := names(canonical)
		switch {
		case strings.HasSuffix(r.Name, patchConv):
			return weights.Ref{Join: []weights.Ref{r, {Name: r.Name + ".1"}}, Run: area}
		case strings.Contains(r.Name, qkv):
			var parts []weights.Ref
			for _, part := range []string{"attn.q.", "attn.k.", "attn.v."} {
				parts = append(parts, weights.Ref{Name: strings.Replace(r.Name, qkv, part, 1)})
			}
			return weights.Ref{Join: parts}
		}
		return r
	}
}

// bindTower binds a tower in a format and packs it.
func bindTower(t *testing.T, ex *tensor.Exec, c *ckpt.Checkpoint, wrap func(weights.Names) weights.Names,
	format tensor.Format) *vision.Encoder {
	t.Helper()
	from := checkpoint.OpenFS(c.FS())
	spec, err := family.Load(from)
	require.NoError(t, err)
	src, err := from.Tensors()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, src.Close()) })
	_, names := spec.Find(from, src)
	ld := weights.NewLoader(src, wrap(names)).As(format)
	ld.Ignore("model.*", "lm_head.*", "visual.merger.*")
	enc, err := vision.New(spec.Vision.Encoder, ld.Sub("vision"))
	require.NoError(t, err)
	require.NoError(t, ld.Finish())
	require.NoError(t, src.Pack(ex, ld.Pending()))
	return enc
}
