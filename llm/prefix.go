package llm

// How texts share what they begin with. A position is described by its content: a token or a row of
// a medium's features, and where it stands on the axes of the rotation. Keys and values of a block
// depend on that, on all positions before, and on the base of the rotation, which with some models
// depends on the prompt's length: so the key of a full block is the SHA-256 of the key before it and
// the contents of its positions. Blocks that are equal by key are one block.
//
// The cache does not see what a batch holds: whoever describes a sequence feeds just that.

import (
	"crypto/sha256"
	"encoding/binary"
	"math"

	"github.com/qwenvl/qwenvl/rope"
)

// Key names contents: of a medium, or of a block and all blocks before it.
type Key [sha256.Size]byte

// Content is what stands at a position.
type Content struct {
	Media    Key // whose features stand there; zero: none, a token
	Index    int // row of the features, or the token
	Position rope.Position
}

// prefix is what is known about the contents of a sequence.
type prefix struct {
	described bool
	root      Key       // of what else the contents depend on
	contents  []Content // from the first position on, maybe beyond those stored
	keys      []Key     // of the full blocks among them
	published int       // blocks of the table that others can find
}

// Adopt describes the contents that an empty sequence is going to have, lets it begin with the
// blocks that the cache has for them already, and returns the number of positions that need not be
// computed. At least the last of contents does. Where layers have a recurrent state the sequence
// begins behind a block that [Sequence.Keep] was called at. Sequences of different salts share
// nothing.
//
// Panics if the sequence is not empty.
func (s *Sequence) Adopt(salt []byte, contents ...Content) int {
	if s.length > 0 || s.prefix.described {
		panic("llm: a sequence that is not empty adopts blocks")
	}
	root := sha256.New()
	root.Write(binary.LittleEndian.AppendUint64(nil, math.Float64bits(s.theta)))
	root.Write(salt)
	s.prefix.described = true
	root.Sum(s.prefix.root[:0])
	s.Describe(contents...)

	c := s.cache
	n := 0 // blocks to adopt
	var state *Snapshot
	for i := range max(0, len(contents)-1) / BlockTokens {
		b := c.known[s.prefix.keys[i]]
		if b == nil {
			break
		}
		if c.stateFloats == 0 || b.state != nil {
			n, state = i+1, b.state
		}
	}
	for _, key := range s.prefix.keys[:n] {
		b := c.known[key]
		c.own(b)
		s.table, s.blocks = append(s.table, b), append(s.blocks, b.data)
	}
	s.length, s.prefix.published = n*BlockTokens, n
	if state != nil {
		if s.reserveState() != nil { // no room: all is computed
			s.drop(0)
			return 0
		}
		copy(s.state, state.state)
	}
	return s.length
}

// Describe tells the contents of the positions that follow those described so far, before or after
// a pass stores them. Blocks that are full and described can be found by Adopt.
//
// Panics unless Adopt was called.
func (s *Sequence) Describe(contents ...Content) {
	p := &s.prefix
	if !p.described {
		panic("llm: a sequence is described that nothing began")
	}
	p.contents = append(p.contents, contents...)
	for n := len(p.keys); (n+1)*BlockTokens <= len(p.contents); n++ {
		parent := p.root
		if n > 0 {
			parent = p.keys[n-1]
		}
		p.keys = append(p.keys, parent.next(p.contents[n*BlockTokens:(n+1)*BlockTokens]))
	}
	s.publish()
}

// next returns the key of a block behind the one that k names.
func (k Key) next(contents []Content) Key {
	data := append(make([]byte, 0, len(k)+len(contents)*(len(k)+20)), k[:]...)
	for _, c := range contents {
		data = append(data, c.Media[:]...)
		data = binary.LittleEndian.AppendUint64(data, uint64(c.Index))
		for _, p := range c.Position {
			data = binary.LittleEndian.AppendUint32(data, uint32(p))
		}
	}
	return sha256.Sum256(data)
}

// publish lets others find the blocks that are full and described. Where one with equal contents is
// known already, it takes the place of the sequence's own.
func (s *Sequence) publish() {
	p, c := &s.prefix, s.cache
	for ; p.published < min(len(p.keys), s.length/BlockTokens); p.published++ {
		key, b := p.keys[p.published], s.table[p.published]
		switch same := c.known[key]; same {
		case nil:
			b.key, b.known = key, true
			c.known[key] = b
		case b:
		default:
			c.own(same)
			s.put(p.published, same)
		}
	}
}
