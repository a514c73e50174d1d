package main

// The time in which all sequences of a batch decode at once.

import (
	"sync"
	"time"
)

// window is the time in which all sequences of a batch decode: from the first token of the one that
// starts last until each has made a number of tokens since. Its methods are safe for concurrent
// use.
type window struct {
	decode int // tokens that each sequence makes in the window

	mu      sync.Mutex
	started []bool
	made    []int // of each sequence since the window began
	waiting int   // sequences without a token
	short   int   // sequences that have not made their share
	begin   time.Time
	end     time.Time
}

func newWindow(batch, decode int) *window {
	return &window{decode: decode, started: make([]bool, batch), made: make([]int, batch), waiting: batch, short: batch}
}

// token counts a token of a sequence. It reports whether the window is over.
func (w *window) token(sequence int, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.short == 0:
		return true
	case w.waiting == 0:
		w.made[sequence]++
		if w.made[sequence] == w.decode {
			w.short--
		}
	case !w.started[sequence]:
		w.started[sequence] = true
		w.waiting--
		w.begin = now
	}
	w.end = now
	return w.short == 0
}

// over reports whether every sequence made its share.
func (w *window) over() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.short == 0
}

// rate returns tokens a second of all sequences together.
func (w *window) rate() float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	tokens := 0
	for _, n := range w.made {
		tokens += n
	}
	return float64(tokens) / w.end.Sub(w.begin).Seconds()
}
