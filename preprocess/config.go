package preprocess

// A checkpoint's picture processor as data, its bounds, and the sizes that follow from it without
// touching pixels. smart.go has the arithmetic of the sizes, patch.go cuts.

import (
	"fmt"
	"math"

	"github.com/qwenvl/qwenvl/rope"
)

// ResizeRule says how the size of the resized picture is chosen.
type ResizeRule int

const (
	// ResizeSmart stretches to SmartResize's size within MinPixels and MaxPixels.
	ResizeSmart ResizeRule = iota
	// ResizeSquare squashes to Side×Side.
	ResizeSquare
	// ResizePatchLimit shrinks a picture of more than MaxPatches whole patches, and pads right and
	// bottom with Image.Pad to whole groups of patches. Indexed pictures are shrunk by nearest
	// neighbor, in their own mode.
	ResizePatchLimit
)

// VideoRule says what a pixel budget of a clip bounds.
type VideoRule int

const (
	VideoPerFrame  VideoRule = iota // each frame: SmartResize
	VideoWholeClip                  // frames·width·height: SmartResizeVideo
)

// PatchOrder is the order of patch rows within one step of time.
type PatchOrder int

const (
	OrderGroups PatchOrder = iota // groups of MergeSize×MergeSize patches in raster order, raster order within a group
	OrderRaster                   // plain raster order
)

// Config describes one checkpoint's picture processor. Its fields come from
// processor_config.json or preprocessor_config.json, and the family.
type Config struct {
	PatchSize         int // side of a patch in pixels
	MergeSize         int // patches along a side of one merged token
	TemporalPatchSize int // frames in one patch; 1 for towers without a time axis

	MinPixels, MaxPixels           int // budget of a still picture (ResizeSmart)
	VideoMinPixels, VideoMaxPixels int // budget of a clip; 0 stands for the still picture's
	// VideoMaxTokens lowers the budget of a clip of many frames; 0 leaves it. With VideoPerFrame all
	// frames share nine tenths of so many merged tokens, with VideoWholeClip each frame may have so
	// many, or its share of the clip's budget. MinPixels and a twentieth more are left to it.
	VideoMaxTokens int

	Mean, Std     [3]float32
	RescaleFactor float64 // factor of the 8-bit sample before Mean is taken off; 0 stands for 1/255

	// The same of the frames of clips. VideoStd of zeros stands for all of the still picture's.
	VideoMean, VideoStd [3]float32
	VideoRescaleFactor  float64

	Resize     ResizeRule
	Side       int // ResizeSquare: side in pixels
	MaxPatches int // ResizePatchLimit: patches of a picture before padding
	VideoRule  VideoRule
	Order      PatchOrder
}

// Limits replace a Config's pixel budget for one picture or clip. Zero keeps the Config's value.
type Limits struct{ MinPixels, MaxPixels int }

// Size is a width and height in pixels.
type Size struct{ W, H int }

const (
	maxPatchSize = 256
	maxMergeSize = 16
	maxTemporal  = 16
	maxPatches   = 1 << 22
	maxTokens    = 1 << 24
)

