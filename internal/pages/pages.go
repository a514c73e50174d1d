// Package pages takes large regions of memory from the operating system, outside the garbage
// collector's heap, and tells it which mapped memory is not needed for now.
package pages

import "github.com/edsrzf/mmap-go"

// Region is zeroed memory that begins at a page. The zero value is empty.
type Region struct{ mapped mmap.MMap }

// New returns a region of n bytes, in large pages where the system has them: a product that streams
// weights would spend a tenth of its time or more on looking small ones up.
//
// Errors: the system's.
func New(n int) (Region, error) {
	r, err := NewSmall(n)
	if err == nil && n > 0 {
		adviseLarge(r.mapped)
	}
	return r, err
}

// NewSmall returns a region of n bytes in pages of the usual size, for what may not be used whole:
// pages take memory once they are touched.
//
// Errors: the system's.
func NewSmall(n int) (Region, error) {
	if n == 0 {
		return Region{}, nil
	}
	m, err := mmap.MapRegion(nil, n, access, mmap.ANON, 0)
	return Region{m}, err
}

// Bytes returns the memory, which must not be used after Free.
func (r Region) Bytes() []byte { return r.mapped }

// Free gives the memory back.
func (r Region) Free() error {
	if r.mapped == nil {
		return nil
	}
	return r.mapped.Unmap()
}
