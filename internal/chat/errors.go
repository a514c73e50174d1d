package chat

// What can be wrong with a template or a request: an error that says where, in the names that the
// public API has for the parts of a request, and values to compare with. Who reads a template from
// a checkpoint adds the place where it stands.

import (
	"errors"
	"fmt"
)

// Causes of errors; each error of this package wraps one of them.
var (
	// ErrMessages: the conversation itself is unusable (empty, unknown role, conflicting options).
	ErrMessages = errors.New("invalid messages")
	// ErrVariable: a template variable has no effect, or a value that templates cannot read.
	ErrVariable = errors.New("invalid template variable")
	// ErrUnsupported: the template has no place for something the request holds (tools, pictures,
	// videos).
	ErrUnsupported = errors.New("not supported by the template")
	// ErrRefused: the template itself refuses the conversation (raise_exception and its like).
	ErrRefused = errors.New("refused by the template")
	// ErrTemplate: the template cannot be read, or fails while rendering.
	ErrTemplate = errors.New("invalid template")
	// ErrLimit: the template or the request exceeds a bound on size, depth, steps or output.
	ErrLimit = errors.New("limit exceeded")
	// ErrJSON: tools or arguments are not valid JSON of the expected shape.
	ErrJSON = errors.New("invalid JSON")
)

// Error is what is wrong, and where.
type Error struct {
	// Field is a part of the request, such as Messages[1].Parts[0], or "template".
	Field string
	Err   error // wraps one of the causes
}

func (e *Error) Error() string { return "chat: " + e.Field + ": " + e.Err.Error() }

// Unwrap returns the finding.
func (e *Error) Unwrap() error { return e.Err }

func failf(kind error, field, format string, args ...any) error {
	return &Error{Field: field, Err: fmt.Errorf("%w: %s", kind, fmt.Sprintf(format, args...))}
}

// Names of the fields of a request.
func messageField(i int) string        { return fmt.Sprintf("Messages[%d]", i) }
func roleField(i int) string           { return messageField(i) + ".Role" }
func partField(i, j int) string        { return fmt.Sprintf("Messages[%d].Parts[%d]", i, j) }
func callField(i, j int) string        { return fmt.Sprintf("Messages[%d].ToolCalls[%d]", i, j) }
func toolField(i int) string           { return fmt.Sprintf("Tools[%d]", i) }
func variableField(name string) string { return fmt.Sprintf("Template[%.40q]", name) }
