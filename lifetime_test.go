package qwenvl_test

// How a model begins and ends: Warm, Close, Shutdown, and what stays behind.

import (
	"context"
	"io"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/hooks"
)

// goroutines fails the test when more goroutines are left than before.
func goroutines(t *testing.T, before int) {
	t.Helper()
	for range 200 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	buf := make([]byte, 1<<16)
	t.Fatalf("%d goroutines, %d before\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
}

// started runs an endless request and returns when its first token is there.
func started(t *testing.T, m *qwenvl.Model) <-chan error {
	t.Helper()
	first, end := make(chan struct{}), make(chan error, 1)
	go func() {
		once := sync.OnceFunc(func() { close(first) })
		ctx := hooks.With(context.Background(), &hooks.Hooks{IgnoreEOS: true, Token: once})
		_, err := m.Generate(ctx, story(20000))
		end <- err
	}()
	<-first
	return end
}

func TestShutdown(t *testing.T) {
	before := runtime.NumGoroutine()
	past, cancel := context.WithCancel(context.Background())
	cancel()
	open := func() *qwenvl.Model {
		m, err := qwenvl.Load(tinyDir, qwenvl.WithMaxBatch(2))
		require.NoError(t, err)
		return m
	}
	refuses := func(m *qwenvl.Model) {
		_, err := m.Generate(context.Background(), story(3))
		require.ErrorIs(t, err, qwenvl.ErrClosed)
		_, err = m.CountTokens(story(3))
		require.ErrorIs(t, err, qwenvl.ErrClosed)
		_, err = m.Tokenize("x")
		require.ErrorIs(t, err, qwenvl.ErrClosed)
		_, err = m.Features(context.Background(), qwenvl.Image(picture(60, 60)))
		require.ErrorIs(t, err, qwenvl.ErrClosed)
		require.ErrorIs(t, m.Warm(context.Background()), qwenvl.ErrClosed)
		require.NoError(t, m.Shutdown(past), "a second time")
		require.NoError(t, m.Close())
	}

	t.Run("idle", func(t *testing.T) {
		m := open()
		require.NoError(t, m.Shutdown(past))
		refuses(m)
	})
	t.Run("waits", func(t *testing.T) {
		m := open()
		end := make(chan error, 1)
		inside := make(chan struct{})
		r := story(40)
		r.Progress = func(p qwenvl.Progress) {
			if p.Stage == "vision" && p.Done == 1 {
				close(inside)
			}
		}
		go func() { _, err := m.Generate(context.Background(), r); end <- err }()
		<-inside
		require.NoError(t, m.Shutdown(context.Background()))
		require.NoError(t, <-end)
		refuses(m)
	})
	t.Run("cancels", func(t *testing.T) {
		m := open()
		ends := []<-chan error{started(t, m), started(t, m)}
		waiting := make(chan error, 1) // of a third there is no room for
		go func() {
			_, err := m.Generate(endless(context.Background()), story(20000))
			waiting <- err
		}()
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, m.Shutdown(ctx), context.DeadlineExceeded)
		for _, end := range append(ends, waiting) {
			require.ErrorIs(t, <-end, qwenvl.ErrClosed)
		}
		refuses(m)
	})
	t.Run("caller in its loop", func(t *testing.T) {
		m := open()
		inside, back := make(chan struct{}), make(chan struct{})
		end := make(chan error, 1)
		go func() {
			var last error
			once := sync.OnceFunc(func() { close(inside); <-back })
			for _, err := range m.Stream(endless(context.Background()), story(20000)) {
				once()
				last = err
			}
			end <- last
		}()
		<-inside
		closed := make(chan error, 1)
		go func() { closed <- m.Close() }()
		for {
			if _, err := m.Tokenize("x"); err != nil {
				break
			}
			runtime.Gosched()
		}
		require.ErrorIs(t, m.Shutdown(past), context.Canceled)
		require.NoError(t, <-closed, "nor does Close wait for it any more")
		refuses(m)
		close(back)
		require.ErrorIs(t, <-end, qwenvl.ErrClosed)
	})
	t.Run("reader that blocks", func(t *testing.T) {
		m := open()
		r, w := io.Pipe()
		defer w.Close()
		end := make(chan error, 1)
		go func() {
			_, err := m.Generate(context.Background(), ask(qwenvl.ImageReader(r)))
			end <- err
		}()
		_, err := w.Write([]byte("GIF8")) // now it reads
		require.NoError(t, err)
		require.ErrorIs(t, m.Shutdown(past), context.Canceled)
		require.ErrorIs(t, <-end, qwenvl.ErrClosed)
	})
	t.Run("the caller's own end", func(t *testing.T) {
		m := open()
		ctx, cancel := context.WithCancel(endless(context.Background()))
		defer cancel()
		for _, err := range m.Stream(ctx, story(20000)) {
			if cancel(); err != nil {
				require.Equal(t, context.Canceled, err)
			}
		}
		require.NoError(t, m.Close())
	})
	t.Run("beside Close", func(t *testing.T) {
		m := open()
		end := started(t, m)
		closed := make(chan error, 1)
		go func() { closed <- m.Close() }()
		for {
			if _, err := m.Tokenize("x"); err != nil {
				break
			}
			runtime.Gosched()
		}
		require.ErrorIs(t, m.Shutdown(past), context.Canceled)
		require.NoError(t, <-closed)
		require.ErrorIs(t, <-end, qwenvl.ErrClosed)
	})
	goroutines(t, before)
}

