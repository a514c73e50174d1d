// Package rope computes positions and rotary position embeddings.
//
// A decoder learns where a token stands by turning pairs of channels of queries and keys by an
// angle that grows with the position. Text counts its tokens; pictures and videos have a position
// on each of three axes, time, height and width (multimodal rotary embedding, M-RoPE). The steps,
// from a prompt to tables:
//
//	Index                      tokens and media of a prompt -> a Position for each token, and how
//	                           generated tokens go on
//	New, Rotary.Fill           Config -> frequencies -> cosines and sines of one Position
//	VisionAngles,              the same for the patches of a tower, which turn by their row and
//	VisionPairAngles           column
//	Bicubic, Bilinear,         learned tables of positions, fitted to a picture's grid
//	ResampleSquare, AddTaps
//
// A [Config] says how frequencies go to axes, how they are stretched for texts longer than those of
// training ([Scaling]), and what depends on a prompt's length ([Config.ForPrompt],
// [Config.QueryScale]). All functions are pure and safe for concurrent use.
//
// Source: RoFormer (arXiv 2104.09864); M-RoPE: Qwen2-VL (arXiv 2409.12191), section 2.1.
package rope

import (
	"errors"
	"fmt"
	"math"
)

// Axes is the number of position axes: time, height, width.
const Axes = 3

// Position is one token's position on the axes time, height, width. Text has the same number on all
// three.
type Position [Axes]int32

// Config describes a decoder's rotary embedding.
type Config struct {
	Dim     int     // channels of a head that are rotated; even
	Theta   float64 // base of the frequencies
	Section []int   // M-RoPE: how many frequencies each axis takes; empty: one axis
	// Interleaved deals frequencies to the axes in turn, time, height, width, until height and
	// width have theirs, and the rest to time; otherwise each axis takes a run of them, Dim/2 in
	// all.
	Interleaved bool
	Scaling     *Scaling // nil: frequencies are those of training
	// NTKLength stretches the frequencies for prompts longer than this many tokens; 0: never.
	NTKLength int
	// LogNLength scales queries at positions past this one by the logarithm of their position to
	// this base; 0: never.
	LogNLength int
}

// ErrConfig is wrapped by every error of Validate.
var ErrConfig = errors.New("rope: invalid configuration")

// Validate checks the bounds that the other methods rely on.
func (c Config) Validate() error {
	switch {
	case c.Dim <= 0 || c.Dim%2 != 0 || c.Dim > 1<<16:
		return fmt.Errorf("%w: rotary width %d", ErrConfig, c.Dim)
	case !(c.Theta > 1) || math.IsInf(c.Theta, 0):
		return fmt.Errorf("%w: rope_theta %v", ErrConfig, c.Theta)
	case c.NTKLength < 0 || c.NTKLength > 1<<30 || c.LogNLength < 0 || c.LogNLength == 1 ||
		c.LogNLength > 1<<30 || c.NTKLength > 0 && c.Dim < 4:
		return fmt.Errorf("%w: stretched past %d and %d tokens", ErrConfig, c.NTKLength,
			c.LogNLength)
	case c.NTKLength > 0 && c.Scaling != nil:
		return fmt.Errorf("%w: stretched twice", ErrConfig)
	}
	if c.Scaling != nil {
		if err := c.Scaling.validate(c.Dim); err != nil {
			return err
		}
	}
	return c.validateSection()
}

func (c Config) validateSection() error {
	switch {
	case len(c.Section) == 0:
		return nil
	case len(c.Section) != Axes:
		return fmt.Errorf("%w: mrope_section has %d entries, want %d", ErrConfig, len(c.Section),
			Axes)
	}
	sum := 0
	for _, n := range c.Section {
		if n < 0 || n > 1<<16 {
			return fmt.Errorf("%w: mrope_section %v", ErrConfig, c.Section)
		}
		sum += n
	}
	if sum != c.Dim/2 && !c.Interleaved {
		return fmt.Errorf("%w: mrope_section %v sums to %d, want %d", ErrConfig, c.Section, sum,
			c.Dim/2)
	}
	return nil
}
