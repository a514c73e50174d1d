package processor

// A picture from an io.Reader, which may block for as long as it likes: those who wait for it leave
// when their context ends.

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Reader is what an io.Reader gives, read when it is first asked for and kept. It is safe for
// concurrent use.
type Reader struct {
	from io.Reader
	turn chan struct{} // full while somebody reads, or looks at what follows
	data []byte
	err  error // why there is no more; io.EOF at the end
}

// NewReader returns a Reader that will read r.
func NewReader(r io.Reader) *Reader { return &Reader{from: r, turn: make(chan struct{}, 1)} }

// Bytes returns all that there is, or a byte more than the limit if that is less. The slice is not
// to be changed.
//
// Errors: the reader's; ctx's, and then reading goes on without the caller.
func (r *Reader) Bytes(ctx context.Context, limit int) ([]byte, error) {
	select {
	case r.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		defer func() { // also when the reader ends the goroutine
			if v := recover(); v != nil {
				r.err = fmt.Errorf("the reader panicked: %v", v)
			}
			if r.err == nil && len(r.data) <= limit {
				r.err = errors.New("the reader gave up")
			}
			res := result{data: r.data[:min(len(r.data), limit+1)]}
			if r.err != nil && r.err != io.EOF {
				res = result{err: fmt.Errorf("reading: %w", r.err)}
			}
			<-r.turn
			done <- res
		}()
		r.fill(limit)
	}()
	select {
	case res := <-done:
		return res.data, res.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// maxEmpty is how often in a row a reader may give nothing.
const maxEmpty = 100

// fill reads until there is more than the limit.
func (r *Reader) fill(limit int) {
	empty := 0
	for r.err == nil && len(r.data) <= limit {
		if len(r.data) == cap(r.data) {
			size := min(max(2*cap(r.data), 32<<10), limit+1)
			r.data = append(make([]byte, 0, max(size, len(r.data)+1)), r.data...)
		}
		free := r.data[len(r.data):cap(r.data)]
		free = free[:min(len(free), limit+1-len(r.data))]
		n, err := r.from.Read(free)
		if n < 0 || n > len(free) {
			err, n = errors.New("the reader says that it has read more than it was asked for"), 0
		}
		r.data = r.data[:len(r.data)+n]
		if empty++; n > 0 {
			empty = 0
		}
		if empty >= maxEmpty && err == nil {
			err = io.ErrNoProgress
		}
		r.err = err
	}
}
