package engine

// Grouping of media items into passes of the tower, and when their pixels are made.

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/testkit"
	"github.com/qwenvl/qwenvl/rope"
)

// Items go into passes in order, as many as a pass has room for; one that is larger than a pass
// has its own.
func TestGroup(t *testing.T) {
	for _, c := range []struct{ sizes, want []int }{
		{nil, nil},
		{[]int{1}, []int{1}},
		{[]int{PassPatches}, []int{1}},
		{[]int{PassPatches - 4, 4, 4}, []int{2, 1}},
		{[]int{PassPatches - 4, 8, 4}, []int{1, 2}},
		{[]int{4, 3 * PassPatches, 4, 4}, []int{1, 1, 2}},
		{[]int{3 * PassPatches, 3 * PassPatches}, []int{1, 1}},
	} {
		var items []*MediaItem
		for _, n := range c.sizes {
			items = append(items, &MediaItem{Grid: rope.Grid{T: 1, H: 1, W: n}})
		}
		var got []int
		k := 0
		for _, p := range group(items) {
			got = append(got, len(p.items))
			for _, it := range p.items {
				require.Same(t, items[k], it)
				k++
			}
		}
		require.Equal(t, c.want, got, "%v", c.sizes)
		require.Equal(t, len(items), k)
	}
}

// However many requests wait, pixels are made for few passes ahead only, and what makes them is
// let go.
func TestPixelsAreMadeLate(t *testing.T) {
	e := start(t, Options{Threads: 1, Chunk: 16, MaxBatch: 8})
	var made, live atomic.Int64
	gate := make(chan struct{})
	var handles []*Handle
	var requests []*Request
	for i := range 30 {
		pixels := func(context.Context) error {
			made.Add(1)
			if n := live.Add(1); n > int64(cap(e.making)) {
				t.Errorf("%d passes have pixels", n)
			}
			return nil
		}
		step := func(*tensor.Exec) error {
			<-gate
			live.Add(-1)
			return nil
		}
		one := &job{steps: 1, pixels: pixels, step: step}
		two := &job{steps: 1, pixels: pixels, step: step}
		r := request(t, e, uint64(i), 10, 1, one, two)
		requests = append(requests, r)
		handles = append(handles, submit(t, e, background, r))
	}
	full := func() bool { return made.Load() == int64(cap(e.making)) }
	require.Eventually(t, full, time.Minute, time.Millisecond)
	time.Sleep(20 * time.Millisecond)
	require.EqualValues(t, cap(e.making), made.Load(), "pixels of those that wait")
	close(gate)
	for _, h := range handles {
		require.NoError(t, read(h, nil).err)
	}
	require.EqualValues(t, 60, made.Load())
	for _, r := range requests {
		for _, it := range r.Media {
			require.Nil(t, it.Pixels)
		}
	}
}

// While the tower is at a pass, the pixels of the next one are made.
func TestPixelsOfTheNextPass(t *testing.T) {
	e := start(t, Options{Threads: 2, Chunk: 16, MaxBatch: 4})
	made, submitted, steps := make(chan struct{}), make(chan struct{}), 0
	wait := func(*tensor.Exec) error {
		switch steps++; steps {
		case 1: // else the loop may be at the next step before there is a request to take
			<-submitted
		case 2: // the first step after the pass has begun
			select {
			case <-made:
			case <-time.After(time.Minute):
				t.Error("the pixels of the next pass are not made")
			}
		}
		return nil
	}
	first := submit(t, e, background, request(t, e, 1, 10, 1, &job{steps: 3, step: wait}))
	next := &job{steps: 1, pixels: func(context.Context) error { close(made); return nil }}
	second := submit(t, e, background, request(t, e, 2, 10, 1, next))
	close(submitted)
	require.NoError(t, read(first, nil).err)
	require.NoError(t, read(second, nil).err)
}

// While the pixels of one request are made, the tokens of another go on, and a third's picture
// goes ahead.
func TestSlowPixels(t *testing.T) {
	e := start(t, Options{Threads: 4, Chunk: 16, MaxBatch: 4})
	gate, begun := make(chan struct{}), make(chan struct{})
	slowly := func(context.Context) error {
		close(begun)
		<-gate
		return nil
	}
	slow := submit(t, e, background, request(t, e, 1, 10, 3, &job{steps: 1, pixels: slowly}))
	<-begun
	require.Len(t, read(submit(t, e, background, request(t, e, 2, 10, 100)), nil).tokens, 100)
	third := submit(t, e, background, request(t, e, 3, 10, 5, &job{steps: 2}))
	require.Len(t, read(third, nil).tokens, 5)
	require.Empty(t, slow.events)
	close(gate)
	require.Len(t, read(slow, nil).tokens, 3)
}

