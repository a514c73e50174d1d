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

// MergerConfig describes a patch merger: MergeSize² neighbouring patches become one token.
type MergerConfig struct {
	InputSize  int // width of the tower
	OutputSize int // width of the decoder
	MergeSize  int
	Eps        float32
	Act        tensor.Act
}

// ErrConfig is wrapped by every error of Validate.
var ErrConfig = errors.New("adapter: invalid configuration")

// Validate checks bounds, before anything is allocated.
func (c MergerConfig) Validate() error {
	const maxWidth = 1 << 16
	if c.InputSize < 1 || c.InputSize > maxWidth || c.OutputSize < 1 || c.OutputSize > maxWidth {
		return fmt.Errorf("%w: widths %d and %d", ErrConfig, c.InputSize, c.OutputSize)
	}
	if c.MergeSize < 1 || c.MergeSize > 64 {
		return fmt.Errorf("%w: merge size %d", ErrConfig, c.MergeSize)
	}
	if !(c.Eps > 0 && c.Eps < 1) {
		return fmt.Errorf("%w: norm epsilon %v", ErrConfig, c.Eps)
	}
	return nil
}

// Merger normalises patches, joins each merge group into one row and projects it with a two-layer MLP. It is immutable and safe
// for concurrent use.
//
// Source: Qwen2-VL (arXiv 2409.12191), section 2.1; transformers qwen2_vl, PatchMerger.
type Merger struct {
	cfg      MergerConfig
	norm     tensor.Norm
	fc1, fc2 *tensor.Matrix
}

// NewMerger binds a merger's weights. They may be used once the loader's Finish has returned nil.
//
// Errors: wraps [ErrConfig].
func NewMerger(cfg MergerConfig, ld *weights.Loader) (*Merger, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	wide := cfg.InputSize * cfg.MergeSize * cfg.MergeSize
	return &Merger{
		cfg: cfg,
		norm: tensor.Norm{
			Weight: ld.Vector("norm.weight", cfg.InputSize), Bias: ld.Vector("norm.bias", cfg.InputSize),
			Eps: cfg.Eps, Center: true,
		},
		fc1: ld.MatrixBias("fc1", wide, wide),
		fc2: ld.MatrixBias("fc2", cfg.OutputSize, wide),
	}, nil
}

// Tokens returns how many tokens a picture or video of the given grid becomes. It is the one truth for the number of placeholders.
func (m *Merger) Tokens(g rope.Grid) int { return g.Merged(m.cfg.MergeSize) }

// Forward projects a tower's features.
//
// Shapes: x is [n, InputSize], n a multiple of MergeSize², rows in the order of merge groups; the result is [n/MergeSize²,
// OutputSize], owned by the caller.
// Errors: [tensor.ErrStopped].
func (m *Merger) Forward(ex *tensor.Exec, x tensor.Tensor) (tensor.Tensor, error) {
	group := m.cfg.MergeSize * m.cfg.MergeSize
	if x.Rows%group != 0 || x.Cols != m.cfg.InputSize {
		panic("adapter: rows are not whole merge groups of the tower's width")
	}
	n := x.Rows / group
	mark := ex.Mark()
	defer ex.Release(mark)
	h := ex.Alloc(x.Rows, x.Cols)
	ex.NormRows(h, x, &m.norm)
	ex.Emit("vision.post", -1, h)
	mid := ex.Alloc(n, group*x.Cols)
	ex.Linear(mid, h.Reshape(n, group*x.Cols), m.fc1, m.cfg.Act)
	out := tensor.New(n, m.cfg.OutputSize)
	ex.Linear(out, mid, m.fc2, tensor.Identity)
	if err := ex.Err(); err != nil {
		return tensor.Tensor{}, err
	}
	ex.Emit("vision.out", -1, out)
	return out, nil
}
