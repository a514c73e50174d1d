package llm

// One text: how long it is, its table of blocks and its recurrent state. Decoder.Forward appends to
// it. What is shared with other texts is only read: a sequence that goes back into a block that it
// may not write copies it first.

import "github.com/qwenvl/qwenvl/rope"

// Sequence is the state of one text: its length, its block table and its recurrent state. Free
// returns the blocks.
type Sequence struct {
	cache  *Cache
	prompt int          // positions of the prompt
	reach  int          // of a prompt of that length
	rotary *rope.Rotary // of the prompt, and of what follows unless that is longer
	length int
	table  []*block
	blocks [][]float32 // the data of table
	state  []float32   // nil: nothing yet

	// What is known about the contents; see prefix.go.
	root      Key       // the salt
	contents  []Content // from the first position on, maybe beyond those stored
	keys      []Key     // of the full blocks among them
	published int       // blocks of the table that others can find
}

// rotaryAt returns what turns a row at position p: the prompt's, but where the rotation grows with
// the text.
func (s *Sequence) rotaryAt(p rope.Position) *rope.Rotary {
	d := s.cache.decoder
	if !d.grows {
		return s.rotary
	}
	n := int(max(p[0], p[1], p[2])) + 1
	if n <= s.prompt || d.cfg.Rope.Reach(n) == s.reach {
		return s.rotary
	}
	return d.rotaryFor(n)
}

// Len returns the number of positions stored.
func (s *Sequence) Len() int { return s.length }

// Truncate forgets all positions from n on.
//
// Panics if n is outside the sequence, or if the sequence has recurrent state, which goes back to a
// [Snapshot] only.
func (s *Sequence) Truncate(n int) {
	if n < 0 || n > s.length || s.cache.stateFloats > 0 && n < s.length {
		panic("llm: truncation outside the sequence, or of recurrent state")
	}
	s.cut(n)
}

// Free returns the sequence's blocks to the cache; it is empty afterwards.
func (s *Sequence) Free() {
	s.cut(0)
	s.cache.used -= int64(4 * len(s.state))
	s.state, s.root = nil, Key{}
}

// cut forgets all positions from n on. The last block is released first: among blocks of one age
// those deep in a text are then evicted first.
func (s *Sequence) cut(n int) {
	first := (n + BlockTokens - 1) / BlockTokens
	for i := len(s.table) - 1; i >= first; i-- {
		s.cache.release(s.table[i])
	}
	clear(s.table[first:])
	clear(s.blocks[first:])
	s.table, s.blocks = s.table[:first], s.blocks[:first]
	s.length, s.published = n, min(s.published, n/BlockTokens)
	s.contents = s.contents[:min(len(s.contents), n)]
	s.keys = s.keys[:min(len(s.keys), n/BlockTokens)]
}

// reserve makes room for n positions more, all of it writable.
//
// Errors: [ErrContextFull], [ErrCacheFull].
func (s *Sequence) reserve(n int) error {
	if s.length+n > s.cache.perSequence {
		return ErrContextFull
	}
	if err := s.reserveState(); err != nil {
		return err
	}
	for i := s.length / BlockTokens; i*BlockTokens < s.length+n; i++ {
		if i < len(s.table) && s.table[i].key == (Key{}) {
			continue
		}
		b, err := s.cache.take()
		if err != nil {
			return err
		}
		if i < len(s.table) { // a copy to write
			copy(b.data, s.blocks[i])
		}
		s.put(i, b)
	}
	return nil
}

// reserveState makes room for the recurrent state, which begins with zeros.
func (s *Sequence) reserveState() error {
	if s.state != nil {
		return nil
	}
	if err := s.cache.claim(s.cache.StateBytes()); err != nil {
		return err
	}
	s.state = make([]float32, s.cache.stateFloats)
	return nil
}

// put makes b the block at i of the table, or at its end, and the sequence its owner.
func (s *Sequence) put(i int, b *block) {
	s.cache.own(b)
	if i == len(s.table) {
		s.table, s.blocks = append(s.table, nil), append(s.blocks, nil)
	} else {
		s.cache.release(s.table[i])
	}
	s.table[i], s.blocks[i] = b, b.data
}
