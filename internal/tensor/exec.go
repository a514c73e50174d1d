package tensor

// Exec, which runs every operation: workers, workspace, scratch of each worker, and the state of
// the loop that runs. An operation fills in a loop's state and gives it to the pool, which calls Do
// with the number of each work item; nothing is allocated on the way.

import (
	"errors"

	"github.com/qwenvl/qwenvl/internal/pool"
)

// ErrStopped says that a pass was given up after [Exec.Stop]; what it has written is incomplete.
var ErrStopped = errors.New("tensor: stopped")

// Exec runs the operations: it owns the workers, the workspace and each worker's scratch memory.
// One goroutine uses it at a time; Stop may be called by any.
type Exec struct {
	pool    *pool.Pool
	arena   arena
	scratch [][]float32
	trace   Trace

	// One state for each kind of loop, kept here so that starting a loop allocates nothing.
	linear linearLoop
	fill   operand
	rows   rowLoop
	varlen varlenLoop
	int8   int8Loop
	heads  headLoop
	delta  deltaLoop
	paged  pagedLoop
	packs  packLoop
	append appendLoop
}

// NewExec returns an Exec of threads workers.
//
// Panics if threads < 1.
func NewExec(threads int) *Exec {
	if threads < 1 {
		panic(badWorkers)
	}
	return &Exec{pool: pool.New(threads), scratch: make([][]float32, threads)}
}

// Threads returns the number of workers.
func (ex *Exec) Threads() int { return ex.pool.Threads() }

// Close ends the workers and gives the workspace back: no tensor out of it may be used any more.
func (ex *Exec) Close() {
	ex.pool.Close()
	ex.arena.free(0)
}

// Stop makes the running operation, and all later ones, return early until Resume. A pass that
// notices it returns [ErrStopped].
func (ex *Exec) Stop() { ex.pool.Stop() }

// Resume ends the effect of Stop.
func (ex *Exec) Resume() { ex.pool.Resume() }

// Err returns [ErrStopped] after Stop, else nil.
func (ex *Exec) Err() error {
	if ex.pool.Stopped() {
		return ErrStopped
	}
	return nil
}

// Alloc returns a tensor with undefined contents out of the workspace. It lives until the workspace
// is released to a mark taken before.
func (ex *Exec) Alloc(rows, cols int) Tensor {
	if rows < 0 || cols < 0 {
		panic(badShape)
	}
	return Tensor{Rows: rows, Cols: cols, data: ex.arena.alloc(rows * cols)}
}

// Mark returns the present height of the workspace, for Release.
func (ex *Exec) Mark() Mark { return ex.arena.mark() }

// Release gives back all that was allocated since the mark.
func (ex *Exec) Release(m Mark) { ex.arena.release(m) }

// Trim gives workspace memory beyond what small passes need back to the garbage collector. Call it
// after a large pass, with nothing allocated.
func (ex *Exec) Trim() {
	ex.arena.trim()
	ex.int8.trim()
	for i, s := range ex.scratch {
		if len(s) > keepScratch {
			ex.scratch[i] = nil
		}
	}
}

// prepare grows every worker's scratch to n floats before a loop starts.
func (ex *Exec) prepare(n int) {
	for i, s := range ex.scratch {
		if len(s) < n {
			ex.scratch[i] = make([]float32, n)
		}
	}
}
