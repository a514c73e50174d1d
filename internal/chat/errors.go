package chat

// What can be wrong with a template or a request, as values to compare with. Who reads a template
// from a checkpoint adds the place where it stands.

import (
	"errors"
	"fmt"
)

// Errors of this package; the errors returned wrap one of them and name what was wrong.
var (
	// ErrMessages: the conversation itself is unusable (empty, unknown role, conflicting options).
	ErrMessages = errors.New("invalid messages")
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

func failf(kind error, subject, format string, args ...any) error {
	return fmt.Errorf("chat: %s: %w: %s", subject, kind, fmt.Sprintf(format, args...))
}
