// Package pages takes large regions of memory from the operating system, outside the garbage
// collector's heap, and tells it which mapped memory is not needed for now.
//
// Where there is no operating system to ask, in WebAssembly, regions are in the heap
// (region_heap.go), and files are read instead of mapped.
package pages

// New returns a region of n bytes, in large pages where the system has them: a product that streams
// weights would spend a tenth of its time or more on looking small ones up.
//
// Errors: the system's.
func New(n int) (Region, error) {
	r, err := NewSmall(n)
	if err == nil && n > 0 {
		adviseLarge(r.Bytes())
	}
	return r, err
}
