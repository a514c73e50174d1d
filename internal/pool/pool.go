// Package pool runs loops of independent items on a fixed set of persistent workers.
//
// Workers spin for some microseconds after a loop, since the next one follows at once inside a
// forward pass, and then park: an idle pool uses no CPU. Which worker runs which item is not
// fixed, so an item must write only what belongs to it; results then do not depend on the number
// of workers.
package pool

import (
	"runtime"
	"sync/atomic"
)

// Misuse panics with one of these constants.
const (
	badThreads = "pool: fewer than one thread"
	badClosed  = "pool: run after close"
)

// spins is how often a waiting worker yields before it parks: 0.1 to 0.5 ms, longer than workers
// wait for each other within a forward pass. On virtual machines a thread that sleeps takes so
// long to wake that decoding lost a sixth of its time with a tenth of that.
const spins = 1024

// Task is the body of a loop. Do handles item i on the given worker, 0 ≤ worker < Threads.
// Implementations are usually structs kept by the caller, so that a loop allocates nothing.
type Task interface{ Do(worker, i int) }

// Pool is a set of persistent workers. Run may be called by one goroutine at a time; Stop by any.
type Pool struct {
	threads int
	task    Task
	n       int64
	next    atomic.Int64
	gen     atomic.Uint32
	pending atomic.Int32 // workers that have not finished the current loop
	stop    atomic.Bool
	closed  atomic.Bool
	failed  atomic.Pointer[Panic] // the first panic of the current loop
	wake    []parking             // one for each worker after the first
	caller  parking
}

// parking is where one goroutine sleeps. The flag says that it is about to receive from the
// channel.
type parking struct {
	parked atomic.Bool
	signal chan struct{}
	_      [48]byte // keeps neighbors' flags off this cache line
}

// unpark wakes the goroutine if it sleeps here.
func (p *parking) unpark() {
	if p.parked.CompareAndSwap(true, false) {
		p.signal <- struct{}{}
	}
}

// wait returns once ready reports true, spinning first and sleeping then. Whoever makes ready true
// calls unpark.
func (p *parking) wait(ready func() bool) {
	for range spins {
		if ready() {
			return
		}
		runtime.Gosched()
	}
	for !ready() {
		p.parked.Store(true)
		if ready() && p.parked.CompareAndSwap(true, false) {
			return
		}
		<-p.signal
	}
}

// New starts a pool of threads workers; the goroutine that calls Run is one of them.
//
// Panics if threads < 1.
func New(threads int) *Pool {
	if threads < 1 {
		panic(badThreads)
	}
	p := &Pool{threads: threads, wake: make([]parking, threads-1)}
	p.caller.signal = make(chan struct{}, 1)
	for w := range p.wake {
		p.wake[w].signal = make(chan struct{}, 1)
		go p.work(w)
	}
	return p
}

// Threads returns the number of workers, the caller of Run included.
func (p *Pool) Threads() int { return p.threads }

// Run calls t.Do for every i in 0..n-1 and returns when all are done. After Stop, items not yet
// begun are left out.
//
// Panics if a worker does, once no worker is inside the loop any more, with a *[Panic] that has
// the worker's stack. Items not yet begun are left out then too.
func (p *Pool) Run(t Task, n int) {
	if p.closed.Load() {
		panic(badClosed)
	}
	if n <= 1 || p.threads == 1 {
		for i := 0; i < n && !p.stop.Load(); i++ {
			t.Do(0, i)
		}
		return
	}
	p.task, p.n = t, int64(n)
	p.next.Store(0)
	p.pending.Store(int32(len(p.wake)))
	p.gen.Add(1)
	for w := range p.wake {
		p.wake[w].unpark()
	}
	p.drain(0)
	p.caller.wait(p.idle)
	p.task = nil
	if failed := p.failed.Swap(nil); failed != nil {
		panic(failed)
	}
}

// Stop makes the current loop, and those after it, leave out the items not yet begun, until Resume.
func (p *Pool) Stop() { p.stop.Store(true) }

// Resume ends the effect of Stop.
func (p *Pool) Resume() { p.stop.Store(false) }

// Stopped reports whether Stop is in effect: results of loops since then are incomplete.
func (p *Pool) Stopped() bool { return p.stop.Load() }

// Close ends the workers. It must not be called during Run.
func (p *Pool) Close() {
	if p.closed.Swap(true) {
		return
	}
	p.gen.Add(1)
	for w := range p.wake {
		p.wake[w].unpark()
	}
}

func (p *Pool) idle() bool { return p.pending.Load() == 0 }

func (p *Pool) drain(worker int) {
	defer p.catch()
	for !p.stop.Load() {
		i := p.next.Add(1) - 1
		if i >= p.n {
			return
		}
		p.task.Do(worker, int(i))
	}
}

// catch keeps the panic that it is deferred for, and ends the loop.
func (p *Pool) catch() {
	if failed := Caught(recover()); failed != nil {
		p.failed.CompareAndSwap(nil, failed)
		p.next.Store(p.n)
	}
}

func (p *Pool) work(w int) {
	seen := uint32(0)
	changed := func() bool { return p.gen.Load() != seen }
	for {
		p.wake[w].wait(changed)
		if p.closed.Load() {
			return
		}
		seen = p.gen.Load()
		p.drain(w + 1)
		if p.pending.Add(-1) == 0 {
			p.caller.unpark()
		}
	}
}
