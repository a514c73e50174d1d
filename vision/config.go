// Package vision is the tower of a vision-language model: the transformer that turns the patches of
// pictures and video frames into features.
//
// Before it, package preprocess has resized a picture and cut it into a [rope.Grid] of patches,
// rows of PatchDim numbers. The tower makes HiddenSize features of each; package adapter then joins
// neighboring patches and brings them to the decoder's width (package llm).
//
//	patches            [n, PatchDim]
//	patch embedding  → x [n, HiddenSize], plus positions from a table where the tower has one
//	each block:        x += attention(norm(x))    over a whole frame, or over windows of it
//	                   x += MLP(norm(x))
//	last norm        → features [n, HiddenSize], and those after inner blocks (Taps)
//
// There is one tower for every family: norms, positions, windows, the order of patches and the kind
// of MLP are fields of [Config]. Pictures of any sizes go through together, their patches one after
// the other; a patch attends to its own frame only, so company changes no bit. A [Job] is one such
// pass. It advances block by block, so that a large picture does not hold up the answers that are
// being written.
//
// # What may be used
//
// [Config], its Validate and PassBytes are plain data and arithmetic. The tower itself cannot be
// built from outside: [New] takes a loader of the internal package weights, which owns the memory
// of a checkpoint, and Step of a Job an executor of the internal package tensor. Both follow the
// needs of the kernels and change with them, so they stay closed. The features of a picture, after
// the tower and after the adapter, are available from a loaded model:
// [github.com/qwenvl/qwenvl.Model.Features].
//
// Source: Qwen2-VL (arXiv 2409.12191), section 2.
package vision

// What a tower is made of, as data, and the check of that data. package family fills a Config from
// a checkpoint's config.json; encoder.go binds the weights that it asks for, job.go computes.

import (
	"errors"
	"fmt"

	"github.com/qwenvl/qwenvl/internal/tensor"
)

// Config describes an encoder.
type Config struct {
	HiddenSize       int
	IntermediateSize int
	NumHeads         int
	Depth            int  // blocks
	PatchDim         int  // values of a patch: channels · frames · side²
	MergeSize        int  // side of the groups in whose order patches come
	Raster           bool // patches come in raster order of a frame instead
	PatchBias        bool
	Position         Position
	PreNorm          bool // a norm before the first block
	FinalNorm        bool // a norm after the last one
	Norm             Norm
	Eps              float32
	Act              tensor.Act
	Gated            bool // MLP down(act(gate(x)) ∘ up(x)) instead of fc2(act(fc1(x)))
	QKVByHead        bool // q, k and v of each head side by side
	Rotary           Rotary
	Window           int   // side of attention windows in merge groups; 0: none
	FullAttention    []int // with windows: blocks that attend to the whole frame
	Taps             []int // blocks whose output is given out too

	// Attention is what queries, keys and values are multiplied in: F32, or Int8, which is faster.
	// A checkpoint does not say so; it is chosen with the format of the weights.
	Attention tensor.Format
}

// Norm is a kind of normalization.
type Norm uint8

// The kinds.
const (
	LayerNorm Norm = iota
	RMSNorm
)

// Rotary is a kind of two-dimensional rotary embedding.
type Rotary uint8

// The kinds.
const (
	RotaryHalves Rotary = iota // the halves of a head: frequencies of the row, then of the column
	RotaryPairs                // neighboring channels; pairs alternate between column and row
	NoRotary
)

// Position is a learned table of positions on a grid of Rows by Cols, resampled to each picture's
// grid.
type Position struct {
	Rows, Cols int // 0: no table
	Resample   Resample
}

// Resample is a way to fit a table to another grid.
type Resample uint8

// The ways.
const (
	Bilinear Resample = iota // corners aligned
	Bicubic                  // centers aligned, a = -0.75, not antialiased
)

// ErrConfig is wrapped by every error of Validate.
var ErrConfig = errors.New("vision: invalid configuration")

// Limits that no published encoder comes near; they bound what a hostile configuration can ask for.
const (
	maxWidth = 1 << 16
	maxDepth = 1 << 10
	maxTable = 1 << 10 // side of a table
)

// HeadDim returns the channels of a head.
func (c Config) HeadDim() int { return c.HiddenSize / c.NumHeads }

// Validate checks bounds and divisibility, before anything is allocated.
func (c Config) Validate() error {
	for _, f := range []struct {
		name            string
		value, min, max int
	}{
		{"hidden size", c.HiddenSize, 1, maxWidth}, {"heads", c.NumHeads, 1, maxWidth},
		{"intermediate size", c.IntermediateSize, 1, maxWidth}, {"depth", c.Depth, 1, maxDepth},
		{"values of a patch", c.PatchDim, 1, maxWidth}, {"merge size", c.MergeSize, 1, 64},
		{"window", c.Window, 0, 1 << 10}, {"rows of positions", c.Position.Rows, 0, maxTable},
		{"columns of positions", c.Position.Cols, 0, maxTable},
	} {
		if f.value < f.min || f.value > f.max {
			return fmt.Errorf("%w: %s %d is not in %d…%d", ErrConfig, f.name, f.value, f.min, f.max)
		}
	}
	if c.HiddenSize%c.NumHeads != 0 || c.Rotary != NoRotary && c.HeadDim()%4 != 0 {
		return fmt.Errorf("%w: width %d does not divide into %d heads of whole quarters",
			ErrConfig, c.HiddenSize, c.NumHeads)
	}
	p := c.Position
	if (p.Rows == 0) != (p.Cols == 0) || p.Resample == Bilinear && p.Rows != p.Cols {
		return fmt.Errorf("%w: table of %d by %d positions", ErrConfig, p.Rows, p.Cols)
	}
	if c.Attention != tensor.F32 && c.Attention != tensor.Int8 {
		return fmt.Errorf("%w: attention in %v", ErrConfig, c.Attention)
	}
	if !(c.Eps > 0 && c.Eps < 1) {
		return fmt.Errorf("%w: norm epsilon %v", ErrConfig, c.Eps)
	}
	if c.Window > 0 && c.Raster {
		return fmt.Errorf("%w: windows over patches in raster order", ErrConfig)
	}
	if c.QKVByHead && c.Rotary != NoRotary {
		return fmt.Errorf("%w: rotary positions with q, k and v by head", ErrConfig)
	}
	for _, list := range [][]int{c.FullAttention, c.Taps} {
		for i, b := range list {
			if b < 0 || b >= c.Depth || i > 0 && list[i-1] >= b {
				return fmt.Errorf("%w: blocks %v of %d", ErrConfig, list, c.Depth)
			}
		}
	}
	return nil
}
