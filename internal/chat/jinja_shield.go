package chat

// How text from outside goes through a foreign template and stays apart from what the template
// writes: spellings of special tokens in it are hidden before, and put back afterwards.

import "strings"

// shield keeps text from outside apart: each special-token spelling in it, and each piece at its
// ends that could complete one with what stands next to it, is replaced by one private-use
// character before the template runs, and put back as untrusted text afterwards.
type shield struct {
	specials []string
	runes    *privateRunes
	byText   map[string]rune
	byRune   map[rune]string
	err      error
}

func newShield(specials []string, runes *privateRunes) *shield {
	return &shield{specials: specials, runes: runes, byText: make(map[string]rune), byRune: make(map[rune]string)}
}

func (s *shield) hide(text string) string {
	c, ok := s.byText[text]
	if !ok {
		var err error
		if c, err = s.runes.next(); err != nil {
			s.err = err
			return text
		}
		s.byText[text], s.byRune[c] = c, text
	}
	return string(c)
}

func (s *shield) protect(text string) string {
	if len(s.specials) == 0 || text == "" {
		return text
	}
	var first [256]bool
	for _, sp := range s.specials {
		first[sp[0]] = true
	}
	var b strings.Builder
	from := 0
scan:
	for i := 0; i < len(text); {
		if first[text[i]] {
			for _, sp := range s.specials {
				if strings.HasPrefix(text[i:], sp) {
					b.WriteString(text[from:i])
					b.WriteString(s.hide(sp))
					i += len(sp)
					from = i
					continue scan
				}
			}
		}
		i++
	}
	b.WriteString(text[from:])
	return s.ends(b.String())
}

// ends hides the longest start of a special at the text's end, and the longest end of one at its
// start. White space around is looked through, since templates trim it.
func (s *shield) ends(text string) string {
	core := trimSpace(text)
	at := strings.Index(text, core)
	head, tail := 0, 0
	for _, sp := range s.specials {
		for n := min(len(sp)-1, len(core)); n > tail; n-- {
			if strings.HasSuffix(core, sp[:n]) {
				tail = n
			}
		}
		for n := min(len(sp)-1, len(core)); n > head; n-- {
			if strings.HasPrefix(core, sp[len(sp)-n:]) {
				head = n
			}
		}
	}
	if head+tail >= len(core) && head+tail > 0 {
		return text[:at] + s.hide(core) + text[at+len(core):]
	}
	out := text[:at]
	if head > 0 {
		out += s.hide(core[:head])
	}
	out += core[head : len(core)-tail]
	if tail > 0 {
		out += s.hide(core[len(core)-tail:])
	}
	return out + text[at+len(core):]
}

func (s *shield) restore(text string) spans {
	var out spans
	from := 0
	for i, c := range text {
		if c < firstPrivate {
			continue
		}
		if hidden, ok := s.byRune[c]; ok {
			out.write(text[from:i])
			out.insert(hidden)
			from = i + len(string(c))
		}
	}
	out.write(text[from:])
	return out
}
