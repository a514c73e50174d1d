package qwenvl

// What a caller asks: a conversation of messages and how it is to be answered. At the end stands
// how that reaches internal/processor. part.go has what messages are made of, request_json.go and
// part_json.go their JSON, response.go what comes back.

import (
	"encoding/json"
	"fmt"

	"github.com/qwenvl/qwenvl/internal/chat"
	"github.com/qwenvl/qwenvl/internal/processor"
)

// Request is one call of the model. The zero values of all fields but Messages are useful.
type Request struct {
	// Messages is the conversation so far. It ends with a user message, or with ContinueFinal with
	// the beginning of an assistant message.
	Messages []Message
	// MaxTokens bounds the answer, as the context does: it ends with [FinishLength] at whichever
	// comes first. 0 means up to the context, whatever the checkpoint's max_new_tokens is.
	MaxTokens int
	// Sampling says how tokens are chosen; nil means as the checkpoint's generation_config.json
	// says ([Model.Sampling]).
	Sampling *Sampling
	// Stop ends the answer before the first occurrence of any of these strings.
	Stop []string
	// MinPixels and MaxPixels bound the size that pictures and video frames are resized to, in
	// place of the checkpoint's limits: 0 to 1<<28, where 0 keeps those. Families that give all
	// pictures one size, or bound their patches, pass over them.
	MinPixels, MaxPixels int
	// Template is variables for the chat template, such as "add_vision_id" or "enable_thinking":
	// nil, booleans, strings, int, int64, float64, [json.Number], [json.RawMessage], []any and
	// map[string]any of these. One that the checkpoint's template does not read is an error.
	Template map[string]any
	// Tools is JSON definitions of functions for the chat template. A template that has no place
	// for them is an error.
	Tools []json.RawMessage
	// ContinueFinal lets the model go on with the last message instead of answering it.
	ContinueFinal bool
	// Progress is called from the caller's goroutine while pictures are encoded and the prompt is
	// read.
	Progress func(Progress)
}

// Progress is how far the work before the first token has come.
type Progress struct {
	Stage       string // "vision" (steps of the tower) or "prefill" (tokens of the prompt)
	Done, Total int
}

// Role says who speaks in a message. A checkpoint's chat template may know others than those named
// here, such as "tool". One that it does not know, or a message that it would leave out, such as a
// system message that does not come first, is an error.
type Role string

// The roles.
const (
	RoleSystem    Role = "system"
	RoleUser      Role = "user"
	RoleAssistant Role = "assistant"
)

// Message is one turn of a conversation: parts in order.
type Message struct {
	Role  Role
	Parts []Part
}

// System makes a system message.
func System(text string) Message { return Message{RoleSystem, []Part{Text(text)}} }

// User makes a user message of texts, pictures and videos in any number and order.
func User(parts ...Part) Message { return Message{RoleUser, parts} }

// Assistant makes an assistant message, of an earlier answer say.
func Assistant(parts ...Part) Message { return Message{RoleAssistant, parts} }

// Bounds on a request's stop strings; searching them costs time for every token.
const (
	maxStops     = 64
	maxStopBytes = 1 << 10
)

func checkStops(stops []string) error {
	if len(stops) > maxStops {
		return requestError("Stop", fmt.Sprintf("%d strings, at most %d", len(stops), maxStops))
	}
	for i, s := range stops {
		if s == "" || len(s) > maxStopBytes {
			problem := fmt.Sprintf("%d bytes, not in 1…%d", len(s), maxStopBytes)
			return requestError(fmt.Sprintf("Stop[%d]", i), problem)
		}
	}
	return nil
}

// conversation translates the request for the processor: messages for the template, and their media
// in order.
func (r *Request) conversation() (*processor.Request, error) {
	out := &processor.Request{Request: chat.Request{
		Tools: r.Tools, Vars: r.Template,
		ContinueFinal: r.ContinueFinal, AddGenerationPrompt: !r.ContinueFinal,
	}}
	if len(r.Messages) == 0 {
		return nil, requestError("Messages", "empty")
	}
	if err := checkPixels("", r.MinPixels, r.MaxPixels); err != nil {
		return nil, err
	}
	for i, m := range r.Messages {
		c := chat.Message{Role: string(m.Role)}
		c.HasStringContent = len(m.Parts) == 1 && m.Parts[0].content.Kind == processor.Text
		for j, p := range m.Parts {
			field := fmt.Sprintf("Messages[%d].Parts[%d]", i, j)
			if err := checkPixels(field+".", p.MinPixels, p.MaxPixels); err != nil {
				return nil, err
			}
			part := chat.Part{Kind: chat.Image, Name: p.Name}
			switch p.content.Kind {
			case processor.Text:
				part = chat.Part{Kind: chat.Text, Text: p.content.Text}
			case processor.Video:
				part.Kind = chat.Video
			}
			if c.Content = append(c.Content, part); part.Kind != chat.Text {
				out.Media = append(out.Media, p.source(field, i, r))
			}
		}
		out.Messages = append(out.Messages, c)
	}
	return out, nil
}

// maxPixels bounds a limit on sizes; no picture is resized to more.
const maxPixels = 1 << 28

func checkPixels(field string, least, most int) error {
	for _, l := range []struct {
		name  string
		value int
	}{{"MinPixels", least}, {"MaxPixels", most}} {
		if l.value < 0 || l.value > maxPixels {
			return requestError(field+l.name, fmt.Sprintf("%d is not in 0…%d", l.value, maxPixels))
		}
	}
	return nil
}
