package qwenvl

// What a caller gets: an answer, whole or piece by piece, and what it took. boxes.go has the places
// in pictures that it names, response_json.go how it is kept.

import (
	"fmt"
	"log/slog"
	"time"
)

// FinishReason says why an answer ended.
type FinishReason string

// The reasons.
const (
	FinishStop   FinishReason = "stop"   // an end token, or one of the request's Stop strings
	FinishLength FinishReason = "length" // MaxTokens or the context
)

// Response is an answer.
type Response struct {
	// Text is the answer without the end token. Other special tokens, such as those around boxes,
	// are kept.
	Text string
	// Reasoning is what a model that thinks aloud wrote before the answer, without the marks
	// around it. If the closing one is missing, a tool call ends it, or the end; a call before the
	// closing mark is only talked about.
	Reasoning string
	// Tokens is all generated tokens, an end token included.
	Tokens []int
	Finish FinishReason
	// Seed is where the draws began, the request's or a fresh one: with it and the same Sampling
	// the same request gives this answer again. 0: nothing was drawn.
	Seed    uint64
	Usage   Usage
	Timings Timings

	grounding placing
}

// String says in short what the answer is. It is no serialization: see [Response.MarshalJSON].
func (r Response) String() string {
	s := short(r.Text)
	if r.Reasoning != "" {
		s = fmt.Sprintf("after %d bytes of reasoning, %s", len(r.Reasoning), s)
	}
	if r.Finish == "" {
		return s + ", unfinished"
	}
	return fmt.Sprintf("%s, %d tokens, %.20s", s, len(r.Tokens), r.Finish)
}

// LogValue is String, for structured logs.
func (r Response) LogValue() slog.Value { return slog.StringValue(r.String()) }

// Usage counts tokens.
type Usage struct {
	PromptTokens     int // placeholders of pictures and videos included
	VisionTokens     int // of these, placeholders
	CompletionTokens int
}

// Timings is where the time went. Stages shared with other requests count in full for each of them.
type Timings struct {
	Preprocess time.Duration // reading and resizing pictures, template, tokenizer
	Vision     time.Duration
	Prefill    time.Duration
	Decode     time.Duration
	FirstToken time.Duration // from the call to the first token
	Total      time.Duration
}

// Delta is a piece of an answer as it arrives. Text comes at once, but for what may turn out to be
// something else: a part of a character, of a stop string or of a mark around thoughts; within a
// thought, what follows the start of a tool call; and an answer that begins without a thought,
// where the checkpoint's chat template expects one and the prompt does not say otherwise.
type Delta struct {
	Text      string // whole characters only
	Reasoning string
	Tokens    []int // the tokens since the delta before

	// Of the last delta only.
	Finish  FinishReason
	Seed    uint64 // see [Response.Seed]
	Usage   Usage
	Timings Timings

	grounding placing // of every delta
}
