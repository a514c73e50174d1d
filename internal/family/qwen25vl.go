package family

// Qwen2.5-VL: as qwen2vl.go, with windows in the tower, and time in the positions of videos.

import (
	"slices"

	"github.com/qwenvl/qwenvl/adapter"
	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/internal/grounding"
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/weights"
	"github.com/qwenvl/qwenvl/vision"
)

// qwen25VL is Qwen2-VL with attention windows, RMS norms and gated MLPs in the tower, and positions
// of videos in real time.
//
// Source: Qwen2.5-VL (arXiv 2502.13923), section 2.1; transformers, Qwen2_5_VLConfig.
func qwen25VL(c object, from checkpoint.Checkpoint) (Spec, error) {
	d := qwen2VLDecoder(c)
	v := visionConfig(c, qwen25VLTower)
	g := patchGeometry(v)
	width := v.int("hidden_size", maxWidth)
	if out := v.int("out_hidden_size", maxWidth); out != d.HiddenSize {
		v.fail("out_hidden_size", "is not the decoder's hidden_size", nil)
	}
	v.act("silu", "swish")
	window := v.int("window_size", 1<<14)
	if window%(g.patch*g.merge) != 0 {
		v.fail("window_size", "is not a whole number of merge groups", nil)
	}
	full, depth := list[int](v, "fullatt_block_indexes", -1), towerDepth(v)
	slices.Sort(full) // their order means nothing, nor do blocks that a shorter tower has not
	full = slices.DeleteFunc(slices.Compact(full), func(i int) bool { return i >= depth })
	pixels, err := preprocessor(from, g, perFrame)
	if err != nil {
		return Spec{}, err
	}
	return Spec{
		LLM: d,
		Vision: &Vision{
			Encoder: vision.Config{
				HiddenSize: width, IntermediateSize: v.int("intermediate_size", maxWidth),
				NumHeads: towerHeads(v, width), Depth: depth, PatchDim: g.dim(), MergeSize: g.merge,
				Norm: vision.RMSNorm, Eps: 1e-6, Act: tensor.SiLU, Gated: true,
				Window: window / g.patch / g.merge, FullAttention: full,
			},
			Adapter: adapter.Config{Merger: &adapter.MergerConfig{
				InputSize: width, OutputSize: d.HiddenSize, MergeSize: g.merge, RMS: true,
				Eps: 1e-6, Act: tensor.GELU,
			}},
			Preprocess: pixels,
			ImageToken: "<|image_pad|>",
			VideoToken: "<|video_pad|>",
			Spatial:    true,
			TimeRate:   v.float("tokens_per_second", 1e6),
			Grounding:  grounding.ResizedPixels,
		},
		Layouts: []Layout{{Probe: "model.embed_tokens.weight", Names: qwen25VLNames()}},
		Parts:   qwen2VLParts,
	}, nil
}

func qwen25VLNames() weights.Names {
	return weights.Rename(append([]string{
		"vision.blocks.*.mlp.gate.*", "visual.blocks.*.mlp.gate_proj.*",
		"vision.blocks.*.mlp.fc1.*", "visual.blocks.*.mlp.up_proj.*",
		"vision.blocks.*.mlp.fc2.*", "visual.blocks.*.mlp.down_proj.*",
	}, qwen2VLPairs()...)...)
}
