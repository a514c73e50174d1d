package family

// A configuration for each family: all keys that its parser reads, in which optional ones hold
// their defaults. family_test.go takes them out and changes them, one at a time.

import (
	"fmt"
	"strings"
	"testing"

	"github.com/qwenvl/qwenvl/internal/checkpoint"
)

const (
	decoderKeys = `
		"hidden_size": 64, "num_attention_heads": 4, "vocab_size": 512, "num_hidden_layers": 2,
		"intermediate_size": 96, "hidden_act": "silu", "rms_norm_eps": 1e-6,
		"tie_word_embeddings": false, "max_position_embeddings": 32768, "num_key_value_heads": 4`
	windowKeys = `, "use_sliding_window": true, "sliding_window": 32768`
	qwen3Keys  = decoderKeys + `, "head_dim": 16, "attention_bias": false`
	moeKeys    = `,
		"num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 32`
	sparseKeys = moeKeys + `, "decoder_sparse_step": 1, "mlp_only_layers": []`
	mropeKeys  = `,
		"rope_theta": 1e6,
		"rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3]}`
	towerKeys = `
		"depth": 2, "num_heads": 4, "in_channels": 3, "spatial_merge_size": 2,
		"temporal_patch_size": 2`
	wideTower = towerKeys + `,
		"patch_size": 16, "hidden_size": 48, "out_hidden_size": 64, "intermediate_size": 80,
		"hidden_act": "gelu_pytorch_tanh", "num_position_embeddings": 2304`
	deepTower = wideTower + `, "deepstack_visual_indexes": [1, 0]`

	requiredMRope = `rope_scaling.mrope_section ` // the default is for heads of 128 channels
)

// deltaKeys are those of Qwen3.5 alone.
const deltaKeys = `, "rope_parameters": {"rope_theta": 1e7, "mrope_section": [2, 3, 3],
		"partial_rotary_factor": 0.25}, "linear_num_key_heads": 2, "linear_num_value_heads": 4,
	"linear_key_head_dim": 16, "linear_value_head_dim": 16, "linear_conv_kernel_dim": 4,
	"full_attention_interval": 4, "layer_types": ["linear_attention", "linear_attention"]`

// images is the pixels' section of most families, limits the keys for limits in it.
func images(patch int, limits string) string {
	return fmt.Sprintf(`{"patch_size": %d, "merge_size": 2, "temporal_patch_size": 2, %s,
		"image_mean": [0.48145466, 0.4578275, 0.40821073],
		"image_std": [0.26862954, 0.26130258, 0.27577711],
		"rescale_factor": 0.00392156862745098, "do_resize": true, "do_rescale": true,
		"do_normalize": true, "resample": 3, "image_processor_type": "Qwen2VLImageProcessor"}`,
		patch, limits)
}

// videos is the same of clips.
func videos(patch int, limits, class string) string {
	return strings.NewReplacer("Qwen2VLImageProcessor", class, "image_processor_type",
		`cap_pixels_per_frame": true, "max_video_tokens": 9, "video_processor_type`,
	).Replace(images(patch, limits))
}

const (
	loose = `"min_pixels": 3136, "max_pixels": 1003520`
	tight = `"size": {"shortest_edge": 4096, "longest_edge": 25165824}`
)

// under puts an object's name before the paths in it.
func under(object, paths string) string {
	out := ""
	for _, p := range strings.Fields(paths) {
		out += object + "." + p + " "
	}
	return out
}

