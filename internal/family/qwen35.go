package family

// Qwen3.5: layers of the gated delta rule beside gated attention; decoder and tower are otherwise
// those of qwen3.go and qwen3vl.go. Its norms are stored around zero.

import (
	"maps"
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
	text := textConfig(c)
	d := qwen35Decoder(text)
	d.TiedHead = c.boolOr("tie_word_embeddings", d.TiedHead)
	vis, err := qwen3Vision(c, d.HiddenSize, from)
	if err != nil {
		return Spec{}, err
	}
	prefix := "model.language_model."
	names := func(n weights.Names) weights.Names {
		return qwen3VisionNames("model.visual.", deepstack(c.sub("vision_config")),
			zeroCentered(deltaNames(prefix, n)))
	}
	return Spec{
		LLM:     d,
		Vision:  vis,
		Layouts: qwen3Layouts(d, prefix, names, expertsOutputs),
		Parts:   qwen3VLParts,
		Think:   [2]string{"<think>", "</think>"},
	}, nil
}

func qwen35Decoder(c object) llm.Config {
	dense := !hasExperts(c)
	if !dense && !c.Has("intermediate_size") {
		c.Values = maps.Clone(c.Values)
		c.Values["intermediate_size"] = c.Values["moe_intermediate_size"] // no layer uses it
	}
	d := qwen3Decoder(c)
	g := *d.Layers[0].GQA
	g.OutputGate = c.boolOr("attn_output_gate", true)
	delta := &llm.Delta{
		KeyHeads:   c.int("linear_num_key_heads", 1<<12),
		ValueHeads: c.int("linear_num_value_heads", 1<<12),
		KeyDim:     c.int("linear_key_head_dim", 1<<12),
		ValueDim:   c.int("linear_value_head_dim", 1<<12),
		Kernel:     c.int("linear_conv_kernel_dim", 64),
	}
	if !dense {
		m := *qwen3Experts(c)
		m.Shared, m.SharedGate = c.int("shared_expert_intermediate_size", maxWidth), true
		for i := range d.Layers {
			d.Layers[i].MoE, d.Layers[i].Dense = &m, nil
		}
	}
	interval := c.intOr("full_attention_interval", maxDepth, 4)
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
