package weights

// The findings of opening and binding a checkpoint. Each type carries its place, the file and the
// tensor or key concerned, and gives it by Place, so that a caller needs no list of the types. A
// Loader collects them, see loader.go; misuse by our own code panics with the constants below.

import (
	"fmt"
	"strconv"
	"strings"
)

// FormatError says that a file breaks a rule of its format.
type FormatError struct {
	File   string
	Field  string // the tensor or key concerned, or the part of the file
	Reason string
	Err    error // the cause, where there is one
}

func (e *FormatError) Error() string {
	s := "weights: malformed file: " + e.File + ": " + Quote(e.Field) + ": " + e.Reason
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Place returns the file and the field.
func (e *FormatError) Place() (file, field string) { return e.File, e.Field }

// Malformed returns a *[FormatError] without a cause.
func Malformed(file, field, format string, args ...any) error {
	return &FormatError{File: file, Field: field, Reason: fmt.Sprintf(format, args...)}
}

// Unwrap returns the cause.
func (e *FormatError) Unwrap() error { return e.Err }

// UnsupportedError says that a file is well formed, as far as is known, but holds something that is
// not handled.
type UnsupportedError struct {
	File    string
	Field   string
	Feature string
}

// Unsupported returns an *[UnsupportedError].
func Unsupported(file, field, format string, args ...any) error {
	return &UnsupportedError{File: file, Field: field, Feature: fmt.Sprintf(format, args...)}
}

func (e *UnsupportedError) Error() string {
	return "weights: unsupported: " + e.File + ": " + Quote(e.Field) + ": " + e.Feature
}

// Place returns the file and the field.
func (e *UnsupportedError) Place() (file, field string) { return e.File, e.Field }

// ShapeError says that a tensor has another shape than the model's configuration asks for.
type ShapeError struct {
	File      string
	Tensor    string
	Want, Got []int
}

func (e *ShapeError) Error() string {
	return fmt.Sprintf("weights: wrong shape: %s: %s: got %s, want %s",
		e.File, Quote(e.Tensor), dims(e.Got), dims(e.Want))
}

// Place returns the file and the tensor.
func (e *ShapeError) Place() (file, field string) { return e.File, e.Tensor }

// MissingError says that the checkpoint lacks a tensor that the model needs.
type MissingError struct {
	File   string // the checkpoint, or the file of it that an index says has the tensor
	Tensor string // the name looked for
	For    string // the model's own name for it
}

func (e *MissingError) Error() string {
	return "weights: missing tensor: " + e.File + ": " + Quote(e.Tensor) + " (for " + e.For + ")"
}

// Place returns the file and the tensor.
func (e *MissingError) Place() (file, field string) { return e.File, e.Tensor }

// DuplicateError says that a tensor was bound twice.
type DuplicateError struct {
	File   string
	Tensor string
	For    string // the model's name at the second time
}

func (e *DuplicateError) Error() string {
	return "weights: tensor bound twice: " + e.File + ": " + Quote(e.Tensor) + " (for " + e.For + ")"
}

// Place returns the file and the tensor.
func (e *DuplicateError) Place() (file, field string) { return e.File, e.Tensor }

// UnusedError lists tensors of the checkpoint that nothing was bound to.
type UnusedError struct {
	File    string
	Tensors []string // the first of them, sorted
	Total   int
}

func (e *UnusedError) Error() string {
	quoted := make([]string, len(e.Tensors))
	for i, t := range e.Tensors {
		quoted[i] = Quote(t)
	}
	s := fmt.Sprintf("weights: tensors that config.json has no place for (%d): %s: %s",
		e.Total, e.File, strings.Join(quoted, ", "))
	if more := e.Total - len(e.Tensors); more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}

// Place returns the checkpoint and the first of the tensors.
func (e *UnusedError) Place() (file, field string) {
	if len(e.Tensors) > 0 {
		field = e.Tensors[0]
	}
	return e.File, field
}

// ValueError says that a tensor holds a NaN or an infinity.
type ValueError struct {
	File   string
	Tensor string
	Index  int // of the first such element
	Value  float64
}

func (e *ValueError) Error() string {
	return fmt.Sprintf("weights: not finite: %s: %s: element %d is %v",
		e.File, Quote(e.Tensor), e.Index, e.Value)
}

// Place returns the file and the tensor.
func (e *ValueError) Place() (file, field string) { return e.File, e.Tensor }

// Misuse panics with one of these constants.
const (
	badPart  = "weights: a name's parts are strings and ints"
	badRef   = "weights: a reference asks for what does not go together; see Ref"
	badTable = "weights: a rename table is pairs of patterns with equally many stars"
)

// Quote shows a name from a file: escaped, and cut when it is very long.
func Quote(s string) string {
	const limit = 200
	if len(s) > limit {
		return strconv.QuoteToASCII(s[:limit]) + "…"
	}
	return strconv.QuoteToASCII(s)
}

// dims shows a shape, cut when it is very long.
func dims(shape []int) string {
	const limit = 16
	if len(shape) > limit {
		return fmt.Sprint(shape[:limit]) + "…"
	}
	return fmt.Sprint(shape)
}
