package qwenvl

import "strings"

// thinking splits what a model thinks aloud from its answer: text between marks, at the start of the output or begun by the prompt
// already. Text that may be part of a mark is held back. The zero value splits nothing.
type thinking struct {
	open, close string
	state       thinkState
	begun       bool // some reasoning was given out
	held        string
}

type thinkState uint8

const (
	thinkAnswer  thinkState = iota
	thinkUnknown            // nothing but space so far
	thinkInside
	thinkAfter // past the closing mark: newlines before the answer are dropped
)

// newThinking returns the splitter for a prompt; marks are empty for a model that does not think.
func newThinking(marks [2]string, prompt string) thinking {
	t := thinking{open: marks[0], close: marks[1]}
	if t.open == "" {
		return t
	}
	t.state = thinkUnknown
	if strings.HasSuffix(strings.TrimRight(prompt, "\n "), t.open) {
		t.state = thinkInside
	}
	return t
}

// push takes text and returns what is certain with it. With last set, nothing is held back.
func (t *thinking) push(s string, last bool) (reasoning, text string) {
	t.held += s
	if t.state == thinkUnknown {
		t.decide(last)
	}
	if t.state == thinkInside {
		reasoning = t.inside(last)
	}
	if t.state == thinkAfter {
		t.held = strings.TrimLeft(t.held, "\n")
		if t.held != "" {
			t.state = thinkAnswer
		}
	}
	if t.state == thinkAnswer {
		text, t.held = t.held, ""
	}
	return reasoning, text
}

// decide looks for the opening mark at the start of the output.
func (t *thinking) decide(last bool) {
	start := strings.TrimLeft(t.held, "\n ")
	switch {
	case strings.HasPrefix(start, t.open):
		t.held, t.state = start[len(t.open):], thinkInside
	case last || start != "" && !strings.HasPrefix(t.open, start):
		t.state = thinkAnswer
	}
}

// inside returns the certain part of the reasoning, without newlines at its ends.
func (t *thinking) inside(last bool) string {
	if !t.begun {
		t.held = strings.TrimLeft(t.held, "\n")
	}
	if i := strings.Index(t.held, t.close); i >= 0 {
		out := strings.TrimRight(t.held[:i], "\n")
		t.held, t.state = t.held[i+len(t.close):], thinkAfter
		return out
	}
	n := len(t.held)
	if !last {
		n -= overlap(t.held, t.close)
		n = len(strings.TrimRight(t.held[:n], "\n"))
	}
	out := t.held[:n]
	t.held = t.held[n:]
	t.begun = t.begun || out != ""
	return out
}
