// Package llm is the decoder of a vision-language model: the language model that reads the prompt,
// pictures included, and writes the answer token by token.
//
// A prompt arrives as token ids. The rows of the embedding matrix that stand for a picture are
// placeholders: the tower (package vision) and the adapter (package adapter) have made features of
// the same width for them, and a [Splice] puts these in their place. From there on the decoder
// knows no pictures, only rows of HiddenSize floats with a position each.
//
//	tokens, features → x [rows, HiddenSize]
//	each layer:        x += mixer(norm(x))     attention (GQA, MLA) or a recurrence (Delta)
//	                   x += ffn(norm(x))       one gated MLP (Dense) or a mixture of experts (MoE)
//	norm, head       → logits [rows that asked, VocabSize]
//
// There is one loop for every family, [Decoder.Forward]. [Config] says layer by layer which mixer
// and which feed-forward part stand in it. A [Batch] holds rows of several sequences, prompts and
// single new tokens alike; a [Sequence] is what one text has left in the [Cache] so far. What a row
// becomes depends, bit for bit, on the rows before it in its own sequence and on nothing else.
//
// # What may be used
//
// [Config], its parts and its Validate, CacheBytes and PassBytes are plain data and arithmetic. The
// decoder itself cannot be built from outside: [New] takes a loader of the internal package
// weights, which owns the memory of a checkpoint, and Forward an executor of the internal package
// tensor. Both follow the needs of the kernels and change with them, so they stay closed. What the
// decoder computes is available from a loaded model: Generate and Stream of
// [github.com/qwenvl/qwenvl.Model] for text, [github.com/qwenvl/qwenvl.Model.Hidden] for the hidden
// states and logits of a prompt.
package llm

// What a decoder is made of, as data, and the check of that data. package family fills a Config
// from a checkpoint's config.json; decoder.go builds the layers from it, gqa.go, mla.go, delta.go,
// dense.go and moe.go are the parts.

import (
	"errors"
	"fmt"

	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/rope"
)

// Config describes a decoder. Layers are resolved one by one.
type Config struct {
	HiddenSize int
	VocabSize  int
	Layers     []Layer
	Eps        float32 // of the final norm
	TiedHead   bool    // the head is the embedding
	MaxContext int     // positions that the checkpoint was trained for, or stretched to
	// ContextLimit is the longest context in which attention may see all; 0: any. Beyond it a
	// sliding window of the checkpoint would hide something, which is not implemented.
	ContextLimit int
	Rope         rope.Config
}

// Layer is one decoder layer: a token mixer and a feed-forward part, each behind an RMS norm.
// Exactly one mixer and one feed-forward part is set.
type Layer struct {
	Eps float32

	GQA   *GQA
	MLA   *MLA
	Delta *Delta

	Dense *Dense
	MoE   *MoE
}

// GQA is grouped-query attention (arXiv 2305.13245).
type GQA struct {
	NumHeads, NumKVHeads, HeadDim int
	QKVBias                       bool
	QKNorm                        bool // an RMS norm over each head of q and k, before the rotation

	// OutputGate: the query projection has a gate beside each head; its sigmoid scales the output.
	OutputGate bool
}

// MLA is multi-head latent attention (arXiv 2405.04434, section 2.1): keys and values of all heads
// are projections of one latent vector, which is what the cache keeps, and a rotated key is shared
// by the heads.
type MLA struct {
	NumHeads  int
	LatentDim int
	NopeDim   int // of a head's key, without positions
	RopeDim   int // of a head's key, rotated
	ValueDim  int
	Eps       float32 // of the latent's norm

	// ScoreScale multiplies scores besides 1/√(NopeDim+RopeDim), where a stretched rotary embedding
	// asks for it; 0: 1.
	ScoreScale float64
}

// Delta is a gated delta-rule mixer (arXiv 2412.06464) behind a short convolution. Its state has a
// fixed size.
type Delta struct {
	KeyHeads, ValueHeads int
	KeyDim, ValueDim     int // of a head
	Kernel               int // of the convolution
}

// Dense is a gated MLP: down(act(gate(x)) ∘ up(x)).
type Dense struct {
	IntermediateSize int
	Act              tensor.Act
}

// MoE is a mixture of experts: each row goes to the TopK gated MLPs that a router scores best.
type MoE struct {
	NumExperts, TopK int
	IntermediateSize int // of an expert
	Act              tensor.Act
	Sigmoid          bool    // scores are sigmoids, else a softmax over all experts
	Correction       bool    // a bias on the scores takes part in choosing
	Normalize        bool    // weights of the chosen experts sum to one, before Scale
	Scale            float32 // of the weights
	Shared           int     // width of an MLP that every row goes through; 0: none
	SharedGate       bool    // whose output is scaled by the sigmoid of a projection of the row
}

// ErrConfig is wrapped by every error of Validate.
var ErrConfig = errors.New("llm: invalid configuration")

// Limits that no published decoder comes near; they bound what a hostile configuration can ask for.
const (
	maxWidth   = 1 << 20
	maxLayers  = 1 << 12
	maxVocab   = 1 << 24
	maxContext = 1 << 24
	maxParts   = 1 << 18 // experts, and heads with matrices of their own, of all layers
)

