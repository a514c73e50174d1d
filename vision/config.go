// Package vision is the encoder of pictures: a transformer over patches with rotary positions in two dimensions,
// for pictures of any size packed into one pass.
//
// The package is used by the library's root package. It may be used alone, but its API is less settled.
//
// Source: Qwen2-VL (arXiv 2409.12191), section 2.
package vision

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
	Depth            int // blocks
	PatchDim         int // values of a patch: channels · frames · side²
	MergeSize        int // side of the groups in whose order patches come
	Eps              float32
	Act              tensor.Act
}

// ErrConfig is wrapped by every error of Validate.
var ErrConfig = errors.New("vision: invalid configuration")

// Limits that no published encoder comes near; they bound what a hostile configuration can ask for.
const (
	maxWidth = 1 << 16
	maxDepth = 1 << 10
)

// HeadDim returns the channels of a head.
func (c Config) HeadDim() int { return c.HiddenSize / c.NumHeads }

// Validate checks bounds and divisibility, before anything is allocated.
func (c Config) Validate() error {
	for _, f := range []struct {
		name       string
		value, max int
	}{
		{"hidden size", c.HiddenSize, maxWidth}, {"intermediate size", c.IntermediateSize, maxWidth}, {"heads", c.NumHeads, maxWidth},
		{"depth", c.Depth, maxDepth}, {"values of a patch", c.PatchDim, maxWidth}, {"merge size", c.MergeSize, 64},
	} {
		if f.value < 1 || f.value > f.max {
			return fmt.Errorf("%w: %s %d is not in 1…%d", ErrConfig, f.name, f.value, f.max)
		}
	}
	if c.HiddenSize%c.NumHeads != 0 || c.HeadDim()%4 != 0 {
		return fmt.Errorf("%w: width %d does not divide into %d heads of whole quarters", ErrConfig, c.HiddenSize, c.NumHeads)
	}
	if !(c.Eps > 0 && c.Eps < 1) {
		return fmt.Errorf("%w: norm epsilon %v", ErrConfig, c.Eps)
	}
	return nil
}
