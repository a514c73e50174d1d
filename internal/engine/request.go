package engine

import (
	"context"
	"slices"
	"time"

	"github.com/qwenvl/qwenvl/internal/sample"
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/llm"
	"github.com/qwenvl/qwenvl/rope"
)

// Request is a prompt to continue. Its fields do not change after Submit.
type Request struct {
	Tokens    []int
	Positions []rope.Position // one for each token
	Delta     int             // rope delta: the token with index i past the prompt has position i + Delta
	Media     []*MediaItem    // pictures and videos to encode first, in the order of the prompt
	MaxTokens int             // prompt and MaxTokens fit into the context
	EOS       []int           // tokens that end the text
	Sampler   *sample.Sampler

	// For judging, and for what users want besides an answer: a trace of the stages of this request's rows, logits of
	// every prompt token, and tokens to take in place of the sampled ones. With a trace, MaxTokens may be 0: the
	// request then ends when the prompt is read, or, when there are no Tokens, when the media are encoded.
	Trace     tensor.Trace
	AllLogits bool
	Forced    []int
}

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
	Token       int                      // of a Token event
	Stage       Stage                    // of a Progress event
	Done, Total int                      // of a Progress event: steps or tokens
	Err         error                    // of an End event; nil after a normal end
	Stopped     bool                     // of an End event: an end token came, or the sampler's constraint is complete (else the limit was reached)
	Times       [numStages]time.Duration // of Token and End events: where the time went
}

// Kind tells events apart.
type Kind uint8

// The kinds of events.
const (
	Progress Kind = iota
	Token
	End
)

// eventRoom is how many events wait for a slow reader before its sequence pauses; reserve is kept for its end.
const (
	eventRoom    = 64
	eventReserve = 4
)

// Handle follows a submitted request.
type Handle struct {
	engine *Engine
	events chan Event
}

// Next returns the next event, or ctx's error. After an End event there are no more. When the engine's loop has panicked, an End
// event with a *[pool.Panic] comes in place of what it has not delivered.
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

// state is a request at work.
type state struct {
	*Request
	ctx       context.Context
	events    chan Event
	cancelled bool // guarded by Engine.mu
	unwatch   func() bool

	passes   []*pass // not yet done
	stepped  int     // steps of all passes done
	steps    int     // steps of all passes
	features []Features
	seq      *llm.Sequence
	fed      int // prompt tokens in the sequence
	made     int // tokens generated
	last     int // the newest one, not yet in the sequence
	times    [numStages]time.Duration

	rows, logits Span // its share of the rows and of the logits of the present batch
}

// wanted reports whether somebody waits for the request. Engine.mu must be held.
func (s *state) wanted() bool { return !s.cancelled }

func (s *state) paused() bool { return len(s.events) >= eventRoom-eventReserve }

func (s *state) encoding() bool { return len(s.passes) > 0 }

func (s *state) prefilling() bool { return !s.encoding() && s.fed < len(s.Tokens) }

func (s *state) decoding() bool { return !s.encoding() && s.fed == len(s.Tokens) }

func (s *state) ends(token int) bool { return slices.Contains(s.EOS, token) }
