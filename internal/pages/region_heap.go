//go:build js || wasip1

package pages

import "unsafe"

// CanMap reports whether files can be mapped.
const CanMap = false

const pageBytes = 4096

// Region is zeroed memory that begins at a page. The zero value is empty.
type Region struct{ bytes []byte }

// NewSmall returns a region of n bytes.
func NewSmall(n int) (Region, error) {
	if n == 0 {
		return Region{}, nil
	}
	b := make([]byte, n+pageBytes-1)
	skip := int(-uintptr(unsafe.Pointer(&b[0])) % pageBytes)
	return Region{b[skip : skip+n : skip+n]}, nil
}

// Bytes returns the memory, which must not be used after Free.
func (r Region) Bytes() []byte { return r.bytes }

// Free does nothing: the collector sees when the memory is not used any more.
func (r Region) Free() error { return nil }
