// Package engine runs generation requests on one model: one loop, on one goroutine, that gives
// every request its share of each step, so that none waits for another to finish.
//
//	callers              Submit → queue                             Handle.Next ← events
//	the loop (loop.go)   admit: those who have left go, those who wait begin, up to MaxBatch
//	         (step.go)   step:  encode   one step of the tower, for the first request that has
//	                                     media whose pixels are made (encode.go)
//	                            forward  one pass of the decoder over the next token of each
//	                                     request that decodes and, up to Chunk rows in all, the
//	                                     next rows of the prompts that are read
//	                            deliver  for each row with logits: sample a token, tell the
//	                                     caller, end the request or go on
//	nothing to do        sleep, until Submit, a cancellation, a reader or made pixels wake it
//
// So a request is encoded, then read, then continued, beside others in other stages. What a row
// computes depends on its own sequence alone, bit for bit, so that nobody sees who shares a step
// with it. A single caller is a batch of one; there is no other code path.
//
// The loop alone touches decoder, cache and executor. Callers reach it through the queue and the
// marks of cancelled requests, which Engine.mu guards, and it reaches them through the channel of
// events that each request has: one whose reader is slow pauses, and holds up nobody. A step that
// only cancelled requests want is stopped in its middle. A panic in a step ends the loop: every
// request that there is gets it as its error, and so does every later Submit.
//
// The engine knows no family. Media reach it as items with a key, the places of their features in
// the prompt and a function that makes their pixels when their turn comes; a [Tower] encodes them.
// This file is what callers see of the engine; request.go is what they give it, handle.go what
// they get.
package engine

import (
	"context"
	"errors"
	"slices"
	"sync"

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
		making:  make(chan struct{}, max(1, o.Threads/2)),
	}
	go e.loop()
	return e
}

// Submit queues a request. It ends early when ctx does.
//
// Errors: [ErrClosed]; *pool.Panic once the loop has failed. Panics if the request does not fit
// the context.
func (e *Engine) Submit(ctx context.Context, r *Request) (*Handle, error) {
	n := len(r.Tokens)
	nothing := r.MaxTokens < 1 || n == 0
	if r.Trace != nil {
		nothing = r.MaxTokens < 0 || n == 0 && (len(r.Media) == 0 || r.MaxTokens > 0)
	}
	if nothing || len(r.Positions) != n || n+r.MaxTokens > e.opts.Context {
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
