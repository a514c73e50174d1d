//go:build !js && !wasip1

package pages

import "github.com/edsrzf/mmap-go"

// CanMap reports whether files can be mapped.
const CanMap = true

// Region is zeroed memory that begins at a page. The zero value is empty.
type Region struct{ mapped mmap.MMap }

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
