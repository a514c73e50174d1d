package llm

import (
	"errors"

	"github.com/qwenvl/qwenvl/internal/tensor"
)

// BlockTokens is how many positions a cache block holds.
const BlockTokens = tensor.TileKeys

// ErrContextFull says that a sequence has no room for another token.
var ErrContextFull = errors.New("llm: context is full")

// Cache hands out the blocks that keys and values are kept in. Blocks are allocated when first needed and kept for later
// sequences. It belongs to one goroutine.
type Cache struct {
	layers      []tensor.KVLayout
	at          []int // where each layer starts in a block
	blockFloats int
	perSequence int // positions that a sequence may have
	free        [][]float32
}

// NewCache returns a cache for the decoder's layers, for sequences of up to context positions.
func (d *Decoder) NewCache(context int) *Cache {
	c := &Cache{perSequence: context}
	for _, l := range d.cfg.Layers {
		layout := tensor.KVLayout{Heads: l.GQA.NumKVHeads, KeyDim: l.GQA.HeadDim, ValueDim: l.GQA.HeadDim}
		c.layers = append(c.layers, layout)
		c.at = append(c.at, c.blockFloats)
		c.blockFloats += layout.Floats()
	}
	return c
}

// BlockBytes returns the size of a block of all layers.
func (c *Cache) BlockBytes() int { return 4 * c.blockFloats }

// NewSequence returns an empty sequence.
func (c *Cache) NewSequence() *Sequence { return &Sequence{cache: c} }

// Trim gives unused blocks back to the garbage collector.
func (c *Cache) Trim() { c.free = nil }

// Sequence is the state of one text: its length and its block table. Free returns the blocks.
type Sequence struct {
	cache  *Cache
	length int
	blocks [][]float32
}

// Len returns the number of positions stored.
func (s *Sequence) Len() int { return s.length }

// Truncate forgets all positions from n on, and keeps the blocks for what comes next.
func (s *Sequence) Truncate(n int) {
	if n < 0 || n > s.length {
		panic("llm: truncation outside the sequence")
	}
	s.length = n
}

// Free returns the sequence's blocks to the cache; it is empty afterwards.
func (s *Sequence) Free() {
	s.cache.free = append(s.cache.free, s.blocks...)
	clear(s.blocks)
	s.blocks, s.length = s.blocks[:0], 0
}

// reserve makes room for n positions more.
func (s *Sequence) reserve(n int) error {
	if s.length+n > s.cache.perSequence {
		return ErrContextFull
	}
	for len(s.blocks)*BlockTokens < s.length+n {
		c := s.cache
		if last := len(c.free) - 1; last >= 0 {
			s.blocks = append(s.blocks, c.free[last])
			c.free = c.free[:last]
			continue
		}
		s.blocks = append(s.blocks, make([]float32, c.blockFloats))
	}
	return nil
}
