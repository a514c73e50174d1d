package output

// The phases of an answer, and how its text is divided among them. Text is taken piece by piece:
// what cannot be divided yet comes back to be held. Stop strings have been looked for before; see
// parser.go.

import "strings"

// Phase is a part of an answer. Phases follow one another in the order of their values; any may be
// left out.
type Phase uint8

// The phases.
const (
	Undecided Phase = iota // only space so far: reasoning may begin
	Reasoning              // between the marks
	Answer
	Done // a stop string was found, or the tokens have ended
)

// state is where the text stands.
type state struct {
	open, close string // the marks around reasoning
	phase       Phase
	fresh       bool // nothing of the phase yet: newlines at its start are dropped
}

// begin returns the state before the first token.
func begin(marks [2]string, prompt string) state {
	s := state{open: marks[0], close: marks[1]}
	switch {
	case s.open == "":
		s.phase = Answer
	case strings.HasSuffix(strings.TrimRight(prompt, "\n "), s.open):
		s.phase, s.fresh = Reasoning, true
	}
	return s
}

// split divides text, the first of what was not divided yet, and moves on through the phases. rest
// is to come again with what follows it; with last set, there is none.
func (s *state) split(text string, last bool) (reasoning, answer, rest string) {
	if s.phase == Undecided {
		if text = s.decide(text, last); s.phase == Undecided {
			return "", "", text
		}
	}
	if s.phase == Reasoning {
		if reasoning, text = s.reason(text, last); s.phase == Reasoning {
			return reasoning, "", text
		}
	}
	if s.fresh {
		text = strings.TrimLeft(text, "\n")
		s.fresh = text == ""
	}
	return reasoning, text, ""
}

// decide looks for the opening mark at the start of the output, and drops it.
func (s *state) decide(text string, last bool) string {
	start := strings.TrimLeft(text, "\n ")
	switch {
	case strings.HasPrefix(start, s.open):
		s.phase, s.fresh = Reasoning, true
		return start[len(s.open):]
	case last || start != "" && !strings.HasPrefix(s.open, start):
		s.phase = Answer
	}
	return text
}

// reason returns the certain part of the reasoning, without newlines at its ends, and what follows
// it.
func (s *state) reason(text string, last bool) (reasoning, rest string) {
	if s.fresh {
		text = strings.TrimLeft(text, "\n")
	}
	if i := strings.Index(text, s.close); i >= 0 {
		s.phase, s.fresh = Answer, true
		return strings.TrimRight(text[:i], "\n"), text[i+len(s.close):]
	}
	n := len(text)
	if !last {
		n -= overlap(text, s.close)
		n = len(strings.TrimRight(text[:n], "\n"))
	}
	s.fresh = s.fresh && n == 0
	return text[:n], text[n:]
}
