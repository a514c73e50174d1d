package processor

// Pictures and videos as media items.
//
// A size from headers → the grid, and so the number of tokens → functions that make the patches and
// the content key. The engine calls them when the item's turn comes, so that a request that waits
// holds the file's bytes at most, and nobody waits for a hash that is not asked for. key.go says
// what the key is made of, preprocess how pixels become patches.

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

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
	StepTimes         []float64       // of a video: seconds from its start to the middle of a step
}

// frame is a picture, or one of a video.
type frame struct {
	read func() (*preprocess.Image, error)
	hash func(*key) // adds to a key what read makes the pixels of
}

// Medium measures a picture or video and says how its patches and its key are made.
//
// Errors: *[Error].
func (p *Processor) Medium(src *Source) (m Medium, err error) {
	field := src.Field
	defer func() {
		if err != nil {
			err = &Error{Field: field, Err: err}
		}
	}()
	if p.cfg.Vision == nil {
		return m, errors.New("the model is text only")
	}
	c, lim := p.cfg.Vision.Preprocess, src.Limits
	m.Message, m.Video = src.Message, src.Kind == Video
	var frames []frame
	if frames, m.Original, err = p.frames(src); err != nil {
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

// frames returns the frames of a source, and the size of them all.
func (p *Processor) frames(src *Source) (out []frame, size preprocess.Size, err error) {
	if src.Kind == PictureFile || src.Kind == PictureBytes {
		f, size, err := p.file(src)
		return []frame{f}, size, err
	}
	if src.Kind == Video {
		if err := src.check(); err != nil {
			return nil, size, err
		}
	}
	for i, m := range src.Frames {
		s, err := preprocess.FromImageSize(m, p.cfg.Decode)
		// Read once, for pixels and key: an At method takes longer than all the rest.
		read := sync.OnceValues(func() (*preprocess.Image, error) {
			return preprocess.FromImage(m, p.cfg.Decode)
		})
		hash := func(k *key) {
			if k.image(m) {
				return
			}
			if img, err := read(); err == nil { // else there are no features
				k.bytes(img.Pix)
			}
		}
		if i > 0 && err == nil && s != size {
			err = fmt.Errorf("is %d×%d, frame 0 %d×%d", s.W, s.H, size.W, size.H)
		}
		if err != nil && src.Kind == Video {
			err = fmt.Errorf("frame %d: %w", i, err)
		}
		if err != nil {
			return nil, size, err
		}
		out, size = append(out, frame{read, hash}), s
	}
	return out, size, nil
}

// file returns the picture of a file, which is read here, once.
func (p *Processor) file(src *Source) (f frame, size preprocess.Size, err error) {
	data, path := src.Data, src.Path
	if src.Kind == PictureFile {
		if data, err = p.load(path); err != nil {
			return f, size, err
		}
	}
	f.read = func() (*preprocess.Image, error) {
		img, err := preprocess.Decode(data, p.cfg.Decode)
		return img, inFile(path, err)
	}
	f.hash = func(k *key) { k.bytes(data) }
	size, err = preprocess.DecodeSize(data, p.cfg.Decode)
	return f, size, inFile(path, err)
}

// inFile adds the name of a file to an error, where there is one.
func inFile(path string, err error) error {
	if err == nil || path == "" {
		return err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// load reads a picture file, one byte more than the limit, for the decoder to refuse.
func (p *Processor) load(path string) ([]byte, error) {
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

// check refuses a video whose frames have no possible times.
func (c *Content) check() error {
	switch n := len(c.Frames); {
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
		rate = float64(len(c.Frames)) / c.Duration.Seconds()
	}
	return float64(temporal) / rate
}

// stepTimes is the middle of each step of a grid, between its first and its last frame; the last
// frame fills up the last step.
func (c *Content) stepTimes(temporal int) []float64 {
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
