package qwenvl

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"

	"github.com/qwenvl/qwenvl/internal/chat"
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

// conversation translates the request for the processor: messages for the template, and their media in order.
func (r *Request) conversation() (*processor.Request, error) {
	out := &processor.Request{Request: chat.Request{
		Tools: r.Tools, Vars: r.Template, ContinueFinal: r.ContinueFinal, AddGenerationPrompt: !r.ContinueFinal,
	}}
	if len(r.Messages) == 0 {
		return nil, requestError("Messages", "empty")
	}
	for i, m := range r.Messages {
		c := chat.Message{Role: string(m.Role), HasStringContent: len(m.Parts) == 1 && m.Parts[0].content.Kind == processor.Text}
		for j, p := range m.Parts {
			part := chat.Part{Kind: chat.Image, Name: p.Name}
			switch p.content.Kind {
			case processor.Text:
				part = chat.Part{Kind: chat.Text, Text: p.content.Text}
			case processor.Video:
				part.Kind = chat.Video
			}
			if c.Content = append(c.Content, part); part.Kind != chat.Text {
				out.Media = append(out.Media, p.source(fmt.Sprintf("Messages[%d].Parts[%d]", i, j), i, r))
			}
		}
		out.Messages = append(out.Messages, c)
	}
	return out, nil
}

// source is a picture or video for the processor: with its own limits, or else the request's.
func (p *Part) source(field string, message int, r *Request) processor.Source {
	lim := preprocess.Limits{MinPixels: cmp.Or(p.MinPixels, r.MinPixels), MaxPixels: cmp.Or(p.MaxPixels, r.MaxPixels)}
	return processor.Source{Field: field, Message: message, Limits: lim, Content: p.content}
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
