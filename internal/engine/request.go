package engine

// A request as it is submitted, and what the loop keeps of it until its end. The methods of state
// say in which stage it is: encoding, prefilling, decoding, one after the other.

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
	Delta     int             // the token with index i past the prompt has position i + Delta
	Media     []*MediaItem    // what to encode first, in the order of the prompt
	MaxTokens int             // prompt and MaxTokens fit into the context
	EOS       []int           // tokens that end the text
	Sampler   *sample.Sampler

	// For judging, and for what users want besides an answer: a trace of the stages of this
	// request's rows, logits of every prompt token, and tokens to take in place of the sampled
	// ones. With a trace, MaxTokens may be 0: the request then ends when the prompt is read, or,
	// when there are no Tokens, when the media are encoded.
	Trace     tensor.Trace
	AllLogits bool
	Forced    []int
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