// Validate checks bounds, divisibility and the one-of rules, before anything is allocated.
func (c Config) Validate() error {
	if err := within("hidden size", c.HiddenSize, maxWidth); err != nil {
		return err
	}
	if err := within("vocabulary size", c.VocabSize, maxVocab); err != nil {
		return err
	}
	if err := within("context", c.MaxContext, maxContext); err != nil {
		return err
	}
	if err := within("layers", len(c.Layers), maxLayers); err != nil {
		return err
	}
	if err := c.Rope.Validate(); err != nil {
		return err
	}
	if !(c.Eps > 0 && c.Eps < 1) {
		return fmt.Errorf("%w: norm epsilon %v", ErrConfig, c.Eps)
	}
	parts := 0
	for i, l := range c.Layers {
		if err := l.validate(c.Rope.Dim); err != nil {
			return fmt.Errorf("layer %d: %w", i, err)
		}
		if l.MoE != nil {
			parts += l.MoE.NumExperts
		}
		if l.MLA != nil {
			parts += l.MLA.NumHeads
		}
	}
	if parts > maxParts {
		return fmt.Errorf("%w: %d experts and heads in all layers, at most %d", ErrConfig, parts,
			maxParts)
	}
	return nil
}

func (l Layer) validate(rotary int) error {
	if !(l.Eps > 0 && l.Eps < 1) {
		return fmt.Errorf("%w: norm epsilon %v", ErrConfig, l.Eps)
	}
	var mixer, ffn []error
	if l.GQA != nil {
		mixer = append(mixer, l.GQA.validate(rotary))
	}
	if l.MLA != nil {
		mixer = append(mixer, l.MLA.validate(rotary))
	}
	if l.Delta != nil {
		mixer = append(mixer, l.Delta.validate())
	}
	if l.Dense != nil {
		ffn = append(ffn, within("intermediate size", l.Dense.IntermediateSize, maxWidth))
	}
	if l.MoE != nil {
		ffn = append(ffn, l.MoE.validate())
	}
	if len(mixer) != 1 || len(ffn) != 1 {
		return fmt.Errorf("%w: a layer with %d mixers and %d feed-forward parts", ErrConfig,
			len(mixer), len(ffn))
	}
	return errors.Join(mixer[0], ffn[0])
}

func (g *GQA) validate(rotary int) error {
	if err := errors.Join(within("heads", g.NumHeads, 1<<14),
		within("head width", g.HeadDim, 1<<14),
		within("key-value heads", g.NumKVHeads, 1<<14)); err != nil {
		return err
	}
	if g.NumHeads%g.NumKVHeads != 0 {
		return fmt.Errorf("%w: %d heads do not share %d key-value heads evenly", ErrConfig,
			g.NumHeads, g.NumKVHeads)
	}
	if rotary > g.HeadDim {
		return fmt.Errorf("%w: rotary width %d of heads of %d", ErrConfig, rotary, g.HeadDim)
	}
	return nil
}

func (m *MLA) validate(rotary int) error {
	if err := errors.Join(within("heads", m.NumHeads, 1<<14),
		within("latent width", m.LatentDim, 1<<14), within("head width", m.NopeDim, 1<<14),
		within("rotated head width", m.RopeDim, 1<<14),
		within("value width", m.ValueDim, 1<<14)); err != nil {
		return err
	}
	if rotary != m.RopeDim {
		return fmt.Errorf("%w: rotary width %d of keys of %d", ErrConfig, rotary, m.RopeDim)
	}
	if !(m.Eps > 0 && m.Eps < 1) {
		return fmt.Errorf("%w: norm epsilon %v", ErrConfig, m.Eps)
	}
	if !(m.ScoreScale >= 0 && m.ScoreScale < 1e6) {
		return fmt.Errorf("%w: scale of scores %v", ErrConfig, m.ScoreScale)
	}
	return nil
}

func (d *Delta) validate() error {
	if err := errors.Join(within("key heads", d.KeyHeads, 1<<14),
		within("value heads", d.ValueHeads, 1<<14), within("key width", d.KeyDim, 1<<12),
		within("value width", d.ValueDim, 1<<12), within("convolution", d.Kernel, 64)); err != nil {
		return err
	}
	if d.ValueHeads%d.KeyHeads != 0 {
		return fmt.Errorf("%w: %d key heads do not serve %d value heads evenly", ErrConfig,
			d.KeyHeads, d.ValueHeads)
	}
	return nil
}

func (m *MoE) validate() error {
	if err := errors.Join(within("experts", m.NumExperts, 1<<14),
		within("experts of a token", m.TopK, m.NumExperts),
		within("intermediate size", m.IntermediateSize, maxWidth)); err != nil {
		return err
	}
	if m.Shared < 0 || m.Shared > maxWidth || m.SharedGate && m.Shared == 0 {
		return fmt.Errorf("%w: shared expert of width %d", ErrConfig, m.Shared)
	}
	if !(m.Scale > 0 && m.Scale < 1e6) {
		return fmt.Errorf("%w: scale of experts %v", ErrConfig, m.Scale)
	}
	return nil
}

func within(what string, v, limit int) error {
	if v < 1 || v > limit {
		return fmt.Errorf("%w: %s %d is not in 1…%d", ErrConfig, what, v, limit)
	}
	return nil
}
