package grounding

// Thoughts in an answer, of models that think aloud without their family's marks. What is guessed
// there is no answer.

import (
	"regexp"
	"strings"
)

// thoughtMark is a mark that opens a thought, at the start of a line or behind another thought, or
// one that closes it.
var thoughtMark = regexp.MustCompile(`(?m)(^\s*)?` +
	`(?:<(?:think|thinking|thought|reasoning)>|◁think▷)|` +
	`</(?:think|thinking|thought|reasoning)>|◁/think▷`)

// answer returns a text with blanks in place of its thoughts. One that is not closed goes on to the
// end, one that is not opened begins the text.
func answer(text string) string {
	if !strings.Contains(text, "th") && !strings.Contains(text, "reasoning") {
		return text
	}
	marks := thoughtMark.FindAllStringSubmatchIndex(text, -1)
	if len(marks) == 0 {
		return text
	}
	var b strings.Builder
	kept, open, closed := 0, -1, false
	blank := func(from, to int) {
		b.WriteString(text[kept:from])
		b.WriteString(strings.Repeat(" ", to-from))
		kept = to
	}
	for _, m := range marks {
		closes := strings.Contains(text[m[0]:m[1]], "/")
		switch {
		case !closes && open < 0:
			if m[2] >= 0 || closed && strings.TrimSpace(text[kept:m[0]]) == "" {
				open = m[0]
			}
		case closes && open >= 0:
			blank(open, m[1])
			open, closed = -1, true
		case closes && !closed:
			blank(0, m[1])
			closed = true
		}
	}
	if open >= 0 {
		blank(open, len(text))
	}
	b.WriteString(text[kept:])
	return b.String()
}
