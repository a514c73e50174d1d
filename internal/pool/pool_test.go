package pool

import (
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type count struct{ hits []atomic.Int32 }

func (c *count) Do(worker, i int) { c.hits[i].Add(1) }

type func2 func(worker, i int)

func (f func2) Do(worker, i int) { f(worker, i) }

func TestRunVisitsEveryItemOnce(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 8} {
		p := New(threads)
		for _, n := range []int{0, 1, 2, 7, 100, 1000} {
			for range 20 {
				c := &count{hits: make([]atomic.Int32, n)}
				p.Run(c, n)
				for i := range c.hits {
					require.EqualValues(t, 1, c.hits[i].Load(), "threads %d n %d item %d", threads, n, i)
				}
			}
		}
		p.Close()
	}
}

func TestRunAfterParking(t *testing.T) {
	p := New(3)
	defer p.Close()
	for range 5 {
		time.Sleep(2 * time.Millisecond) // long enough for the workers to park
		c := &count{hits: make([]atomic.Int32, 64)}
		p.Run(c, 64)
		for i := range c.hits {
			require.EqualValues(t, 1, c.hits[i].Load())
		}
	}
}

func TestStopLeavesItemsOut(t *testing.T) {
	p := New(2)
	defer p.Close()
	var done atomic.Int32
	p.Run(func2(func(_, i int) {
		if done.Add(1) == 10 {
			p.Stop()
		}
	}), 100000)
	require.True(t, p.Stopped())
	require.Less(t, done.Load(), int32(100))
	p.Resume()
	c := &count{hits: make([]atomic.Int32, 10)}
	p.Run(c, 10)
	for i := range c.hits {
		require.EqualValues(t, 1, c.hits[i].Load())
	}
}

func TestRunAllocatesNothing(t *testing.T) {
	p := New(2)
	defer p.Close()
	c := &count{hits: make([]atomic.Int32, 64)}
	require.Zero(t, testing.AllocsPerRun(200, func() { p.Run(c, 64) }))
}

func TestCloseEndsWorkers(t *testing.T) {
	before := runtime.NumGoroutine()
	p := New(8)
	p.Close()
	requireGone(t, before)
}

// requireGone waits until there are no more goroutines than before.
func requireGone(t *testing.T, before int) {
	t.Helper()
	for range 200 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("%d goroutines before, %d after", before, runtime.NumGoroutine())
}

// A panic in any worker ends the loop, is passed on by Run with the stack of the worker, and
// leaves the pool usable.
func TestWorkerPanics(t *testing.T) {
	before := runtime.NumGoroutine()
	p := New(4)
	for _, bad := range []int{0, 1, 3} { // 0 is the goroutine that calls Run
		for range 50 {
			failed := run(p, func(worker, _ int) {
				if worker == bad {
					panicHere()
				}
				time.Sleep(10 * time.Microsecond) // so that each worker gets an item
			}, 1_000_000)
			require.Equal(t, errPlanted, failed.Value)
			require.ErrorIs(t, failed, errPlanted)
			require.Contains(t, string(failed.Stack), "panicHere")
			require.Zero(t, p.pending.Load(), "a worker is still inside the loop")
			c := &count{hits: make([]atomic.Int32, 64)}
			p.Run(c, 64)
			for i := range c.hits {
				require.EqualValues(t, 1, c.hits[i].Load())
			}
		}
	}
	// All at once: one of them is passed on, and the next loop does not see the others.
	require.Equal(t, errPlanted, run(p, func(int, int) { panicHere() }, 100).Value)
	p.Run(&count{hits: make([]atomic.Int32, 64)}, 64)
	// A loop of one item has no workers.
	require.Contains(t, string(run(p, func(int, int) { panicHere() }, 1).Stack), "panicHere")
	p.Close()
	requireGone(t, before)
}

var errPlanted = errors.New("planted")

//go:noinline
func panicHere() { panic(errPlanted) }

// run returns the panic of a loop over n items.
func run(p *Pool, do func2, n int) *Panic {
	var failed *Panic
	errors.As(Contain(func() error {
		p.Run(do, n)
		return nil
	}), &failed)
	return failed
}

func TestContain(t *testing.T) {
	require.NoError(t, Contain(func() error { return nil }))
	require.Equal(t, errPlanted, Contain(func() error { return errPlanted }))
	err := Contain(func() error {
		_ = make([]int, 1)[runtime.NumCPU()]
		return nil
	})
	var fault runtime.Error
	require.ErrorAs(t, err, &fault)
	var failed *Panic
	require.ErrorAs(t, err, &failed)
	require.Contains(t, string(failed.Stack), "TestContain")
	require.ErrorContains(t, Contain(func() error { panic("text") }), "panic: text")
	require.Error(t, Contain(func() error { panic(nil) }))
	require.Nil(t, Caught(nil))
}

func TestMisusePanics(t *testing.T) {
	require.PanicsWithValue(t, badThreads, func() { New(0) })
	p := New(2)
	p.Close()
	require.PanicsWithValue(t, badClosed, func() { p.Run(&count{}, 1) })
}

func BenchmarkRun(b *testing.B) {
	p := New(2)
	defer p.Close()
	c := &count{hits: make([]atomic.Int32, 16)}
	for b.Loop() {
		p.Run(c, 16)
	}
}
