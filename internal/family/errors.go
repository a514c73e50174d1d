package family

// What a configuration can ask for and does not get. Values that are missing or cannot be right are
// checkpoint.Error's; object.go makes both.

import (
	"fmt"
	"strconv"
)

// UnsupportedError says that a configuration asks for something that is not implemented. It is
// refused and never ignored.
type UnsupportedError struct {
	File, Field, Value string
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("family: unsupported: %s: %s: %s", e.File, e.Field, quote(e.Value))
}

// Place implements checkpoint.Placed.
func (e *UnsupportedError) Place() (file, field string) { return e.File, e.Field }

// quote shows a value from a file, at most 60 bytes of it.
func quote(s string) string {
	const limit = 60
	if len(s) > limit {
		return strconv.QuoteToASCII(s[:limit]) + "…"
	}
	return strconv.QuoteToASCII(s)
}
