// Package llm is the decoder: one loop over layers whose token mixers and feed-forward parts are described by data, with a paged
// key-value cache and batches of rows from several sequences.
//
// The package is used by the library's root package. It may be used alone, but its API is less settled.
package llm

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
	MaxContext int     // positions that the checkpoint was trained for
	Rope       rope.Config
}

// Layer is one decoder layer: a token mixer and a feed-forward part, each behind an RMS norm. Exactly one mixer and one
// feed-forward part is set.
type Layer struct {
	Eps   float32
	GQA   *GQA
	Dense *Dense
}

// GQA is grouped-query attention (arXiv 2305.13245).
type GQA struct {
	NumHeads, NumKVHeads, HeadDim int
	QKVBias                       bool
}

// Dense is a gated MLP: down(act(gate(x)) ∘ up(x)).
type Dense struct {
	IntermediateSize int
	Act              tensor.Act
}

// ErrConfig is wrapped by every error of Validate.
var ErrConfig = errors.New("llm: invalid configuration")

// Limits that no published decoder comes near; they bound what a hostile configuration can ask for.
const (
	maxWidth   = 1 << 20
	maxLayers  = 1 << 12
	maxVocab   = 1 << 24
	maxContext = 1 << 24
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
	for i, l := range c.Layers {
		if err := l.validate(c.Rope.Dim); err != nil {
			return fmt.Errorf("layer %d: %w", i, err)
		}
	}
	return nil
}

func (l Layer) validate(rotary int) error {
	if !(l.Eps > 0 && l.Eps < 1) {
		return fmt.Errorf("%w: norm epsilon %v", ErrConfig, l.Eps)
	}
	if l.GQA == nil || l.Dense == nil {
		return fmt.Errorf("%w: a layer without mixer or feed-forward part", ErrConfig)
	}
	g := l.GQA
	if err := errors.Join(within("heads", g.NumHeads, 1<<14), within("key-value heads", g.NumKVHeads, 1<<14), within("head width", g.HeadDim, 1<<14)); err != nil {
		return err
	}
	if g.NumHeads%g.NumKVHeads != 0 {
		return fmt.Errorf("%w: %d heads do not share %d key-value heads evenly", ErrConfig, g.NumHeads, g.NumKVHeads)
	}
	if rotary > g.HeadDim {
		return fmt.Errorf("%w: rotary width %d of heads of %d", ErrConfig, rotary, g.HeadDim)
	}
	return within("intermediate size", l.Dense.IntermediateSize, maxWidth)
}

func within(what string, v, limit int) error {
	if v < 1 || v > limit {
		return fmt.Errorf("%w: %s %d is not in 1…%d", ErrConfig, what, v, limit)
	}
	return nil
}
