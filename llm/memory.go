package llm

// How many bytes sequences and passes take, from the configuration alone: Inspect and Estimate of
// the root answer with it before any weight is read. It must follow cache.go and what the forwards
// of the parts allocate; a test of the root holds it against what a process takes.

import "github.com/qwenvl/qwenvl/internal/tensor"

// CacheBytes returns what sequences of the given length keep: whole blocks of keys and values, in
// half precision if so, and recurrent state.
func (c Config) CacheBytes(tokens int, half bool) int64 {
	blocks := int64((tokens + BlockTokens - 1) / BlockTokens)
	perBlock, state := int64(0), int64(0)
	for _, l := range c.Layers {
		switch {
		case l.GQA != nil:
			perBlock += int64(l.GQA.layout().Floats())
		case l.MLA != nil:
			perBlock += int64(l.MLA.layout().Floats())
		case l.Delta != nil:
			s := l.Delta.shape()
			state += int64(s.ConvFloats() + s.StateFloats())
		}
	}
	if half {
		perBlock /= 2
	}
	return 4 * (blocks*perBlock + state)
}

// PassBytes returns the workspace of a pass over n rows, one of them with logits, if the weights
// are packed or not.
func (c Config) PassBytes(n int, packed bool) int64 {
	blocked := tensor.BlockedBytes
	if packed {
		blocked = func(int, int) int64 { return 0 }
	}
	widest := int64(0)
	for _, l := range c.Layers {
		mixer, ffn, inner := 0, 0, c.HiddenSize
		switch {
		case l.GQA != nil:
			mixer = 2*l.GQA.NumHeads*l.GQA.HeadDim + 2*l.GQA.NumKVHeads*l.GQA.HeadDim
			if l.GQA.OutputGate {
				mixer += 3 * l.GQA.NumHeads * l.GQA.HeadDim
			}
		case l.MLA != nil:
			m := l.MLA
			mixer = m.NumHeads*(m.NopeDim+m.RopeDim+2*m.LatentDim+m.RopeDim+m.ValueDim) +
				2*m.LatentDim + m.RopeDim
		case l.Delta != nil:
			mixer = 2*l.Delta.shape().Conv() + 2*l.Delta.ValueHeads*(l.Delta.ValueDim+1)
		}
		if l.Dense != nil {
			ffn = l.Dense.IntermediateSize
			inner = max(inner, ffn)
		} else {
			ffn = l.MoE.NumExperts + (2*l.MoE.TopK+2)*c.HiddenSize +
				max(l.MoE.IntermediateSize, l.MoE.Shared)
		}
		widest = max(widest, 4*int64(n)*int64(mixer)+blocked(n, c.HiddenSize),
			4*int64(n)*int64(ffn)+blocked(n, inner))
	}
	return 4*(int64(n)*int64(2*c.HiddenSize+c.Rope.Dim)+int64(c.VocabSize)) + widest
}

func (g *GQA) layout() tensor.KVLayout {
	return tensor.KVLayout{Heads: g.NumKVHeads, KeyDim: g.HeadDim, ValueDim: g.HeadDim}
}

func (m *MLA) layout() tensor.KVLayout {
	return tensor.KVLayout{Heads: 1, KeyDim: m.LatentDim + m.RopeDim, ValueDim: m.LatentDim}
}

func (d *Delta) shape() tensor.DeltaShape {
	return tensor.DeltaShape{KeyHeads: d.KeyHeads, ValueHeads: d.ValueHeads,
		KeyDim: d.KeyDim, ValueDim: d.ValueDim, Kernel: d.Kernel}
}
