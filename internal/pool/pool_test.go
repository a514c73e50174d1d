package pool

import (
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
	for range 200 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("%d goroutines before, %d after", before, runtime.NumGoroutine())
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
