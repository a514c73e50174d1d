package preprocess

// Pictures to the rows that a tower reads: resized (resize.go), normalized by table, cut in the
// order of merge groups or of raster lines.

import (
	"fmt"

	"github.com/qwenvl/qwenvl/rope"
)

// Patches is a picture or clip as a vision tower reads it.
type Patches struct {
	Data     []float32 // [N, Dim]; columns channel, time, y, x
	N, Dim   int       // Dim = 3·TemporalPatchSize·PatchSize²
	Grid     rope.Grid // N = T·H·W; rows in the Config's order, step of time by step of time
	Original Size      // of the picture passed in
	Resized  Size      // that the grid covers, padding included
}

// Image resizes a still picture, normalizes it and cuts it into patches. It is repeated to
// TemporalPatchSize frames.
//
// Samples become (v·RescaleFactor - Mean) / Std, the product taken in float64 and rounded to
// float32, the rest in float32, as the reference does.
// Errors: *ConfigError, *SizeError. Panics if img is inconsistent. The result does not alias img.
func (c Config) Image(img *Image, lim Limits) (*Patches, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	img.check()
	p, err := c.plan(img.Width, img.Height, lim)
	if err != nil {
		return nil, err
	}
	out, err := c.newPatches(img, c.grid(1, p.covered), p.covered)
	if err != nil {
		return nil, err
	}
	c.cut(out, c.fit(img, p), 0, 0, c.TemporalPatchSize)
	return out, nil
}

// Video is Image for the frames of a clip, all of one size. The last frame is repeated to a whole
// patch in time.
//
// Errors: *ConfigError, *SizeError (no frames, or frames that differ in size). Panics if a frame is
// inconsistent.
func (c Config) Video(frames []*Image, lim Limits) (*Patches, error) {
	if len(frames) == 0 {
		return nil, &SizeError{Reason: "a clip without frames"}
	}
	first := frames[0]
	for i, f := range frames {
		f.check()
		if f.Width != first.Width || f.Height != first.Height {
			return nil, &SizeError{Width: f.Width, Height: f.Height, Frames: len(frames),
				Reason: fmt.Sprintf("frame %d differs in size from frame 0 (%dx%d)", i, first.Width, first.Height)}
		}
	}
	grid, covered, err := c.VideoSize(len(frames), first.Width, first.Height, lim)
	if err != nil {
		return nil, err
	}
	p := plan{covered, covered}
	if c.Resize != ResizeSmart {
		if p, err = c.plan(first.Width, first.Height, lim); err != nil {
			return nil, err
		}
	}
	out, err := c.newPatches(first, grid, covered)
	if err != nil {
		return nil, err
	}
	c = c.clip()
	for i, f := range frames {
		step, slot := i/c.TemporalPatchSize, i%c.TemporalPatchSize
		slots := 1
		if i == len(frames)-1 {
			slots = c.TemporalPatchSize - slot
		}
		c.cut(out, c.fit(f, p), step, slot, slots)
	}
	return out, nil
}

// newPatches allocates the result, after a check that its floats can be counted and held.
func (c Config) newPatches(img *Image, grid rope.Grid, covered Size) (*Patches, error) {
	dim := 3 * c.TemporalPatchSize * c.PatchSize * c.PatchSize
	const most = 1 << 31 // floats, 8 GiB
	if n := int64(grid.T) * int64(grid.H) * int64(grid.W); n > most/int64(dim) || n*int64(dim) > int64(^uint(0)>>3) {
		return nil, &SizeError{Width: img.Width, Height: img.Height, Reason: fmt.Sprintf("%d patches are too many to hold", n)}
	}
	n := grid.Patches()
	return &Patches{Data: make([]float32, n*dim), N: n, Dim: dim, Grid: grid,
		Original: Size{img.Width, img.Height}, Resized: covered}, nil
}

// fit resizes and pads.
func (c Config) fit(img *Image, p plan) *Image {
	out := img
	switch {
	case p.resized == Size{img.Width, img.Height}:
	case img.Indexed && c.Resize == ResizePatchLimit:
		out = resizeNearest(img, p.resized.W, p.resized.H)
	default:
		out = Resize(img, p.resized.W, p.resized.H)
	}
	if p.covered == p.resized {
		return out
	}
	padded := NewImage(p.covered.W, p.covered.H)
	for y := range padded.Height {
		row, from := padded.row(y), 0
		if y < out.Height {
			from = copy(row, out.row(y))
		}
		for ; from < len(row); from += 3 {
			copy(row[from:from+3], img.Pad[:])
		}
	}
	return padded
}

// levels tabulates the normalized value of each 8-bit sample, for each channel.
func (c Config) levels() *[3][256]float32 {
	factor := c.RescaleFactor
	if factor == 0 {
		factor = 1.0 / 255
	}
	t := new([3][256]float32)
	for ch := range t {
		for v := range t[ch] {
			t[ch][v] = (float32(float64(v)*factor) - c.Mean[ch]) / c.Std[ch]
		}
	}
	return t
}

// cut writes one frame into the given slots (frames within a patch) of one step of time.
func (c Config) cut(out *Patches, img *Image, step, slot, slots int) {
	levels := c.levels()
	ps := c.PatchSize
	area := ps * ps
	row := step * out.Grid.H * out.Grid.W
	emit := func(py, px int) {
		dst := out.Data[row*out.Dim:][:out.Dim]
		row++
		for ch := range 3 {
			level := &levels[ch]
			plane := dst[(ch*c.TemporalPatchSize+slot)*area:]
			for y := range ps {
				src := img.Pix[3*((py*ps+y)*img.Width+px*ps)+ch:]
				line := plane[y*ps:][:ps]
				for x := range line {
					line[x] = level[src[3*x]]
				}
			}
			for s := 1; s < slots; s++ {
				copy(plane[s*area:][:area], plane[:area])
			}
		}
	}
	group := c.MergeSize
	if c.Order == OrderRaster {
		group = 1
	}
	for gy := 0; gy < out.Grid.H; gy += group {
		for gx := 0; gx < out.Grid.W; gx += group {
			for y := range group {
				for x := range group {
					emit(gy+y, gx+x)
				}
			}
		}
	}
}
