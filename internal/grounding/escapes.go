package grounding

// Escapes in strings.

import (
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// unescape replaces the escapes that JSON has. What is none, such as that of C:\Users, stays as it
// is.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			i++
			continue
		}
		if c := strings.IndexByte(`"'\/bfnrt`, s[i+1]); c >= 0 {
			b.WriteByte("\"'\\/\b\f\n\r\t"[c])
			i += 2
			continue
		}
		c, n := unicodeEscape(s[i:])
		if low, m := unicodeEscape(s[i+n:]); m > 0 && utf16.IsSurrogate(c) {
			if pair := utf16.DecodeRune(c, low); pair != utf8.RuneError {
				c, n = pair, n+m
			}
		}
		if n == 0 {
			b.WriteByte('\\')
			i++
			continue
		}
		b.WriteRune(c)
		i += n
	}
	return b.String()
}

// unicodeEscape reads an escape of four hexadecimal digits; n is 0 if there is none.
func unicodeEscape(s string) (c rune, n int) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, 0
	}
	for _, d := range s[2:6] {
		i := strings.IndexRune("0123456789abcdef", unicode.ToLower(d))
		if i < 0 {
			return 0, 0
		}
		c = c<<4 | rune(i)
	}
	return c, 6
}
