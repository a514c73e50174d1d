package qwenvl

import (
	"encoding/json"
	"time"

	"github.com/qwenvl/qwenvl/internal/processor"
	"github.com/qwenvl/qwenvl/preprocess"
)

// Request is one call of the model. The zero values of all fields but Messages are useful.
type Request struct {
	// Messages is the conversation so far. It ends with a user message, or with ContinueFinal with the beginning of an
	// assistant message.
	Messages []Message
	// MaxTokens bounds the answer. 0 means up to the context.
	MaxTokens int
	// Sampling says how tokens are chosen; nil means as the checkpoint's generation_config.json says.
	Sampling *Sampling
	// Stop ends the answer before the first occurrence of any of these strings.
	Stop []string
	// MinPixels and MaxPixels bound the size that pictures and video frames are resized to, in place of the checkpoint's limits.
	MinPixels, MaxPixels int
	// Template is variables for the chat template, such as "add_vision_id" or "enable_thinking".
	Template map[string]any
	// Tools is JSON definitions of functions for the chat template. A template that has no place for them is an error.
	Tools []json.RawMessage
	// ContinueFinal lets the model go on with the last message instead of answering it.
	ContinueFinal bool
	// Progress is called from the caller's goroutine while pictures are encoded and the prompt is read.
	Progress func(Progress)
}

// processed returns the request as the processor reads it.
func (r *Request) processed() *processor.Request {
	out := &processor.Request{
		Limits:   preprocess.Limits{MinPixels: r.MinPixels, MaxPixels: r.MaxPixels},
		Template: r.Template, Tools: r.Tools, ContinueFinal: r.ContinueFinal,
	}
	for _, m := range r.Messages {
		msg := processor.Message{Role: string(m.Role)}
		for _, p := range m.Parts {
			lim := preprocess.Limits{MinPixels: p.MinPixels, MaxPixels: p.MaxPixels}
			msg.Parts = append(msg.Parts, processor.Part{Name: p.Name, Limits: lim, Content: p.content})
		}
		out.Messages = append(out.Messages, msg)
	}
	return out
}

// Progress is how far the work before the first token has come.
type Progress struct {
	Stage       string // "vision" (steps of the tower) or "prefill" (tokens of the prompt)
	Done, Total int
}

// Sampling says how tokens are chosen from the model's scores. They are applied in this order: penalties, temperature, top-k, top-p,
// min-p.
type Sampling struct {
	Temperature       float64 // 0: always the best token
	TopK              int     // choose among the best TopK; 0: all
	TopP              float64 // choose among the fewest tokens whose probabilities sum to TopP; 0 or 1: all
	MinP              float64 // leave out tokens less probable than MinP times the best; 0: none
	RepetitionPenalty float64 // over 1: tokens of prompt and answer become less probable; 0 or 1: off
	PresencePenalty   float64 // subtracted once from tokens of the answer
	FrequencyPenalty  float64 // subtracted for each time that a token occurs in the answer
	Seed              uint64  // the same seed gives the same text
}

// Greedy always takes the most probable token.
func Greedy() *Sampling { return &Sampling{} }

// FinishReason says why an answer ended.
type FinishReason string

// The reasons.
const (
	FinishStop   FinishReason = "stop"   // an end token, or one of the request's Stop strings
	FinishLength FinishReason = "length" // MaxTokens or the context
)

// Response is an answer.
type Response struct {
	// Text is the answer without the end token. Other special tokens, such as those around boxes, are kept.
	Text string
	// Reasoning is what a model that thinks aloud wrote before the answer.
	Reasoning string
	// Tokens is all generated tokens, an end token included.
	Tokens  []int
	Finish  FinishReason
	Usage   Usage
	Timings Timings

	grounding placing
}

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

// Delta is a piece of an answer as it arrives.
type Delta struct {
	Text      string // whole characters only
	Reasoning string
	Tokens    []int // the tokens since the delta before

	// Of the last delta only.
	Finish  FinishReason
	Usage   Usage
	Timings Timings

	grounding placing
}