// Validate checks every field's range. The methods that use a Config call it themselves.
//
// Errors: *ConfigError.
func (c Config) Validate() error {
	for _, f := range []struct {
		name    string
		v, most int
	}{
		{"patch_size", c.PatchSize, maxPatchSize},
		{"merge_size", c.MergeSize, maxMergeSize},
		{"temporal_patch_size", c.TemporalPatchSize, maxTemporal},
	} {
		if f.v < 1 || f.v > f.most {
			return &ConfigError{Field: f.name, Reason: fmt.Sprintf("%d is outside 1..%d", f.v, f.most)}
		}
	}
	for _, s := range []Config{c, c.clip()} {
		if err := s.checkSamples(); err != nil {
			return err
		}
	}
	if n := c.VideoMaxTokens; n < 0 || n > maxTokens {
		return &ConfigError{Field: "max_video_tokens", Reason: fmt.Sprintf("%d is outside 0..%d", n, maxTokens)}
	}
	if c.VideoRule < VideoPerFrame || c.VideoRule > VideoWholeClip {
		return &ConfigError{Field: "video rule", Reason: "unknown"}
	}
	if c.Order < OrderGroups || c.Order > OrderRaster {
		return &ConfigError{Field: "patch order", Reason: "unknown"}
	}
	switch c.Resize {
	case ResizeSmart:
		if err := checkBudget(c.factor(), c.MinPixels, c.MaxPixels); err != nil {
			return err
		}
		lo, hi := c.videoBudget()
		return checkBudget(c.factor(), lo, hi)
	case ResizeSquare:
		if c.Side < 1 || c.Side > 1<<13 || c.Side%c.factor() != 0 {
			return &ConfigError{Field: "image_size", Reason: fmt.Sprintf("%d is not a multiple of %d in 1..%d", c.Side, c.factor(), 1<<13)}
		}
	case ResizePatchLimit:
		if c.MaxPatches < 1 || c.MaxPatches > maxPatches {
			return &ConfigError{Field: "in_token_limit", Reason: fmt.Sprintf("%d is outside 1..%d", c.MaxPatches, maxPatches)}
		}
	default:
		return &ConfigError{Field: "resize rule", Reason: "unknown"}
	}
	return nil
}

// checkSamples checks how samples are normalized.
func (c Config) checkSamples() error {
	for i := range 3 {
		if m := float64(c.Mean[i]); math.IsNaN(m) || math.IsInf(m, 0) {
			return &ConfigError{Field: "image_mean", Reason: "not finite"}
		}
		if s := float64(c.Std[i]); !(s > 0) || math.IsInf(s, 0) {
			return &ConfigError{Field: "image_std", Reason: "not finite and above 0"}
		}
	}
	if r := c.RescaleFactor; !(r >= 0) || math.IsInf(r, 0) {
		return &ConfigError{Field: "rescale_factor", Reason: "not finite and above 0"}
	}
	return nil
}

// clip is the Config with which the samples of a clip are normalized.
func (c Config) clip() Config {
	if c.VideoStd != [3]float32{} {
		c.Mean, c.Std, c.RescaleFactor = c.VideoMean, c.VideoStd, c.VideoRescaleFactor
	}
	return c
}

func (c Config) factor() int { return c.PatchSize * c.MergeSize }

func (c Config) videoBudget() (lo, hi int) {
	lo, hi = c.VideoMinPixels, c.VideoMaxPixels
	if lo == 0 {
		lo = c.MinPixels
	}
	if hi == 0 {
		hi = c.MaxPixels
	}
	return lo, hi
}

// over replaces the values that the limits give, and checks the result.
func (l Limits) over(lo, hi, factor int) (int, int, error) {
	if l == (Limits{}) {
		return lo, hi, nil // the Config's own, checked with it
	}
	if l.MinPixels != 0 {
		lo = l.MinPixels
	}
	if l.MaxPixels != 0 {
		hi = l.MaxPixels
	}
	err := checkBudget(factor, lo, hi)
	if err == nil {
		err = checkOrder(lo, hi)
	}
	return lo, hi, err
}

// Size returns the grid of patches of a still picture and the pixels that it covers, without
// touching pixels.
//
// Errors: *ConfigError for the Config or the limits, *SizeError for the picture.
func (c Config) Size(width, height int, lim Limits) (rope.Grid, Size, error) {
	if err := c.Validate(); err != nil {
		return rope.Grid{}, Size{}, err
	}
	p, err := c.plan(width, height, lim)
	return c.grid(1, p.covered), p.covered, err
}

