package components

// Tower and adapter as one, for the engine: a job runs the blocks of the tower one by one
// (vision.Job), then the adapter.

import (
	"github.com/qwenvl/qwenvl/adapter"
	"github.com/qwenvl/qwenvl/internal/engine"
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/preprocess"
	"github.com/qwenvl/qwenvl/vision"
)

// Steps returns how many steps a pass over media takes.
func (c *Components) Steps() int { return c.Encoder.Config().Depth + 2 }

// Begin prepares a pass over media.
func (c *Components) Begin(media []*preprocess.Patches) engine.Job {
	return &job{components: c, tower: c.Encoder.Begin(media)}
}

// job runs tower and adapter over some media.
type job struct {
	components *Components
	tower      *vision.Job
	seen       bool // the tower is done
	out        adapter.Output
}

// Step advances the tower by a block, or runs the adapter.
func (j *job) Step(ex *tensor.Exec) (bool, error) {
	if !j.seen {
		done, err := j.tower.Step(ex)
		j.seen = done
		return false, err
	}
	var err error
	f := j.tower.Features()
	j.out, err = j.components.Adapter.Forward(ex, adapter.Input(f))
	if err == nil {
		j.tower = nil
	}
	return err == nil, err
}

// Features returns the media's tokens.
func (j *job) Features() engine.Features {
	return engine.Features{Rows: j.out.Rows, Deep: j.out.Deep}
}
