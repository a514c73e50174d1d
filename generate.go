package qwenvl

// From a request to its answer, on the caller's side: the prompt is laid out (internal/processor),
// the engine's events become deltas (internal/output), and errors get their public types.
// features.go has requests without an answer.

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/qwenvl/qwenvl/internal/engine"
	"github.com/qwenvl/qwenvl/internal/hooks"
	"github.com/qwenvl/qwenvl/internal/output"
	"github.com/qwenvl/qwenvl/internal/pool"
	"github.com/qwenvl/qwenvl/internal/processor"
	"github.com/qwenvl/qwenvl/preprocess"
)

// Generate answers a request.
//
// Errors: *[RequestError]; [ErrContextFull]; [ErrBadLogits]; [ErrClosed]; ctx's error, within a
// tenth of a second of its end; *[InternalError] after a panic inside the library, and from then on
// for every request. A panic in the caller's own r.Progress, or in the loop over [Model.Stream], is
// the caller's and leaves the model usable.
func (m *Model) Generate(ctx context.Context, r Request) (*Response, error) {
	var acc Accumulator
	for d, err := range m.Stream(ctx, r) {
		if err != nil {
			return nil, err
		}
		acc.Add(d)
	}
	return acc.Response(), nil
}

// Stream is [Model.Generate] with the answer piece by piece. Leaving the loop cancels the request.
// An error comes as the last pair. Each range over the sequence is a request of its own: a second
// one asks the same again, under the same ctx, and draws anew where no seed is given.
func (m *Model) Stream(ctx context.Context, r Request) iter.Seq2[Delta, error] {
	return func(yield func(Delta, error) bool) {
		ctx, leave, err := m.enter(ctx)
		if err != nil {
			yield(Delta{}, err)
			return
		}
		defer leave()
		r := r // each range is a request of its own
		g := generation{model: m, req: &r, yield: yield, start: time.Now()}
		if err := m.outcome(ctx, g.run(ctx)); err != nil && !g.left {
			yield(Delta{}, err)
		}
	}
}

// generation is one request on the caller's side.
type generation struct {
	model *Model
	req   *Request
	yield func(Delta, error) bool
	left  bool // the caller has left the loop
	start time.Time

	prompt  *processor.Prompt
	places  placing
	tokens  []int // since the delta before
	made    int
	seed    uint64
	timings Timings
	out     *output.Parser
	eos     []int
	hooks   *hooks.Hooks // nil: none
}

func (g *generation) run(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	req, err := g.prepare(ctx)
	if err != nil {
		return err
	}
	g.timings.Preprocess = time.Since(g.start)
	h, err := g.model.engine.Submit(ctx, req)
	if err != nil {
		return publicError(err)
	}
	g.out = output.New(g.model.tok.NewStream(false), g.req.Stop, g.model.marks, g.prompt.Text)
	for {
		ev, err := h.Next(ctx)
		if err != nil {
			return err
		}
		switch ev.Kind {
		case engine.Progress:
			g.req.progress(ev)
		case engine.Token:
			if done := g.token(ev); done || g.left {
				return nil
			}
		case engine.End:
			if ev.Err != nil {
				return publicError(ev.Err)
			}
			g.stages(ev)
			finish := FinishLength
			if ev.Stopped {
				finish = FinishStop
			}
			reasoning, answer := g.out.Flush()
			g.finish(finish, reasoning, answer)
			return nil
		}
	}
}

// progress tells the caller how far the work before the first token has come.
func (r *Request) progress(ev engine.Event) {
	if r.Progress != nil && ev.Kind == engine.Progress {
		stage := [...]string{engine.Encode: "vision", engine.Prefill: "prefill"}[ev.Stage]
		r.Progress(Progress{Stage: stage, Done: ev.Done, Total: ev.Total})
	}
}

// prepare turns the request into what the engine takes.
func (g *generation) prepare(ctx context.Context) (*engine.Request, error) {
	m, h := g.model, hooks.From(ctx)
	sampling, seed, err := m.sampler(g.req.Sampling)
	if err != nil {
		return nil, err
	}
	g.seed = seed
	if err := checkStops(g.req.Stop); err != nil {
		return nil, err
	}
	if g.req.MaxTokens < 0 {
		return nil, requestError("MaxTokens", "below 0")
	}
	if g.prompt, err = m.seeing(ctx, m.builder(g.req)); err != nil {
		return nil, err
	}
	n := len(g.prompt.Tokens)
	room := m.context - n
	if room < 1 {
		return nil, &contextError{prompt: n, context: m.context}
	}
	r := &engine.Request{
		Tokens: g.prompt.Tokens, Positions: g.prompt.Positions, Delta: g.prompt.Delta,
		MaxTokens: room, EOS: m.spec.EOS,
		Sampler: sampling,
	}
	if g.req.MaxTokens > 0 {
		r.MaxTokens = min(g.req.MaxTokens, room)
	}
	r.Sampler.Observe(g.prompt.Tokens)
	r.Sampler.Limit(r.EOS, r.MaxTokens)
	r.Media, g.places = m.media(g.prompt, h)
	if h != nil {
		r.Trace, r.AllLogits, r.Forced = h.Trace, h.AllLogits, h.Forced
		if h.IgnoreEOS {
			r.EOS = nil
		}
		if h.Prompt != nil {
			h.Prompt(g.prompt)
		}
	}
	g.eos, g.hooks = r.EOS, h
	return r, nil
}

