package family

// Qwen2-VL: the decoder of qwen2.go behind a tower of full attention and a merger of 2×2 patches.
// qwen25vl.go has the same names of tensors and another tower.

import (
	"strconv"

	"github.com/qwenvl/qwenvl/adapter"
	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/weights"
	"github.com/qwenvl/qwenvl/llm"
	"github.com/qwenvl/qwenvl/vision"
)

// qwen2VL is the Qwen2 decoder with M-RoPE behind a vision transformer and a patch merger.
//
// Source: Qwen2-VL (arXiv 2409.12191), section 2; transformers, Qwen2VLConfig.
func qwen2VL(c object, from checkpoint.Checkpoint) (Spec, error) {
	d := qwen2VLDecoder(c)
	v := visionConfig(c, qwen2VLTower)
	g := patchGeometry(v)
	width := v.int("embed_dim", maxWidth)
	if out := v.int("hidden_size", maxWidth); out != d.HiddenSize {
		v.fail("hidden_size", "is not the decoder's hidden_size", nil)
	}
	v.act("quick_gelu")
	inner := int(float64(width) * v.float("mlp_ratio", 1<<8))
	if inner < 1 || inner > maxWidth {
		v.fail("mlp_ratio", "makes an MLP of "+strconv.Itoa(inner)+" channels", nil)
	}
	pixels, err := preprocessor(from, g, perFrame)
	if err != nil {
		return Spec{}, err
	}
	vis := &Vision{
		Encoder: vision.Config{
			HiddenSize:       width,
			IntermediateSize: inner,
			NumHeads:         towerHeads(v, width),
			Depth:            towerDepth(v),
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

// qwen2VLDecoder reads the decoder of Qwen2-VL and Qwen2.5-VL, whose heads have no width of their
// own.
func qwen2VLDecoder(c object) llm.Config {
	text := flatConfig(c, qwen2VLText)
	delete(text.Values, "head_dim") // nobody reads it
	d := decoder(text)
	d.TiedHead = c.boolOr("tie_word_embeddings", false) || d.TiedHead
	rotary{dim: d.Layers[0].GQA.HeadDim, theta: 1e6, section: []int{16, 24, 24}}.read(text, &d)
	wholeContext(text, &d, windowsByLayer)
	return d
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