// Pictures that take all the time of a processor leave one to those that decode: a step has many
// loops, and each would wait for its turn.
func TestPixelsLeaveAProcessor(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	e := start(t, Options{Threads: 2, Chunk: 16, MaxBatch: 4})
	var tokens, made, live atomic.Int64
	busy := func(context.Context) error {
		before := tokens.Load()
		if live.Add(1) > 1 {
			t.Error("both processors make pixels")
		}
		defer live.Add(-1)
		for begun := time.Now(); time.Since(begun) < 200*time.Millisecond; {
		}
		made.Add(tokens.Load() - before)
		return nil
	}
	ctx, cancel := context.WithCancel(background)
	text := submit(t, e, ctx, request(t, e, 1, 10, 4000))
	pictures := []*Handle{
		submit(t, e, background, request(t, e, 2, 10, 1, &job{steps: 1, pixels: busy})),
		submit(t, e, background, request(t, e, 3, 10, 1, &job{steps: 1, pixels: busy})),
	}
	go func() {
		for _, h := range pictures {
			read(h, nil)
		}
		cancel()
	}()
	read(text, func(ev Event) {
		if ev.Kind == Token {
			tokens.Add(1)
		}
	})
	require.Greater(t, made.Load(), int64(50))
}

// A picture that cannot be made ends its own request; the items behind it are not made.
func TestBrokenPixels(t *testing.T) {
	e := start(t, Options{Threads: 2, Chunk: 16, MaxBatch: 8})
	broken := errors.New("broken")
	want := read(submit(t, e, background, request(t, e, 1, 10, 50)), nil)
	good := submit(t, e, background, request(t, e, 1, 10, 50))
	breaks := func(context.Context) error { return broken }
	bad := request(t, e, 2, 10, 50, &job{steps: 1, pixels: breaks}, &job{steps: 1})
	for _, it := range bad.Media { // of one pass
		it.Grid = rope.Grid{T: 1, H: 2, W: 2}
	}
	bad.Media[1].Pixels = nil // it would panic
	require.ErrorIs(t, read(submit(t, e, background, bad), nil).err, broken)
	require.Equal(t, want, read(good, nil))
}

// A request that is cancelled while its pixels are made ends at once; Close waits for the
// goroutine.
func TestCancelPixels(t *testing.T) {
	e := start(t, Options{Threads: 1, Chunk: 16, MaxBatch: 2})
	ctx, cancel := context.WithCancel(background)
	gate, begun := make(chan struct{}), make(chan struct{})
	var ended atomic.Bool
	h := submit(t, e, ctx, request(t, e, 1, 10, 3, &job{steps: 1, pixels: func(context.Context) error {
		close(begun)
		<-gate
		ended.Store(true)
		return nil
	}}))
	<-begun
	cancel()
	require.ErrorIs(t, read(h, nil).err, context.Canceled)
	closed := make(chan struct{})
	go func() {
		e.Close()
		close(closed)
	}()
	select {
	case <-closed:
		t.Fatal("closed while pixels were made")
	case <-time.After(50 * time.Millisecond):
	}
	close(gate)
	<-closed
	require.True(t, ended.Load())
}

// Callers who leave at any time, pictures that are slow or broken, and a Close in the midst of it:
// every request ends once, and nothing of any of them is held afterwards.
func TestNothingIsHeld(t *testing.T) {
	broken := errors.New("broken")
	for round := range 5 {
		e := start(t, Options{Threads: 2, Chunk: 16, MaxBatch: 4})
		var wg sync.WaitGroup
		for g := range 60 {
			rng := rand.New(rand.NewPCG(uint64(g), uint64(round)))
			jobs := make([]*job, rng.IntN(3))
			for i := range jobs {
				takes, err := time.Duration(rng.IntN(5))*time.Millisecond, error(nil)
				if rng.IntN(4) == 0 {
					err = broken
				}
				jobs[i] = &job{steps: 1 + rng.IntN(3), pixels: func(context.Context) error {
					time.Sleep(takes)
					return err
				}}
			}
			ctx, cancel := context.WithCancel(background)
			if rng.IntN(2) == 0 {
				time.AfterFunc(time.Duration(rng.IntN(30_000))*time.Microsecond, cancel)
			}
			r := request(t, e, uint64(g), 10+rng.IntN(60), 1+rng.IntN(30), jobs...)
			wg.Go(func() {
				defer cancel()
				h, err := e.Submit(ctx, r)
				if err != nil {
					if err != ErrClosed {
						t.Error(err)
					}
					return
				}
				a := read(h, nil)
				if a.err != nil && a.err != broken && a.err != context.Canceled {
					t.Error(a.err)
				}
				if len(h.events) > 0 {
					t.Error("events behind the end")
				}
			})
		}
		time.Sleep(time.Duration(rand.IntN(40)) * time.Millisecond)
		e.Close()
		wg.Wait()
		require.Empty(t, e.queue)
		require.Empty(t, e.active)
		require.Empty(t, e.running)
		require.Empty(t, e.making)
		e.cache.Trim()
		require.Zero(t, e.cache.UsedBytes())
	}
}

