package family

// What a key that is not there is worth: the defaults of the reference's classes, as data. Versions
// of the reference before 4.52 left out of a file what equalled its class's default, so that a
// published tower has three keys; and what a file leaves out is worth what the class of today says,
// whatever the version that wrote it. testdata/settings/defaults.jsonl holds the values against the
// reference's own.
//
// Only keys that are read stand here. A key without a default, and one whose value is null, is
// missed by the parser that needs it.

import (
	"encoding/json"
	"maps"
)

// over gives keys that are not there the values of defaults, an object in JSON. A null stands.
func (o object) over(defaults string) object {
	values := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(defaults), &values); err != nil {
		panic(err) // a constant of this file
	}
	maps.Copy(values, o.Values)
	o.Values = values
	return o
}

// The decoders. Source: transformers 5.23, configuration_*.py of the model types that are named.
const (
	qwen2Text = `{"vocab_size": 151936, "hidden_size": 4096, "intermediate_size": 22016,
		"num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 32,
		"max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "sliding_window": 4096,
		"max_window_layers": 28}`
	qwen2VLText = `{"vocab_size": 152064, "hidden_size": 8192, "intermediate_size": 29568,
		"num_hidden_layers": 80, "num_attention_heads": 64, "num_key_value_heads": 8,
		"max_position_embeddings": 32768, "rms_norm_eps": 1e-5, "sliding_window": 4096,
		"max_window_layers": 80}`
	qwen3Text = `{"vocab_size": 151936, "hidden_size": 4096, "intermediate_size": 22016,
		"num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 32,
		"head_dim": 128, "max_position_embeddings": 32768, "rms_norm_eps": 1e-6,
		"sliding_window": 4096, "max_window_layers": 28}`
	qwen3MoEText = `{"vocab_size": 151936, "hidden_size": 2048, "intermediate_size": 6144,
		"num_hidden_layers": 24, "num_attention_heads": 32, "num_key_value_heads": 4,
		"max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "sliding_window": 4096,
		"num_experts": 128, "num_experts_per_tok": 8, "moe_intermediate_size": 768,
		"norm_topk_prob": false}`
	qwen3VLText = `{"vocab_size": 151936, "hidden_size": 4096, "intermediate_size": 22016,
		"num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 32,
		"head_dim": 128, "max_position_embeddings": 128000, "rms_norm_eps": 1e-6}`
	qwen3VLMoEText = `{"vocab_size": 151936, "hidden_size": 2048, "intermediate_size": 5632,
		"num_hidden_layers": 24, "num_attention_heads": 16, "num_key_value_heads": 16,
		"max_position_embeddings": 128000, "rms_norm_eps": 1e-6,
		"num_experts": 60, "num_experts_per_tok": 4, "moe_intermediate_size": 1408}`
	deltaText = `"max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "head_dim": 256,
		"full_attention_interval": 4, "linear_conv_kernel_dim": 4, "linear_key_head_dim": 128,
		"linear_value_head_dim": 128, "linear_num_key_heads": 16, "linear_num_value_heads": 32}`
	qwen35Text = `{"vocab_size": 248320, "hidden_size": 4096, "intermediate_size": 12288,
		"num_hidden_layers": 32, "num_attention_heads": 16, "num_key_value_heads": 4, ` + deltaText
	qwen35MoEText = `{"vocab_size": 248320, "hidden_size": 2048, "num_hidden_layers": 40,
		"num_attention_heads": 16, "num_key_value_heads": 2, "num_experts": 256,
		"num_experts_per_tok": 8, "moe_intermediate_size": 512,
		"shared_expert_intermediate_size": 512, ` + deltaText
)

// The towers of the same files.
const (
	qwen2VLTower = `{"depth": 32, "embed_dim": 1280, "hidden_size": 3584, "mlp_ratio": 4,
		"num_heads": 16, "patch_size": 14}`
	qwen25VLTower = `{"depth": 32, "hidden_size": 3584, "intermediate_size": 3420, "num_heads": 16,
		"patch_size": 14, "tokens_per_second": 4, "window_size": 112, "out_hidden_size": 3584,
		"fullatt_block_indexes": [7, 15, 23, 31]}`
	qwen35Tower = `{"depth": 27, "hidden_size": 1152, "intermediate_size": 4304, "num_heads": 16,
		"patch_size": 16, "out_hidden_size": 3584, "num_position_embeddings": 2304}`
	qwen3VLTower = `{"depth": 27, "hidden_size": 1152, "intermediate_size": 4304, "num_heads": 16,
		"patch_size": 16, "out_hidden_size": 3584, "num_position_embeddings": 2304,
		"deepstack_visual_indexes": [8, 16, 24]}`
)

// Families whose code is on the hub. Source: configuration_kimi_vl.py and
// image_processing_kimi_vl.py of Kimi-VL, whose decoder is DeepSeek-V3's; configuration_qwen.py and
// visual.py of Qwen-VL.
const (
	kimiText = `{"vocab_size": 129280, "hidden_size": 7168, "intermediate_size": 18432,
		"moe_intermediate_size": 2048, "num_hidden_layers": 61, "num_attention_heads": 128,
		"n_shared_experts": 1, "n_routed_experts": 256, "routed_scaling_factor": 2.5,
		"kv_lora_rank": 512, "q_lora_rank": 1536, "qk_rope_head_dim": 64, "v_head_dim": 128,
		"qk_nope_head_dim": 128, "n_group": 8, "topk_group": 4, "num_experts_per_tok": 8,
		"moe_layer_freq": 1, "first_k_dense_replace": 3, "norm_topk_prob": true,
		"max_position_embeddings": 4096, "rms_norm_eps": 1e-6}`
	kimiTower = `{"patch_size": 14, "init_pos_emb_height": 64, "init_pos_emb_width": 64,
		"num_attention_heads": 16, "num_hidden_layers": 27, "hidden_size": 1152,
		"intermediate_size": 4304, "merge_kernel_size": [2, 2]}`
	kimiImages = `{"patch_size": 14, "merge_kernel_size": [2, 2], "pad_input": false,
		"in_token_limit": 4096, "image_mean": [0.48145466, 0.4578275, 0.40821073],
		"image_std": [0.26862954, 0.26130258, 0.27577711]}`
	qwenText = `{"vocab_size": 151936, "hidden_size": 4096, "intermediate_size": 22016,
		"num_hidden_layers": 32, "num_attention_heads": 32, "kv_channels": 128,
		"layer_norm_epsilon": 1e-6, "max_position_embeddings": 8192, "rotary_pct": 1.0,
		"rotary_emb_base": 10000}`
	qwenTower = `{"n_queries": 256, "output_dim": 512}`
)
