package processor

// Pictures and videos as media items.
//
// A size from headers → the grid, and so the number of tokens → functions that make the patches and
// the content key. The engine calls them when the item's turn comes, so that a request that waits
// holds the file's bytes at most, and nobody waits for a hash that is not asked for. source.go says
// where pictures come from, key.go what the key is made of, preprocess how pixels become patches.

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/qwenvl/qwenvl/internal/engine"
	"github.com/qwenvl/qwenvl/preprocess"
)

const maxFrames = 1 << 16 // frames of one video

// Medium is a picture or a video of a prompt.
type Medium struct {
	engine.MediaItem
	Video             bool
	Message           int             // the message it is a part of
	Original, Resized preprocess.Size // as it is given, and as the tower sees it
	SecondsPerGrid    float64         // of a video: seconds between steps of the grid
	StepTimes         []float64       // of a video: seconds from its start to the middle of a step
}

// frame is a picture, or one of a video.
type frame struct {
	read func() (*preprocess.Image, error)
	hash func(*key) // adds to a key what read makes the pixels of
}

// Medium measures a picture or video and says how its patches and its key are made.
//
// Errors: *[Error]; ctx's, while a reader is read.
func (p *Processor) Medium(ctx context.Context, src *Source) (m Medium, err error) {
	field := src.Field
	defer func() {
		if err != nil && (ctx.Err() == nil || !errors.Is(err, ctx.Err())) {
			err = &Error{Field: src.Cause(err), Err: err}
		}
	}()
	if p.cfg.Vision == nil {
		return m, errors.New("the model is text only")
	}
	c, lim := p.cfg.Vision.Preprocess, src.Limits
	m.Message, m.Video = src.Message, src.Kind == Video
	var frames []frame
	if frames, m.Original, err = p.frames(ctx, src); err != nil {
		return m, err
	}
	if m.Video {
		m.Grid, m.Resized, err = c.VideoSize(len(frames), m.Original.W, m.Original.H, lim)
		m.SecondsPerGrid = src.secondsPerGrid(c.TemporalPatchSize)
		m.StepTimes = src.stepTimes(c.TemporalPatchSize)
	} else {
		m.Grid, m.Resized, err = c.Size(m.Original.W, m.Original.H, lim)
	}
	if err != nil {
		return m, err
	}
	grid, video := m.Grid, m.Video
	m.Key = func() [sha256.Size]byte {
		k := p.newKey(video, lim)
		for _, f := range frames {
			f.hash(k)
		}
		return k.sum()
	}
	m.Pixels = func(ctx context.Context) (x *preprocess.Patches, err error) {
		images := make([]*preprocess.Image, len(frames))
		for i := 0; i < len(frames) && err == nil && ctx.Err() == nil; i++ {
			images[i], err = frames[i].read()
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		switch {
		case err == nil && video:
			x, err = c.Video(images, lim)
		case err == nil:
			x, err = c.Image(images[0], lim)
		}
		if err == nil && x.Grid != grid {
			err = errors.New("the picture has not the size that its header says")
		}
		if err != nil {
			return nil, &Error{Field: field, Err: err}
		}
		return x, nil
	}
	return m, nil
}

// check refuses a video whose frames have no possible times.
func (c *Content) check() error {
	switch n := c.Count(); {
	case n == 0:
		return fmt.Errorf("a video without frames")
	case n > maxFrames:
		return fmt.Errorf("%d frames, at most %d", n, maxFrames)
	case len(c.Times) != n:
		const problem = "%d frames with %d times: no frame rate, nor each frame's time"
		return fmt.Errorf(problem, n, len(c.Times))
	case c.Duration <= 0:
		return fmt.Errorf("duration %v is not above 0", c.Duration)
	case c.Times[0] < 0 || c.FPS == 0 && c.Times[n-1] > c.Duration:
		return fmt.Errorf("times %v to %v in a clip of %v", c.Times[0], c.Times[n-1], c.Duration)
	case c.FPS != 0 && !(c.FPS > 0 && c.FPS <= 1e6):
		return fmt.Errorf("frame rate %v", c.FPS)
	}
	for i := 1; i < len(c.Times); i++ {
		if c.Times[i] <= c.Times[i-1] {
			const problem = "times do not ascend: frame %d is at %v, not behind %v"
			return fmt.Errorf(problem, i, c.Times[i], c.Times[i-1])
		}
	}
	return nil
}

// secondsPerGrid is the time between steps of a grid that takes temporal frames a step.
func (c *Content) secondsPerGrid(temporal int) float64 {
	rate := c.FPS
	if rate == 0 {
		rate = float64(c.Count()) / c.Duration.Seconds()
	}
	return float64(temporal) / rate
}

// stepTimes is the middle of each step of a grid, between its first and its last frame; the last
// frame fills up the last step.
func (c *Content) stepTimes(temporal int) []float64 {
	n := c.Count()
	at := func(i int) float64 {
		i = min(i, n-1)
		if c.FPS != 0 {
			return float64(i) / c.FPS
		}
		return c.Times[i].Seconds()
	}
	var out []float64
	for i := 0; i < n; i += temporal {
		out = append(out, (at(i)+at(i+temporal-1))/2)
	}
	return out
}
