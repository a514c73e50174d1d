package qwenvl

// What a model computes on the way to an answer: features of pictures, hidden states and logits of
// prompts. The requests here are those of [Model.Generate] without an answer: they wait, run and
// share batches like any other, and a trace copies what they want out of the same forward pass.

import (
	"context"
	"fmt"
	"slices"

	"github.com/qwenvl/qwenvl/internal/engine"
	"github.com/qwenvl/qwenvl/internal/processor"
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/rope"
)

// Matrix is rows of numbers.
type Matrix struct {
	Rows, Cols int
	Data       []float32 // row after row
}

// Row returns row i, which shares Data.
func (m Matrix) Row(i int) []float32 { return m.Data[i*m.Cols : (i+1)*m.Cols : (i+1)*m.Cols] }

// add appends rows to a matrix of total rows.
func (m *Matrix) add(total int, rows tensor.Tensor) {
	if m.Data == nil {
		m.Cols, m.Data = rows.Cols, make([]float32, 0, total*rows.Cols)
	}
	for i := range rows.Rows {
		m.Data = append(m.Data, rows.Row(i)...)
	}
	m.Rows += rows.Rows
}

// Features is what a model sees in a picture or video.
type Features struct {
	Grid rope.Grid // of the patches: steps of time, rows, columns
	// Tower is [patches, hidden size of the tower]: the result of the vision tower, in the order in
	// which the family lists patches. Most list those that one token is merged of one after the
	// other.
	Tower Matrix
	// Adapter is [tokens, Info.HiddenSize]: the embeddings that stand in a prompt in place of its
	// placeholders.
	Adapter Matrix
	// Deep is what families with DeepStack add after the first decoder layers, one matrix for each,
	// shaped as Adapter.
	Deep []Matrix
}

// Features computes the features of a picture or video as it would be in a request: resized within
// its own limits, or else the checkpoint's.
//
// Errors: *[RequestError], whose Field begins with "Part"; otherwise as [Model.Generate].
func (m *Model) Features(ctx context.Context, p Part) (*Features, error) {
	out := &Features{}
	build := func(ctx context.Context) (*processor.Prompt, error) {
		if p.content.Kind == processor.Text {
			return nil, requestError("Part", "a text has no features")
		}
		if err := checkPixels("Part.", p.MinPixels, p.MaxPixels); err != nil {
			return nil, err
		}
		src := p.source("Part", 0, &Request{})
		medium, err := m.processor.Medium(ctx, &src)
		out.Grid = medium.Grid
		return &processor.Prompt{Media: []processor.Medium{medium}}, err
	}
	see := func(_ *processor.Prompt, stage string, index int, rows tensor.Tensor) {
		switch stage {
		case "vision.features":
			out.Tower.add(rows.Rows, rows)
		case "vision.out":
			out.Adapter.add(rows.Rows, rows)
		case "vision.deepstack":
			out.Deep = append(out.Deep, Matrix{})
			out.Deep[index].add(rows.Rows, rows)
		}
	}
	if err := m.observe(ctx, &Request{}, build, false, see); err != nil {
		return nil, err
	}
	return out, nil
}

// HiddenOptions says what else of a prompt's pass [Model.Hidden] keeps. The zero value is useful.
type HiddenOptions struct {
	Layers   []int // decoder layers whose output is kept too, from 0
	NoLogits bool  // leave the logits out, which are as wide as the vocabulary
}

// HiddenStates is what the decoder makes of a prompt: a row for each of its tokens.
type HiddenStates struct {
	Tokens []int    // placeholders of pictures and videos included
	Final  Matrix   // [tokens, Info.HiddenSize]: after the last layer and its norm
	Logits Matrix   // [tokens, Info.VocabSize]: row i scores the token behind token i
	Layers []Matrix // [tokens, Info.HiddenSize] each: of HiddenOptions.Layers, in their order
}

// maxLogits bounds the logits that are kept for one request: 4 GiB.
const maxLogits = 1 << 30

// Hidden reads a request's prompt and returns its hidden states instead of an answer. MaxTokens,
// Sampling and Stop of the request have no effect.
//
// Errors: as [Model.Generate]; the Field of a *[RequestError] may be "Layers" or "NoLogits".
func (m *Model) Hidden(ctx context.Context, r Request, o HiddenOptions) (*HiddenStates, error) {
	n := len(m.spec.LLM.Layers)
	outside := func(l int) bool { return l < 0 || l >= n }
	if len(o.Layers) > n || slices.ContainsFunc(o.Layers, outside) {
		return nil, requestError("Layers", fmt.Sprintf("not some of the %d layers", n))
	}
	out := &HiddenStates{Layers: make([]Matrix, len(o.Layers))}
	build := func(ctx context.Context) (*processor.Prompt, error) {
		p, err := m.prompt(ctx, &r)
		if err == nil && !o.NoLogits && len(p.Tokens) > maxLogits/m.spec.LLM.VocabSize {
			problem := fmt.Sprintf("logits of %d tokens are too many", len(p.Tokens))
			err = requestError("NoLogits", problem)
		}
		return p, err
	}
	see := func(p *processor.Prompt, stage string, index int, rows tensor.Tensor) {
		out.Tokens = p.Tokens
		switch {
		case stage == "llm.final":
			out.Final.add(len(p.Tokens), rows)
		case stage == "logits" && !o.NoLogits: // else of the last token only
			out.Logits.add(len(p.Tokens), rows)
		case stage == "llm.layer":
			for i, l := range o.Layers {
				if l == index {
					out.Layers[i].add(len(p.Tokens), rows)
				}
			}
		}
	}
	if err := m.observe(ctx, &r, build, !o.NoLogits, see); err != nil {
		return nil, err
	}
	return out, nil
}

// observer is shown the stages of a prompt's pass, on the engine's goroutine.
type observer func(p *processor.Prompt, stage string, index int, rows tensor.Tensor)

// observe runs a prompt through the engine, without an answer but with all logits or those of the
// last token, and shows each stage to see on the engine's goroutine.
func (m *Model) observe(
	ctx context.Context, r *Request, build builder, logits bool, see observer,
) (err error) {
	ctx, leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	p, err := m.seeing(ctx, build)
	if err != nil {
		return m.outcome(ctx, err)
	}
	if n := len(p.Tokens); n > m.context {
		return &contextError{prompt: n, context: m.context}
	}
	items, _ := m.media(p, nil)
	h, err := m.engine.Submit(ctx, &engine.Request{
		Tokens: p.Tokens, Positions: p.Positions, Delta: p.Delta, Media: items, AllLogits: logits,
		Trace: func(stage string, index int, rows tensor.Tensor) { see(p, stage, index, rows) },
	})
	for err == nil {
		var ev engine.Event
		if ev, err = h.Next(ctx); err != nil {
			break
		}
		r.progress(ev)
		if err = ev.Err; err == nil && ev.Kind == engine.End {
			return nil
		}
	}
	return m.outcome(ctx, publicError(err))
}
