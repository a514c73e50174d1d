package family

// Qwen2-VL: the decoder of qwen2.go behind a tower of full attention and a merger of 2×2 patches.
// qwen25vl.go has the same names of tensors and another tower.

import (
	"strconv"

	"github.com/qwenvl/qwenvl/adapter"
	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/weights"
	"github.com/qwenvl/qwenvl/vision"
)

// qwen2VL is the Qwen2 decoder with M-RoPE behind a vision transformer and a patch merger.
//
// Source: Qwen2-VL (arXiv 2409.12191), section 2; transformers, Qwen2VLConfig.
func qwen2VL(c object, from checkpoint.Checkpoint) (Spec, error) {
	text := textConfig(c)
	d := decoder(text)
	d.TiedHead = c.boolOr("tie_word_embeddings", d.TiedHead)
	rotary{dim: d.Layers[0].GQA.HeadDim, theta: 1e6, section: []int{16, 24, 24}}.read(text, &d)

	v := visionConfig(c)
	g := patchGeometry(v, 14)
	width := v.int("embed_dim", maxWidth)
	if out := v.intOr("hidden_size", maxWidth, d.HiddenSize); out != d.HiddenSize {
		v.fail("hidden_size", "is not the decoder's hidden_size", nil)
	}
	if act := v.stringOr("hidden_act", "quick_gelu"); act != "quick_gelu" {
		v.unsupported("hidden_act", act)
	}
	inner := int(float64(width) * v.floatOr("mlp_ratio", 1<<8, 4))
	if inner < 1 || inner > maxWidth {
		v.fail("mlp_ratio", "makes an MLP of "+strconv.Itoa(inner)+" channels", nil)
	}
	pixels, err := preprocessor(from, g)
	if err != nil {
		return Spec{}, err
	}
	vis := &Vision{
		Encoder: vision.Config{
			HiddenSize:       width,
			IntermediateSize: inner,
			NumHeads:         towerHeads(v, width),
			Depth:            v.int("depth", maxDepth),
			PatchDim:         g.dim(),
			MergeSize:        g.merge,
			Eps:              1e-6,
			Act:              tensor.QuickGELU,
		},
		Adapter: adapter.Config{Merger: &adapter.MergerConfig{
			InputSize: width, OutputSize: d.HiddenSize, MergeSize: g.merge, Eps: 1e-6,
			Act: tensor.GELU,
		}},
		Preprocess: pixels,
		ImageToken: "<|image_pad|>",
		VideoToken: "<|video_pad|>",
		Spatial:    true,
	}
	return Spec{
		LLM:     d,
		Vision:  vis,
		Layouts: []Layout{{Probe: "model.embed_tokens.weight", Names: weights.Rename(qwen2VLPairs()...)}},
		Parts:   qwen2VLParts,
	}, nil
}

func qwen2VLPairs() []string {
	return append(decoderPairs("model."),
		"vision.patch_embed.weight", "visual.patch_embed.proj.weight",
		"vision.*", "visual.*",
		"adapter.norm.*", "visual.merger.ln_q.*",
		"adapter.fc1.*", "visual.merger.mlp.0.*",
		"adapter.fc2.*", "visual.merger.mlp.2.*",
	)
}
