package llm

// How texts share what they begin with. A position is described by its content: a token or a row of
// a media item's features, and where it stands on the axes of the rotation. Keys and values of a
// block depend on that, on all positions before, and on what of the prompt's length the rotation
// depends on, with some models; what is generated behind a prompt turns by its own position. So the
// key of a full block is the SHA-256 of all these, with the key before it in place of the positions
// before. Blocks that are equal by key are one block.
//
// The cache does not see what a batch holds: whoever describes a sequence feeds just that.

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/qwenvl/qwenvl/rope"
)

// Key names contents: of a media item, or of a block and all blocks before it.
type Key [sha256.Size]byte

// Content is what stands at a position.
type Content struct {
	Media    Key // whose features stand there; zero: none, a token
	Index    int // row of the features, or the token
	Position rope.Position
}

// Adopt describes the contents that an empty sequence is going to have, lets it begin with the
// blocks that the cache has for them already, and returns the number of positions that need not be
// computed. At least the last of contents does. Where layers have a recurrent state the sequence
// begins behind a block that [Sequence.Keep] was called at. Sequences of different salts share
// nothing.
//
// Panics if the sequence is not empty.
func (s *Sequence) Adopt(salt []byte, contents ...Content) int {
	if s.length > 0 || len(s.contents) > 0 {
		panic("llm: a sequence that is not empty adopts blocks")
	}
	s.root = sha256.Sum256(salt)
	s.Describe(contents...)
	if s.reserveState() != nil { // a pass will say so
		return 0
	}
	n := 0 // blocks to adopt
	known := s.cache.known
	for i := 0; i < (len(contents)-1)/BlockTokens && known[s.keys[i]] != nil; i++ {
		if len(s.state) == 0 || known[s.keys[i]].state != nil {
			n = i + 1
		}
	}
	for i, key := range s.keys[:n] {
		s.put(i, known[key])
	}
	if n > 0 && len(s.state) > 0 {
		copy(s.state, s.table[n-1].state)
	}
	s.length, s.published = n*BlockTokens, n
	return s.length
}

// Describe tells the contents of the positions that follow those described so far, from the first
// of the sequence on, before or after a pass stores them. Blocks that are full and described can be
// found by Adopt.
func (s *Sequence) Describe(contents ...Content) {
	s.contents = append(s.contents, contents...)
	for n := len(s.keys); (n+1)*BlockTokens <= len(s.contents); n++ {
		parent := s.root
		if n > 0 {
			parent = s.keys[n-1]
		}
		data := binary.LittleEndian.AppendUint64(parent[:], uint64(s.reach))
		for _, c := range s.contents[n*BlockTokens : (n+1)*BlockTokens] {
			data = binary.LittleEndian.AppendUint64(append(data, c.Media[:]...), uint64(c.Index))
			for _, p := range c.Position {
				data = binary.LittleEndian.AppendUint32(data, uint32(p))
			}
		}
		s.keys = append(s.keys, sha256.Sum256(data))
	}
	s.publish()
}

// publish lets others find the blocks that are full and described. Where one with equal contents is
// known already, it takes the place of the sequence's own.
func (s *Sequence) publish() {
	for i := s.published; i < min(len(s.keys), s.length/BlockTokens); i++ {
		if same := s.cache.known[s.keys[i]]; same == nil {
			s.table[i].key = s.keys[i]
			s.cache.known[s.keys[i]] = s.table[i]
		} else if same != s.table[i] {
			s.put(i, same)
		}
		s.published = i + 1
	}
}
