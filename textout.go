package qwenvl

import (
	"fmt"
	"strings"

	"github.com/qwenvl/qwenvl/tokenizer"
)

// Bounds on a request's stop strings; searching them costs time for every token.
const (
	maxStops     = 64
	maxStopBytes = 1 << 10
)

func checkStops(stops []string) error {
	if len(stops) > maxStops {
		return requestError("Stop", fmt.Sprintf("%d strings, at most %d", len(stops), maxStops))
	}
	for i, s := range stops {
		if s == "" || len(s) > maxStopBytes {
			return requestError(fmt.Sprintf("Stop[%d]", i), fmt.Sprintf("%d bytes, not in 1…%d", len(s), maxStopBytes))
		}
	}
	return nil
}

// textOut turns tokens into text and looks for stop strings across their borders: text that may be the beginning of one is held
// back.
type textOut struct {
	stream *tokenizer.Stream
	stops  []string
	held   string
}

// push takes a token and returns the text that is certain with it. stopped says that a stop string was found; the text
// before it is the last.
func (t *textOut) push(token int) (text string, stopped bool) {
	return t.add(t.stream.Push(token), false)
}

// flush returns what is left at the end.
func (t *textOut) flush() string {
	text, _ := t.add(t.stream.Flush(), true)
	return text
}

func (t *textOut) add(s string, last bool) (string, bool) {
	t.held += s
	first := -1
	for _, stop := range t.stops {
		if i := strings.Index(t.held, stop); i >= 0 && (first < 0 || i < first) {
			first = i
		}
	}
	if first >= 0 {
		return t.held[:first], true
	}
	keep := 0
	if !last {
		for _, stop := range t.stops {
			keep = max(keep, overlap(t.held, stop))
		}
	}
	out := t.held[:len(t.held)-keep]
	t.held = t.held[len(out):]
	return out, false
}

// overlap returns the length of the longest end of s that begins stop.
func overlap(s, stop string) int {
	for n := min(len(s), len(stop)-1); n > 0; n-- {
		if strings.HasSuffix(s, stop[:n]) {
			return n
		}
	}
	return 0
}
