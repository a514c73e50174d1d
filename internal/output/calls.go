package output

// Tool calls in a thought. A model may begin a call and forget to close its thought first; it may
// also talk about calls. What looks like a call counts only where no closing mark follows.

import (
	"bytes"
	"strings"
)

// callMarks are what begins a tool call, each with what must follow it, blanks aside: a thought
// may name the mark.
var callMarks = []struct {
	mark    string
	follows []string
}{
	{"<tool_call>", []string{"{", "<function"}},
	{"<|tool_calls_section_begin|>", []string{""}},
}

// callSearch looks for the first tool call in text that grows.
type callSearch struct {
	from  int // where one may still begin
	found bool
}

// find returns where the first tool call begins, or what may become one; else the text's length.
// None begins before at.
func (c *callSearch) find(text []byte, at int, last bool) int {
	c.from = max(c.from, at)
	for !c.found {
		i, open := nextCall(text[c.from:], last)
		c.from += i
		if open || c.from == len(text) {
			break
		}
		if c.found = isCall(text[c.from:]); !c.found {
			c.from++
		}
	}
	return c.from
}

// drop says that the first n bytes of the text are gone.
func (c *callSearch) drop(n int) { c.from = max(c.from-n, 0) }

// nextCall returns where a mark begins, or the text's length; open says that more text must tell
// whether there is a call.
func nextCall(text []byte, last bool) (at int, open bool) {
	at = len(text)
	for _, c := range callMarks {
		i := bytes.Index(text[:min(at+len(c.mark)-1, len(text))], []byte(c.mark))
		switch {
		case i >= 0:
			at, open = i, false
			rest := afterBlanks(text[i+len(c.mark):])
			for _, f := range c.follows {
				open = open || !last && len(rest) < len(f) && strings.HasPrefix(f, string(rest))
			}
		case !last:
			if i = len(text) - overlap(text, c.mark); i < at {
				at, open = i, true
			}
		}
	}
	return at, open
}

// isCall reports whether a call begins the text.
func isCall(text []byte) bool {
	for _, c := range callMarks {
		rest, ok := bytes.CutPrefix(text, []byte(c.mark))
		for _, f := range c.follows {
			if ok && bytes.HasPrefix(afterBlanks(rest), []byte(f)) {
				return true
			}
		}
	}
	return false
}
