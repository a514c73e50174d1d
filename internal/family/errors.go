package family

import (
	"fmt"
	"strconv"
)

// ConfigError says that a configuration file is missing a value or holds one that cannot be right.
type ConfigError struct {
	File    string // "config.json", …
	Field   string // dotted path of the key; empty: the whole file
	Problem string
	Err     error // the cause, where there is one
}

func (e *ConfigError) Error() string {
	s := "family: " + e.File + ": "
	if e.Field != "" {
		s += e.Field + ": "
	}
	s += e.Problem
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *ConfigError) Unwrap() error { return e.Err }

// UnsupportedError says that a configuration asks for something that is not implemented. It is refused and never ignored.
type UnsupportedError struct {
	File, Field, Value string
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("family: unsupported: %s: %s: %s", e.File, e.Field, quote(e.Value))
}

// quote shows a value from a file, at most 60 bytes of it.
func quote(s string) string {
	const limit = 60
	if len(s) > limit {
		return strconv.QuoteToASCII(s[:limit]) + "…"
	}
	return strconv.QuoteToASCII(s)
}
