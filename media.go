package qwenvl

import (
	"fmt"
	"io"
	"math"
	"os"

	"github.com/qwenvl/qwenvl/adapter"
	"github.com/qwenvl/qwenvl/internal/engine"
	"github.com/qwenvl/qwenvl/internal/hooks"
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/preprocess"
	"github.com/qwenvl/qwenvl/rope"
	"github.com/qwenvl/qwenvl/vision"
)

const (
	maxFrames       = 1 << 16   // frames of one video
	maxPictureBytes = 256 << 20 // bytes of a picture file, unless the decode options say otherwise
)

// picture reads the picture of a part.
func (m *Model) picture(p *Part) (*preprocess.Image, error) {
	switch p.kind {
	case imagePart:
		return preprocess.FromImage(p.image, m.opts.decode)
	case imageBytesPart:
		return preprocess.Decode(p.data, m.opts.decode)
	}
	f, err := os.Open(p.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	limit := m.opts.decode.Limits.MaxBytes
	if limit <= 0 {
		limit = maxPictureBytes
	}
	data, err := io.ReadAll(io.LimitReader(f, int64(limit)+1)) // one more, for Decode to refuse
	if err != nil {
		return nil, err
	}
	img, err := preprocess.Decode(data, m.opts.decode)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.path, err)
	}
	return img, nil
}

// frames reads the frames of a video.
func (m *Model) frames(p *Part) ([]*preprocess.Image, error) {
	if err := p.clip.check(); err != nil {
		return nil, err
	}
	out := make([]*preprocess.Image, len(p.clip.Frames))
	for i, f := range p.clip.Frames {
		img, err := preprocess.FromImage(f, m.opts.decode)
		if err != nil {
			return nil, fmt.Errorf("frame %d: %w", i, err)
		}
		out[i] = img
		if first := out[0]; img.Width != first.Width || img.Height != first.Height {
			return nil, fmt.Errorf("frame %d is %d×%d, frame 0 %d×%d", i, img.Width, img.Height, first.Width, first.Height)
		}
	}
	return out, nil
}

func (c *VideoClip) check() error {
	switch n := len(c.Frames); {
	case n == 0:
		return fmt.Errorf("a video without frames")
	case n > maxFrames:
		return fmt.Errorf("%d frames, at most %d", n, maxFrames)
	case len(c.Times) != n:
		return fmt.Errorf("%d frames with %d times: a video needs its frame rate or its frames' times", n, len(c.Times))
	case c.Duration <= 0:
		return fmt.Errorf("duration %v is not above 0", c.Duration)
	case c.Times[0] < 0 || c.fps == 0 && c.Times[n-1] > c.Duration:
		return fmt.Errorf("times from %v to %v in a clip of %v", c.Times[0], c.Times[n-1], c.Duration)
	case c.fps != 0 && !(c.fps > 0 && c.fps <= 1e6):
		return fmt.Errorf("frame rate %v", c.fps)
	}
	for i := 1; i < len(c.Times); i++ {
		if c.Times[i] <= c.Times[i-1] {
			return fmt.Errorf("times do not ascend: frame %d at %v, frame %d at %v", i-1, c.Times[i-1], i, c.Times[i])
		}
	}
	return nil
}

// secondsPerGrid is the time between steps of a grid that takes temporal frames a step.
func (c *VideoClip) secondsPerGrid(temporal int) float64 {
	rate := c.fps
	if rate == 0 {
		rate = float64(len(c.Frames)) / c.Duration.Seconds()
	}
	return float64(temporal) / rate
}

// stepTimes is the middle of each step of a grid, between its first and its last frame; the last frame fills up the last
// step.
func (c *VideoClip) stepTimes(temporal int) []float64 {
	n := len(c.Frames)
	at := func(i int) float64 {
		i = min(i, n-1)
		if c.fps != 0 {
			return float64(i) / c.fps
		}
		return c.Times[i].Seconds()
	}
	var out []float64
	for i := 0; i < n; i += temporal {
		out = append(out, (at(i)+at(i+temporal-1))/2)
	}
	return out
}

// limits are the pixel bounds of a part: its own, or else the request's.
func (r *Request) limits(p *Part) preprocess.Limits {
	l := preprocess.Limits{MinPixels: r.MinPixels, MaxPixels: r.MaxPixels}
	if p.MinPixels != 0 {
		l.MinPixels = p.MinPixels
	}
	if p.MaxPixels != 0 {
		l.MaxPixels = p.MaxPixels
	}
	return l
}

// medium prepares a picture or video for the tower. With measure, only its grid is found.
func (m *Model) medium(r *Request, p *Part, measure bool) (hooks.Medium, error) {
	c, lim := m.spec.Vision.Preprocess, r.limits(p)
	if p.kind == clipPart {
		out := hooks.Medium{Video: true}
		frames, err := m.frames(p)
		if err != nil {
			return out, err
		}
		out.SecondsPerGrid = p.clip.secondsPerGrid(c.TemporalPatchSize)
		out.StepTimes = p.clip.stepTimes(c.TemporalPatchSize)
		if measure {
			var grid rope.Grid
			grid, _, err = c.VideoSize(len(frames), frames[0].Width, frames[0].Height, lim)
			out.Patches = &preprocess.Patches{Grid: grid}
		} else {
			out.Patches, err = c.Video(frames, lim)
		}
		return out, err
	}
	img, err := m.picture(p)
	if err != nil {
		return hooks.Medium{}, err
	}
	if measure {
		grid, _, err := c.Size(img.Width, img.Height, lim)
		return hooks.Medium{Patches: &preprocess.Patches{Grid: grid}}, err
	}
	patches, err := c.Image(img, lim)
	return hooks.Medium{Patches: patches}, err
}

// passPatches is how many patches a pass of the tower takes before further media wait for the next one.
const passPatches = 8192

// groupMedia cuts media into passes.
func groupMedia(media []hooks.Medium) [][]hooks.Medium {
	var groups [][]hooks.Medium
	n := math.MaxInt
	for i, m := range media {
		if n > passPatches-min(m.Patches.N, passPatches) {
			groups, n = append(groups, nil), 0
		}
		last := len(groups) - 1
		groups[last] = append(groups[last], media[i])
		n += m.Patches.N
	}
	return groups
}

// encodeJob runs tower and adapter over some media.
type encodeJob struct {
	model *Model
	media []*preprocess.Patches
	job   *vision.Job
	seen  bool // the tower is done
	out   adapter.Output
}

// Steps returns how many calls of Step it takes.
func (j *encodeJob) Steps() int { return j.model.encoder.Config().Depth + 2 }

// Step advances the tower by a block, or runs the adapter.
func (j *encodeJob) Step(ex *tensor.Exec) (bool, error) {
	if j.job == nil {
		j.job = j.model.encoder.Begin(j.media)
		j.media = nil
	}
	if !j.seen {
		done, err := j.job.Step(ex)
		j.seen = done
		return false, err
	}
	var err error
	f := j.job.Features()
	j.out, err = j.model.adapter.Forward(ex, adapter.Input{Rows: f.Rows, Taps: f.Taps, Grids: f.Grids})
	if err == nil {
		j.job = nil
	}
	return err == nil, err
}

// Features returns the media's tokens.
func (j *encodeJob) Features() engine.Features {
	return engine.Features{Rows: j.out.Rows, Deep: j.out.Deep}
}