func subjects(t testing.TB) map[string]*subject {
	// Of heads of 64 channels a quarter rotates on three axes.
	wide := strings.NewReplacer(`"hidden_size": 64`, `"hidden_size": 256`,
		`"head_dim": 16`, `"head_dim": 64`,
		`"out_hidden_size": 64`, `"out_hidden_size": 256`).Replace
	parts := func(model string, more ...string) map[checkpoint.Section]tree {
		s := map[checkpoint.Section]tree{checkpoint.Model: newTree(t, model)}
		for i, text := range more {
			s[checkpoint.Images+checkpoint.Section(i)] = newTree(t, text)
		}
		s[checkpoint.Generation] = newTree(t, `{"eos_token_id": [5, 7], "do_sample": true,
			"temperature": 1.0, "top_p": 1.0, "top_k": 50, "repetition_penalty": 1.0}`)
		return s
	}
	still := imageClass.defaults
	clips2, clips3 := videoClasses[perFrame].defaults, videoClasses[wholeClip].defaults
	return map[string]*subject{
		"qwen2": {
			sections: parts(`{"model_type": "qwen2", ` + decoderKeys + windowKeys + `,
				"rope_theta": 1e4, "rope_scaling": {"type": "default"}}`),
			classes: []class{{0, "", qwen2Text}},
		},
		"qwen3": {
			sections: parts(`{"model_type": "qwen3", ` + qwen3Keys + windowKeys + `,
				"rope_theta": 1e4}`),
			classes: []class{{0, "", qwen3Text}},
		},
		"qwen3_moe": {
			sections: parts(`{"model_type": "qwen3_moe", ` + qwen3Keys + windowKeys + sparseKeys + `,
				"rope_theta": 1e4, "norm_topk_prob": true}`),
			classes: []class{{0, "", qwen3MoEText}},
			open:    "use_sliding_window", // with it the context has a limit
		},
		"qwen2_vl": {
			sections: parts(`{"model_type": "qwen2_vl", `+decoderKeys+windowKeys+mropeKeys+`,
				"vision_config": {`+towerKeys+`, "embed_dim": 48, "hidden_size": 64,
				"patch_size": 14, "hidden_act": "quick_gelu", "mlp_ratio": 4.0}}`,
				images(14, loose),
				videos(14, `"min_pixels": 100352, "max_pixels": 602112`, perFrame)),
			classes: []class{{0, "", qwen2VLText}, {0, "vision_config.", qwen2VLTower},
				{checkpoint.Images, "", still}, {checkpoint.Videos, "", clips2}},
			required: requiredMRope,
		},
		"qwen2_5_vl": {
			sections: parts(`{"model_type": "qwen2_5_vl",
				"text_config": {`+decoderKeys+windowKeys+mropeKeys+`},
				"vision_config": {`+towerKeys+`, "hidden_size": 48, "out_hidden_size": 64,
				"intermediate_size": 80, "patch_size": 14, "hidden_act": "silu",
				"window_size": 112, "fullatt_block_indexes": [7, 15, 23, 31],
				"tokens_per_second": 4.0}}`, images(14, loose), videos(14, tight, perFrame)),
			classes: []class{{0, "text_config.", qwen2VLText}, {0, "vision_config.", qwen25VLTower},
				{checkpoint.Images, "", still}, {checkpoint.Videos, "", clips2}},
			required: under("text_config", requiredMRope) + `size.shortest_edge size.longest_edge`,
		},
		"qwen3_vl": {
			sections: parts(`{"model_type": "qwen3_vl",
				"text_config": {`+qwen3Keys+mropeKeys+`}, "vision_config": {`+deepTower+`}}`,
				images(16, loose), videos(16, tight, wholeClip)),
			classes: []class{{0, "text_config.", qwen3VLText}, {0, "vision_config.", qwen3VLTower},
				{checkpoint.Images, "", still}, {checkpoint.Videos, "", clips3}},
			required: `size.shortest_edge size.longest_edge`,
			open:     `text_config.rope_scaling.mrope_section text_config.rope_theta`,
		},
		"qwen3_vl_moe": {
			sections: parts(`{"model_type": "qwen3_vl_moe",
				"text_config": {`+qwen3Keys+sparseKeys+mropeKeys+`},
				"vision_config": {`+deepTower+`}}`,
				images(16, loose), videos(16, tight, wholeClip)),
			classes: []class{{0, "text_config.", qwen3VLMoEText},
				{0, "vision_config.", qwen3VLTower},
				{checkpoint.Images, "", still}, {checkpoint.Videos, "", clips3}},
			required: `size.shortest_edge size.longest_edge`,
			open:     `text_config.rope_scaling.mrope_section text_config.rope_theta`,
		},
		"qwen3_5_moe": {
			sections: parts(wide(`{"model_type": "qwen3_5_moe", "text_config": {`+
				strings.Replace(qwen3Keys, `"intermediate_size": 96, `, "", 1)+moeKeys+deltaKeys+
				`, "shared_expert_intermediate_size": 32},
				"vision_config": {`+wideTower+`}}`), images(16, loose),
				videos(16, tight, wholeClip)),
			classes: []class{{0, "text_config.", qwen35MoEText}, {0, "vision_config.", qwen35Tower},
				{checkpoint.Images, "", still}, {checkpoint.Videos, "", clips3}},
			required: `size.shortest_edge size.longest_edge`,
			open: `text_config.rope_parameters.rope_theta
				text_config.rope_parameters.mrope_section`,
		},
		"qwen3_5_text": {
			sections: parts(wide(`{"model_type": "qwen3_5_text", ` + qwen3Keys + deltaKeys + `}`)),
			classes:  []class{{0, "", qwen35Text}},
			open:     `rope_parameters.rope_theta rope_parameters.mrope_section`,
		},
		"qwen": {
			sections: parts(`{"model_type": "qwen", "hidden_size": 256, "num_attention_heads": 2,
				"kv_channels": 128, "vocab_size": 512, "num_hidden_layers": 2,
				"intermediate_size": 192, "layer_norm_epsilon": 1e-6, "no_bias": true,
				"tie_word_embeddings": false, "scale_attn_weights": true,
				"max_position_embeddings": 8192, "seq_length": 2048, "rotary_pct": 1.0,
				"rotary_emb_base": 1e4, "use_dynamic_ntk": true, "use_logn_attn": true,
				"visual": {"width": 64, "patch_size": 14, "image_size": 448, "output_dim": 256,
				"n_queries": 256, "mlp_ratio": 4.0, "heads": 4, "layers": 2}}`),
			classes: []class{{0, "", qwenText}, {0, "visual.", qwenTower}},
			required: `seq_length ` +
				under("visual", `width patch_size image_size mlp_ratio heads layers`),
		},
		"kimi_vl": {
			sections: parts(`{"model_type": "kimi_vl", "text_config": {"hidden_act": "silu",
				"q_lora_rank": null,
				"n_group": 1, "topk_group": 1, "moe_layer_freq": 1, "scoring_func": "sigmoid",
				"topk_method": "noaux_tc", "hidden_size": 64, "vocab_size": 512,
				"num_hidden_layers": 2, "rms_norm_eps": 1e-5, "tie_word_embeddings": false,
				"max_position_embeddings": 131072, "num_attention_heads": 4,
				"kv_lora_rank": 32, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8,
				"v_head_dim": 16, "moe_intermediate_size": 32, "n_routed_experts": 8,
				"num_experts_per_tok": 2, "norm_topk_prob": true, "routed_scaling_factor": 1.0,
				"n_shared_experts": 1, "intermediate_size": 96, "first_k_dense_replace": 1,
				"rope_theta": 1e4},
				"vision_config": {"hidden_size": 48, "patch_size": 14,
				"merge_kernel_size": [2, 2], "intermediate_size": 80, "num_attention_heads": 4,
				"num_hidden_layers": 2, "init_pos_emb_height": 64, "init_pos_emb_width": 64}}`,
				`{"patch_size": 14, "pad_input": true, "image_mean": [0.5, 0.5, 0.5],
				"image_std": [0.5, 0.5, 0.5], "in_token_limit": 4096,
				"merge_kernel_size": [2, 2]}`),
			classes: []class{{0, "text_config.", kimiText}, {0, "vision_config.", kimiTower},
				{checkpoint.Images, "", kimiImages}},
		},
	}
}
