package engine

// The loop's goroutine: how requests come to work and leave it, and how a step is declared, so that
// it can be stopped when nobody wants it any more. What a step does is in step.go and encode.go.
//
// Every request that is admitted leaves through release, which alone sends the End event; only
// after a panic does Handle.Next make one up, since the loop's lists may be in disorder then.

import (
	"slices"

	"github.com/qwenvl/qwenvl/internal/pool"
	"github.com/qwenvl/qwenvl/llm"
)

// loop serves requests until the engine is closed or something in it panics.
func (e *Engine) loop() {
	defer close(e.done)
	defer e.ex.Close()
	if err := pool.Contain(e.serve); err != nil {
		e.fail(err)
	}
}

// serve goes round: admit, step, and sleep when there is nothing to do.
func (e *Engine) serve() error {
	for range e.wake {
		for e.admit() {
			if !e.step() {
				break
			}
		}
		if len(e.active) == 0 {
			e.ex.Trim()
			e.mu.Lock()
			last := e.closed && len(e.queue) == 0
			e.mu.Unlock()
			if last {
				return nil
			}
		}
	}
	return nil
}

// fail refuses further requests after a panic and lets go of those there are: [Handle.Next] tells
// them why.
func (e *Engine) fail(err error) {
	e.mu.Lock()
	e.failure = err
	left := append(e.queue, e.active...)
	e.queue, e.running = nil, nil
	e.mu.Unlock()
	for _, s := range left {
		s.unwatch()
	}
	e.active, e.rows, e.batch, e.cache = nil, nil, llm.Batch{}, nil
}

// admit moves queued requests to work and drops cancelled ones. It reports whether there is any at
// work.
func (e *Engine) admit() bool {
	for _, s := range e.sort() {
		e.release(s, s.ctx.Err(), false)
	}
	return len(e.active) > 0
}

// sort does admit's work on the lists and returns the cancelled requests.
func (e *Engine) sort() (gone []*state) {
	e.mu.Lock()
	defer e.mu.Unlock()
	drop := func(s *state) bool {
		if s.cancelled {
			gone = append(gone, s)
		}
		return s.cancelled
	}
	e.active, e.queue = slices.DeleteFunc(e.active, drop), slices.DeleteFunc(e.queue, drop)
	n := min(len(e.queue), e.opts.MaxBatch-len(e.active))
	e.active = append(e.active, e.queue[:n]...)
	e.queue = slices.Delete(e.queue, 0, n)
	return gone
}

// begin declares whom the next step is for. It reports false when all of them are cancelled.
func (e *Engine) begin(for_ ...*state) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !slices.ContainsFunc(for_, (*state).wanted) {
		return false
	}
	e.running = append(e.running[:0], for_...)
	return true
}

// end takes back begin.
func (e *Engine) end() {
	e.mu.Lock()
	clear(e.running)
	e.running = e.running[:0]
	e.ex.Resume()
	e.mu.Unlock()
}

// finish ends a request at work.
func (e *Engine) finish(s *state, err error, stopped bool) {
	e.active = slices.DeleteFunc(e.active, func(a *state) bool { return a == s })
	e.release(s, err, stopped)
}

// release gives back what a request holds and tells its end.
func (e *Engine) release(s *state, err error, stopped bool) {
	s.unwatch()
	if s.seq != nil {
		s.seq.Free()
	}
	s.features, s.passes, s.Request = nil, nil, nil
	s.events <- Event{Kind: End, Err: err, Stopped: stopped, Times: s.times}
}
