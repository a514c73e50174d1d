// Package engine runs generation requests on one model: a loop that mixes the decode steps of all running requests with chunks of
// new prompts and blocks of pictures, so that no request waits for another to finish.
//
// It knows no model: media reach it as jobs with the place of their features in the prompt. A single caller is a batch of one; there is
// no other code path.
package engine

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/qwenvl/qwenvl/internal/pool"
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/llm"
)

// ErrClosed says that the engine was closed.
var ErrClosed = errors.New("engine: closed")

// Options bound what the engine does at a time.
type Options struct {
	Threads  int   // workers
	Context  int   // positions of a sequence
	Chunk    int   // prompt rows of a step at most
	MaxBatch int   // requests at work at a time; others wait in order
	Tower    Tower // encodes media; nil where no request has any

	CacheFormat tensor.Format // of keys and values
}

// Engine owns the workers and the cache. Its methods are safe for concurrent use.
type Engine struct {
	opts    Options
	decoder *llm.Decoder
	ex      *tensor.Exec
	cache   *llm.Cache
	batch   llm.Batch

	wake chan struct{} // holds one token while there may be work
	done chan struct{}

	mu      sync.Mutex
	queue   []*state // submitted, not yet at work
	running []*state // what the present step is for
	closed  bool
	failure error // a panic of the loop; it has ended then

	active []*state // at work; the loop's own
	rows   []*state // whom the present batch is for, in order; the loop's own
	logits int      // rows of the present batch that give logits

	making chan struct{}  // has room for the passes whose pixels are made at a time
	makers sync.WaitGroup // goroutines that do
}

// New starts an engine.
func New(decoder *llm.Decoder, o Options) *Engine {
	e := &Engine{
		opts:    o,
		decoder: decoder,
		ex:      tensor.NewExec(o.Threads),
		cache:   decoder.NewCacheWith(llm.CacheOptions{Context: o.Context, Format: o.CacheFormat}),
		wake:    make(chan struct{}, 1),
		done:    make(chan struct{}),
		making:  make(chan struct{}, max(2, o.Threads/2)),
	}
	go e.loop()
	return e
}

// Submit queues a request. It ends early when ctx does.
//
// Errors: [ErrClosed]; *[pool.Panic] once the loop has failed. Panics if the request does not fit the context.
func (e *Engine) Submit(ctx context.Context, r *Request) (*Handle, error) {
	nothing := r.MaxTokens < 1 || len(r.Tokens) == 0
	if r.Trace != nil {
		nothing = r.MaxTokens < 0 || len(r.Tokens) == 0 && (len(r.Media) == 0 || r.MaxTokens > 0)
	}
	if nothing || len(r.Positions) != len(r.Tokens) || len(r.Tokens)+r.MaxTokens > e.opts.Context {
		panic("engine: request was not checked")
	}
	s := &state{Request: r, ctx: ctx, events: make(chan Event, eventRoom)}
	if s.passes = group(r.Media); len(s.passes) > 0 {
		s.steps = len(s.passes) * e.opts.Tower.Steps()
	}
	s.unwatch = context.AfterFunc(ctx, func() { e.cancel(s) })
	if err := e.enqueue(s); err != nil {
		s.unwatch()
		return nil, err
	}
	e.poke()
	return &Handle{engine: e, events: s.events}, nil
}

// enqueue hands a request to the loop, which owns it from then on.
func (e *Engine) enqueue(s *state) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.failure != nil:
		return e.failure
	case e.closed:
		return ErrClosed
	}
	e.queue = append(e.queue, s)
	return nil
}

// Close refuses new requests, waits for the running ones and ends the workers.
func (e *Engine) Close() {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.poke()
	<-e.done
	e.makers.Wait()
}

// poke makes the loop look for work.
func (e *Engine) poke() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// cancel marks a request, and stops the present step when nobody is left who wants it.
func (e *Engine) cancel(s *state) {
	e.mu.Lock()
	s.cancelled = true
	if len(e.running) > 0 && !slices.ContainsFunc(e.running, (*state).wanted) {
		e.ex.Stop()
	}
	e.mu.Unlock()
	e.poke()
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

// loop serves requests until the engine is closed or something in it panics.
func (e *Engine) loop() {
	defer close(e.done)
	defer e.ex.Close()
	if err := pool.Contain(e.serve); err != nil {
		e.fail(err)
	}
}

// fail refuses further requests after a panic and lets go of those there are: [Handle.Next] tells them why.
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

// admit moves queued requests to work and drops cancelled ones. It reports whether there is any at work.
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

// finish ends a request at work.
func (e *Engine) finish(s *state, err error, stopped bool) {
	e.active = slices.DeleteFunc(e.active, func(a *state) bool { return a == s })
	e.release(s, err, stopped)
}

func (e *Engine) release(s *state, err error, stopped bool) {
	s.unwatch()
	if s.seq != nil {
		s.seq.Free()
	}
	s.features, s.passes, s.Request = nil, nil, nil
	s.events <- Event{Kind: End, Err: err, Stopped: stopped, Times: s.times}
}
