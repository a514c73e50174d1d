// Package output turns the tokens of an answer into what a caller reads: text up to a stop string,
// what the model thinks aloud apart from what it answers.
//
// A [Parser] is one state machine over the text of the tokens so far. It has a [Phase] after each
// token, which a constraint on the output can ask for: a grammar begins in the Answer. (The sampler
// is ahead of whoever reads the answer, so a constraint feeds a Parser of its own.) Text is given
// out as soon as nothing that may follow can change it; what may be the beginning of a mark or of
// a stop string is held back until then. So an answer comes to the same in any pieces.
//
// This file has the text and the stop strings; phase.go has the phases, calls.go the tool calls
// that end a thought. The sampler's own end, by an end token or a constraint, is not seen here: the
// engine tells it, and then Flush gives out the rest.
package output

import (
	"bytes"

	"github.com/qwenvl/qwenvl/tokenizer"
)

// Parser is the state of one answer. It belongs to one goroutine.
type Parser struct {
	stream  *tokenizer.Stream
	stops   []string
	held    []byte // text not given out yet
	scanned int    // of it, what no stop string begins in
	state
}

// Marks say how a model thinks aloud.
type Marks struct {
	Open, Close string // around its thoughts, both empty for one that has none
	// Usual says that it thinks unless the prompt says otherwise, so that a closing mark without
	// an opening one ends a thought too. It costs that an output which begins with neither is held
	// back until the closing mark or the end.
	Usual bool
}

// New returns a Parser for tokens of stream. Stops are the strings that end the answer, none of
// them empty; prompt is the text that the answer follows, which may have opened the reasoning
// already, or closed it.
func New(stream *tokenizer.Stream, stops []string, marks Marks, prompt string) *Parser {
	return &Parser{stream: stream, stops: stops, state: begin(marks, prompt)}
}

// Push takes a token and returns what is certain with it. The phase is Done when a stop string was
// found; the text before it is the last.
func (p *Parser) Push(token int) (reasoning, answer string) {
	return p.Add(p.stream.Push(token), false)
}

// Flush returns what is left at the end of the tokens.
func (p *Parser) Flush() (reasoning, answer string) { return p.Add(p.stream.Flush(), true) }

// Phase returns where the answer stands after the tokens so far, text that is held back included.
func (p *Parser) Phase() Phase {
	ahead := p.state
	ahead.split(p.held, false)
	return ahead.phase
}

// Add takes text as Push takes the text of a token; last says that no more comes.
func (p *Parser) Add(text string, last bool) (reasoning, answer string) {
	p.held = append(p.held, text...)
	n, stopped := p.certain(last)
	if last = last || stopped; last {
		p.held = p.held[:n]
	}
	reasoning, answer, used := p.split(p.held[:n], last)
	p.held = p.held[used:]
	p.scanned = max(n-used, 0)
	if last {
		p.held, p.phase = nil, Done
	}
	return reasoning, answer
}

// certain returns the length of the text held that no stop string begins in: up to the first one
// that was found, or up to what may become one.
func (p *Parser) certain(last bool) (n int, stopped bool) {
	n = len(p.held)
	begun := 0
	for _, stop := range p.stops {
		if i := bytes.Index(p.held[p.scanned:], []byte(stop)); i >= 0 {
			n, stopped = min(n, p.scanned+i), true
		}
		begun = max(begun, overlap(p.held, stop))
	}
	if !stopped && !last {
		n -= begun
	}
	return n, stopped
}

// overlap returns the length of the longest end of s that begins mark and is not all of it.
func overlap(s []byte, mark string) int {
	for n := min(len(s), len(mark)-1); n > 0; n-- {
		if string(s[len(s)-n:]) == mark[:n] {
			return n
		}
	}
	return 0
}
