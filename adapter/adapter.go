// Package adapter is what stands between the tower and the decoder of a vision-language model: it
// projects features of patches to embeddings of tokens.
//
// The tower (package vision) gives one row of features for each patch; the decoder (package llm)
// wants fewer rows, of its own width, that can take the place of token embeddings. An adapter says
// how many tokens a grid of patches becomes, which is how many placeholders the prompt must have,
// and computes them:
//
//	features [Σ patches, InputSize]
//	Merger:    MergeSize² neighbors joined → MLP   → [Σ patches/MergeSize², OutputSize]
//	Resampler: learned queries attend to patches   → [pictures·Queries², OutputSize]
//
// A [Merger] has as many tokens as the picture's size asks for; it may also merge features of the
// tower's inner blocks, which the decoder adds after its first layers (DeepStack). A [Resampler]
// makes the same number of tokens of every picture.
//
// # What may be used
//
// [Config] with its Validate and Tokens is plain data and arithmetic. An adapter itself cannot be
// built from outside: [New] takes a loader of the internal package weights, which owns the memory
// of a checkpoint, and Forward an executor of the internal package tensor. Both follow the needs of
// the kernels and change with them, so they stay closed. What the adapter makes of a picture is
// available from a loaded model: [github.com/qwenvl/qwenvl.Model.Features].
package adapter

// What all adapters share: their interface, the choice among them, and the count of tokens, which
// the prompt needs before any weight is read. merger.go and resampler.go are the two kinds.

import (
	"errors"
	"fmt"

	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/weights"
	"github.com/qwenvl/qwenvl/rope"
)

// Input is a tower's features.
type Input struct {
	Rows  tensor.Tensor   // [Σ patches, InputSize]
	Taps  []tensor.Tensor // features after inner blocks, shaped as Rows
	Grids []rope.Grid
}

// Output is embeddings of the tokens that media items become, item after item. The tensors are the
// caller's.
type Output struct {
	Rows tensor.Tensor   // [Σ tokens, OutputSize]
	Deep []tensor.Tensor // added after the first decoder layers, shaped as Rows
}

// Adapter projects features. Implementations are immutable and safe for concurrent use.
type Adapter interface {
	// Forward projects the features of one pass of a tower.
	//
	// Errors: [tensor.ErrStopped].
	Forward(ex *tensor.Exec, in Input) (Output, error)
	// Tokens returns how many tokens a media item of the given grid becomes. It is the one truth
	// for the number of placeholders.
	Tokens(g rope.Grid) int
}

// Config describes an adapter: exactly one of its fields is set.
type Config struct {
	Merger    *MergerConfig
	Resampler *ResamplerConfig
}

// ErrConfig is wrapped by every error of Validate.
var ErrConfig = errors.New("adapter: invalid configuration")

// Validate checks bounds, before anything is allocated.
func (c Config) Validate() error {
	switch {
	case c.Merger != nil && c.Resampler == nil:
		return c.Merger.Validate()
	case c.Resampler != nil && c.Merger == nil:
		return c.Resampler.Validate()
	}
	return fmt.Errorf("%w: not exactly one kind", ErrConfig)
}

// New binds an adapter's weights. They may be used once the loader's Finish has returned nil.
// Only qwenvl.Load has a loader: without one there is an error that says so.
//
// Errors: wraps [ErrConfig].
func New(c Config, ld *weights.Loader) (Adapter, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if ld == nil {
		return nil, fmt.Errorf("%w: no loader: a model is made by qwenvl.Load", ErrConfig)
	}
	if c.Merger != nil {
		return newMerger(*c.Merger, ld), nil
	}
	return newResampler(*c.Resampler, ld), nil
}

const maxWidth = 1 << 16

func layerNorm(ld *weights.Loader, name string, n int, eps float32) tensor.Norm {
	weight, bias := ld.Vector(name+".weight", n), ld.Vector(name+".bias", n)
	return tensor.Norm{Weight: weight, Bias: bias, Eps: eps, Center: true}
}

// Tokens returns how many tokens a media item of the given grid becomes.
func (c Config) Tokens(g rope.Grid) int {
	if c.Merger != nil {
		return g.Merged(c.Merger.MergeSize)
	}
	return c.Resampler.Queries * c.Resampler.Queries
}
