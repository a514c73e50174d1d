package llm

// States that are saved. Keys and values of a position never change, so a text goes back by
// forgetting the positions behind; a recurrent state is rewritten with each, so it goes back only
// to where it was saved. A snapshot serves the sequence that it is of (to take back what was
// drafted) or, kept with a block, every sequence that adopts the block.

import (
	"math"
	"slices"
)

// Snapshot is the recurrent state of a sequence at a position.
type Snapshot struct {
	cache  *Cache
	length int
	state  []float32
}

// Save returns the sequence's recurrent state. Free it when it is no longer needed.
//
// Errors: [ErrCacheFull].
func (s *Sequence) Save() (*Snapshot, error) {
	if err := s.cache.claim(4 * len(s.state)); err != nil {
		return nil, err
	}
	return &Snapshot{cache: s.cache, length: s.length, state: slices.Clone(s.state)}, nil
}

// Restore forgets all positions since the snapshot was made of the sequence.
//
// Panics if the sequence is of another cache, or shorter, or the snapshot was freed.
func (s *Sequence) Restore(x *Snapshot) {
	if x.cache != s.cache || x.length > s.length {
		panic("llm: a snapshot of another sequence")
	}
	clear(s.state) // what a snapshot of an empty sequence leaves
	copy(s.state, x.state)
	s.cut(x.length)
}

// Free gives the snapshot's bytes back to the cache.
func (x *Snapshot) Free() {
	x.cache.used -= int64(4 * len(x.state))
	x.state, x.length = nil, math.MaxInt
}

// Keep keeps the recurrent state with the block that the sequence ends in, so that [Sequence.Adopt]
// can begin behind it. It does nothing where the block is not full and described, where there is no
// recurrent state, or no room.
func (s *Sequence) Keep() {
	n := s.length / BlockTokens
	if len(s.state) == 0 || s.length%BlockTokens != 0 || n == 0 || n > s.published {
		return
	}
	if b := s.table[n-1]; b.state == nil && s.cache.claim(s.cache.StateBytes()) == nil {
		b.state = slices.Clone(s.state)
	}
}
