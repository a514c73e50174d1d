package preprocess

// To which size a picture is stretched: sides in whole groups of patches, area within the budget.
// Integers and float64 in the reference's order, since a size that differs by one step is another
// prompt.

import (
	"fmt"
	"math"
)

const (
	maxRatio  = 200     // longest side over shortest
	maxSide   = 1 << 24 // of a picture asked about
	maxFactor = 1 << 12
	maxBudget = 1 << 28 // pixels a budget may allow
	maxFrames = 1 << 20
)

// checkSides refuses what the sizing rules cannot compute with. The ratio is that of the sides as
// given.
func checkSides(frames, width, height int) error {
	fail := func(reason string) error {
		return &SizeError{Width: width, Height: height, Frames: frames, Reason: reason}
	}
	switch {
	case width < 1 || height < 1:
		return fail("width or height is below 1")
	case width > maxSide || height > maxSide:
		return fail(fmt.Sprintf("width or height is over %d", maxSide))
	case int64(max(width, height)) > maxRatio*int64(min(width, height)):
		return fail(fmt.Sprintf("aspect ratio is over %d", maxRatio))
	}
	return nil
}

func checkBudget(factor, minPixels, maxPixels int) error {
	switch {
	case factor < 1 || factor > maxFactor:
		return &ConfigError{Field: "factor", Reason: fmt.Sprintf("%d is outside 1..%d", factor, maxFactor)}
	case minPixels < 0 || minPixels > maxBudget:
		return &ConfigError{Field: "min_pixels", Reason: fmt.Sprintf("%d is outside 0..%d", minPixels, maxBudget)}
	case maxPixels < 1 || maxPixels > maxBudget:
		return &ConfigError{Field: "max_pixels", Reason: fmt.Sprintf("%d is outside 1..%d", maxPixels, maxBudget)}
	}
	return nil
}

// checkOrder refuses a budget without room. That of a checkpoint may be one: the reference shrinks
// what is over MaxPixels, and stretches the rest to MinPixels.
func checkOrder(minPixels, maxPixels int) error {
	if minPixels > maxPixels {
		return &ConfigError{Field: "min_pixels", Reason: fmt.Sprintf("%d is over max_pixels %d", minPixels, maxPixels)}
	}
	return nil
}

// SmartResize chooses the size to which a picture is stretched: both sides multiples of factor, the
// area within minPixels..maxPixels where possible, the ratio kept as nearly as that allows.
//
// Sides are rounded half to even, divided down with floor (to factor at least) over maxPixels and
// up with ceil under minPixels; a side that rounds to 0 counts as under. A budget below factor² or
// narrower than one step is overstepped, as in the reference.
// Errors: *SizeError for sides below 1 and ratios over 200, *ConfigError for the other arguments.
// Source: transformers 5.23, qwen2_vl, smart_resize.
func SmartResize(width, height, factor, minPixels, maxPixels int) (w, h int, err error) {
	if err := checkBudget(factor, minPixels, maxPixels); err != nil {
		return 0, 0, err
	}
	if err := checkOrder(minPixels, maxPixels); err != nil {
		return 0, 0, err
	}
	return smartResize(width, height, factor, minPixels, maxPixels)
}

// smartResize is SmartResize for a budget that was checked.
func smartResize(width, height, factor, minPixels, maxPixels int) (w, h int, err error) {
	if err := checkSides(0, width, height); err != nil {
		return 0, 0, err
	}
	w, h = fitBudget(1, 1, width, height, factor, minPixels, maxPixels)
	return w, h, nil
}

// SmartResizeVideo is SmartResize for a whole clip: the budget bounds frames·width·height.
//
// Frames are rounded half to even to a multiple of temporalFactor in the comparison with the
// budget, while the scale is computed from their true number. A side below factor is first scaled
// up to it, before the ratio is checked.
// Errors: as SmartResize, and *SizeError for fewer frames than temporalFactor.
// Source: transformers 5.23, qwen3_vl, video processor, smart_resize.
func SmartResizeVideo(frames, width, height, temporalFactor, factor, minPixels, maxPixels int) (w, h int, err error) {
	if err := checkBudget(factor, minPixels, maxPixels); err != nil {
		return 0, 0, err
	}
	if err := checkOrder(minPixels, maxPixels); err != nil {
		return 0, 0, err
	}
	if temporalFactor < 1 || temporalFactor > maxFactor {
		return 0, 0, &ConfigError{Field: "temporal_patch_size", Reason: fmt.Sprintf("%d is outside 1..%d", temporalFactor, maxFactor)}
	}
	return smartResizeVideo(frames, width, height, temporalFactor, factor, minPixels, maxPixels)
}

// smartResizeVideo is SmartResizeVideo for a budget that was checked.
func smartResizeVideo(frames, width, height, temporalFactor, factor, minPixels, maxPixels int) (w, h int, err error) {
	if frames < temporalFactor || frames > maxFrames {
		return 0, 0, &SizeError{Width: width, Height: height, Frames: frames, Reason: fmt.Sprintf("the number of frames is outside %d..%d", temporalFactor, maxFrames)}
	}
	sw, sh := width, height
	if width >= 1 && height >= 1 && (width < factor || height < factor) {
		scale := max(float64(factor)/float64(height), float64(factor)/float64(width))
		sw = int(min(float64(width)*scale, maxSide+1)) // a float beyond int would convert to anything
		sh = int(min(float64(height)*scale, maxSide+1))
	}
	if err := checkSides(frames, sw, sh); err != nil {
		return 0, 0, err
	}
	rounded := int(math.RoundToEven(float64(frames)/float64(temporalFactor))) * temporalFactor
	w, h = fitBudget(frames, rounded, sw, sh, factor, minPixels, maxPixels)
	return w, h, nil
}

// fitBudget holds the arithmetic of both rules, in float64 and in the reference's order.
//
// Sides are at most maxSide and budgets at most maxBudget a frame, so that every product of two is
// exact.
func fitBudget(frames, rounded, width, height, factor, minPixels, maxPixels int) (w, h int) {
	f, fw, fh := float64(factor), float64(width), float64(height)
	area := float64(frames) * fw * fh
	wBar, hBar := math.RoundToEven(fw/f)*f, math.RoundToEven(fh/f)*f
	switch total := float64(rounded) * hBar * wBar; {
	case total > float64(maxPixels):
		beta := math.Sqrt(area / float64(maxPixels))
		wBar, hBar = math.Floor(fw/beta/f)*f, math.Floor(fh/beta/f)*f
	case total < float64(minPixels):
		beta := math.Sqrt(float64(minPixels) / area)
		wBar, hBar = math.Ceil(fw*beta/f)*f, math.Ceil(fh*beta/f)*f
	}
	return int(max(f, wBar)), int(max(f, hBar))
}