// VideoSize is Size for a clip. A clip shorter than one patch in time counts as one patch long, and
// so does the rest after the last whole patch.
func (c Config) VideoSize(frames, width, height int, lim Limits) (rope.Grid, Size, error) {
	if err := c.Validate(); err != nil {
		return rope.Grid{}, Size{}, err
	}
	if frames < 1 || frames > maxFrames {
		return rope.Grid{}, Size{}, &SizeError{Width: width, Height: height, Frames: frames, Reason: fmt.Sprintf("the number of frames is outside 1..%d", maxFrames)}
	}
	steps := (frames + c.TemporalPatchSize - 1) / c.TemporalPatchSize
	if c.Resize != ResizeSmart {
		p, err := c.plan(width, height, lim)
		return c.grid(steps, p.covered), p.covered, err
	}
	lo, hi := c.videoBudget()
	lo, hi, err := lim.over(lo, hi, c.factor())
	if err != nil {
		return rope.Grid{}, Size{}, err
	}
	var s Size
	if c.VideoRule == VideoWholeClip {
		frames = max(frames, c.TemporalPatchSize)
		hi = c.capped(frames, lo, hi)
		s.W, s.H, err = smartResizeVideo(frames, width, height, c.TemporalPatchSize, c.factor(), lo, hi)
	} else {
		s.W, s.H, err = smartResize(width, height, c.factor(), lo, c.capped(frames, lo, hi))
	}
	return c.grid(steps, s), s, err
}

// capped lowers the upper bound of a clip's budget to what VideoMaxTokens leaves.
//
// Source: transformers 5.23, video_processing_qwen2_vl.py and video_processing_qwen3_vl.py, resize
// with cap_pixels_per_frame.
func (c Config) capped(frames, lo, hi int) int {
	if c.VideoMaxTokens == 0 {
		return hi
	}
	tokens, floor := c.VideoMaxTokens*c.factor()*c.factor(), int(float64(lo)*1.05)
	if c.VideoRule == VideoWholeClip {
		return max(min(tokens, hi/frames), floor) * frames
	}
	total := int(float64(tokens) * 0.9)
	return max(min(hi, total*c.TemporalPatchSize/frames), floor)
}

// plan is the size to resize to and, padding included, the size that the grid covers.
type plan struct{ resized, covered Size }

func (c Config) plan(width, height int, lim Limits) (p plan, err error) {
	switch c.Resize {
	case ResizeSquare:
		if err := checkSides(0, width, height); err != nil {
			return plan{}, err
		}
		s := Size{c.Side, c.Side}
		return plan{s, s}, nil
	case ResizePatchLimit:
		return c.planPatchLimit(width, height)
	}
	lo, hi, err := lim.over(c.MinPixels, c.MaxPixels, c.factor())
	if err != nil {
		return plan{}, err
	}
	p.covered.W, p.covered.H, err = smartResize(width, height, c.factor(), lo, hi)
	p.resized = p.covered
	return p, err
}

// planPatchLimit counts whole patches only, truncates the scaled sides and pads afterwards.
//
// Source: the oracle's account of moonshotai's image processor (rescale, then pad).
func (c Config) planPatchLimit(width, height int) (plan, error) {
	if err := checkSides(0, width, height); err != nil {
		return plan{}, err
	}
	w, h := width, height
	if n := float64(width/c.PatchSize) * float64(height/c.PatchSize); n > float64(c.MaxPatches) {
		scale := math.Sqrt(float64(c.MaxPatches) / n)
		w, h = max(int(float64(width)*scale), 1), max(int(float64(height)*scale), 1)
	}
	up := func(v int) int { return (v + c.factor() - 1) / c.factor() * c.factor() }
	covered := Size{up(w), up(h)}
	// A strip thinner than a patch has no whole patches to count, but padding makes some of it.
	if n := int64(covered.W/c.PatchSize) * int64(covered.H/c.PatchSize); n > maxPatches {
		return plan{}, &SizeError{Width: width, Height: height, Reason: fmt.Sprintf("%d patches after padding are over %d", n, maxPatches)}
	}
	return plan{Size{w, h}, covered}, nil
}

// grid is zero for a zero size, which goes with an error.
func (c Config) grid(steps int, s Size) rope.Grid {
	if s.W == 0 {
		return rope.Grid{}
	}
	return rope.Grid{T: steps, H: s.H / c.PatchSize, W: s.W / c.PatchSize}
}