// recorded is the traced rows of a request by stage.
type recorded map[string][]float32

func (r recorded) trace(stage string, _ int, x tensor.Tensor) {
	r[stage] = append(r[stage], x.Floats()...)
}

// Requests that share batches get the rows of their own, the same as alone, whoever asks for
// logits of what.
func TestSharedTraces(t *testing.T) {
	build := func(e *Engine, i int, r recorded) *Request {
		out := request(t, e, uint64(i), 40+7*i, 5)
		if out.AllLogits = i%2 == 0; i%3 == 0 {
			out.MaxTokens = 0 // only the prompt
		}
		out.Trace = r.trace
		return out
	}
	e := start(t, Options{Threads: 2, Chunk: 25, MaxBatch: 8})
	alone := make([]recorded, 6)
	for i := range alone {
		alone[i] = recorded{}
		require.NoError(t, read(submit(t, e, background, build(e, i, alone[i])), nil).err)
	}
	other := submit(t, e, background, request(t, e, 99, 200, 200)) // without a trace
	shared := make([]recorded, len(alone))
	var wg sync.WaitGroup
	for i := range shared {
		shared[i] = recorded{}
		h := submit(t, e, background, build(e, i, shared[i]))
		wg.Go(func() {
			if a := read(h, nil); a.err != nil || i%3 == 0 && len(a.tokens) > 0 {
				t.Errorf("request %d: %v", i, a)
			}
		})
	}
	wg.Wait()
	require.NoError(t, read(other, nil).err)
	vocab, hidden := e.decoder.Config().VocabSize, e.decoder.Config().HiddenSize
	for i := range alone {
		rows, logits := 40+7*i, 1
		if i%2 == 0 {
			logits = rows
		}
		if i%3 != 0 {
			rows, logits = rows+4, logits+4
		}
		require.Len(t, shared[i]["llm.layer"], rows*hidden*len(e.decoder.Config().Layers))
		require.Len(t, shared[i]["logits"], logits*vocab)
		for _, stage := range []string{"inputs_embeds", "llm.norm", "logits"} {
			testkit.SameBits(t, alone[i][stage], shared[i][stage])
		}
	}
}

// Features are held until the prompt is read, and no longer.
func TestFeaturesAreLetGo(t *testing.T) {
	e := start(t, Options{Threads: 1, Chunk: 16, MaxBatch: 2})
	r := request(t, e, 1, 40, 5, &job{steps: 2}, &job{steps: 1})
	passes := 0
	r.Trace = func(stage string, _ int, _ tensor.Tensor) {
		if s := e.active[0]; stage == "inputs_embeds" {
			require.Equal(t, s.fed < 40, s.features != nil)
			require.Equal(t, s.fed < 40, s.passes != nil)
			passes++
		}
	}
	require.Len(t, read(submit(t, e, background, r), nil).tokens, 5)
	require.Equal(t, 3+4, passes)
}

// A request without tokens ends when its media are encoded.
func TestMediaAlone(t *testing.T) {
	e := start(t, Options{Threads: 1, Chunk: 16, MaxBatch: 2})
	steps := 0
	count := func(*tensor.Exec) error { steps++; return nil }
	r := &Request{Trace: recorded{}.trace, Media: []*MediaItem{
		e.opts.Tower.(*tower).item(&job{steps: 2, step: count}, 0),
	}}
	require.Equal(t, answer{}, read(submit(t, e, background, r), nil))
	require.Equal(t, 2, steps)
	for name, r := range map[string]*Request{
		"nothing":           {Trace: r.Trace},
		"no trace":          {Media: r.Media},
		"tokens of nothing": {Trace: r.Trace, Media: r.Media, MaxTokens: 1},
	} {
		require.Panics(t, func() { _, _ = e.Submit(background, r) }, name)
	}
}
