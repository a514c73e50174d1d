package engine

// What a caller hears of its request: progress, tokens, and in any case one end.
//
// Events wait in a channel of the request's own, so that the loop never waits for a reader: it
// leaves requests out of its steps whose channel is nearly full (state.paused), and the reader
// wakes it when there is room again.

import (
	"context"
	"time"
)

// Stage is a part of a request's work.
type Stage uint8

// The stages, in order.
const (
	Encode Stage = iota
	Prefill
	Decode
	Pixels // the making of pixels, of which there is no progress
	numStages
)

// Event is news of a request: progress, a token, or its end.
type Event struct {
	Kind        Kind
	Token       int   // of a Token event
	Stage       Stage // of a Progress event
	Done, Total int   // of a Progress event: steps or tokens
	Err         error // of an End event; nil after a normal end

	// Of an End event: an end token came, or the sampler's constraint is complete; else the limit
	// was reached.
	Stopped bool
	// Of Token and End events: where the time went.
	Times [numStages]time.Duration
}

// Kind tells events apart.
type Kind uint8

// The kinds of events.
const (
	Progress Kind = iota
	Token
	End
)

// eventRoom is how many events wait for a slow reader before its sequence pauses; reserve is kept
// for its end.
const (
	eventRoom    = 64
	eventReserve = 4
)

// Handle follows a submitted request.
type Handle struct {
	engine *Engine
	events chan Event
}

// Next returns the next event, or ctx's error. After an End event there are no more. When the
// engine's loop has panicked, an End event with a *pool.Panic comes in place of what it has not
// delivered.
func (h *Handle) Next(ctx context.Context) (Event, error) {
	if err := ctx.Err(); err != nil { // also where events are waiting
		return Event{}, err
	}
	select {
	case ev := <-h.events:
		if len(h.events) == eventRoom-eventReserve-1 {
			h.engine.poke()
		}
		return ev, nil
	case <-ctx.Done():
		return Event{}, ctx.Err()
	case <-h.engine.done: // no more events are made
	}
	select {
	case ev := <-h.events:
		return ev, nil
	default:
		return Event{Kind: End, Err: h.engine.failure}, nil
	}
}
