package tokenizer

// Ids back to text. Tokens are bytes and may end inside of a character: Decode sees all of them and
// decides at the end, a Stream holds back what is not whole yet. lossy.go says what broken bytes
// become.

import "unicode/utf8"

// AppendBytes appends the raw bytes of a token to dst: nothing for an id that no token has. They
// may be part of a character.
func (t *Tokenizer) AppendBytes(dst []byte, id int) []byte {
	if id < 0 || id >= len(t.tokens) {
		return dst
	}
	return append(dst, t.tokens[id]...)
}

// Decode returns the text of ids, without special tokens if skipSpecial is set.
//
// Bytes that are not valid UTF-8 become U+FFFD, one for each maximal invalid part. Ids that no
// token has are left out: a model's vocabulary can be padded beyond the tokenizer's.
func (t *Tokenizer) Decode(ids []int, skipSpecial bool) string {
	var b []byte
	for _, id := range ids {
		if !skipSpecial || !t.IsSpecial(id) {
			b = t.AppendBytes(b, id)
		}
	}
	return validText(string(b))
}

// Stream decodes ids one at a time and gives out whole characters only.
//
// The strings of all Push calls and Flush together are what Decode gives for the same ids. A Stream
// is not safe for concurrent use.
type Stream struct {
	t           *Tokenizer
	skipSpecial bool
	held        []byte // the start of a character
}

// NewStream returns a stream that leaves special tokens out if skipSpecial is set.
func (t *Tokenizer) NewStream(skipSpecial bool) *Stream {
	return &Stream{t: t, skipSpecial: skipSpecial}
}

// Push takes the next id and returns the text that is complete with it, often none.
func (s *Stream) Push(id int) string {
	if s.skipSpecial && s.t.IsSpecial(id) {
		return ""
	}
	s.held = s.t.AppendBytes(s.held, id)
	complete := len(s.held)
	// Only the last bytes can be a character cut off: look for a start of one that lacks its end.
	for i := len(s.held) - 1; i >= 0 && i >= len(s.held)-utf8.UTFMax; i-- {
		if !utf8.RuneStart(s.held[i]) {
			continue
		}
		if !utf8.FullRune(s.held[i:]) {
			if n, cutOff := invalidPart(s.held[i:]); cutOff && i+n == len(s.held) {
				complete = i
			}
		}
		break
	}
	text := validText(string(s.held[:complete]))
	s.held = append(s.held[:0], s.held[complete:]...)
	return text
}

// Flush returns what is left at the end: U+FFFD if the last character is not whole. The stream can
// be used again afterwards.
func (s *Stream) Flush() string {
	text := validText(string(s.held))
	s.held = s.held[:0]
	return text
}
