package family

// The Qwen3 decoder: norms on queries and keys, and experts where the configuration says so.
// Experts are stored in three ways, which checkpoints of one family mix: they make the layouts
// here. qwen3vl.go puts a tower before it, qwen35.go exchanges most of its attention.

import (
	"slices"
	"strconv"
	"strings"

	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/weights"
	"github.com/qwenvl/qwenvl/llm"
)

// qwen3 is the text decoder alone, dense or with experts.
//
// Source: Qwen3 (arXiv 2505.09388), section 2; transformers, Qwen3Config and Qwen3MoeConfig.
func qwen3(c object, _ checkpoint.Checkpoint) (Spec, error) {
	return qwen3Plain(c.over(qwen3Text), windowsByLayer, nil)
}

func qwen3MoE(c object, _ checkpoint.Checkpoint) (Spec, error) {
	c = c.over(qwen3MoEText)
	return qwen3Plain(c, windowsByFlag, qwen3Experts(c, c.boolOr("norm_topk_prob", true)))
}

func qwen3Plain(c object, w windows, experts *llm.MoE) (Spec, error) {
	d := qwen3Decoder(c, experts)
	rotary{dim: d.Layers[0].GQA.HeadDim, theta: 10000}.read(c, &d)
	wholeContext(c, &d, w)
	return Spec{
		LLM: d,
		Layouts: qwen3Layouts(d, "model.", func(n weights.Names) weights.Names { return n },
			expertsApart),
		Parts: textParts,
		Think: [2]string{"<think>", "</think>"},
	}, nil
}

// qwen3Decoder is the Qwen2 decoder with norms on queries and keys, heads of their own width, and
// experts, where there are any, in the layers that the configuration names.
func qwen3Decoder(c object, experts *llm.MoE) llm.Config {
	d := decoder(c)
	g := *d.Layers[0].GQA
	g.QKVBias, g.QKNorm = c.boolOr("attention_bias", false), true
	for i := range d.Layers {
		d.Layers[i].GQA = &g
	}
	if experts == nil {
		return d
	}
	var dense []int
	if c.Has("mlp_only_layers") {
		dense = list[int](c, "mlp_only_layers", -1)
	}
	step := c.intOr("decoder_sparse_step", maxDepth, 1)
	for i := range d.Layers {
		if !slices.Contains(dense, i) && (i+1)%step == 0 {
			d.Layers[i].Dense, d.Layers[i].MoE = nil, experts
		}
	}
	return d
}

func qwen3Experts(c object, normalize bool) *llm.MoE {
	return &llm.MoE{
		NumExperts:       c.int(c.aliased("num_experts", "num_local_experts"), 1<<14),
		TopK:             c.int("num_experts_per_tok", 1<<14),
		IntermediateSize: c.int("moe_intermediate_size", maxWidth),
		Act:              tensor.SiLU, Normalize: normalize, Scale: 1,
	}
}

// experts is how experts are stored.
type experts int

const (
	expertsApart   experts = iota // a tensor for each
	expertsInputs                 // stacked, with inputs as rows
	expertsOutputs                // stacked, with outputs as rows
)

// qwen3Layouts are the ways in which experts are stored, the released one first: it counts where
// there are no tensors to tell.
func qwen3Layouts(d llm.Config, prefix string, wrap func(weights.Names) weights.Names,
	released experts) []Layout {
	base := weights.Rename(append([]string{
		"layers.*.attn.q_norm.weight", prefix + "layers.*.self_attn.q_norm.weight",
		"layers.*.attn.k_norm.weight", prefix + "layers.*.self_attn.k_norm.weight",
		"layers.*.mlp.router.weight", prefix + "layers.*.mlp.gate.weight",
		"layers.*.mlp.experts.*.*.weight", prefix + "layers.*.mlp.experts.*.*_proj.weight",
		"layers.*.mlp.shared.*.weight", prefix + "layers.*.mlp.shared_expert.*_proj.weight",
		"layers.*.mlp.shared_gate.weight", prefix + "layers.*.mlp.shared_expert_gate.weight",
	}, decoderPairs(prefix)...)...)
	first := slices.IndexFunc(d.Layers, func(l llm.Layer) bool { return l.MoE != nil })
	if first < 0 {
		return []Layout{{Probe: prefix + "embed_tokens.weight", Names: wrap(base)}}
	}
	m := d.Layers[first].MoE
	at := prefix + "layers." + strconv.Itoa(first) + ".mlp.experts."
	stack, inputs, outputs := "gate_up_proj", d.HiddenSize, 2*m.IntermediateSize
	if inputs == outputs { // its shape tells nothing; that of the other stack does
		stack, inputs, outputs = "down_proj", m.IntermediateSize, d.HiddenSize
	}
	layouts := []Layout{
		expertsApart: {Probe: at + "0.gate_proj.weight", Names: wrap(base)},
		expertsInputs: {Probe: at + stack, Shape: []int{m.NumExperts, inputs, outputs},
			Names: wrap(stacked(base, prefix, d.HiddenSize, m.IntermediateSize, true))},
		expertsOutputs: {Probe: at + stack, Shape: []int{m.NumExperts, outputs, inputs},
			Names: wrap(stacked(base, prefix, d.HiddenSize, m.IntermediateSize, false))},
	}
	layouts[0], layouts[released] = layouts[released], layouts[0]
	return layouts
}

// stacked finds an expert's matrices in stacks over all experts, with gate and up joined.
func stacked(base weights.Names, prefix string, hidden, width int, inputRows bool) weights.Names {
	return func(canonical string) weights.Ref {
		p := strings.Split(canonical, ".")
		if len(p) != 7 || p[0] != "layers" || p[3] != "experts" {
			return base(canonical)
		}
		e, err := strconv.Atoi(p[4])
		if err != nil {
			return base(canonical)
		}
		r := weights.Ref{Name: prefix + "layers." + p[1] + ".mlp.experts."}
		if p[5] == "down" {
			r.Name += "down_proj"
			r.Transpose = inputRows
			r.Lo, r.Hi = e*hidden, (e+1)*hidden
			if inputRows {
				r.Lo, r.Hi = e*width, (e+1)*width
			}
			return r
		}
		r.Name += "gate_up_proj"
		half := 0
		if p[5] == "up" {
			half = width
		}
		if inputRows {
			r.Transpose = true
			r.Lo, r.Hi = e*hidden, (e+1)*hidden
			r.ColLo, r.ColHi = half, half+width
		} else {
			r.Lo, r.Hi = e*2*width+half, e*2*width+half+width
		}
		return r
	}
}

// prefixed uses some names for what starts with prefix, and others for the rest.
func prefixed(prefix string, names, rest weights.Names) weights.Names {
	return func(canonical string) weights.Ref {
		if strings.HasPrefix(canonical, prefix) {
			return names(canonical)
		}
		return rest(canonical)
	}
}
