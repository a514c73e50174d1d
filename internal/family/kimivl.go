package family

// Kimi-VL: latent attention and experts chosen by sigmoids, behind a tower that takes pictures in
// their own size. Nothing is shared with the other families but the shape of this file: keys,
// pixels, names.

import (
	"strconv"
	"strings"

	"github.com/qwenvl/qwenvl/adapter"
	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/internal/grounding"
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/weights"
	"github.com/qwenvl/qwenvl/llm"
	"github.com/qwenvl/qwenvl/preprocess"
	"github.com/qwenvl/qwenvl/rope"
	"github.com/qwenvl/qwenvl/vision"
)

// kimiVL is the Moonlight decoder (latent attention, experts after the first layers) behind
// MoonViT.
//
// Source: Kimi-VL (arXiv 2504.07491), section 2.1; its hub code, and transformers,
// DeepseekV3Config.
func kimiVL(c object, from checkpoint.Checkpoint) (Spec, error) {
	d := moonlight(textConfig(c, kimiText))
	v := visionConfig(c, kimiTower)
	kernel := [2]int(list[int](v, "merge_kernel_size", 2))
	if kernel[0] != kernel[1] || kernel[0] < 1 || kernel[0] > 16 {
		v.fail("merge_kernel_size", "is not a square of 1…16", nil)
		kernel = [2]int{2, 2}
	}
	width, patch := v.int("hidden_size", maxWidth), v.int("patch_size", 1<<8)
	pixels, err := kimiPreprocessor(from, patch, kernel[0])
	if err != nil {
		return Spec{}, err
	}
	return Spec{
		LLM: d,
		Vision: &Vision{
			Encoder: vision.Config{
				HiddenSize: width, IntermediateSize: v.int("intermediate_size", maxWidth),
				NumHeads: v.int("num_attention_heads", 1<<12),
				Depth:    v.int("num_hidden_layers", maxDepth),
				PatchDim: 3 * patch * patch, MergeSize: kernel[0], Raster: true, PatchBias: true,
				Position: vision.Position{Rows: v.int("init_pos_emb_height", 1<<10),
					Cols: v.int("init_pos_emb_width", 1<<10), Resample: vision.Bicubic},
				FinalNorm: true, Eps: 1e-5, Act: tensor.GELUTanh, Rotary: vision.RotaryPairs,
			},
			Adapter: adapter.Config{Merger: &adapter.MergerConfig{
				InputSize: width, OutputSize: d.HiddenSize, MergeSize: kernel[0], Raster: true,
				Eps: 1e-5, Act: tensor.GELU,
			}},
			Preprocess: pixels,
			ImageToken: "<|media_pad|>",
			Grounding:  grounding.Unit,
		},
		Layouts: []Layout{{Probe: "language_model.model.embed_tokens.weight", Names: kimiNames(d)}},
		Parts:   kimiVLParts,
		Think:   [2]string{"◁think▷", "◁/think▷"},
		Ends:    []string{"[EOS]", "<|im_end|>"},
	}, nil
}

// moonlight reads the decoder.
func moonlight(c object) llm.Config {
	c.act("silu", "swish")
	if c.Has("q_lora_rank") {
		c.unsupported("q_lora_rank", string(c.Values["q_lora_rank"]))
	}
	for _, key := range []string{"n_group", "topk_group", "moe_layer_freq"} {
		if n := c.int(key, maxDepth); n != 1 {
			c.unsupported(key, strconv.Itoa(n))
		}
	}
	if f := c.stringOr("scoring_func", "sigmoid"); f != "sigmoid" {
		c.unsupported("scoring_func", f)
	}
	if m := c.stringOr("topk_method", "noaux_tc"); m != "noaux_tc" {
		c.unsupported("topk_method", m)
	}
	d := llm.Config{
		HiddenSize: c.int("hidden_size", maxWidth),
		VocabSize:  c.int("vocab_size", maxCount),
		Layers:     make([]llm.Layer, c.int("num_hidden_layers", maxDepth)),
		Eps:        float32(c.float("rms_norm_eps", 1)),
		TiedHead:   c.boolOr("tie_word_embeddings", false),
		MaxContext: c.int("max_position_embeddings", maxCount),
	}
	mla := &llm.MLA{
		NumHeads: c.int("num_attention_heads", 1<<12), LatentDim: c.int("kv_lora_rank", 1<<14),
		NopeDim: c.int("qk_nope_head_dim", 1<<12), RopeDim: c.int("qk_rope_head_dim", 1<<12),
		ValueDim: c.int("v_head_dim", 1<<12), Eps: 1e-6, // whatever rms_norm_eps says
	}
	width := c.int("moe_intermediate_size", maxWidth)
	moe := &llm.MoE{
		NumExperts: c.int("n_routed_experts", 1<<14), TopK: c.int("num_experts_per_tok", 1<<14),
		IntermediateSize: width, Act: tensor.SiLU, Sigmoid: true, Correction: true,
		Normalize: c.boolOr("norm_topk_prob", true),
		Scale:     float32(c.float("routed_scaling_factor", 1e3)),
		Shared:    width * c.int("n_shared_experts", 64),
	}
	dense := &llm.Dense{IntermediateSize: c.int("intermediate_size", 1<<20), Act: tensor.SiLU}
	first := c.intIn("first_k_dense_replace", 0, maxDepth)
	for i := range d.Layers {
		d.Layers[i] = llm.Layer{Eps: d.Eps, MLA: mla}
		if i < first {
			d.Layers[i].Dense = dense
		} else {
			d.Layers[i].MoE = moe
		}
	}
	rotary{dim: mla.RopeDim, theta: 10000}.read(c, &d)
	if s := d.Rope.Scaling; s != nil {
		mla.ScoreScale = scoreScale(ropeKeys(c), s)
	}
	return d
}

