package tokenizer

// What a file can have wrong. Both types name the file and the place in it, which Place returns, so
// that a caller needs no list of types.

import (
	"fmt"
	"strconv"
)

// FormatError says that a tokenizer file is damaged or contradicts itself.
type FormatError struct {
	File    string // "tokenizer.json", "merges.txt", …
	Field   string // where in the file: a JSON path or a line
	Problem string
	Err     error // the cause, if another package found it
}

func (e *FormatError) Error() string {
	s := "tokenizer: " + e.Problem
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	s += ": " + e.File
	if e.Field != "" {
		s += ": " + e.Field
	}
	return s
}

// Unwrap returns the cause.
func (e *FormatError) Unwrap() error { return e.Err }

// Place returns File and Field.
func (e *FormatError) Place() (file, field string) { return e.File, e.Field }

// UnsupportedError says that a tokenizer file asks for something that this package does not do.
type UnsupportedError struct {
	File    string
	Field   string
	Feature string
}

func (e *UnsupportedError) Error() string {
	return "tokenizer: unsupported " + e.Feature + ": " + e.File + ": " + e.Field
}

// Place returns File and Field.
func (e *UnsupportedError) Place() (file, field string) { return e.File, e.Field }

func unsupported(file, field, feature string) error {
	return &UnsupportedError{File: file, Field: field, Feature: feature}
}

func formatError(file, field, format string, args ...any) error {
	return &FormatError{File: file, Field: field, Problem: fmt.Sprintf(format, args...)}
}

// quote shows a value from a file in an error message, at most 60 bytes of it.
func quote(s string) string {
	const limit = 60
	if len(s) > limit {
		return strconv.QuoteToASCII(s[:limit]) + "…"
	}
	return strconv.QuoteToASCII(s)
}
