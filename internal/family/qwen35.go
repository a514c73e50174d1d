package family

// Qwen3.5: layers of the gated delta rule beside gated attention; decoder and tower are otherwise
// those of qwen3.go and qwen3vl.go. Its norms are stored around zero.

import (
	"encoding/json"
	"strings"

	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/internal/weights"
	"github.com/qwenvl/qwenvl/llm"
)

// qwen35 has gated delta-rule layers beside gated attention, dense or with experts, behind the
// tower of Qwen3-VL.
//
// Source: Qwen3-Next and Qwen3.5 model cards; transformers, Qwen3_5Config and Qwen3_5MoeConfig.
func qwen35(c object, from checkpoint.Checkpoint) (Spec, error) {
	return qwen35Seeing(c, qwen35Decoder(textConfig(c, qwen35Text), false), from)
}

func qwen35MoE(c object, from checkpoint.Checkpoint) (Spec, error) {
	return qwen35Seeing(c, qwen35Decoder(textConfig(c, qwen35MoEText), true), from)
}

func qwen35Seeing(c object, d llm.Config, from checkpoint.Checkpoint) (Spec, error) {
	d.TiedHead = c.boolOr("tie_word_embeddings", false)
	v := visionConfig(c, qwen35Tower)
	delete(v.Values, "deepstack_visual_indexes") // nobody reads it
	vis, err := qwen3Vision(v, d.HiddenSize, from)
	if err != nil {
		return Spec{}, err
	}
	return Spec{
		LLM:    d,
		Vision: vis,
		Layouts: qwen35Layouts(d, "model.language_model.", func(n weights.Names) weights.Names {
			return qwen3VisionNames("model.visual.", nil, n)
		}),
		Parts: qwen3VLParts,
		Think: [2]string{"<think>", "</think>"},
	}, nil
}

func qwen35Alone(c object, _ checkpoint.Checkpoint) (Spec, error) {
	return qwen35Plain(qwen35Decoder(c.over(qwen35Text), false))
}

func qwen35MoEAlone(c object, _ checkpoint.Checkpoint) (Spec, error) {
	return qwen35Plain(qwen35Decoder(c.over(qwen35MoEText), true))
}

// qwen35Plain is the decoder without a tower, as which a model that was tuned on text alone is
// saved. Its tensors keep the names that they have behind a tower, or lose that part of them; a
// tower may have stayed in the files.
func qwen35Plain(d llm.Config) (Spec, error) {
	return Spec{
		LLM: d,
		Layouts: qwen35Layouts(d, "model.language_model.", func(n weights.Names) weights.Names {
			return n
		}),
		Parts: qwen35Parts,
		Think: [2]string{"<think>", "</think>"},
	}, nil
}

func qwen35Layouts(d llm.Config, prefix string, wrap func(weights.Names) weights.Names) []Layout {
	return qwen3Layouts(d, prefix, func(n weights.Names) weights.Names {
		return wrap(zeroCentered(deltaNames(prefix, n)))
	}, expertsOutputs)
}

// qwen35Decoder reads keys with their defaults.
func qwen35Decoder(c object, experts bool) llm.Config {
	if experts {
		c.Values["intermediate_size"] = json.RawMessage("1") // no layer has it
	}
	d := qwen3Decoder(c, nil)
	g := *d.Layers[0].GQA
	g.OutputGate = true // whatever attn_output_gate says
	delta := &llm.Delta{
		KeyHeads:   c.int("linear_num_key_heads", 1<<12),
		ValueHeads: c.int("linear_num_value_heads", 1<<12),
		KeyDim:     c.int("linear_key_head_dim", 1<<12),
		ValueDim:   c.int("linear_value_head_dim", 1<<12),
		Kernel:     c.int("linear_conv_kernel_dim", 64),
	}
	if experts {
		delete(c.Values, "num_local_experts") // nobody reads it
		m := *qwen3Experts(c, true)
		m.Shared, m.SharedGate = c.int("shared_expert_intermediate_size", maxWidth), true
		for i := range d.Layers {
			d.Layers[i].MoE, d.Layers[i].Dense = &m, nil
		}
	}
	interval := c.int("full_attention_interval", maxDepth)
	var types []string
	if c.Has("layer_types") {
		types = list[string](c, "layer_types", len(d.Layers))
	}
	for i := range d.Layers {
		kind := "linear_attention"
		if types != nil {
			kind = types[i]
		} else if (i+1)%interval == 0 {
			kind = "full_attention"
		}
		switch kind {
		case "full_attention":
			d.Layers[i].GQA = &g
		case "linear_attention":
			d.Layers[i].GQA, d.Layers[i].Delta = nil, delta
		default:
			c.unsupported("layer_types", kind)
		}
	}
	rotary{dim: g.HeadDim, share: 0.25, theta: 10000, section: []int{11, 11, 10},
		interleaved: true}.read(c, &d)
	return d
}

// deltaNames names the delta-rule layers.
func deltaNames(prefix string, rest weights.Names) weights.Names {
	table := map[string]string{
		"qkv.weight": "in_proj_qkv.weight", "z.weight": "in_proj_z.weight",
		"b.weight": "in_proj_b.weight", "a.weight": "in_proj_a.weight",
		"conv.weight": "conv1d.weight", "a_log": "A_log", "dt_bias": "dt_bias",
		"norm.weight": "norm.weight", "o.weight": "out_proj.weight",
	}
	return func(canonical string) weights.Ref {
		p := strings.SplitN(canonical, ".", 4)
		if len(p) == 4 && p[0] == "layers" && p[2] == "delta" {
			if name, ok := table[p[3]]; ok {
				return weights.Ref{Name: prefix + "layers." + p[1] + ".linear_attn." + name}
			}
		}
		return rest(canonical)
	}
}

// zeroCentered marks the norms whose weights are stored around zero: all but those inside the delta
// rule.
func zeroCentered(names weights.Names) weights.Names {
	return func(canonical string) weights.Ref {
		r := names(canonical)
		r.PlusOne = strings.HasSuffix(canonical, "norm.weight") &&
			!strings.Contains(canonical, ".delta.")
		return r
	}
}
