package qwenvl

// What callers can compare and take apart: one type for what is wrong with a checkpoint, one for
// what is wrong with a request, and values for the rest. The findings inside are the readers' own;
// a reader's error says where it stands, which is all that is asked of it here.

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/internal/engine"
	"github.com/qwenvl/qwenvl/internal/pool"
	"github.com/qwenvl/qwenvl/internal/processor"
	"github.com/qwenvl/qwenvl/internal/sample"
)

// Errors to compare with errors.Is.
var (
	// ErrClosed: the model was closed.
	ErrClosed = errors.New("qwenvl: model is closed")
	// ErrContextFull: the prompt leaves no room for an answer in the context.
	ErrContextFull = errors.New("qwenvl: prompt does not fit the context")
	// ErrBadLogits: the model computed NaN or no finite value; its weights or its input are broken.
	ErrBadLogits = errors.New("qwenvl: logits are not finite")
)

// CheckpointError says what in a checkpoint's files keeps it from being loaded, or, within a
// [RequestError], from choosing tokens as its generation_config.json says.
type CheckpointError struct {
	File  string // the file, or the checkpoint's folder
	Field string // key or tensor; "" when the whole file is meant
	Err   error  // the finding, which names both

	dir string // the folder, where it is the operating system's
}

// Error names the folder too.
func (e *CheckpointError) Error() string {
	s := e.Err.Error()
	if e.dir != "" && !slices.ContainsFunc([]string{" in " + e.dir, ": " + e.dir + ":",
		e.dir + string(filepath.Separator)}, func(named string) bool {
		return strings.Contains(s, named)
	}) {
		s = "in " + e.dir + ": " + s
	}
	return "qwenvl: load: " + s
}

// Unwrap returns the finding.
func (e *CheckpointError) Unwrap() error { return e.Err }

// RequestError says what in a request cannot be done.
type RequestError struct {
	Field string // such as "Messages[1].Parts[0]"
	Err   error
}

func (e *RequestError) Error() string {
	return "qwenvl: request: " + e.Field + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *RequestError) Unwrap() error { return e.Err }

// InternalError is a panic inside the library: a defect of it, or of code that it was given, such
// as an [image.Image]. The request gets it instead of the program; its [Model] refuses further work
// with the same error and can only be closed.
type InternalError struct {
	Value any    // what panic was called with
	Stack []byte // of the goroutine that panicked, as debug.Stack writes it
}

func (e *InternalError) Error() string { return fmt.Sprintf("qwenvl: internal error: %v", e.Value) }

// Unwrap returns the value where it is an error, such as a runtime.Error.
func (e *InternalError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// internalError gives a panic that was caught the public type; nil for other errors.
func internalError(err error) *InternalError {
	var p *pool.Panic
	if !errors.As(err, &p) {
		return nil
	}
	return &InternalError{Value: p.Value, Stack: p.Stack}
}

// publicError gives an error of the processor or the engine its public type.
func publicError(err error) error {
	var e *processor.Error
	switch {
	case errors.As(err, &e):
		return &RequestError{Field: e.Field, Err: e.Err}
	case errors.Is(err, processor.ErrNoTemplate):
		return &CheckpointError{File: "chat_template.json", Err: err}
	case errors.Is(err, sample.ErrBadLogits):
		return ErrBadLogits
	case errors.Is(err, engine.ErrClosed): // by Shutdown, before the request came to it
		return ErrClosed
	case errors.Is(err, sample.ErrNoneAllowed):
		return &RequestError{Field: "Sampling", Err: err}
	}
	return err
}

func requestError(field, problem string) error {
	return &RequestError{Field: field, Err: errors.New(problem)}
}

// contextError is an ErrContextFull with figures.
type contextError struct{ prompt, context int }

func (e *contextError) Error() string {
	return fmt.Sprintf("%v: %d tokens, context %d", ErrContextFull, e.prompt, e.context)
}

func (e *contextError) Unwrap() error { return ErrContextFull }

// inFolder tells an error of a checkpoint where it lies.
func inFolder(dir string, err error) error {
	var e *CheckpointError
	if errors.As(err, &e) && len(dir) < 1<<15 {
		e.dir = filepath.Clean(dir)
	}
	return err
}

// checkpointError gives a finding of any reader the one public type, with the place that the
// finding knows.
func checkpointError(err error) error {
	if err == nil {
		return nil
	}
	e := &CheckpointError{File: "checkpoint", Err: err}
	var (
		placed checkpoint.Placed
		path   *fs.PathError
	)
	switch {
	case errors.As(err, &placed):
		e.File, e.Field = placed.Place()
	case errors.As(err, &path):
		e.File = path.Path
	}
	return e
}
