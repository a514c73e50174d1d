package family

// The Qwen2 decoder: grouped-query attention with biases, a dense gated MLP. It is a family, and
// the base of those with a tower (qwen2vl.go, qwen25vl.go) and of Qwen3 (qwen3.go), which say only
// what is different.

import (
	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/weights"
	"github.com/qwenvl/qwenvl/llm"
)

// Bounds of configuration values: far above what is published, far below what overflows.
const (
	maxWidth = 1 << 16
	maxDepth = 1 << 10
	maxCount = 1 << 24
)

// qwen2 is the text decoder alone.
//
// Source: Qwen2 (arXiv 2407.10671), section 2.2; transformers, Qwen2Config.
func qwen2(c object, _ checkpoint.Checkpoint) (Spec, error) {
	c = c.over(qwen2Text)
	d := decoder(c)
	rotary{dim: d.Layers[0].GQA.HeadDim, theta: 10000}.read(c, &d)
	wholeContext(c, &d, windowsByLayer)
	return Spec{
		LLM:     d,
		Layouts: []Layout{{Probe: "model.embed_tokens.weight", Names: decoderNames("model.")}},
		Parts:   textParts,
	}, nil
}

// decoder reads what the decoders of the Qwen2 line have in common, from keys with their defaults.
func decoder(c object) llm.Config {
	hidden := c.int("hidden_size", maxWidth)
	heads := c.int("num_attention_heads", 1<<12)
	if hidden%heads != 0 && !c.Has("head_dim") {
		c.fail("num_attention_heads", "does not divide hidden_size", nil)
	}
	c.act("silu", "swish")
	d := llm.Config{
		HiddenSize: hidden,
		VocabSize:  c.int("vocab_size", maxCount),
		Layers:     make([]llm.Layer, c.int("num_hidden_layers", maxDepth)),
		Eps:        float32(c.float("rms_norm_eps", 1)),
		TiedHead:   c.boolOr("tie_word_embeddings", false),
		MaxContext: c.int("max_position_embeddings", maxCount),
	}
	layer := llm.Layer{
		Eps: d.Eps,
		GQA: &llm.GQA{NumHeads: heads, NumKVHeads: c.intOr("num_key_value_heads", 1<<12, heads),
			HeadDim: c.intOr("head_dim", 1<<14, max(hidden/heads, 1)), QKVBias: true},
		Dense: &llm.Dense{IntermediateSize: c.int("intermediate_size", 1<<20), Act: tensor.SiLU},
	}
	if layer.GQA.NumHeads%layer.GQA.NumKVHeads != 0 {
		c.fail("num_key_value_heads", "does not divide num_attention_heads", nil)
	}
	for i := range d.Layers {
		d.Layers[i] = layer
	}
	return d
}

// decoderPairs names the decoder's tensors under prefix.
func decoderPairs(prefix string) []string {
	return []string{
		"embed.weight", prefix + "embed_tokens.weight",
		"norm.weight", prefix + "norm.weight",
		"head.weight", "lm_head.weight",
		"layers.*.mix_norm.weight", prefix + "layers.*.input_layernorm.weight",
		"layers.*.ffn_norm.weight", prefix + "layers.*.post_attention_layernorm.weight",
		"layers.*.attn.*.*", prefix + "layers.*.self_attn.*_proj.*",
		"layers.*.mlp.*.*", prefix + "layers.*.mlp.*_proj.*",
	}
}

func decoderNames(prefix string) weights.Names { return weights.Rename(decoderPairs(prefix)...) }
