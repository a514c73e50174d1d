package llm

// Where a text's state lies between passes: keys and values in blocks of BlockTokens positions, all
// layers of a block side by side, and for layers with a recurrence a state of fixed size in the
// sequence. gqa.go and mla.go append to the blocks, delta.go rewrites the state; memory.go counts
// the same bytes without allocating any.

import (
	"errors"

	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/rope"
)

// BlockTokens is how many positions a cache block holds.
const BlockTokens = tensor.TileKeys

// ErrContextFull says that a sequence has no room for another token.
var ErrContextFull = errors.New("llm: context is full")

// slot is where the state of a layer lies: keys and values in every block, or a state of fixed size
// in the sequence.
type slot struct {
	kv    tensor.KVLayout
	delta tensor.DeltaShape
	at    int // float of a block, or of the sequence's state
}

// Cache hands out the blocks that keys and values are kept in. Blocks are allocated when first
// needed and kept for later sequences. It belongs to one goroutine.
type Cache struct {
	decoder     *Decoder
	layers      []slot
	blockFloats int // keys and values of all layers
	stateFloats int // recurrent state of all layers
	perSequence int // positions that a sequence may have
	free        [][]float32
}

// CacheOptions say what a cache keeps.
type CacheOptions struct {
	Context int           // positions that a sequence may have
	Format  tensor.Format // of keys and values: F32, or F16, which rounds them by up to 2⁻¹¹
}

// NewCache is [Decoder.NewCacheWith] for keys and values in float32.
func (d *Decoder) NewCache(context int) *Cache {
	return d.NewCacheWith(CacheOptions{Context: context})
}

// NewCacheWith returns a cache for the decoder's layers.
//
// Panics if keys and values cannot be kept in o.Format.
func (d *Decoder) NewCacheWith(o CacheOptions) *Cache {
	c := &Cache{decoder: d, perSequence: o.Context}
	for i := range d.layers {
		s := d.layers[i].mixer.state()
		s.kv.Format = o.Format
		if s.delta.Kernel > 0 {
			s.at = c.stateFloats
			c.stateFloats += s.delta.ConvFloats() + s.delta.StateFloats()
		} else {
			s.at = c.blockFloats
			c.blockFloats += s.kv.Floats()
		}
		c.layers = append(c.layers, s)
	}
	return c
}

// BlockBytes returns the size of a block of all layers.
func (c *Cache) BlockBytes() int { return 4 * c.blockFloats }

// StateBytes returns the size of what a sequence keeps beside its blocks.
func (c *Cache) StateBytes() int { return 4 * c.stateFloats }

// NewSequence returns an empty sequence for a prompt of n tokens: some rotary embeddings depend on
// its length.
func (c *Cache) NewSequence(n int) *Sequence {
	s := &Sequence{cache: c, rotary: c.decoder.rotary, state: make([]float32, c.stateFloats)}
	if r := c.decoder.cfg.Rope.ForPrompt(n); r.Theta != c.decoder.cfg.Rope.Theta {
		s.rotary = rope.New(r)
	}
	return s
}

// Trim gives unused blocks back to the garbage collector.
func (c *Cache) Trim() { c.free = nil }

// Sequence is the state of one text: its length, its block table and its recurrent state. Free
// returns the blocks.
type Sequence struct {
	cache  *Cache
	rotary *rope.Rotary
	length int
	blocks [][]float32
	state  []float32
}

// Len returns the number of positions stored.
func (s *Sequence) Len() int { return s.length }

// Truncate forgets all positions from n on, and keeps the blocks for what comes next.
//
// Panics if n is outside the sequence, or if the sequence has recurrent state, which cannot go
// back.
func (s *Sequence) Truncate(n int) {
	if n < 0 || n > s.length || len(s.state) > 0 && n < s.length {
		panic("llm: truncation outside the sequence, or of recurrent state")
	}
	s.length = n
}

// Free returns the sequence's blocks to the cache; it is empty afterwards.
func (s *Sequence) Free() {
	s.cache.free = append(s.cache.free, s.blocks...)
	clear(s.blocks)
	clear(s.state)
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
