package family

// Qwen-VL, the first: keys, tensors and tower of its own, a resampler in place of a merger, and a
// chat template that no file holds (internal/chat).

import (
	"strings"

	"github.com/qwenvl/qwenvl/adapter"
	"github.com/qwenvl/qwenvl/internal/chat"
	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/weights"
	"github.com/qwenvl/qwenvl/llm"
	"github.com/qwenvl/qwenvl/preprocess"
	"github.com/qwenvl/qwenvl/rope"
	"github.com/qwenvl/qwenvl/vision"
)

// qwenVL is the Qwen-7B decoder behind a ViT and a resampler.
//
// Source: Qwen-VL (arXiv 2308.12966), section 2; its hub code, modeling_qwen.py and visual.py.
func qwenVL(c object, _ checkpoint.Checkpoint) (Spec, error) {
	d := qwenDecoder(c.over(qwenText))
	s := Spec{LLM: d, Chat: chat.PictureTags(),
		Ends: []string{"<|endoftext|>", "<|im_start|>", "<|im_end|>"}, Parts: qwenVLParts}
	if c.Has("visual") {
		s.Vision = qwenVision(c.sub("visual").over(qwenTower), d.HiddenSize)
	}
	s.Layouts = []Layout{{Probe: "transformer.wte.weight", Names: qwenNames(d)}}
	return s, nil
}

func qwenDecoder(c object) llm.Config {
	heads, dim := c.int("num_attention_heads", 1<<12), c.int("kv_channels", 1<<12)
	if !c.boolOr("no_bias", true) {
		c.unsupported("no_bias", "false")
	}
	if !c.boolOr("scale_attn_weights", true) {
		c.unsupported("scale_attn_weights", "false")
	}
	inner := c.int("intermediate_size", 1<<20) // of w1 and w2 together
	if inner%2 != 0 {
		c.fail("intermediate_size", "is odd", nil)
	}
	d := llm.Config{
		HiddenSize: c.int("hidden_size", maxWidth),
		VocabSize:  c.int("vocab_size", maxCount),
		Layers:     make([]llm.Layer, c.int("num_hidden_layers", maxDepth)),
		Eps:        float32(c.float("layer_norm_epsilon", 1)),
		TiedHead:   c.boolOr("tie_word_embeddings", false),
		MaxContext: c.int("max_position_embeddings", maxCount),
	}
	layer := llm.Layer{
		Eps:   d.Eps,
		GQA:   &llm.GQA{NumHeads: heads, NumKVHeads: heads, HeadDim: dim, QKVBias: true},
		Dense: &llm.Dense{IntermediateSize: max(inner/2, 1), Act: tensor.SiLU},
	}
	for i := range d.Layers {
		d.Layers[i] = layer
	}
	trained := c.int("seq_length", maxCount)
	d.Rope = rope.Config{Dim: int(float64(dim) * c.float("rotary_pct", 1+1e-9)),
		Theta: c.float("rotary_emb_base", 1e12)}
	if c.boolOr("use_dynamic_ntk", true) {
		d.Rope.NTKLength = trained
	}
	if c.boolOr("use_logn_attn", true) {
		d.Rope.LogNLength = trained
	}
	return d
}

// The normalization of CLIP, which no file says.
var (
	clipMean = [3]float32{0.48145466, 0.4578275, 0.40821073}
	clipStd  = [3]float32{0.26862954, 0.26130258, 0.27577711}
)