// Warm does what the first picture would wait for, once, and changes no answer.
func TestWarm(t *testing.T) {
	before := runtime.NumGoroutine()
	r := ask(qwenvl.Image(picture(60, 60)), qwenvl.Text("What?"))
	cold, err := qwenvl.Load(tinyDir, qwenvl.WithWeightFormat(qwenvl.Int8))
	require.NoError(t, err)
	want := generate(t, cold, r).Tokens
	require.NoError(t, cold.Warm(context.Background()), "after a picture")
	require.NoError(t, cold.Close())

	m, err := qwenvl.Load(tinyDir, qwenvl.WithWeightFormat(qwenvl.Int8))
	require.NoError(t, err)
	past, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, m.Warm(past), context.Canceled)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			if i%2 == 1 {
				go cancel()
			}
			if err := m.Warm(ctx); err != nil && i%2 == 0 {
				t.Error(err)
			}
		})
	}
	wg.Go(func() {
		if resp, err := m.Generate(context.Background(), r); err != nil || len(resp.Tokens) != len(want) {
			t.Error(resp, err)
		}
	})
	wg.Wait()
	require.NoError(t, m.Warm(context.Background()))
	require.Equal(t, want, generate(t, m, r).Tokens)
	require.NoError(t, m.Close())

	text, err := qwenvl.Load("testdata/text-tiny/qwen2", qwenvl.WithWeightFormat(qwenvl.Int8))
	require.NoError(t, err)
	require.NoError(t, text.Warm(context.Background()))
	require.NoError(t, text.Close())
	goroutines(t, before)
}

// A second range over a stream asks again.
func TestStreamTwice(t *testing.T) {
	m := loadTiny(t)
	r := story(12)
	r.Sampling = qwenvl.Greedy()
	read := 0
	data := pngBytes(t, picture(90, 60))
	r.Messages[0].Parts[0] = qwenvl.ImageReader(readFunc(func(b []byte) (int, error) {
		n := copy(b, data[read:])
		if read += n; n == 0 {
			return 0, io.EOF
		}
		return n, nil
	}))
	ctx, cancel := context.WithCancel(context.Background())
	stream := m.Stream(ctx, r)
	answer := func() (text string, last error) {
		for d, err := range stream {
			text, last = text+d.Text, err
		}
		return text, last
	}
	first, err := answer()
	require.NoError(t, err)
	require.NotEmpty(t, first)
	second, err := answer()
	require.NoError(t, err)
	require.Equal(t, first, second)
	for range stream { // left
		break
	}
	third, err := answer()
	require.NoError(t, err)
	require.Equal(t, first, third)
	cancel()
	_, err = answer()
	require.ErrorIs(t, err, context.Canceled)
}
