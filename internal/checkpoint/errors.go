package checkpoint

// The error of this package and of internal/family. Readers of other things (internal/weights,
// tokenizer) have types of their own; what they share is the method Place, which is all that the
// root asks for when it makes its public error.

import "errors"

// Placed is an error that knows where in a checkpoint its finding stands.
type Placed interface {
	error
	// Place returns the file and the key, tensor or line; field is "" when the whole file is meant.
	Place() (file, field string)
}

// ErrUnsupported is wrapped by an [Error] about a value that asks for something which is not
// implemented. It is refused and never ignored.
var ErrUnsupported = errors.New("unsupported")

// Error says that a file lacks something or holds something that cannot be right.
type Error struct {
	File    string // "config.json", …
	Field   string // dotted path of the key; "": the whole file
	Problem string
	Err     error // the cause, where there is one
}

func (e *Error) Error() string {
	s := "checkpoint: " + e.File + ": "
	if e.Field != "" {
		s += e.Field + ": "
	}
	s += e.Problem
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Place implements [Placed].
func (e *Error) Place() (file, field string) { return e.File, e.Field }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
