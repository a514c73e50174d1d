package engine

import (
	"time"

	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/llm"
	"github.com/qwenvl/qwenvl/rope"
)

// step does one round of work: a block of the first picture that waits, then one forward pass over the next token of
// every decoding request and a chunk of the first prompts that are ready. It reports whether there was any.
func (e *Engine) step() bool {
	worked := e.encodeStep()
	return e.forwardStep() || worked
}

// encodeStep advances the vision work of the first request that has some.
func (e *Engine) encodeStep() bool {
	for _, s := range e.active {
		if !s.encoding() || s.paused() {
			continue
		}
		if e.begin(s) {
			start := time.Now()
			e.encode(s)
			e.end()
			if s.Request != nil {
				s.times[Encode] += time.Since(start)
			}
		}
		return true
	}
	return false
}

func (e *Engine) encode(s *state) {
	e.ex.SetTrace(s.Trace)
	defer e.ex.SetTrace(nil)
	p := s.Passes[s.pass]
	done, err := p.Job.Step(e.ex)
	switch {
	case err == tensor.ErrStopped:
		return // admit drops it
	case err != nil:
		e.finish(s, err, false)
		return
	}
	s.stepped++
	if done {
		features := p.Job.Features()
		at := 0
		for _, span := range p.Spans {
			s.features = append(s.features, features.Slice(at, at+span.Len))
			at += span.Len
		}
		s.Passes[s.pass].Job = nil // it holds on to the pictures
		s.pass++
	}
	s.events <- Event{Kind: Progress, Stage: Encode, Done: s.stepped, Total: s.steps}
}

// forwardStep runs one batch.
func (e *Engine) forwardStep() bool {
	b := &e.batch
	b.Reset()
	clear(e.rows)
	e.rows = e.rows[:0]
	var trace tensor.Trace
	for _, s := range e.active {
		if s.decoding() && !s.paused() {
			pos := int32(len(s.Tokens) + s.made - 1 + s.Delta)
			b.Begin(s.seq)
			b.Add(s.last, rope.Position{pos, pos, pos}, true)
			e.rows = append(e.rows, s)
			trace = s.Trace
		}
	}
	room := e.opts.Chunk
	for _, s := range e.active {
		if s.prefilling() && !s.paused() && room > 0 {
			room -= e.addPrompt(s, room)
			e.rows = append(e.rows, s)
			trace = s.Trace
		}
	}
	if len(e.rows) == 0 {
		return false
	}
	if !e.begin(e.rows...) {
		return true
	}
	start := time.Now()
	mark := e.ex.Mark()
	e.ex.SetTrace(trace)
	logits, err := e.decoder.Forward(e.ex, e.cache, b)
	e.ex.SetTrace(nil)
	e.end()
	e.deliver(logits, err, time.Since(start))
	e.ex.Release(mark)
	return true
}

// addPrompt adds at most room rows of a prompt to the batch and returns how many.
func (e *Engine) addPrompt(s *state, room int) int {
	if s.seq == nil {
		s.seq = e.cache.NewSequence(len(s.Tokens))
	}
	b := &e.batch
	b.Begin(s.seq)
	row0, n := b.Rows(), min(room, len(s.Tokens)-s.fed)
	for i := s.fed; i < s.fed+n; i++ {
		b.Add(s.Tokens[i], s.Positions[i], s.AllLogits || i == len(s.Tokens)-1)
	}
	k := 0
	for _, p := range s.Passes {
		for _, span := range p.Spans {
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

// deliver hands out the results of a batch in the order that forwardStep put it together.
func (e *Engine) deliver(logits tensor.Tensor, err error, took time.Duration) {
	if err == tensor.ErrStopped {
		return // all were cancelled; admit drops them
	}
	row, room := 0, e.opts.Chunk
	for _, s := range e.rows {
		switch {
		case err != nil:
			e.finish(s, err, false)
		case s.decoding():
			s.times[Decode] += took
			e.take(s, logits.Row(row))
			row++
		default:
			s.times[Prefill] += took
			n := min(room, len(s.Tokens)-s.fed)
			room -= n
			s.fed += n
			if s.AllLogits {
				row += n
			} else if s.decoding() {
				row++
			}
			s.events <- Event{Kind: Progress, Stage: Prefill, Done: s.fed, Total: len(s.Tokens)}
			if s.decoding() {
				e.take(s, logits.Row(row-1))
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
