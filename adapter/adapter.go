// Package adapter projects a tower's features into a decoder's embedding space.
//
// The package is used by the library's root package. It may be used alone, but its API is less settled.
package adapter

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

// Output is embeddings of the tokens that media become, medium after medium. The tensors are the caller's.
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
	// Tokens returns how many tokens a medium of the given grid becomes. It is the one truth for the number of placeholders.
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
//
// Errors: wraps [ErrConfig].
func New(c Config, ld *weights.Loader) (Adapter, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Merger != nil {
		return newMerger(*c.Merger, ld), nil
	}
	return newResampler(*c.Resampler, ld), nil
}

const maxWidth = 1 << 16

func layerNorm(ld *weights.Loader, name string, n int, eps float32) tensor.Norm {
	return tensor.Norm{Weight: ld.Vector(name+".weight", n), Bias: ld.Vector(name+".bias", n), Eps: eps, Center: true}
}

// Tokens returns how many tokens a medium of the given grid becomes.
func (c Config) Tokens(g rope.Grid) int {
	if c.Merger != nil {
		return g.Merged(c.Merger.MergeSize)
	}
	return c.Resampler.Queries * c.Resampler.Queries
}
