package conformance_test

// Damaged weights and files of weights: errors name file and tensor.

import (
	"encoding/binary"
	"math"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/testkit/ckpt"
)

// Damage to the weights is an error that names file and tensor.
func TestDamagedWeights(t *testing.T) {
	const file = "model.safetensors"
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, x *ckpt.Checkpoint)
		tensor string
	}{
		{"a NaN in a norm", func(t *testing.T, x *ckpt.Checkpoint) {
			x.Tensor(t, "model.layers.1.input_layernorm.weight").Update(func(i int, v float32) float32 {
				if i == 7 {
					return float32(math.NaN())
				}
				return v
			})
		}, "model.layers.1.input_layernorm.weight"},
		{"an infinity in a bias", func(t *testing.T, x *ckpt.Checkpoint) {
			x.Tensor(t, "visual.merger.mlp.2.bias").Update(func(int, float32) float32 { return float32(math.Inf(1)) })
		}, "visual.merger.mlp.2.bias"},
		{"a missing tensor", func(_ *testing.T, x *ckpt.Checkpoint) { x.Remove("model.layers.2.mlp.up_proj.weight") },
			"model.layers.2.mlp.up_proj.weight"},
		{"a missing tower", func(_ *testing.T, x *ckpt.Checkpoint) { x.Remove("visual.") }, "visual.patch_embed.proj.weight"},
		{"a tensor too many", func(_ *testing.T, x *ckpt.Checkpoint) {
			x.Tensors = append(x.Tensors, &ckpt.Tensor{Name: "model.layers.0.self_attn.z_proj.weight", DType: "F32", Shape: []int{2}, Data: make([]byte, 8)})
		}, "model.layers.0.self_attn.z_proj.weight"},
		{"another shape of as many elements", func(t *testing.T, x *ckpt.Checkpoint) {
			x.Tensor(t, "model.layers.0.self_attn.k_proj.weight").Shape = []int{64, 32}
		}, "model.layers.0.self_attn.k_proj.weight"},
		{"a matrix for a vector", func(t *testing.T, x *ckpt.Checkpoint) { x.Tensor(t, "model.norm.weight").Shape = []int{1, 64} },
			"model.norm.weight"},
		{"whole numbers as weights", func(t *testing.T, x *ckpt.Checkpoint) {
			x.Tensor(t, "model.layers.0.mlp.gate_proj.weight").DType = "I32"
		}, "model.layers.0.mlp.gate_proj.weight"},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := ckpt.Read(t, tinyDir)
			c.damage(t, x)
			e := loadError(t, x.FS())
			require.NotNil(t, e)
			require.Equal(t, [2]string{file, c.tensor}, [2]string{e.File, e.Field}, "%v", e)
			require.Contains(t, e.Error(), c.tensor)
		})
	}
}

// A file that was cut off anywhere, or whose header lies, is refused.
func TestDamagedWeightFiles(t *testing.T) {
	x := ckpt.Read(t, tinyDir)
	whole := ckpt.Encode(x.Tensors)
	header := int(binary.LittleEndian.Uint64(whole))
	refused := func(t *testing.T, data []byte) {
		files := x.FS()
		files["model.safetensors"] = &fstest.MapFile{Data: data}
		e := loadError(t, files)
		require.NotNil(t, e)
		require.Equal(t, "model.safetensors", e.File)
	}
	for i := range 16 {
		refused(t, whole[:len(whole)*i/16])
	}
	for _, n := range []int{0, 7, 8, 9, 8 + header - 1, 8 + header, len(whole) - 1} {
		refused(t, whole[:n])
	}
	for _, n := range []uint64{0, uint64(header) - 1, uint64(header) + 1, 1 << 32, math.MaxUint64} {
		refused(t, append(binary.LittleEndian.AppendUint64(nil, n), whole[8:]...))
	}
	refused(t, append(append([]byte{}, whole...), 0))

	sharded := x.Shards(t, 4)
	delete(sharded, "model-00003-of-00004.safetensors")
	e := loadError(t, sharded)
	require.NotNil(t, e)
	require.Contains(t, e.Error(), "model-00003-of-00004.safetensors")
}
