package engine

// One step of the loop: a step of the tower (encode.go), then a pass of the decoder.
//
//	gather   rows: one for each request that decodes, then a piece of each prompt, in the order in
//	         which requests came; features take the place of placeholders
//	forward  llm.Decoder.Forward over all of them; ErrStopped when everybody has left
//	deliver  each request's logits: prompts advance, tokens are taken
//	take     sample, tell the constraint and the caller, end at an end token, a complete
//	         constraint or the limit

import (
	"slices"
	"time"

	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/llm"
	"github.com/qwenvl/qwenvl/rope"
)

// step does one round of work. It reports whether there was any.
func (e *Engine) step() bool {
	worked := e.encodeStep()
	return e.forwardStep() || worked
}

// forwardStep runs one batch.
func (e *Engine) forwardStep() bool {
	// Gather: nobody waits for a prompt, so decoding requests come first.
	b := &e.batch
	b.Reset()
	clear(e.rows)
	e.rows, e.logits = e.rows[:0], 0
	for _, s := range e.active {
		if s.decoding() && !s.paused() {
			pos := int32(len(s.Tokens) + s.made - 1 + s.Delta)
			b.Begin(s.seq)
			b.Add(s.last, rope.Position{pos, pos, pos}, true)
			e.join(s, 1, 1)
		}
	}
	room := e.opts.Chunk
	for _, s := range e.active {
		if s.prefilling() && !s.paused() && room > 0 {
			room -= e.addPrompt(s, room)
		}
	}
	if len(e.rows) == 0 {
		return false
	}
	// Forward. The logits lie in the workspace until they are delivered.
	if !e.begin(e.rows...) {
		return true
	}
	start := time.Now()
	mark := e.ex.Mark()
	if slices.ContainsFunc(e.rows, func(s *state) bool { return s.Trace != nil }) {
		e.ex.SetTrace(e.trace)
	}
	logits, err := e.decoder.Forward(e.ex, e.cache, b)
	e.ex.SetTrace(nil)
	e.end()
	e.deliver(logits, err, time.Since(start))
	e.ex.Release(mark)
	return true
}

// join notes that the newest rows of the batch, and so many of its logits, are a request's.
func (e *Engine) join(s *state, rows, logits int) {
	s.rows, s.logits = Span{e.batch.Rows() - rows, rows}, Span{e.logits, logits}
	e.rows, e.logits = append(e.rows, s), e.logits+logits
}

// trace hands each traced request its share of a stage: of its rows, or else of the rows with
// logits. Where both are as many, both shares are the same.
func (e *Engine) trace(stage string, index int, t tensor.Tensor) {
	for _, s := range e.rows {
		share := s.rows
		if t.Rows != e.batch.Rows() {
			share = s.logits
		}
		if s.Trace != nil && share.Len > 0 {
			s.Trace(stage, index, t.Slice(share.Start, share.Start+share.Len))
		}
	}
}

// addPrompt adds at most room rows of a prompt to the batch and returns how many.
func (e *Engine) addPrompt(s *state, room int) int {
	if s.seq == nil {
		s.seq = e.cache.NewSequence(reach(s.Positions))
	}
	b := &e.batch
	b.Begin(s.seq)
	row0, n := b.Rows(), min(room, len(s.Tokens)-s.fed)
	logits := 0
	for i := s.fed; i < s.fed+n; i++ {
		wanted := s.AllLogits || i == len(s.Tokens)-1
		b.Add(s.Tokens[i], s.Positions[i], wanted)
		if wanted {
			logits++
		}
	}
	e.join(s, n, logits)
	k := 0
	for _, it := range s.Media {
		for _, span := range it.Spans {
			lo, hi := max(span.Start, s.fed), min(span.Start+span.Len, s.fed+n)
			if lo < hi {
				f := s.features[k].Slice(lo-span.Start, hi-span.Start)
				b.Splice(llm.Splice{Row: row0 + lo - s.fed, Features: f.Rows, Deep: f.Deep})
			}
			k++
		}
	}
	return n
}

// reach returns how many positions a prompt takes: one more than the last on any axis.
func reach(positions []rope.Position) int {
	n := int32(0)
	for _, p := range positions {
		n = max(n, p[0]+1, p[1]+1, p[2]+1)
	}
	return int(n)
}

// deliver hands out the results of a batch in the order that forwardStep put it together.
func (e *Engine) deliver(logits tensor.Tensor, err error, took time.Duration) {
	if err == tensor.ErrStopped {
		return // all were cancelled; admit drops them
	}
	for _, s := range e.rows {
		switch {
		case err != nil:
			e.finish(s, err, false)
		case s.decoding():
			s.times[Decode] += took
			e.take(s, logits.Row(s.logits.Start))
		default:
			s.times[Prefill] += took
			s.fed += s.rows.Len
			s.events <- Event{Kind: Progress, Stage: Prefill, Done: s.fed, Total: len(s.Tokens)}
			if s.decoding() {
				s.features, s.passes = nil, nil // the sequence has them now
				if s.MaxTokens > 0 {
					e.take(s, logits.Row(s.logits.Start+s.logits.Len-1))
				} else {
					e.finish(s, nil, false) // only the prompt's pass was asked for
				}
			}
		}
	}
}

// take samples the next token of a request.
func (e *Engine) take(s *state, logits []float32) {
	token, err := s.Sampler.Sample(logits)
	if err != nil {
		e.finish(s, err, false)
		return
	}
	if s.made < len(s.Forced) {
		token = s.Forced[s.made]
	}
	complete := s.Sampler.Accept(token)
	s.made++
	s.last = token
	s.events <- Event{Kind: Token, Token: token, Times: s.times}
	if complete || s.ends(token) {
		e.finish(s, nil, true)
	} else if s.made == s.MaxTokens {
		e.finish(s, nil, false)
	}
}
