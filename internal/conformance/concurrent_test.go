package conformance_test

// Requests beside one another: what runs together gives what each gives alone, callers may leave at
// any time, Close waits, and cancellation is seen soon in every stage.

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
)

// noLeaks fails the test when goroutines begun in it outlive it.
func noLeaks(t *testing.T) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		for range 200 {
			if runtime.NumGoroutine() <= before {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
		buf := make([]byte, 1<<20)
		t.Errorf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
	})
}

// mixed are requests of all kinds and lengths.
func mixed(n int) []qwenvl.Request {
	out := make([]qwenvl.Request, n)
	for i := range out {
		var r qwenvl.Request
		switch i % 4 {
		case 0:
			r = ask(qwenvl.Text(strings.Repeat("Say it again. ", 1+i)))
		case 1:
			r = ask(qwenvl.Image(picture(50+7*i%90, 60+3*i%50)), qwenvl.Text("What?"))
		case 2:
			r = ask(qwenvl.Text("First"), qwenvl.Image(picture(90, 60)), qwenvl.Text("then"), qwenvl.Image(picture(60, 90)))
		case 3:
			r = ask(qwenvl.Video(frames(60, 60, 60, 60), 2), qwenvl.Text("Now?"))
		}
		r.MaxTokens = 5 + i%20
		if i%3 == 1 {
			r.Sampling = &qwenvl.Sampling{Temperature: 1, TopP: 0.9, RepetitionPenalty: 1.1, Seed: 1 + uint64(i)}
		}
		out[i] = r
	}
	return out
}

// What runs beside a request changes none of its tokens, however many run and wait.
func TestConcurrentEqualsSerial(t *testing.T) {
	noLeaks(t)
	requests := mixed(24)
	serial := loadTiny(t, qwenvl.WithThreads(1))
	want := make([]*qwenvl.Response, len(requests))
	for i, r := range requests {
		want[i] = generate(t, serial, r)
	}
	for _, opts := range [][]qwenvl.Option{
		{qwenvl.WithThreads(2), qwenvl.WithPrefillChunk(7), qwenvl.WithMaxBatch(3)},
		{qwenvl.WithThreads(2), qwenvl.WithMaxBatch(64)},
	} {
		m := loadTiny(t, opts...)
		got := make([]*qwenvl.Response, len(requests))
		errs := make([]error, len(requests))
		var wg sync.WaitGroup
		for i, r := range requests {
			wg.Go(func() { got[i], errs[i] = m.Generate(context.Background(), r) })
		}
		wg.Wait()
		for i := range requests {
			require.NoError(t, errs[i])
			require.Equal(t, want[i].Tokens, got[i].Tokens, "request %d", i)
			require.Equal(t, want[i].Text, got[i].Text)
		}
	}
}

// Many callers who leave at any time: those who stay get their answer.
func TestRandomCancellation(t *testing.T) {
	noLeaks(t)
	m := loadTiny(t, qwenvl.WithThreads(2), qwenvl.WithPrefillChunk(16), qwenvl.WithMaxBatch(8))
	requests := mixed(12)
	want := make([]*qwenvl.Response, len(requests))
	for i, r := range requests {
		want[i] = generate(t, m, r)
	}
	var wg sync.WaitGroup
	for g := range 64 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(g), 1))
			for range 4 {
				i := rng.IntN(len(requests))
				ctx, cancel := context.WithCancel(context.Background())
				if rng.IntN(3) > 0 {
					ctx, cancel = context.WithTimeout(ctx, time.Duration(rng.IntN(40_000))*time.Microsecond)
				}
				resp, err := m.Generate(ctx, requests[i])
				cancel()
				if err != nil {
					if !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("request %d: %v", i, err)
					}
					continue
				}
				if resp.Text != want[i].Text {
					t.Errorf("request %d: got %q, want %q", i, resp.Text, want[i].Text)
				}
			}
		})
	}
	wg.Wait()
}

