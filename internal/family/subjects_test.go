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
		"intermediate_size": 96, "hidden_act": "silu", "use_sliding_window": false,
		"rms_norm_eps": 1e-6, "tie_word_embeddings": false, "max_position_embeddings": 32768,
		"num_key_value_heads": 4, "head_dim": 16`
	qwen3Keys = decoderKeys + `,
		"attention_bias": false, "decoder_sparse_step": 1, "mlp_only_layers": []`
	moeKeys = `,
		"num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 32,
		"norm_topk_prob": true`
	mropeKeys = `,
		"rope_theta": 1e6,
		"rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3]}`
	towerKeys = `
		"depth": 2, "num_heads": 4, "in_channels": 3, "spatial_merge_size": 2,
		"temporal_patch_size": 2`
	deepTower = `"vision_config": {` + towerKeys + `,
		"patch_size": 16, "hidden_size": 48, "out_hidden_size": 64, "intermediate_size": 80,
		"hidden_act": "gelu_pytorch_tanh", "num_position_embeddings": 2304,
		"deepstack_visual_indexes": [1, 0]}`

	requiredDecoder = `hidden_size num_attention_heads vocab_size num_hidden_layers
		intermediate_size `
	requiredExperts = `num_experts_per_tok moe_intermediate_size `
	requiredMRope   = `rope_scaling.mrope_section ` // the default is for heads of 128 channels
	requiredTower   = `depth num_heads hidden_size intermediate_size `
)

// images is the pixels' section of most families.
func images(patch int) string {
	return fmt.Sprintf(`{"patch_size": %d, "merge_size": 2, "temporal_patch_size": 2,
		"min_pixels": 3136, "max_pixels": 1003520,
		"image_mean": [0.48145466, 0.4578275, 0.40821073],
		"image_std": [0.26862954, 0.26130258, 0.27577711],
		"rescale_factor": 0.00392156862745098, "do_resize": true, "do_rescale": true,
		"do_normalize": true, "resample": 3}`, patch)
}

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
	return map[string]*subject{
		"qwen2": {
			sections: parts(`{"model_type": "qwen2", ` + decoderKeys + `, "rope_theta": 1e4,
				"rope_scaling": {"type": "default"}}`),
			required: requiredDecoder,
		},
		"qwen3": {
			sections: parts(`{"model_type": "qwen3", ` + qwen3Keys + `, "rope_theta": 1e4}`),
			required: requiredDecoder,
		},
		"qwen3_moe": {
			sections: parts(`{"model_type": "qwen3_moe", ` + qwen3Keys + moeKeys + `,
				"rope_theta": 1e4}`),
			required: requiredDecoder + requiredExperts,
			open:     `num_experts`,
		},
		"qwen2_vl": {
			sections: parts(`{"model_type": "qwen2_vl", `+decoderKeys+mropeKeys+`,
				"vision_config": {`+towerKeys+`, "embed_dim": 48, "hidden_size": 64,
				"patch_size": 14, "hidden_act": "quick_gelu", "mlp_ratio": 4.0}}`, images(14)),
			required: requiredDecoder + requiredMRope +
				under("vision_config", `depth num_heads embed_dim`),
		},
		"qwen2_5_vl": {
			sections: parts(`{"model_type": "qwen2_5_vl",
				"text_config": {`+decoderKeys+mropeKeys+`},
				"vision_config": {`+towerKeys+`, "hidden_size": 48, "out_hidden_size": 64,
				"intermediate_size": 80, "patch_size": 14, "hidden_act": "silu",
				"window_size": 112, "fullatt_block_indexes": [7, 15, 23, 31],
				"tokens_per_second": 4.0}}`, images(14)),
			required: under("text_config", requiredDecoder+requiredMRope) +
				under("vision_config", requiredTower),
		},
		"qwen3_vl": {
			sections: parts(`{"model_type": "qwen3_vl",
				"text_config": {`+qwen3Keys+mropeKeys+`}, `+deepTower+`}`, images(16),
				`{"size": {"shortest_edge": 4096, "longest_edge": 25165824}}`),
			required: under("text_config", requiredDecoder) +
				under("vision_config", requiredTower+`num_position_embeddings`) +
				`size.shortest_edge size.longest_edge`,
			open: `vision_config.deepstack_visual_indexes
				text_config.rope_scaling.mrope_section text_config.rope_theta`,
		},
		"qwen3_vl_moe": {
			sections: parts(`{"model_type": "qwen3_vl_moe",
				"text_config": {`+qwen3Keys+moeKeys+mropeKeys+`}, `+deepTower+`}`, images(16)),
			required: under("text_config", requiredDecoder+requiredExperts) +
				under("vision_config", requiredTower+`num_position_embeddings`),
			open: `vision_config.deepstack_visual_indexes text_config.num_experts
				text_config.rope_scaling.mrope_section text_config.rope_theta`,
		},
		"qwen3_5_moe": {
			sections: parts(wide(`{"model_type": "qwen3_5_moe",
				"text_config": {`+qwen3Keys+moeKeys+`, "rope_parameters": {"rope_theta": 1e7,
				"mrope_section": [2, 3, 3], "partial_rotary_factor": 0.25},
				"linear_num_key_heads": 2, "linear_num_value_heads": 4,
				"linear_key_head_dim": 16, "linear_value_head_dim": 16,
				"linear_conv_kernel_dim": 4, "shared_expert_intermediate_size": 32,
				"attn_output_gate": true, "full_attention_interval": 4,
				"layer_types": ["linear_attention", "linear_attention"]}, `+
				deepTower+`}`), images(16)),
			required: under("text_config", `hidden_size num_attention_heads vocab_size
				num_hidden_layers linear_num_key_heads
				linear_num_value_heads linear_key_head_dim linear_value_head_dim
				linear_conv_kernel_dim shared_expert_intermediate_size `+requiredExperts) +
				under("vision_config", requiredTower+`num_position_embeddings`),
			open: `vision_config.deepstack_visual_indexes text_config.num_experts
				text_config.rope_parameters.rope_theta
				text_config.rope_parameters.mrope_section`,
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
			required: requiredDecoder +
				under("visual", `width patch_size image_size output_dim heads layers`),
		},
		"kimi_vl": {
			sections: parts(`{"model_type": "kimi_vl", "text_config": {"hidden_act": "silu",
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
				"image_std": [0.5, 0.5, 0.5], "in_token_limit": 4096}`),
			required: under("text_config", requiredDecoder+requiredExperts+`kv_lora_rank
				qk_nope_head_dim qk_rope_head_dim v_head_dim n_routed_experts
				first_k_dense_replace`) +
				under("vision_config", `hidden_size intermediate_size num_attention_heads
				num_hidden_layers`),
		},
	}
}
