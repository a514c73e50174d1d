// Package hooks lets the judging tools look into a generation through its context: the same code
// runs as without them.
package hooks

import (
	"context"

	"github.com/qwenvl/qwenvl/internal/processor"
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/preprocess"
)

// Hooks is what a tool asks for.
type Hooks struct {
	Prompt func(*processor.Prompt) // called once, before the engine sees the request
	Trace  tensor.Trace            // called from the engine for each stage
	// Pixels is called with the patches of each of the prompt's media when they are made, on
	// goroutines of the engine.
	Pixels    func(medium int, patches *preprocess.Patches)
	AllLogits bool   // logits of every prompt token
	Forced    []int  // tokens to take in place of the sampled ones
	IgnoreEOS bool   // end tokens do not end the text
	Token     func() // called when a token arrives
}

type key struct{}

// With returns a context that carries hooks.
func With(ctx context.Context, h *Hooks) context.Context { return context.WithValue(ctx, key{}, h) }

// From returns the hooks that a context carries, or nil.
func From(ctx context.Context) *Hooks {
	h, _ := ctx.Value(key{}).(*Hooks)
	return h
}