// prompt lays out a request.
func (m *Model) prompt(ctx context.Context, r *Request) (*processor.Prompt, error) {
	req, err := r.conversation()
	if err != nil {
		return nil, err
	}
	return m.processor.Prompt(ctx, req)
}

// builder is prompt for the engine.
func (m *Model) builder(r *Request) builder {
	return func(ctx context.Context) (*processor.Prompt, error) { return m.prompt(ctx, r) }
}

// builder makes a prompt; it returns early, with ctx's error, when ctx ends.
type builder func(ctx context.Context) (*processor.Prompt, error)

// seeing is aside for a prompt that the engine will run: it packs the tower if it will be needed.
func (m *Model) seeing(ctx context.Context, build builder) (*processor.Prompt, error) {
	p, err := m.aside(ctx, build)
	if err == nil && len(p.Media) > 0 {
		err = m.packTower(ctx)
	}
	return p, err
}

// aside builds a prompt in a goroutine of its own, so that a cancelled caller need not wait for a
// large file.
func (m *Model) aside(ctx context.Context, build builder) (*processor.Prompt, error) {
	type result struct {
		p   *processor.Prompt
		err error
	}
	done := make(chan result, 1)
	m.stay()
	go func() {
		defer m.leave()
		var p *processor.Prompt
		err := pool.Contain(func() (err error) {
			p, err = build(ctx)
			return publicError(err)
		})
		done <- result{p, m.failed(err)} // also when nobody waits any more
	}()
	select {
	case res := <-done:
		return res.p, res.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// media lists the media of a prompt for the engine, and for the places in an answer. A tool that
// asked for pixels gets them when they are made.
func (m *Model) media(
	p *processor.Prompt, h *hooks.Hooks,
) (items []*engine.MediaItem, places placing) {
	for i := range p.Media {
		x := &p.Media[i]
		if items = append(items, &x.MediaItem); h == nil || h.Pixels == nil {
			continue
		}
		pixels := x.Pixels
		x.Pixels = func(ctx context.Context) (*preprocess.Patches, error) {
			patches, err := pixels(ctx)
			if err == nil {
				h.Pixels(i, patches)
			}
			return patches, err
		}
	}
	if m.spec.Vision != nil {
		places = placingOf(p.Media, m.spec.Vision.Grounding)
	}
	return items, places
}

// token takes a generated token. It reports whether the answer ends with it.
func (g *generation) token(ev engine.Event) (done bool) {
	if g.made == 0 {
		g.timings.FirstToken = time.Since(g.start)
	}
	g.made++
	if g.hooks != nil && g.hooks.Token != nil {
		g.hooks.Token()
	}
	g.tokens = append(g.tokens, ev.Token)
	if slices.Contains(g.eos, ev.Token) {
		return false // its End event follows
	}
	reasoning, answer := g.out.Push(ev.Token)
	if g.out.Phase() == output.Done {
		g.stages(ev)
		g.finish(FinishStop, reasoning, answer)
		return true
	}
	if reasoning != "" || answer != "" {
		g.emit(Delta{Reasoning: reasoning, Text: answer})
	}
	return false
}

func (g *generation) stages(ev engine.Event) {
	g.timings.Preprocess += ev.Times[engine.Pixels]
	g.timings.Vision, g.timings.Prefill = ev.Times[engine.Encode], ev.Times[engine.Prefill]
	g.timings.Decode = ev.Times[engine.Decode]
}

// finish gives out the last delta.
func (g *generation) finish(reason FinishReason, reasoning, answer string) {
	g.timings.Total = time.Since(g.start)
	g.emit(Delta{
		Reasoning: reasoning, Text: answer, Finish: reason, Seed: g.seed, Timings: g.timings,
		Usage: Usage{len(g.prompt.Tokens), g.prompt.VisionTokens(), g.made},
	})
}

func (g *generation) emit(d Delta) {
	d.Tokens, g.tokens = g.tokens, nil
	d.grounding = g.places
	if !g.left {
		g.left = !g.yield(d, nil)
	}
}

// CountTokens returns how many tokens the request's prompt has, placeholders of pictures and videos
// included. Of pictures the headers are read, to learn their size; only what a decoder of
// [WithDecoder] reads is decoded.
//
// Errors: as [Model.Generate].
func (m *Model) CountTokens(r Request) (int, error) {
	return m.CountTokensContext(context.Background(), r)
}

// CountTokensContext is [Model.CountTokens] for files and readers that may take long: it returns
// when ctx ends.
//
// Errors: as [Model.Generate].
func (m *Model) CountTokensContext(ctx context.Context, r Request) (int, error) {
	ctx, leave, err := m.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	p, err := m.aside(ctx, m.builder(&r))
	if err != nil {
		return 0, m.outcome(ctx, err)
	}
	return len(p.Tokens), nil
}

// Tokenize returns the ids of a text, in which spellings of special tokens are plain text.
func (m *Model) Tokenize(text string) ([]int, error) {
	_, leave, err := m.enter(context.Background())
	if err != nil {
		return nil, err
	}
	defer leave()
	return m.tok.Encode(text), nil
}
