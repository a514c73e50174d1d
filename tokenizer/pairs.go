package tokenizer

// The table of merges: two neighboring tokens to the rank of their merge. It is asked once for each
// pair of each piece, which makes it the hottest memory of encoding; hence one word a slot.

import "math/rand/v2"

const (
	idBits   = 21 // of a token id
	rankBits = 22 // of a merge's rank

	noRank   = 1<<rankBits - 1
	freeSlot = ^uint64(0)
)

// pairTable maps two neighboring tokens to the rank of their merge, by open addressing.
//
// A slot is one word, so that a look-up is one cache miss: left id, right id and rank from the top
// down. The rank of a pair that does not merge is noRank. The hash is seeded, so that no file can
// be made to fill one stretch of it.
type pairTable struct {
	slots []uint64
	shift uint
	seed  uint64
	used  int
}

func newPairTable() *pairTable {
	p := &pairTable{seed: rand.Uint64()}
	p.resize(10)
	return p
}

func (p *pairTable) resize(bits uint) {
	old := p.slots
	p.slots, p.shift = make([]uint64, 1<<bits), 64-bits
	for i := range p.slots {
		p.slots[i] = freeSlot
	}
	mask := uint64(len(p.slots) - 1)
	for _, s := range old {
		if s == freeSlot {
			continue
		}
		i := p.slot(s >> rankBits)
		for p.slots[i] != freeSlot {
			i = (i + 1) & mask
		}
		p.slots[i] = s
	}
}

func (p *pairTable) slot(key uint64) uint64 {
	h := (key ^ p.seed) * 0x9e3779b97f4a7c15
	h ^= h >> 32
	return h * 0xd6e8feb86659fd93 >> p.shift
}

// add puts a pair in and reports whether it was new; the rank of a known pair stays. The table is
// at most 5/8 full.
func (p *pairTable) add(left, right, rank uint32) bool {
	if (p.used+1)*8 > len(p.slots)*5 {
		p.resize(64 - p.shift + 1)
	}
	key := uint64(left)<<idBits | uint64(right)
	mask := uint64(len(p.slots) - 1)
	for i := p.slot(key); ; i = (i + 1) & mask {
		switch s := p.slots[i]; {
		case s == freeSlot:
			p.slots[i] = key<<rankBits | uint64(rank)
			p.used++
			return true
		case s>>rankBits == key:
			return false
		}
	}
}

func (p *pairTable) rank(left, right uint32) uint32 {
	key := uint64(left)<<idBits | uint64(right)
	mask := uint64(len(p.slots) - 1)
	for i := p.slot(key) & mask; ; i = (i + 1) & mask {
		s := p.slots[i]
		if s>>rankBits == key {
			return uint32(s) & noRank
		}
		if s == freeSlot {
			return noRank
		}
	}
}
