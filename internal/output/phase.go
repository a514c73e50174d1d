package output

// The phases of an answer, and how its text is divided among them. Text is taken piece by piece:
// what cannot be divided yet stays held and comes again, longer. Stop strings have been looked for
// before; see parser.go.
//
// The rules, after vLLM's parser for Qwen3:
//   - the opening mark stands in the prompt, or begins the output, or both, or more than once;
//   - with Marks.Usual it may be missing: then all before the closing mark is reasoning;
//   - a second closing mark is text of the answer;
//   - without a closing mark all is reasoning, up to a tool call if there is one (calls.go). A call
//     before a closing mark is only talked about. So from a call on, the text waits for the mark or
//     the end.

import (
	"bytes"
	"strings"
)

// Phase is a part of an answer. Phases follow one another in the order of their values; any may be
// left out.
type Phase uint8

// The phases.
const (
	Undecided Phase = iota // nothing so far says whether this is reasoning
	Reasoning              // before the closing mark
	Answer
	Done // a stop string was found, or the tokens have ended
)

// What may stand around marks, and how much of it at most.
const (
	blank     = " \t\r\n"
	maxBlanks = 64
)

// afterBlanks drops the blanks, not too many of them, that a text begins with.
func afterBlanks(text []byte) []byte {
	blanks := text[:min(len(text), maxBlanks)]
	return text[len(blanks)-len(bytes.TrimLeft(blanks, blank)):]
}

// state is where the text stands.
type state struct {
	Marks
	phase Phase
	fresh bool // nothing of the phase yet: newlines at its start are dropped
	// Of the text held, so that none of it is looked at twice: where the closing mark may still
	// begin, and the tool call that ends the reasoning if no closing mark comes.
	from int
	call callSearch
}

// begin returns the state before the first token. A prompt may end within a message of the model
// that the answer goes on with.
func begin(marks Marks, prompt string) state {
	s := state{Marks: marks}
	if s.Open == "" {
		s.phase = Answer
		return s
	}
	const header = "assistant" // in every chat format that has thoughts
	message, continued := prompt, false
	if i := strings.LastIndex(prompt, header); i >= 0 {
		message = strings.TrimPrefix(prompt[i+len(header):], "<|im_middle|>")
		continued = true
	}
	message = strings.TrimRight(message, blank)
	opened, closed := strings.LastIndex(message, s.Open), strings.LastIndex(message, s.Close)
	switch {
	case strings.HasSuffix(message, s.Open):
		s.phase, s.fresh = Reasoning, true
	case strings.HasSuffix(message, s.Close):
		s.Usual = false // thinking is switched off
	case continued && opened > closed:
		s.phase = Reasoning
	case continued && message != "":
		s.phase = Answer
	}
	return s
}

// split divides text, the first of what was not divided yet, and moves on through the phases. The
// first used bytes are done with; the rest is to come again with what follows it. With last set
// there is no rest.
func (s *state) split(text []byte, last bool) (reasoning, answer string, used int) {
	if s.phase == Undecided {
		if reasoning, used = s.decide(text, last); s.phase == Undecided {
			return "", "", 0
		}
	}
	if s.phase == Reasoning {
		var n int
		reasoning, n = s.reason(text[used:], last)
		if used += n; s.phase == Reasoning {
			return reasoning, "", used
		}
	}
	text = text[used:]
	used += len(text)
	if s.fresh {
		text = bytes.TrimLeft(text, "\n")
		s.fresh = len(text) == 0
	}
	return reasoning, string(text), used
}

// decide looks for the opening mark at the start of the output, and for a closing one without it.
func (s *state) decide(text []byte, last bool) (reasoning string, used int) {
	start := afterBlanks(text)
	begun := len(text)-len(start) < maxBlanks
	switch {
	case begun && bytes.HasPrefix(start, []byte(s.Open)):
		s.phase, s.fresh, s.from = Reasoning, true, 0
		return "", len(text) - len(start)
	case begun && !last && strings.HasPrefix(s.Open, string(start[:min(len(start), len(s.Open))])):
		return "", 0
	case s.Usual:
		if i := s.close(text); i >= 0 {
			s.phase, s.fresh = Answer, true
			return string(bytes.Trim(text[:i], "\n")), i + len(s.Close)
		}
		if !last {
			return "", 0
		}
	}
	s.phase = Answer
	return "", 0
}

// close returns where the closing mark begins in the text held, or -1.
func (s *state) close(text []byte) int {
	if i := bytes.Index(text[s.from:], []byte(s.Close)); i >= 0 {
		return s.from + i
	}
	s.from = max(s.from, len(text)-len(s.Close)+1)
	return -1
}

// reason returns the certain part of the reasoning, without newlines at its ends, and how much of
// the text is done with.
func (s *state) reason(text []byte, last bool) (reasoning string, used int) {
	if s.fresh {
		var open bool
		if used, open = s.opened(text, last); open {
			s.from = 0
			return "", used
		}
	}
	at := used
	if i := s.close(text); i >= at {
		s.phase, s.fresh = Answer, true
		return string(trimNewlines(text[at:i])), i + len(s.Close)
	}
	n := s.call.find(text, at, last)
	if last && s.call.found {
		s.phase, s.fresh = Answer, false
		return string(trimNewlines(text[at:n])), n
	}
	if last {
		return string(text[at:]), len(text)
	}
	n = min(n, len(text)-overlap(text[at:], s.Close))
	n = at + len(trimNewlines(text[at:n]))
	s.fresh = s.fresh && n == at
	s.from = max(s.from-n, 0)
	s.call.drop(n)
	return string(text[at:n]), n
}

// opened returns the length of the opening marks that the reasoning begins with, and of the
// newlines around them; open says that there may be more of either.
func (s *state) opened(text []byte, last bool) (used int, open bool) {
	for {
		used += len(text[used:]) - len(bytes.TrimLeft(text[used:], "\n"))
		start := afterBlanks(text[used:])
		if !bytes.HasPrefix(start, []byte(s.Open)) {
			begun := len(start) < len(s.Open) && strings.HasPrefix(s.Open, string(start))
			return used, begun && !last
		}
		used = len(text) - len(start) + len(s.Open)
	}
}

// trimNewlines drops the newlines, not too many of them, that a text ends with.
func trimNewlines(text []byte) []byte {
	end := text[max(len(text)-maxBlanks, 0):]
	return text[:len(text)-len(end)+len(bytes.TrimRight(end, "\n"))]
}
