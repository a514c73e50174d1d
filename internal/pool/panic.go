package pool

// A panic of a worker would end the program, since nobody else can recover it. The worker catches
// it, the loop ends early, and Run panics with it on the goroutine that called it. Whoever starts
// a goroutine for work uses Contain, and so turns its panics into errors. See internal/engine for
// what becomes of the requests at work.

import (
	"fmt"
	"runtime/debug"
)

// Panic is a panic that was caught, as an error.
type Panic struct {
	Value any    // what panic was called with
	Stack []byte // of the goroutine that panicked, as debug.Stack writes it
}

func (p *Panic) Error() string { return fmt.Sprintf("panic: %v", p.Value) }

// Unwrap returns the value where it is an error, such as a runtime.Error.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// Caught makes a Panic of what recover returned, in the deferred function that called it. A panic
// that Run passed on keeps the worker's stack. It returns nil for nil.
func Caught(v any) *Panic {
	if v == nil {
		return nil
	}
	if p, ok := v.(*Panic); ok {
		return p
	}
	return &Panic{Value: v, Stack: debug.Stack()}
}

// Contain runs f and returns its error, or its panic as a *[Panic].
func Contain(f func() error) (err error) {
	defer func() {
		if p := Caught(recover()); p != nil {
			err = p
		}
	}()
	return f()
}
