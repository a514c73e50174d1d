package tensor

// The workspace: memory for activations, as a stack. A pass allocates upwards, takes marks, and
// releases to them; nothing is freed one by one and nothing is zeroed. Exec's methods are the door.

import (
	"unsafe"

	"github.com/qwenvl/qwenvl/internal/pages"
)

// slabFloats is the least size of a workspace slab, keepFloats what Trim leaves, 4 MiB each, and
// keepScratch what it leaves to a worker: weights that are blocked anew for a product in float32,
// and its results, take up to 5 MiB and would be faulted in by each pass.
const (
	slabFloats  = 1 << 20
	keepFloats  = 1 << 20
	keepScratch = 3 << 19
)

// arena is a stack of float32 slabs. Allocation moves a pointer; slabs are kept for the next pass.
// They lie outside the garbage collector's heap: what trim drops would stay resident there until a
// collection, beside the slabs of the next large pass.
type arena struct {
	slabs []slab
	slab  int // the slab in use
	used  int // floats used of it
}

type slab struct {
	floats []float32
	region pages.Region // empty if the system had none to give
}

func newSlab(floats int) slab {
	const size = int(unsafe.Sizeof(float32(0)))
	get := pages.New
	if floats == slabFloats { // many tensors will share it, or few
		get = pages.NewSmall
	}
	region, err := get(floats * size)
	if err != nil {
		return slab{floats: make([]float32, floats)}
	}
	return slab{view[float32](region.Bytes(), 0, floats), region}
}

// Mark is a height of the workspace.
type Mark struct{ slab, used int }

func (a *arena) mark() Mark { return Mark{a.slab, a.used} }

func (a *arena) release(m Mark) { a.slab, a.used = m.slab, m.used }

func (a *arena) alloc(n int) []float32 {
	for a.slab < len(a.slabs) {
		if s := a.slabs[a.slab].floats; a.used+n <= len(s) {
			out := s[a.used : a.used+n : a.used+n]
			a.used = (a.used + n + 15) &^ 15 // rows start on a cache line
			if a.used > len(s) {
				a.used = len(s)
			}
			return out
		}
		a.slab++
		a.used = 0
	}
	s := newSlab(max(n, slabFloats))
	a.slabs = append(a.slabs, s)
	a.slab = len(a.slabs) - 1
	a.used = min((n+15)&^15, len(s.floats))
	return s.floats[:n:n]
}

// trim drops the slabs past the first keepFloats. It has no effect while anything is allocated.
func (a *arena) trim() {
	if a.slab != 0 || a.used != 0 {
		return
	}
	total := 0
	for i, s := range a.slabs {
		if total += len(s.floats); total > keepFloats {
			a.free(i)
			return
		}
	}
}

// free gives back the slabs from the one with that number on.
func (a *arena) free(from int) {
	for _, s := range a.slabs[from:] {
		_ = s.region.Free() // nothing is to be done about memory that the system does not take
	}
	clear(a.slabs[from:])
	a.slabs = a.slabs[:from]
}
