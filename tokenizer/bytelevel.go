package tokenizer

// The alphabet in which byte-level vocabularies are written. tokenizer.json and vocab.json spell
// tokens in it, files of ranks do not (parse_tiktoken.go).

import "unicode/utf8"

// byteOfChar is the alphabet of byte-level vocabularies: a printable character for every byte.
// Printable Latin-1 stands for itself, the other bytes for U+0100 and on, in their order. It
// returns −1 for characters outside it.
//
// Source: openai/gpt-2, encoder.py, bytes_to_unicode.
func byteOfChar(r rune) int {
	switch {
	case r >= 0x21 && r <= 0x7e, r >= 0xa1 && r <= 0xac, r >= 0xae && r <= 0xff:
		return int(r)
	case r >= 0x100 && r <= 0x120: // 0x00 to 0x20
		return int(r - 0x100)
	case r >= 0x121 && r <= 0x142: // 0x7f to 0xa0
		return int(r - 0x121 + 0x7f)
	case r == 0x143:
		return 0xad
	}
	return -1
}

// appendBytesOf appends the bytes that a byte-level token stands for to dst. It fails at a
// character outside the alphabet.
func appendBytesOf(dst, token []byte) ([]byte, bool) {
	for len(token) > 0 {
		r, n := utf8.DecodeRune(token)
		b := byteOfChar(r)
		if b < 0 {
			return dst, false
		}
		dst = append(dst, byte(b))
		token = token[n:]
	}
	return dst, true
}
