package qwenvl

// The end of a model: who is let in, whom Close and Shutdown wait for, and when nobody can reach
// the mapped weights any more.

import (
	"cmp"
	"context"
	"errors"
	"sync"

	"github.com/qwenvl/qwenvl/internal/pool"
)

// lifetime is who uses a model.
type lifetime struct {
	mu      sync.Mutex
	closed  bool           // guarded by mu: nobody is let in
	freed   bool           // guarded by mu: nor may anybody inside go to the weights
	failure error          // guarded by mu: what new requests are refused with
	inside  int            // guarded by mu: callers, and goroutines of theirs
	idle    chan struct{}  // guarded by mu: closed when they have left; nil: nobody waits for that
	packers sync.WaitGroup // those of them who read weights; else only the engine does

	stopping context.Context // ends when Shutdown has waited long enough
	stop     context.CancelFunc

	freeing sync.Once
	freeErr error // of freeing
}

func (l *lifetime) begin() {
	l.stopping, l.stop = context.WithCancel(context.Background())
}

// Close refuses new requests with [ErrClosed], waits for the running ones, ends the model's threads
// and unmaps its weights. A second call does nothing, but waits for the first.
func (m *Model) Close() error { return m.Shutdown(context.Background()) }

// Shutdown is [Model.Close] for those who cannot wait for long. Requests that still run when ctx
// ends are cancelled and get [ErrClosed], within a tenth of a second; one whose caller is busy in
// the loop over its [Model.Stream] gets it when the caller comes back, and is not waited for. In
// any case the model is closed when Shutdown returns.
//
// Errors: ctx's, when it ended first; those of unmapping.
func (m *Model) Shutdown(ctx context.Context) error {
	m.mu.Lock()
	m.closed = true
	if m.idle == nil {
		m.idle = make(chan struct{})
		if m.inside == 0 {
			close(m.idle)
		}
	}
	idle, over := m.idle, m.freed
	m.mu.Unlock()
	if over {
		return m.release()
	}
	var late error
	select {
	case <-idle:
	case <-m.stopping.Done(): // by another call
	case <-ctx.Done():
		select {
		case <-idle:
		default:
			late = ctx.Err()
			m.stop()
		}
	}
	return errors.Join(late, m.release())
}

// release frees what the model holds, once. Whoever is still inside has been cancelled.
func (m *Model) release() error {
	m.mu.Lock()
	m.freed = true
	m.mu.Unlock()
	m.freeing.Do(func() {
		m.packers.Wait()
		m.engine.Close()
		m.stop()
		m.freeErr = m.source.Close()
	})
	return m.freeErr
}

// enter lets a caller in, unless the model is closed or has failed. The context it gets ends when
// Shutdown has waited long enough, too. Each must leave.
func (m *Model) enter(ctx context.Context) (inside context.Context, leave func(), err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.closed:
		return nil, nil, ErrClosed
	case m.failure != nil:
		return nil, nil, m.failure
	}
	m.inside++
	inside, cancel := context.WithCancelCause(ctx)
	unwatch := context.AfterFunc(m.stopping, func() { cancel(ErrClosed) })
	return inside, func() {
		unwatch()
		cancel(nil)
		m.leave()
	}, nil
}

// stay lets a goroutine of a caller in, which may leave after the caller.
func (m *Model) stay() {
	m.mu.Lock()
	m.inside++
	m.mu.Unlock()
}

func (m *Model) leave() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.inside--; m.inside == 0 && m.idle != nil {
		close(m.idle)
	}
}

// outcome gives the error of a caller's work its public type. A panic that was caught makes the
// model refuse further work.
func (m *Model) outcome(inside context.Context, err error) error {
	if errors.Is(err, context.Canceled) && context.Cause(inside) == ErrClosed {
		return ErrClosed
	}
	return m.failed(err)
}

func (m *Model) failed(err error) error {
	internal := internalError(err)
	if internal == nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failure = cmp.Or(m.failure, error(internal))
	return internal
}

// Warm does now what the first request with a picture would wait for: it packs the weights of
// vision tower and adapter, where [WithVisionFormat] or [WithWeightFormat] ask for packed ones. It
// may be called at any time, beside requests too; when they are packed, or the model is text only,
// it does nothing. The work of a call whose ctx ends is lost.
//
// Errors: ctx's; [ErrClosed]; *[InternalError]; the system's.
func (m *Model) Warm(ctx context.Context) error {
	ctx, leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if err := ctx.Err(); err != nil {
		return m.outcome(ctx, err)
	}
	return m.outcome(ctx, m.packTower(ctx))
}

// packTower packs what a picture needs, unless that was done before.
func (m *Model) packTower(ctx context.Context) error {
	m.mu.Lock()
	if m.freed {
		m.mu.Unlock()
		return ErrClosed
	}
	m.packers.Add(1)
	m.mu.Unlock()
	defer m.packers.Done()
	return pool.Contain(func() error {
		return m.components.PackTower(ctx, m.source, m.opts.threads)
	})
}
