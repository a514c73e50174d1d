package llm

// Who owns a block. A block that is being filled has one owner, its sequence. A full one whose
// contents have a key (prefix.go) can be found and owned by further sequences; it is not written
// again. When the last owner leaves, a block with a key stays within the cache's bytes until it is
// the least recently used of its kind and its room is needed; others hold nothing from then on.

import "container/list"

// block is BlockTokens positions of keys and values of all layers.
type block struct {
	data   []float32
	owners int
	key    Key           // if known
	known  bool          // it stands in Cache.known, may have several owners and is not written
	kept   *list.Element // of Cache.kept, while it has no owner
	state  *Snapshot     // the recurrent state behind the block; nil: none was kept
}

// take returns a block with undefined contents and one owner.
//
// Errors: [ErrCacheFull].
func (c *Cache) take() (*block, error) {
	if len(c.free) == 0 && c.budget > 0 && c.used+int64(c.BlockBytes()) > c.budget {
		c.evict() // for its memory
	}
	if last := len(c.free) - 1; last >= 0 {
		b := c.free[last]
		c.free = c.free[:last]
		b.owners = 1
		return b, nil
	}
	if err := c.claim(c.BlockBytes()); err != nil {
		return nil, err
	}
	return &block{data: make([]float32, c.blockFloats), owners: 1}, nil
}

// own adds an owner to a known block.
func (c *Cache) own(b *block) {
	if b.kept != nil {
		c.kept.Remove(b.kept)
		b.kept = nil
	}
	b.owners++
}

// release takes an owner away.
func (c *Cache) release(b *block) {
	b.owners--
	switch {
	case b.owners > 0:
	case b.known && c.budget > 0:
		b.kept = c.kept.PushBack(b)
	default:
		c.forget(b)
	}
}

// evict makes the least recently used block without an owner a free one, if there is any.
func (c *Cache) evict() bool {
	e := c.kept.Front()
	if e == nil {
		return false
	}
	b := c.kept.Remove(e).(*block)
	b.kept = nil
	c.forget(b)
	return true
}

// forget makes a block that nobody owns a free one.
func (c *Cache) forget(b *block) {
	if b.known {
		delete(c.known, b.key)
		b.known = false
	}
	if b.state != nil {
		b.state.Free()
		b.state = nil
	}
	c.free = append(c.free, b)
}
