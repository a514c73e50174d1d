package main

// Running a fixture: its cases, freely and along the recorded tokens, with a trace.

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/internal/golden"
	"github.com/qwenvl/qwenvl/internal/hooks"
	"github.com/qwenvl/qwenvl/tokenizer"
)

// compareFixture runs every case of a fixture. What cannot be loaded or run counts as missing.
func compareFixture(dir, images string, opts []qwenvl.Option, r *report) {
	fx, err := golden.Open(dir)
	if err != nil {
		r.add(dir, []finding{{stage: "case", missing: true, problem: err.Error()}})
		return
	}
	if len(fx.Cases) == 0 {
		r.add(dir, []finding{{stage: "case", missing: true, problem: "the fixture has no cases"}})
		return
	}
	s, loadErr := open(fx, images, opts)
	if loadErr == nil {
		defer s.model.Close()
	}
	for _, name := range fx.Cases {
		label := filepath.Base(filepath.Clean(dir)) + "/" + name
		c, err := fx.Case(name)
		if err != nil {
			r.add(label, []finding{{stage: "case", missing: true, problem: err.Error()}})
			continue
		}
		if err = loadErr; err == nil {
			var o *outcome
			if o, err = s.run(c); err == nil {
				r.add(label, compareCase(fx, c, o))
				continue
			}
		}
		r.add(label, allMissing(c, err))
	}
}

// allMissing is what a case counts for that could not be run.
func allMissing(c *golden.Case, err error) []finding {
	out := []finding{{stage: "prompt", missing: true, problem: err.Error()}}
	for _, name := range c.Stages() {
		if golden.Classify(name) == golden.Required {
			out = append(out, finding{stage: name, missing: true})
		}
	}
	if wantText(c) {
		out = append(out, finding{stage: "text", missing: true})
	}
	return out
}

// subject is a loaded checkpoint.
type subject struct {
	model      *qwenvl.Model
	tok        *tokenizer.Tokenizer
	images     string
	generation generation
}

func open(fx *golden.Fixture, images string, opts []qwenvl.Option) (*subject, error) {
	s := &subject{images: images}
	var err error
	if s.generation, err = readGeneration(fx.Dir); err != nil {
		return nil, err
	}
	if s.tok, err = checkpoint.OpenFS(os.DirFS(fx.Dir)).Tokenizer(nil); err != nil {
		return nil, err
	}
	s.model, err = loadUnbounded(fx.Dir, opts...)
	return s, err
}

// loadUnbounded lifts the bound on the length of texts: the reference has none, and answers at
// lengths that no model was trained for. A model that cannot take them keeps its own.
func loadUnbounded(dir string, opts ...qwenvl.Option) (*qwenvl.Model, error) {
	long := append(opts[:len(opts):len(opts)], qwenvl.WithContextSize(1<<20))
	if m, err := qwenvl.Load(dir, long...); err == nil {
		return m, nil
	}
	return qwenvl.Load(dir, opts...)
}

// outcome is what became of a case.
type outcome struct {
	free       *recording // generated freely
	tokens     []int
	text       string     // as answered; "" where the answer was split
	forced     *recording // generated along the recorded tokens; free where those are the same
	forcedErr  error
	decoded    string // the recorded tokens' text, special tokens and the end token left out
	decodedAll string // with special tokens, and the end token
	decodedEnd string // with special tokens, without the end token
	generation generation
}

// run generates freely, and where that leaves the recorded tokens, once more along them.
func (s *subject) run(c *golden.Case) (*outcome, error) {
	o := &outcome{generation: s.generation.override(c)}
	req, err := request(c, s.images, o.generation)
	if err != nil {
		return nil, err
	}
	want, _ := c.Stage("generated_ids")
	names := slices.Concat(c.Stages(), []string{"logits"}, insideBlocks)
	var resp *qwenvl.Response
	if o.free, resp, err = s.record(req, names, nil); err != nil {
		return nil, err
	}
	if o.free.prompt == nil {
		return nil, fmt.Errorf("the request ran without telling its prompt")
	}
	o.tokens, o.text, o.forced = resp.Tokens, resp.Text, o.free
	if resp.Reasoning != "" {
		o.text = ""
	}
	if len(want.Ints) > 0 && !equalIDs(want.Ints, resp.Tokens) {
		ids := make([]int, len(want.Ints))
		for i, id := range want.Ints {
			ids[i] = int(id)
			if n := vocabulary(c); id < 0 || n > 0 && int(id) >= n {
				o.forcedErr = fmt.Errorf("recorded id %d is outside the vocabulary of %d", id, n)
				break
			}
		}
		if o.forced = nil; o.forcedErr == nil {
			req.MaxTokens = len(ids)
			o.forced, resp, o.forcedErr = s.record(req, []string{"logits"}, ids)
		}
		if o.forcedErr != nil {
			return o, nil
		}
		o.text = ""
	}
	end := resp.Tokens
	if resp.Finish == qwenvl.FinishStop && len(end) > 0 {
		end = end[:len(end)-1]
	}
	o.decoded, o.decodedAll, o.decodedEnd = s.tok.Decode(resp.Tokens, true),
		s.tok.Decode(resp.Tokens, false), s.tok.Decode(end, false)
	return o, nil
}

// record generates with a trace.
func (s *subject) record(req qwenvl.Request, stages []string, forced []int) (*recording, *qwenvl.Response, error) {
	r := newRecording(stages)
	ctx := hooks.With(context.Background(), &hooks.Hooks{Prompt: r.setPrompt, Pixels: r.setPixels,
		Trace: r.trace, AllLogits: true, Forced: forced})
	resp, err := s.model.Generate(ctx, req)
	return r, resp, err
}

// vocabulary returns the width of the recorded logits, 0 if there are none.
func vocabulary(c *golden.Case) int {
	for _, name := range []string{"generated_logits", "logits"} {
		if s, ok := c.Stage(name); ok && len(s.Shape) == 2 {
			return s.Shape[1]
		}
	}
	return 0
}

func equalIDs(want []int64, got []int) bool {
	return slices.EqualFunc(want, got, func(a int64, b int) bool { return a == int64(b) })
}
