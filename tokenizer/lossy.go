package tokenizer

// Text that is not UTF-8, and tokens that are parts of characters: each maximal invalid part counts
// as one U+FFFD. Encoding and decoding follow the same rule.

import (
	"strings"
	"unicode/utf8"
)

const replacement = "\uFFFD"

// invalidPart measures the maximal invalid part at the start of b, which does not start with a
// valid character: the longest start of some valid character, or one byte. It is cut off when b
// ends before it is clear whether it would be valid.
//
// Source: Unicode Standard section 3.9, "U+FFFD substitution of maximal subparts"; Rust's
// from_utf8_lossy counts the same.
func invalidPart[T string | []byte](b T) (size int, cutOff bool) {
	lo, hi, need := byte(0x80), byte(0xbf), 0
	switch c := b[0]; {
	case c >= 0xc2 && c <= 0xdf:
		need = 2
	case c == 0xe0:
		lo, need = 0xa0, 3
	case c == 0xed:
		hi, need = 0x9f, 3
	case c >= 0xe1 && c <= 0xef:
		need = 3
	case c == 0xf0:
		lo, need = 0x90, 4
	case c == 0xf4:
		hi, need = 0x8f, 4
	case c >= 0xf1 && c <= 0xf3:
		need = 4
	default:
		return 1, false
	}
	size = 1
	for size < need && size < len(b) && b[size] >= lo && b[size] <= hi {
		size++
		lo, hi = 0x80, 0xbf
	}
	return size, size < need && size == len(b)
}

// validText returns s with U+FFFD for every maximal invalid part.
func validText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	for s != "" {
		n := validPrefix(s)
		b.WriteString(s[:n])
		s = s[n:]
		if s != "" {
			n, _ := invalidPart(s)
			b.WriteString(replacement)
			s = s[n:]
		}
	}
	return b.String()
}

// validPrefix returns the length of the longest start of s that is valid UTF-8.
func validPrefix(s string) int {
	i := 0
	for i < len(s) {
		if s[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		i += n
	}
	return i
}
