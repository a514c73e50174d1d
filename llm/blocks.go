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
	key    Key           // zero: none, or it stands in Cache.known and is not written
	kept   *list.Element // of Cache.kept, while it has a key and no owner
	state  []float32     // the recurrent state behind the block; nil: none was kept
}

// take returns a block with undefined contents and no owner.
//
// Errors: [ErrCacheFull].
func (c *Cache) take() (*block, error) {
	if n := int64(c.BlockBytes()); len(c.free) == 0 && c.room(n) {
		c.used += n
		c.free = append(c.free, &block{data: make([]float32, c.blockFloats)})
	} else if len(c.free) == 0 && !c.evict() {
		return nil, ErrCacheFull
	}
	last := len(c.free) - 1
	b := c.free[last]
	c.free = c.free[:last]
	return b, nil
}

// own adds an owner.
func (c *Cache) own(b *block) {
	if b.kept != nil {
		c.kept.Remove(b.kept)
		b.kept = nil
	}
	b.owners++
}

// release takes an owner away.
func (c *Cache) release(b *block) {
	if b.owners--; b.owners > 0 {
		return
	}
	if b.kept = c.kept.PushBack(b); b.key == (Key{}) || c.budget == 0 {
		c.forget(b)
	}
}

// evict forgets the least recently used block without an owner, if there is any.
func (c *Cache) evict() bool {
	first := c.kept.Front()
	if first != nil {
		c.forget(first.Value.(*block))
	}
	return first != nil
}

// forget makes a block without an owner a free one.
func (c *Cache) forget(b *block) {
	delete(c.known, b.key)
	c.used -= int64(4 * len(b.state))
	c.kept.Remove(b.kept)
	*b = block{data: b.data}
	c.free = append(c.free, b)
}
