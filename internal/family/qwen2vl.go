package family

import (
	"io/fs"

	"github.com/qwenvl/qwenvl/adapter"
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/weights"
	"github.com/qwenvl/qwenvl/rope"
	"github.com/qwenvl/qwenvl/vision"
)

// qwen2VL is the Qwen2 decoder with M-RoPE behind a vision transformer and a patch merger.
//
// Source: Qwen2-VL (arXiv 2409.12191), section 2; transformers, Qwen2VLConfig.
func qwen2VL(c object, files fs.FS) (Spec, error) {
	text := c
	if c.has("text_config") { // as newer versions of the reference save it
		text = c.sub("text_config")
	}
	d := decoder(text)
	d.TiedHead = c.boolOr("tie_word_embeddings", d.TiedHead)
	d.Rope = mrope(text, d.Layers[0].GQA.HeadDim)

	if !c.has("vision_config") {
		c.fail("vision_config", "missing", nil)
	}
	v := c.sub("vision_config")
	width := v.int("embed_dim", maxWidth)
	patch := v.intOr("patch_size", 1<<8, 14)
	frames := v.intOr("temporal_patch_size", 64, 2)
	merge := v.intOr("spatial_merge_size", 16, 2)
	channels := v.intOr("in_chans", 3, v.intOr("in_channels", 3, 3))
	if channels != 3 {
		v.fail("in_chans", "pictures have 3 channels", nil)
	}
	if out := v.intOr("hidden_size", maxWidth, d.HiddenSize); out != d.HiddenSize {
		v.fail("hidden_size", "is not the decoder's hidden_size", nil)
	}
	if act := v.stringOr("hidden_act", "quick_gelu"); act != "quick_gelu" {
		v.unsupported("hidden_act", act)
	}
	ratio := v.floatOr("mlp_ratio", 1<<8, 4)
	pixels, err := preprocessor(files, patch, merge, frames)
	if err != nil {
		return Spec{}, err
	}
	vis := &Vision{
		Encoder: vision.Config{
			HiddenSize:       width,
			IntermediateSize: int(float64(width) * ratio),
			NumHeads:         v.int("num_heads", 1<<12),
			Depth:            v.int("depth", maxDepth),
			PatchDim:         channels * frames * patch * patch,
			MergeSize:        merge,
			Eps:              1e-6,
			Act:              tensor.QuickGELU,
		},
		Adapter: adapter.Config{Merger: &adapter.MergerConfig{
			InputSize: width, OutputSize: d.HiddenSize, MergeSize: merge, Eps: 1e-6, Act: tensor.GELU,
		}},
		Preprocess: pixels,
		ImageToken: "<|image_pad|>",
		VideoToken: "<|video_pad|>",
	}
	return Spec{
		LLM:    d,
		Vision: vis,
		Layouts: []Layout{
			{Probe: "model.embed_tokens.weight", Names: qwen2VLNames("model.", "visual.")},
			{Probe: "model.language_model.embed_tokens.weight", Names: qwen2VLNames("model.language_model.", "model.visual.")},
		},
		Ignore: ignoreTied(d),
	}, nil
}

// mrope reads a decoder's multimodal rotary embedding. It is known by its sections: released files call its type
// "mrope" or "default", under two keys.
func mrope(c object, headDim int) rope.Config {
	scaling, key := c.sub("rope_scaling"), "rope_scaling"
	if !c.has(key) && c.has("rope_parameters") {
		scaling, key = c.sub("rope_parameters"), "rope_parameters"
	}
	switch t := ropeType(scaling); t {
	case "", "mrope", "default":
	default:
		c.unsupported(key+".type", t)
	}
	r := rope.Config{Dim: headDim, Theta: scaling.floatOr("rope_theta", 1e12, c.floatOr("rope_theta", 1e12, 1e6))}
	if !scaling.has("mrope_section") {
		scaling.fail("mrope_section", "missing", nil)
		return r
	}
	r.Section = list[int](scaling, "mrope_section", rope.Axes)
	return r
}

func qwen2VLNames(text, visual string) weights.Names {
	return weights.Rename(append(decoderPairs(text),
		"vision.patch_embed.weight", visual+"patch_embed.proj.weight",
		"vision.*", visual+"*",
		"adapter.norm.*", visual+"merger.ln_q.*",
		"adapter.fc1.*", visual+"merger.mlp.0.*",
		"adapter.fc2.*", visual+"merger.mlp.2.*",
	)...)
}
