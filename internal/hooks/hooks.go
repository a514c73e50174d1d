// Package hooks lets the judging tools look into a generation through its context: the same code runs as without them.
package hooks

import (
	"context"

	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/preprocess"
	"github.com/qwenvl/qwenvl/rope"
)

// Hooks is what a tool asks for.
type Hooks struct {
	Prompt    func(Prompt) // called once, before the engine sees the request
	Trace     tensor.Trace // called from the engine for each stage
	AllLogits bool         // logits of every prompt token
	Forced    []int        // tokens to take in place of the sampled ones
	IgnoreEOS bool         // end tokens do not end the text
	Token     func()       // called when a token arrives
}

// Prompt is a prompt as the engine gets it.
type Prompt struct {
	Text      string // after the chat template, one placeholder for each medium
	Tokens    []int
	Positions []rope.Position
	Delta     int
	Media     []Medium // in the order of the text
}

// Medium is a picture or a video of a prompt.
type Medium struct {
	Video          bool
	Patches        *preprocess.Patches
	SecondsPerGrid float64   // of a video: seconds between steps of the grid
	StepTimes      []float64 // of a video: seconds from its start to the middle of each step
}

type key struct{}

// With returns a context that carries hooks.
func With(ctx context.Context, h *Hooks) context.Context { return context.WithValue(ctx, key{}, h) }

// From returns the hooks that a context carries, or nil.
func From(ctx context.Context) *Hooks {
	h, _ := ctx.Value(key{}).(*Hooks)
	return h
}
