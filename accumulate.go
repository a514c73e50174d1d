package qwenvl

// An answer put together from its pieces. Generate is a stream that somebody put together, so what
// a stream gives and what Generate returns cannot differ.

import (
	"slices"
	"strings"
)

// Accumulator puts the deltas of [Model.Stream] together. The zero value is ready; an Accumulator
// is for one answer, and not for several goroutines at once.
//
//	var acc qwenvl.Accumulator
//	for d, err := range m.Stream(ctx, req) {
//		if err != nil {
//			return err
//		}
//		acc.Add(d)
//		draw(acc.Response().Boxes())
//	}
type Accumulator struct {
	text, reasoning strings.Builder
	resp            Response
}

// Add takes the next delta.
func (a *Accumulator) Add(d Delta) {
	a.text.WriteString(d.Text)
	a.reasoning.WriteString(d.Reasoning)
	a.resp.Tokens = append(a.resp.Tokens, d.Tokens...)
	a.resp.Finish, a.resp.Seed, a.resp.Usage, a.resp.Timings = d.Finish, d.Seed, d.Usage, d.Timings
	if len(d.grounding.pictures) > 0 {
		a.resp.grounding = d.grounding
	}
}

// Response returns the answer so far; later deltas do not change it. Before the last one Finish is
// empty, Seed, Usage and Timings are zero, and Boxes are those that are complete, the last of them
// perhaps with half a label. It costs little: nothing is copied.
func (a *Accumulator) Response() *Response {
	resp := a.resp
	resp.Text, resp.Reasoning = a.text.String(), a.reasoning.String()
	resp.Tokens = slices.Clip(resp.Tokens)
	return &resp
}
