package weights

// Packing of what was bound into other formats, in memory that the Source owns. Which matrices are
// packed is said when they are bound (Loader.As, loader.go); how a format is packed is tensor's
// business.

import (
	"fmt"
	"unsafe"

	"github.com/qwenvl/qwenvl/internal/pages"
	"github.com/qwenvl/qwenvl/internal/tensor"
)

// Pack packs those of the matrices, bound to the source, that are not packed yet. The source owns
// their memory. Pages of the files that were read for it are given back slice after slice, so that
// source and copy are never in memory as a whole. One goroutine calls it at a time.
//
// Errors: [tensor.ErrStopped], after which it can be called again; the system's, for the memory.
func (s *Source) Pack(ex *tensor.Exec, matrices []*tensor.Matrix) error {
	total := 0
	for _, m := range matrices {
		if m.Unpacked() {
			total += m.Bytes()
		}
	}
	region, err := pages.New(total)
	if err != nil {
		return fmt.Errorf("weights: %d bytes for packed weights: %w", total, err)
	}
	s.regions = append(s.regions, region) // kept whatever happens: some matrices may be in it
	memory := region.Bytes()
	for _, m := range matrices {
		if !m.Unpacked() {
			continue
		}
		n := m.Bytes()
		if err := ex.Pack(m, memory[:n:n], s.forget); err != nil {
			return err
		}
		memory = memory[n:]
	}
	return nil
}

// forget drops pages of mapped files from memory.
func (s *Source) forget(b []byte) {
	if len(b) == 0 {
		return
	}
	at := uintptr(unsafe.Pointer(&b[0]))
	for _, f := range s.files {
		if f.mapped == nil {
			continue
		}
		if base := uintptr(unsafe.Pointer(&f.mapped[0])); at >= base && at-base < uintptr(len(f.mapped)) {
			pages.Forget(b)
			return
		}
	}
}
