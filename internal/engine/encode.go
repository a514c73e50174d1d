package engine

// Pictures and videos, from media items to features.
//
// A request brings its items one by one. They are grouped into passes of the tower here. The
// pixels of a pass are made shortly before it begins, by goroutines beside the loop, so that
// requests that wait hold no pixels and decode steps go on meanwhile. They are half as many as the
// threads: if they took all processors, each of the many loops of a step would wait for one. A pass
// then advances by one step between forward passes of the decoder (step.go). Which passes can be
// left out, because their features are known, will be a matter of Key.

import (
	"context"
	"crypto/sha256"
	"errors"
	"math"
	"time"

	"github.com/qwenvl/qwenvl/internal/pool"
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/preprocess"
	"github.com/qwenvl/qwenvl/rope"
)

// MediaItem is a picture or a video to encode.
type MediaItem struct {
	Grid  rope.Grid // of its patches
	Spans []Span    // where its features belong in the prompt, in their order
	// Key hashes all that determines the features: every byte of a file, or every sample.
	Key func() [sha256.Size]byte
	// Pixels makes the patches. It is called once, on a goroutine of the engine, and then
	// forgotten with Key: both hold the file.
	Pixels func(ctx context.Context) (*preprocess.Patches, error)
}

// Span is a run of placeholder tokens.
type Span struct{ Start, Len int }

// Tower encodes media.
type Tower interface {
	// Steps returns how many calls of [Job.Step] a pass takes.
	Steps() int
	// Begin prepares a pass. The job gives the patches up when it has read them.
	Begin(media []*preprocess.Patches) Job
}

// Job is one pass of a tower, step by step.
type Job interface {
	Step(ex *tensor.Exec) (done bool, err error)
	Features() Features // once done
}

// Features is embeddings of media, [Σ span lengths, hidden size], and what is added after the
// first decoder layers, shaped alike.
type Features struct {
	Rows tensor.Tensor
	Deep []tensor.Tensor
}

// Slice returns rows lo..hi-1 of all tensors.
func (f Features) Slice(lo, hi int) Features {
	out := Features{Rows: f.Rows.Slice(lo, hi)}
	for _, d := range f.Deep {
		out.Deep = append(out.Deep, d.Slice(lo, hi))
	}
	return out
}

// PassPatches is how many patches a pass takes before further items wait for the next one.
const PassPatches = 8192

// pass is one run of the tower over some items of a request.
type pass struct {
	items []*MediaItem
	made  chan struct{} // closed when there are pixels, or err; nil: nobody makes them yet
	job   Job           // nil until the pass begins

	// Those that makePixels sets before it closes made.
	pixels []*preprocess.Patches
	took   time.Duration
	err    error
}

// group cuts items into passes, in order.
func group(items []*MediaItem) []*pass {
	var out []*pass
	n := math.MaxInt
	for _, it := range items {
		size := it.Grid.Patches()
		if n > PassPatches-min(size, PassPatches) {
			out, n = append(out, &pass{}), 0
		}
		last := out[len(out)-1]
		last.items = append(last.items, it)
		n += size
	}
	return out
}

// preparePasses starts making the pixels of the passes that come first, as many as have room. One
// that the tower has begun is not among them, so that the next one's are ready when it ends.
func (e *Engine) preparePasses() {
	n := 0
	for _, s := range e.active {
		if s.paused() {
			continue // its reader must not hold up others
		}
		for _, p := range s.passes {
			if p.job != nil {
				continue
			}
			if n == cap(e.making) {
				return
			}
			n++
			if p.made == nil {
				p.made = make(chan struct{})
				e.makers.Add(1)
				go e.makePixels(s.ctx, p)
			}
		}
	}
}

// errGone is the error of a pass whose goroutine ended in the middle, in runtime.Goexit.
var errGone = errors.New("engine: the making of pixels was given up")

// makePixels makes the pixels of a pass, item by item.
func (e *Engine) makePixels(ctx context.Context, p *pass) {
	defer e.makers.Done()
	defer e.poke()
	defer close(p.made)
	select {
	case e.making <- struct{}{}: // those of cancelled requests count too, until they notice
	case <-ctx.Done():
		p.err = ctx.Err()
		return
	}
	start := time.Now()
	defer func() {
		p.took = time.Since(start)
		<-e.making
	}()
	for _, it := range p.items {
		var x *preprocess.Patches
		p.err = errGone
		p.err = pool.Contain(func() (err error) { x, err = it.Pixels(ctx); return err })
		if it.Key, it.Pixels = nil, nil; p.err != nil {
			return
		}
		p.pixels = append(p.pixels, x)
	}
}

// ready reports whether the pixels of a pass are made.
func (p *pass) ready() bool {
	select {
	case <-p.made: // never, while it is nil
		return true
	default:
		return false
	}
}

// encodeStep advances the first pass whose pixels are made.
func (e *Engine) encodeStep() bool {
	e.preparePasses()
	for _, s := range e.active {
		if !s.encoding() || s.paused() || !s.passes[0].ready() {
			continue
		}
		if e.begin(s) {
			start := time.Now()
			e.encode(s)
			e.end()
			if s.Request != nil {
				s.times[Encode] += time.Since(start)
			}
		}
		return true
	}
	return false
}

func (e *Engine) encode(s *state) {
	p := s.passes[0]
	if panicked := (*pool.Panic)(nil); errors.As(p.err, &panicked) {
		panic(panicked) // as one of the loop's own
	}
	if p.err != nil {
		e.finish(s, p.err, false)
		return
	}
	if p.job == nil {
		s.times[Pixels] += p.took
		p.job, p.pixels = e.opts.Tower.Begin(p.pixels), nil
	}
	e.ex.SetTrace(s.Trace)
	defer e.ex.SetTrace(nil)
	done, err := p.job.Step(e.ex)
	switch {
	case err == tensor.ErrStopped:
		return // admit drops it
	case err != nil:
		e.finish(s, err, false)
		return
	}
	s.stepped++
	if done {
		features := p.job.Features()
		at := 0
		for _, it := range p.items {
			for _, span := range it.Spans {
				s.features = append(s.features, features.Slice(at, at+span.Len))
				at += span.Len
			}
		}
		s.passes = s.passes[1:]
	}
	s.events <- Event{Kind: Progress, Stage: Encode, Done: s.stepped, Total: s.steps}
	if !s.encoding() && len(s.Tokens) == 0 {
		e.finish(s, nil, false) // only its features were asked for, which a trace has shown
	}
}