// scoreScale returns what a stretched rotary embedding multiplies the scores of latent attention by.
// The hub's code and the reference read some keys of YaRN differently; those are refused.
func scoreScale(o object, s *rope.Scaling) float64 {
	fast, all := o.orZero("mscale"), o.orZero("mscale_all_dim")
	if s.Kind == rope.YaRN {
		switch {
		case !o.Has("original_max_position_embeddings"):
			o.fail("original_max_position_embeddings", "missing", nil)
		case o.Has("attention_factor"):
			o.unsupported("attention_factor", string(o.Values["attention_factor"]))
		case s.Exact:
			o.unsupported("truncate", string(o.Values["truncate"]))
		case fast == 0 && all > 0:
			o.unsupported("mscale_all_dim", string(o.Values["mscale_all_dim"]))
		case all == 0 && fast > 0 && fast != 1:
			o.unsupported("mscale", string(o.Values["mscale"]))
		}
	}
	if all == 0 {
		return 0
	}
	return mscale(s.Factor, all) * mscale(s.Factor, all)
}

func kimiPreprocessor(from checkpoint.Checkpoint, patch, merge int) (preprocess.Config, error) {
	p, err := section(from, checkpoint.Images)
	if err != nil {
		return preprocess.Config{}, err
	}
	p = p.over(kimiImages)
	if got := p.int("patch_size", 1<<8); got != patch {
		p.fail("patch_size", "is not the tower's", nil)
	}
	kernel := list[int](p, "merge_kernel_size", 2)
	if kernel[0] != merge || kernel[1] != merge {
		p.fail("merge_kernel_size", "is not the tower's", nil)
	}
	if !p.flag("pad_input", false) {
		p.unsupported("pad_input", "false")
	}
	c := preprocess.Config{
		PatchSize: patch, MergeSize: merge, TemporalPatchSize: 1,
		Mean: triple(p, "image_mean"), Std: triple(p, "image_std"),
		Resize: preprocess.ResizePatchLimit, MaxPatches: p.int("in_token_limit", 1<<22),
		Order: preprocess.OrderRaster,
	}
	p.possible(c)
	return c, *p.err
}

// kimiNames finds the decoder's tensors; the up-projections of the latent are slices of one matrix,
// [head][key, value].
func kimiNames(d llm.Config) weights.Names {
	prefix := "language_model.model."
	base := weights.Rename(append([]string{
		"vision.patch_embed.*", "vision_tower.patch_embed.proj.*",
		"vision.pos_embed.weight", "vision_tower.patch_embed.pos_emb.weight",
		"vision.final_norm.*", "vision_tower.encoder.final_layernorm.*",
		"vision.blocks.*.norm1.*", "vision_tower.encoder.blocks.*.norm0.*",
		"vision.blocks.*.norm2.*", "vision_tower.encoder.blocks.*.norm1.*",
		"vision.blocks.*.attn.qkv.*", "vision_tower.encoder.blocks.*.wqkv.*",
		"vision.blocks.*.attn.proj.*", "vision_tower.encoder.blocks.*.wo.*",
		"vision.blocks.*.mlp.fc1.*", "vision_tower.encoder.blocks.*.mlp.fc0.*",
		"vision.blocks.*.mlp.fc2.*", "vision_tower.encoder.blocks.*.mlp.fc1.*",
		"adapter.norm.*", "multi_modal_projector.pre_norm.*",
		"adapter.fc1.*", "multi_modal_projector.linear_1.*",
		"adapter.fc2.*", "multi_modal_projector.linear_2.*",
		"head.weight", "language_model.lm_head.weight",
		"layers.*.attn.kv_down.weight", prefix + "layers.*.self_attn.kv_a_proj_with_mqa.weight",
		"layers.*.attn.kv_norm.weight", prefix + "layers.*.self_attn.kv_a_layernorm.weight",
		"layers.*.mlp.router.weight", prefix + "layers.*.mlp.gate.weight",
		"layers.*.mlp.correction", prefix + "layers.*.mlp.gate.e_score_correction_bias",
		"layers.*.mlp.experts.*.*.weight", prefix + "layers.*.mlp.experts.*.*_proj.weight",
		"layers.*.mlp.shared.*.weight", prefix + "layers.*.mlp.shared_experts.*_proj.weight",
	}, decoderPairs(prefix)...)...)
	m := d.Layers[0].MLA
	return func(canonical string) weights.Ref {
		p := strings.Split(canonical, ".") // layers.N.attn.key_up.H.proj.weight
		if len(p) != 7 || p[3] != "key_up" && p[3] != "value_up" {
			return base(canonical)
		}
		h, err := strconv.Atoi(p[4])
		if err != nil {
			return base(canonical)
		}
		lo := h * (m.NopeDim + m.ValueDim)
		r := weights.Ref{Name: prefix + "layers." + p[1] + ".self_attn.kv_b_proj.weight", Lo: lo,
			Hi: lo + m.NopeDim, Transpose: true}
		if p[3] == "value_up" {
			r.Lo, r.Hi, r.Transpose = lo+m.NopeDim, lo+m.NopeDim+m.ValueDim, false
		}
		return r
	}
}