// Close refuses new requests and waits for the running ones.
func TestCloseDuringGenerate(t *testing.T) {
	noLeaks(t)
	m, err := qwenvl.Load(tinyDir)
	require.NoError(t, err)
	r := story(300)
	started, answered := make(chan struct{}), make(chan struct{})
	var once sync.Once
	r.Progress = func(qwenvl.Progress) { once.Do(func() { close(started) }) }
	var got *qwenvl.Response
	go func() {
		defer close(answered)
		got, err = m.Generate(endless(context.Background()), r)
	}()
	<-started
	require.NoError(t, m.Close())
	select {
	case <-answered:
	case <-time.After(100 * time.Millisecond): // it has returned from the engine, and is on its way
		t.Fatal("closed before the answer")
	}
	require.NoError(t, err)
	require.Len(t, got.Tokens, 300)

	require.NoError(t, m.Close())
	_, err = m.Generate(context.Background(), r)
	require.ErrorIs(t, err, qwenvl.ErrClosed)
	_, err = m.CountTokens(r)
	require.ErrorIs(t, err, qwenvl.ErrClosed)
	_, err = m.Tokenize("x")
	require.ErrorIs(t, err, qwenvl.ErrClosed)
	for _, err = range m.Stream(context.Background(), r) {
		require.ErrorIs(t, err, qwenvl.ErrClosed)
	}
}

// latency is how soon the end of a context must be seen.
const latency = 100 * time.Millisecond

// A request ends with its context, in whatever stage it is.
func TestCancellationInEachStage(t *testing.T) {
	noLeaks(t)
	m := loadTiny(t, qwenvl.WithThreads(2))
	large := ask(qwenvl.Image(picture(2800, 2100)))
	large.MaxPixels = 1 << 23
	long := ask(qwenvl.Text(strings.Repeat("A long story of nothing. ", 1200)))
	for _, c := range []struct {
		name  string
		r     qwenvl.Request
		stage string // whose first progress starts the clock; "": the call does
		after time.Duration
	}{
		{"preprocessing", large, "", 10 * time.Millisecond},
		{"vision", large, "vision", 0},
		{"inside a vision block", large, "vision", 150 * time.Millisecond},
		{"prefill", long, "prefill", 0},
		{"inside a prefill chunk", long, "prefill", 30 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			var mu sync.Mutex
			var at time.Time
			end := func() {
				mu.Lock()
				defer mu.Unlock()
				at = time.Now()
				cancel()
			}
			var once sync.Once
			r := c.r
			r.Progress = func(p qwenvl.Progress) {
				if p.Stage == c.stage {
					once.Do(func() {
						if c.after == 0 {
							end()
						} else {
							time.AfterFunc(c.after, end)
						}
					})
				}
			}
			if c.stage == "" {
				time.AfterFunc(c.after, end)
			}
			_, err := m.Generate(ctx, r)
			returned := time.Now()
			require.ErrorIs(t, err, context.Canceled)
			mu.Lock()
			require.Less(t, returned.Sub(at), tolerance*latency)
			mu.Unlock()

			// The engine has given up too, and is free for the next.
			_, err = m.Generate(context.Background(), ask(qwenvl.Text("x")))
			require.NoError(t, err)
			require.Less(t, time.Since(returned), 10*tolerance*latency)
		})
	}
	t.Run("decode", func(t *testing.T) {
		ctx, cancel := context.WithCancel(endless(context.Background()))
		defer cancel()
		var at time.Time
		var last error
		for _, err := range m.Stream(ctx, story(20000)) {
			if last = err; err == nil && at.IsZero() {
				at = time.Now()
				cancel()
			}
		}
		require.ErrorIs(t, last, context.Canceled)
		require.Less(t, time.Since(at), tolerance*latency)
	})
	t.Run("before", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		for range 300 {
			r := ask(qwenvl.Text("x"))
			r.MaxTokens = 1
			_, err := m.Generate(ctx, r)
			require.ErrorIs(t, err, context.Canceled)
		}
	})
	t.Run("deadline", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(endless(context.Background()), 30*time.Millisecond)
		defer cancel()
		_, err := m.Generate(ctx, story(30000))
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}