func qwenVision(v object, hidden int) *Vision {
	width, patch, size := v.int("width", maxWidth), v.int("patch_size", 1<<8),
		v.int("image_size", 1<<13)
	if size%patch != 0 {
		v.fail("image_size", "is not a whole number of patches", nil)
	}
	if out := v.int("output_dim", maxWidth); out != hidden {
		v.fail("output_dim", "is not the decoder's hidden_size", nil)
	}
	queries := v.int("n_queries", 1<<16)
	side := squareRoot(queries)
	if side*side != queries {
		v.fail("n_queries", "is not a square", nil)
	}
	grid := max(size/patch, 1)
	return &Vision{
		Encoder: vision.Config{
			HiddenSize: width, IntermediateSize: int(float64(width) * v.float("mlp_ratio", 1<<8)),
			NumHeads: v.int("heads", 1<<12), Depth: v.int("layers", maxDepth), MergeSize: 1,
			PatchDim: 3 * patch * patch, Raster: true,
			// positions are 256 whatever the picture's size
			Position: vision.Position{Rows: 16, Cols: 16, Resample: vision.Bicubic},
			PreNorm:  true, Eps: 1e-6, Act: tensor.GELU, QKVByHead: true, Rotary: vision.NoRotary,
		},
		Adapter: adapter.Config{Resampler: &adapter.ResamplerConfig{
			InputSize: width, OutputSize: hidden, Queries: side, NumHeads: max(1, hidden/128),
			Grid: grid, Project: width != hidden, Eps: 1e-6,
		}},
		Preprocess: preprocess.Config{
			PatchSize: patch, MergeSize: 1, TemporalPatchSize: 1, Mean: clipMean, Std: clipStd,
			Resize: preprocess.ResizeSquare, Side: size, Order: preprocess.OrderRaster,
		},
		Tags: &Tags{Open: "<img>", Close: "</img>", Pad: "<imgpad>"},
	}
}

// qwenNames finds q, k and v in one matrix, of the decoder and of the resampler.
func qwenNames(d llm.Config) weights.Names {
	base := weights.Rename(
		"embed.weight", "transformer.wte.weight",
		"norm.weight", "transformer.ln_f.weight",
		"head.weight", "lm_head.weight",
		"layers.*.mix_norm.weight", "transformer.h.*.ln_1.weight",
		"layers.*.ffn_norm.weight", "transformer.h.*.ln_2.weight",
		"layers.*.attn.o.weight", "transformer.h.*.attn.c_proj.weight",
		"layers.*.mlp.up.weight", "transformer.h.*.mlp.w1.weight",
		"layers.*.mlp.gate.weight", "transformer.h.*.mlp.w2.weight",
		"layers.*.mlp.down.weight", "transformer.h.*.mlp.c_proj.weight",
		"vision.patch_embed.weight", "transformer.visual.conv1.weight",
		"vision.pos_embed.weight", "transformer.visual.positional_embedding",
		"vision.pre_norm.*", "transformer.visual.ln_pre.*",
		"vision.blocks.*.norm1.*", "transformer.visual.transformer.resblocks.*.ln_1.*",
		"vision.blocks.*.norm2.*", "transformer.visual.transformer.resblocks.*.ln_2.*",
		"vision.blocks.*.attn.qkv.*", "transformer.visual.transformer.resblocks.*.attn.in_proj.*",
		"vision.blocks.*.attn.proj.*", "transformer.visual.transformer.resblocks.*.attn.out_proj.*",
		"vision.blocks.*.mlp.fc1.*", "transformer.visual.transformer.resblocks.*.mlp.c_fc.*",
		"vision.blocks.*.mlp.fc2.*", "transformer.visual.transformer.resblocks.*.mlp.c_proj.*",
		"adapter.norm_q.*", "transformer.visual.attn_pool.ln_q.*",
		"adapter.norm_kv.*", "transformer.visual.attn_pool.ln_kv.*",
		"adapter.norm_post.*", "transformer.visual.ln_post.*",
		"adapter.attn.out.*", "transformer.visual.attn_pool.attn.out_proj.*",
		"adapter.proj.weight", "transformer.visual.proj",
		"adapter.*", "transformer.visual.attn_pool.*",
	)
	return func(canonical string) weights.Ref {
		r := base(canonical)
		// The reference multiplies by it from the right.
		r.Transpose = canonical == "adapter.proj.weight"
		p := strings.Split(canonical, ".")
		n := len(p)
		if n < 3 || p[n-3] != "attn" || p[0] == "vision" {
			return r
		}
		i := strings.Index("qkv", p[n-2])
		if i < 0 || len(p[n-2]) != 1 {
			return r
		}
		width := d.Layers[0].GQA.NumHeads * d.Layers[0].GQA.HeadDim
		r.Name = "transformer.h." + p[1] + ".attn.c_attn." + p[n-1]
		if p[0] == "adapter" {
			width = d.HiddenSize
			r.Name = "transformer.visual.attn_pool.attn.in_proj_" + p[n-1]
		}
		r.Lo, r.Hi = i*width, (i+1)*width
		return r
	}
}
