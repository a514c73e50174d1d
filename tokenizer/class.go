package tokenizer

// What a character is, for the split patterns (split.go, split_han.go) and for normalization. The
// table is class_table.go, made by _gen from the Unicode version of the references; package unicode
// is of another version and would cut some text elsewhere.

import (
	"sync"
	"unicode/utf8"
)

// Classes of characters that the split patterns ask for. A character can have several.
const (
	classUpper       = 1 << iota // \p{Lu}, \p{Lt}
	classLower                   // \p{Ll}
	classOtherLetter             // \p{Lm}, \p{Lo}
	classMark                    // \p{M}
	classNumber                  // \p{N}
	classHan                     // \p{Han}
	classSpace                   // \s
	classInert                   // newer than the reference's NFC, which leaves it alone

	classLetter = classUpper | classLower | classOtherLetter
)

type classRange struct {
	lo, hi rune
	flags  uint8
}

// classTable answers for the class of any character in two loads.
//
// Package unicode is not used because its Unicode version differs from the references', and with it
// the split.
type classTable struct {
	ascii  [utf8.RuneSelf]uint8
	index  [(utf8.MaxRune + 1) >> 8]uint16 // block of each 256 characters
	blocks [][256]uint8
}

var characters = sync.OnceValue(func() *classTable {
	t := &classTable{blocks: make([][256]uint8, 1)} // block 0: no class
	seen := map[[256]uint8]uint16{t.blocks[0]: 0}
	next := 0
	for page := range t.index {
		var block [256]uint8
		first := rune(page) << 8
		last := first + 255
		for i := next; i < len(classRanges) && classRanges[i].lo <= last; i++ {
			r := classRanges[i]
			for c := max(r.lo, first); c <= min(r.hi, last); c++ {
				block[c-first] = r.flags
			}
			if r.hi <= last {
				next = i + 1
			}
		}
		k, ok := seen[block]
		if !ok {
			k = uint16(len(t.blocks))
			t.blocks = append(t.blocks, block)
			seen[block] = k
		}
		t.index[page] = k
	}
	copy(t.ascii[:], t.blocks[t.index[0]][:])
	return t
})

func (t *classTable) of(r rune) uint8 { return t.blocks[t.index[r>>8]][r&255] }

// at returns the class and the length in bytes of the character at s[i]; s is valid UTF-8 and i <
// len(s).
func (t *classTable) at(s string, i int) (flags uint8, size int) {
	if b := s[i]; b < utf8.RuneSelf {
		return t.ascii[b], 1
	}
	r, n := utf8.DecodeRuneInString(s[i:])
	return t.of(r), n
}

// peek is at for an i that may be the end of s, which has no class and size 0.
func (t *classTable) peek(s string, i int) (flags uint8, size int) {
	if i >= len(s) {
		return 0, 0
	}
	return t.at(s, i)
}

// run returns the end of the longest run of characters from i on whose class meets mask.
func (t *classTable) run(s string, i int, mask uint8) int {
	for i < len(s) {
		c, n := t.at(s, i)
		if c&mask == 0 {
			break
		}
		i += n
	}
	return i
}

// runOutside returns the end of the longest run of characters from i on whose class does not meet
// mask.
func (t *classTable) runOutside(s string, i int, mask uint8) int {
	for i < len(s) {
		c, n := t.at(s, i)
		if c&mask != 0 {
			break
		}
		i += n
	}
	return i
}
