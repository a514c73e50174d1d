package tensor

// slabFloats is the least size of a workspace slab, keepFloats what Trim leaves, 4 MiB each, and keepScratch what it leaves to a
// worker: weights that are laid out anew for a product in float32, and its results, take up to 5 MiB and would be faulted in by each pass.
const (
	slabFloats  = 1 << 20
	keepFloats  = 1 << 20
	keepScratch = 3 << 19
)

// arena is a stack of float32 slabs. Allocation moves a pointer; slabs are kept for the next pass.
type arena struct {
	slabs [][]float32
	slab  int // the slab in use
	used  int // floats used of it
}

// Mark is a height of the workspace.
type Mark struct{ slab, used int }

func (a *arena) mark() Mark { return Mark{a.slab, a.used} }

func (a *arena) release(m Mark) { a.slab, a.used = m.slab, m.used }

func (a *arena) alloc(n int) []float32 {
	for a.slab < len(a.slabs) {
		if s := a.slabs[a.slab]; a.used+n <= len(s) {
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
	a.slabs = append(a.slabs, make([]float32, max(n, slabFloats)))
	a.slab = len(a.slabs) - 1
	a.used = min((n+15)&^15, len(a.slabs[a.slab]))
	return a.slabs[a.slab][:n:n]
}

// trim drops the slabs past the first keepFloats. It has no effect while anything is allocated.
func (a *arena) trim() {
	if a.slab != 0 || a.used != 0 {
		return
	}
	total := 0
	for i, s := range a.slabs {
		if total += len(s); total > keepFloats {
			a.slabs = a.slabs[:i:i]
			return
		}
	}
}
