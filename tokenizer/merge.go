package tokenizer

// Byte-pair merging of one piece, in two ways with one result: short pieces by scanning for the
// lowest rank, long ones with a heap, so that no text takes quadratic time. The ranks are in
// pairs.go.

// bpe merges the bytes of a piece into tokens: always the pair of neighbors with the lowest rank,
// of equal ones the leftmost.
type bpe struct {
	bytes    [256]uint32     // id of each single byte
	first    [1 << 16]uint32 // rank of each pair of bytes, high byte left
	pairs    *pairTable
	merged   []uint32          // by rank: the id that the pair becomes
	whole    map[string]uint32 // set where a piece that is a token needs no merges
	maxWhole int               // bytes of the longest of these
}

// finish fills the table of first ranks once bytes and pairs are set.
func (b *bpe) finish() {
	for x, left := range b.bytes {
		for y, right := range b.bytes {
			b.first[x<<8|y] = b.pairs.rank(left, right)
		}
	}
}

// maxShort is the longest piece merged by scanning: below it moving a few words beats a heap.
// BenchmarkMerge chose it.
const maxShort = 40

// maxLong is the longest piece that is merged as one; nodes hold 32-bit offsets.
const maxLong = 1 << 30

// encode appends the ids of one piece to dst. The scratch is reused between the pieces of one call.
func (b *bpe) encode(dst []int, piece string, scratch *mergeScratch) []int {
	if b.whole != nil && len(piece) <= b.maxWhole {
		if id, ok := b.whole[piece]; ok {
			return append(dst, int(id))
		}
	}
	switch {
	case len(piece) == 1:
		return append(dst, int(b.bytes[piece[0]]))
	case len(piece) <= maxShort:
		return b.encodeShort(dst, piece)
	}
	for len(piece) > maxLong {
		dst = b.encodeLong(dst, piece[:maxLong], scratch)
		piece = piece[maxLong:]
	}
	return b.encodeLong(dst, piece, scratch)
}

func (b *bpe) encodeShort(dst []int, piece string) []int {
	var ids, ranks [maxShort]uint32 // ranks[i] is that of the pair that starts at i
	n := len(piece)
	for i := range n {
		ids[i] = b.bytes[piece[i]]
	}
	for i := range n - 1 {
		ranks[i] = b.first[uint(piece[i])<<8|uint(piece[i+1])]
	}
	ranks[n-1] = noRank
	for n > 1 {
		best, at := uint32(noRank), 0
		for i, r := range ranks[:n-1] {
			if r < best {
				best, at = r, i
			}
		}
		if best == noRank {
			break
		}
		ids[at] = b.merged[best]
		copy(ids[at+1:n-1], ids[at+2:n])
		copy(ranks[at+1:n-1], ranks[at+2:n])
		n--
		ranks[at] = noRank
		if at+1 < n {
			ranks[at] = b.pairs.rank(ids[at], ids[at+1])
		}
		if at > 0 {
			ranks[at-1] = b.pairs.rank(ids[at-1], ids[at])
		}
	}
	for _, id := range ids[:n] {
		dst = append(dst, int(id))
	}
	return dst
}

// mergeNode is a token of a long piece, at the offset of its first byte in the piece.
type mergeNode struct {
	id         uint32
	rank       uint32 // of the pair with the next token
	prev, next int32  // offsets; -1 at the ends
}

type mergeScratch struct {
	nodes []mergeNode
	queue rankQueue
}

// encodeLong merges with a heap of pairs, O(n log n). An entry whose pair has changed since is
// passed over.
func (b *bpe) encodeLong(dst []int, piece string, scratch *mergeScratch) []int {
	n := len(piece)
	if cap(scratch.nodes) < n {
		scratch.nodes = make([]mergeNode, n)
	}
	nodes := scratch.nodes[:n]
	queue := scratch.queue[:0]
	for i := range n {
		node := mergeNode{id: b.bytes[piece[i]], rank: noRank, prev: int32(i - 1),
			next: int32(i + 1)}
		if i+1 < n {
			node.rank = b.first[uint(piece[i])<<8|uint(piece[i+1])]
		} else {
			node.next = -1
		}
		if node.rank != noRank {
			queue = append(queue, rankAt(node.rank, i))
		}
		nodes[i] = node
	}
	queue.heapify()
	link := func(i int32) { // recomputes the pair that starts at i
		node := &nodes[i]
		node.rank = noRank
		if node.next >= 0 {
			if node.rank = b.pairs.rank(node.id, nodes[node.next].id); node.rank != noRank {
				queue.push(rankAt(node.rank, int(i)))
			}
		}
	}
	for len(queue) > 0 {
		e := queue.pop()
		at := int32(uint32(e))
		node := &nodes[at]
		if node.rank != uint32(e>>32) {
			continue
		}
		gone := &nodes[node.next]
		node.id = b.merged[node.rank]
		node.next = gone.next
		gone.rank = noRank
		if node.next >= 0 {
			nodes[node.next].prev = at
		}
		link(at)
		if node.prev >= 0 {
			link(node.prev)
		}
	}
	for i := int32(0); i >= 0; i = nodes[i].next {
		dst = append(dst, int(nodes[i].id))
	}
	scratch.queue = queue
	return dst
}

// rankQueue is a binary heap of (rank, offset), lowest first.
type rankQueue []uint64

func rankAt(rank uint32, offset int) uint64 { return uint64(rank)<<32 | uint64(uint32(offset)) }

func (q rankQueue) heapify() {
	for i := len(q)/2 - 1; i >= 0; i-- {
		q.down(i)
	}
}

func (q *rankQueue) push(e uint64) {
	*q = append(*q, e)
	h := *q
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 2
		if h[up] <= e {
			break
		}
		h[i] = h[up]
		i = up
	}
	h[i] = e
}

func (q *rankQueue) pop() uint64 {
	h := *q
	top := h[0]
	last := len(h) - 1
	h[0] = h[last]
	*q = h[:last]
	(*q).down(0)
	return top
}

func (q rankQueue) down(i int) {
	if i >= len(q) {
		return
	}
	e := q[i]
	for {
		c := 2*i + 1
		if c >= len(q) {
			break
		}
		if c+1 < len(q) && q[c+1] < q[c] {
			c++
		}
		if q[c] >= e {
			break
		}
		q[i] = q[c]
		i = c
	}
	q[i] = e
}
