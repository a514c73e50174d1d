package processor

// Pictures and videos as media items.
//
// A size from headers → the grid, and so the number of tokens → a content key → a function that makes the patches.
// The engine calls it when the item's turn comes, so that a request that waits holds the file's bytes at most. A
// picture of a type that only its own At method can read is converted at once and kept: reading it twice for key and
// pixels would take longer than all the rest.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/qwenvl/qwenvl/internal/engine"
	"github.com/qwenvl/qwenvl/preprocess"
)

const (
	maxFrames       = 1 << 16   // frames of one video
	maxPictureBytes = 256 << 20 // bytes of a picture file, unless the decode options say otherwise
)

// Medium is a picture or a video of a prompt.
type Medium struct {
	engine.MediaItem
	Video             bool
	Message           int             // the message it is a part of
	Original, Resized preprocess.Size // as it is given, and as the tower sees it
	SecondsPerGrid    float64         // of a video: seconds between steps of the grid
	StepTimes         []float64       // of a video: seconds from its start to the middle of each step
}

// medium measures a picture or video and says how its pixels are made. With measure, only its grid is found.
func (p *Processor) medium(r *Request, part mediaPart, measure bool) (m Medium, err error) {
	c, lim := p.cfg.Vision.Preprocess, r.limits(part.Part)
	m.Message, m.Video = part.message, part.Kind == Video
	var patches func(context.Context) (*preprocess.Patches, error)
	k := p.newKey(m.Video, lim, measure)
	if m.Video {
		frames := part.Clip.Frames
		if m.Original, err = p.frames(&part.Clip, k); err != nil {
			return m, err
		}
		m.Grid, m.Resized, err = c.VideoSize(len(frames), m.Original.W, m.Original.H, lim)
		m.SecondsPerGrid = part.Clip.secondsPerGrid(c.TemporalPatchSize)
		m.StepTimes = part.Clip.stepTimes(c.TemporalPatchSize)
		patches = func(ctx context.Context) (*preprocess.Patches, error) {
			images := make([]*preprocess.Image, len(frames))
			for i, f := range frames {
				if err := ctx.Err(); err != nil {
					return nil, err
				}
				img, err := preprocess.FromImage(f, p.cfg.Decode)
				if err != nil {
					return nil, fmt.Errorf("frame %d: %w", i, err)
				}
				images[i] = img
			}
			return c.Video(images, lim)
		}
	} else {
		decode, err := p.picture(part.Part, k, &m.Original)
		if err != nil {
			return m, err
		}
		if m.Grid, m.Resized, err = c.Size(m.Original.W, m.Original.H, lim); err != nil {
			return m, err
		}
		patches = func(context.Context) (*preprocess.Patches, error) {
			img, err := decode()
			if err != nil {
				return nil, err
			}
			return c.Image(img, lim)
		}
	}
	if err != nil || measure {
		return m, err
	}
	grid, field := m.Grid, part.field
	m.Key = k.sum()
	m.Pixels = func(ctx context.Context) (*preprocess.Patches, error) {
		x, err := patches(ctx)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err == nil && x.Grid != grid:
			err = errors.New("the picture is not of the size that its header says")
		}
		if err != nil {
			return nil, &Error{Field: field, Err: err}
		}
		return x, nil
	}
	return m, nil
}

// picture finds a picture's size, adds its contents to the key, and returns the function that decodes it.
func (p *Processor) picture(part *Part, k *key, size *preprocess.Size) (decode func() (*preprocess.Image, error), err error) {
	o := p.cfg.Decode
	if part.Kind == Picture {
		m := part.Image
		if *size, err = preprocess.FromImageSize(m, o); err != nil {
			return nil, err
		}
		if k == nil || k.image(m) {
			return func() (*preprocess.Image, error) { return preprocess.FromImage(m, o) }, nil
		}
		img, err := preprocess.FromImage(m, o)
		if err != nil {
			return nil, err
		}
		k.bytes(img.Pix)
		return func() (*preprocess.Image, error) { return img, nil }, nil
	}
	data, prefix := part.Data, ""
	if part.Kind == PictureFile {
		if data, err = p.read(part.Path); err != nil {
			return nil, err
		}
		prefix = part.Path + ": "
	}
	place := func(err error) error {
		if err != nil && prefix != "" {
			return fmt.Errorf("%s%w", prefix, err)
		}
		return err
	}
	if *size, err = preprocess.DecodeSize(data, o); err != nil {
		return nil, place(err)
	}
	if k != nil {
		k.add("file")
		k.bytes(data)
	}
	return func() (*preprocess.Image, error) {
		img, err := preprocess.Decode(data, o)
		return img, place(err)
	}, nil
}

// read reads a picture file, one byte more than the limit, for the decoder to refuse.
func (p *Processor) read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	limit := p.cfg.Decode.Limits.MaxBytes
	if limit <= 0 {
		limit = maxPictureBytes
	}
	return io.ReadAll(io.LimitReader(f, int64(limit)+1))
}

// frames checks a clip, adds its frames to the key, and returns their size.
func (p *Processor) frames(c *Clip, k *key) (size preprocess.Size, err error) {
	if err := c.check(); err != nil {
		return size, err
	}
	for i, f := range c.Frames {
		s, err := preprocess.FromImageSize(f, p.cfg.Decode)
		switch {
		case err != nil:
			return size, fmt.Errorf("frame %d: %w", i, err)
		case i == 0:
			size = s
		case s != size:
			return size, fmt.Errorf("frame %d is %d×%d, frame 0 %d×%d", i, s.W, s.H, size.W, size.H)
		}
		if k == nil || k.image(f) {
			continue
		}
		img, err := preprocess.FromImage(f, p.cfg.Decode)
		if err != nil {
			return size, fmt.Errorf("frame %d: %w", i, err)
		}
		k.bytes(img.Pix)
	}
	return size, nil
}

func (c *Clip) check() error {
	switch n := len(c.Frames); {
	case n == 0:
		return fmt.Errorf("a video without frames")
	case n > maxFrames:
		return fmt.Errorf("%d frames, at most %d", n, maxFrames)
	case len(c.Times) != n:
		return fmt.Errorf("%d frames with %d times: a video needs its frame rate or its frames' times", n, len(c.Times))
	case c.Duration <= 0:
		return fmt.Errorf("duration %v is not above 0", c.Duration)
	case c.Times[0] < 0 || c.FPS == 0 && c.Times[n-1] > c.Duration:
		return fmt.Errorf("times from %v to %v in a clip of %v", c.Times[0], c.Times[n-1], c.Duration)
	case c.FPS != 0 && !(c.FPS > 0 && c.FPS <= 1e6):
		return fmt.Errorf("frame rate %v", c.FPS)
	}
	for i := 1; i < len(c.Times); i++ {
		if c.Times[i] <= c.Times[i-1] {
			return fmt.Errorf("times do not ascend: frame %d at %v, frame %d at %v", i-1, c.Times[i-1], i, c.Times[i])
		}
	}
	return nil
}

// secondsPerGrid is the time between steps of a grid that takes temporal frames a step.
func (c *Clip) secondsPerGrid(temporal int) float64 {
	rate := c.FPS
	if rate == 0 {
		rate = float64(len(c.Frames)) / c.Duration.Seconds()
	}
	return float64(temporal) / rate
}

// stepTimes is the middle of each step of a grid, between its first and its last frame; the last frame fills up the
// last step.
func (c *Clip) stepTimes(temporal int) []float64 {
	n := len(c.Frames)
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
