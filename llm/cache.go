package llm

// Where the state of texts lies between passes: keys and values in blocks of BlockTokens positions,
// all layers of a block side by side, and for layers with a recurrence a state of fixed size in the
// sequence. gqa.go and mla.go append to the blocks, delta.go rewrites the state.
//
// This file has the cache and what it may take; blocks.go who owns a block; sequence.go one text;
// prefix.go how texts share what they begin with; snapshot.go states that are saved. memory.go
// counts the same bytes without allocating any.

import (
	"container/list"
	"errors"

	"github.com/qwenvl/qwenvl/internal/tensor"
)

// BlockTokens is how many positions a cache block holds.
const BlockTokens = tensor.TileKeys

// ErrContextFull says that a sequence has no room for another token.
var ErrContextFull = errors.New("llm: context is full")

// ErrCacheFull says that the cache's bytes are used up by what has owners.
var ErrCacheFull = errors.New("llm: cache is full")

// slot is where the state of a layer lies: keys and values in every block, or a state of fixed size
// in the sequence.
type slot struct {
	kv    tensor.KVLayout
	delta tensor.DeltaShape
	at    int // float of a block, or of the sequence's state
}

// Cache hands out the blocks that keys and values are kept in. Blocks are allocated when first
// needed and kept for later sequences. It belongs to one goroutine, with its sequences.
type Cache struct {
	decoder     *Decoder
	layers      []slot
	blockFloats int // keys and values of all layers
	stateFloats int // recurrent state of all layers
	perSequence int // positions that a sequence may have

	budget, used int64          // bytes; budget 0: no bound
	free         []*block       // blocks that hold nothing
	known        map[Key]*block // full blocks, by what they hold
	kept         list.List      // of *block: known but without an owner, least recently used first
}

// CacheOptions say what a cache keeps.
type CacheOptions struct {
	Context int           // positions that a sequence may have
	Bytes   int64         // of blocks, states and snapshots; 0: no bound, and none stay unowned
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
	c := &Cache{decoder: d, perSequence: o.Context, budget: o.Bytes, known: map[Key]*block{}}
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

// NewSequence returns an empty sequence for a prompt of n positions, one more than the last on any
// axis: some rotary embeddings depend on that.
func (c *Cache) NewSequence(n int) *Sequence {
	s := &Sequence{cache: c, prompt: n, reach: c.decoder.cfg.Rope.Reach(n)}
	s.rotary = c.decoder.rotaryFor(n)
	return s
}

// UsedBytes returns the bytes of all blocks, states and snapshots, those of free blocks included.
func (c *Cache) UsedBytes() int64 { return c.used }

// Trim gives unused blocks back to the garbage collector.
func (c *Cache) Trim() {
	c.used -= int64(len(c.free) * c.BlockBytes())
	c.free = nil
}

// room reports whether n bytes more are within the budget.
func (c *Cache) room(n int64) bool { return c.budget == 0 || c.used+n <= c.budget }

// claim counts n bytes more, of what is not a block. Blocks without an owner make room for it.
//
// Errors: [ErrCacheFull].
func (c *Cache) claim(n int) error {
	for !c.room(int64(n)) {
		if len(c.free) == 0 && !c.evict() {
			return ErrCacheFull
		}
		c.free = c.free[:len(c.free)-1]
		c.used -= int64(c.BlockBytes())
	}
	c.used += int64(n)
	return nil
}
