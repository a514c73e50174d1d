package qwenvl

// What a caller asks: a conversation of messages, made of texts, pictures and videos, and how it is
// to be answered. At the end stands how that reaches internal/processor. response.go has what comes
// back.

import (
	"cmp"
	"encoding/json"
	"fmt"
	"image"
	"time"

	"github.com/qwenvl/qwenvl/internal/chat"
	"github.com/qwenvl/qwenvl/internal/processor"
)

// Request is one call of the model. The zero values of all fields but Messages are useful.
type Request struct {
	// Messages is the conversation so far. It ends with a user message, or with ContinueFinal with
	// the beginning of an assistant message.
	Messages []Message
	// MaxTokens bounds the answer. 0 means up to the context.
	MaxTokens int
	// Sampling says how tokens are chosen; nil means as the checkpoint's generation_config.json
	// says.
	Sampling *Sampling
	// Stop ends the answer before the first occurrence of any of these strings.
	Stop []string
	// MinPixels and MaxPixels bound the size that pictures and video frames are resized to, in
	// place of the checkpoint's limits.
	MinPixels, MaxPixels int
	// Template is variables for the chat template, such as "add_vision_id" or "enable_thinking".
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

// Sampling says how tokens are chosen from the model's scores. They are applied in this order:
// penalties, temperature, top-k, top-p, min-p.
type Sampling struct {
	Temperature       float64 // 0: always the best token
	TopK              int     // choose among the best TopK; 0: all
	TopP              float64 // choose among the fewest tokens that sum up to TopP; 0 or 1: all
	MinP              float64 // leave out tokens less probable than MinP times the best; 0: none
	RepetitionPenalty float64 // over 1: tokens seen before become less probable; 0 or 1: off
	PresencePenalty   float64 // subtracted once from tokens of the answer
	FrequencyPenalty  float64 // subtracted for each time that a token occurs in the answer
	Seed              uint64  // the same seed gives the same text
}

// Greedy always takes the most probable token.
func Greedy() *Sampling { return &Sampling{} }

// Role says who speaks in a message.
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

// Part is a piece of a message: text, a picture or a video. The functions of this package make
// them; the fields may be set afterwards. A request that its context ends returns at once: one of
// its pictures may be read for some tenths of a second more.
type Part struct {
	// Name labels a picture or video. Most templates do not print it.
	Name string
	// MinPixels and MaxPixels bound the size that this picture, or each frame of this video, is
	// resized to. 0 keeps the request's limits, or else the checkpoint's.
	MinPixels, MaxPixels int

	content processor.Content
}

func part(c processor.Content) Part { return Part{content: c} }

// Text makes a part of plain text. Spellings of special tokens in it stay text.
func Text(s string) Part { return part(processor.Content{Text: s}) }

// Image makes a part of a decoded picture. It is used as it is: a picture decoded from a
// photograph's file has lost the orientation noted there; [ImageFile] and [ImageBytes] apply it.
// The picture must not change until the request has ended.
func Image(m image.Image) Part {
	return part(processor.Content{Kind: processor.Picture, Frames: []image.Image{m}})
}

// ImageFile makes a part of a picture file: JPEG, PNG, GIF (its first frame), WebP or BMP. The file
// is read by each request that has the part.
func ImageFile(path string) Part {
	return Part{Name: path, content: processor.Content{Kind: processor.PictureFile, Path: path}}
}

// ImageBytes makes a part of a picture file's contents. The slice must not change until the request
// has ended.
func ImageBytes(data []byte) Part {
	return part(processor.Content{Kind: processor.PictureBytes, Data: data})
}

// Video makes a part of frames taken at an even rate of fps frames a second. All frames have one
// size. They must not change until the request has ended.
func Video(frames []image.Image, fps float64) Part {
	return part(processor.EvenVideo(frames, fps))
}

// VideoClip is frames picked from a longer clip.
type VideoClip struct {
	Frames   []image.Image
	Times    []time.Duration // of each frame from the start of the clip, ascending
	Duration time.Duration   // of the clip
}

// Clip makes a part of frames picked, evenly or not, from a longer clip. They must not change until
// the request has ended.
func Clip(c VideoClip) Part {
	out := processor.Content{Kind: processor.Video, Frames: c.Frames}
	out.Times, out.Duration = c.Times, c.Duration
	return part(out)
}

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
	for i, m := range r.Messages {
		c := chat.Message{Role: string(m.Role)}
		c.HasStringContent = len(m.Parts) == 1 && m.Parts[0].content.Kind == processor.Text
		for j, p := range m.Parts {
			part := chat.Part{Kind: chat.Image, Name: p.Name}
			switch p.content.Kind {
			case processor.Text:
				part = chat.Part{Kind: chat.Text, Text: p.content.Text}
			case processor.Video:
				part.Kind = chat.Video
			}
			if c.Content = append(c.Content, part); part.Kind != chat.Text {
				field := fmt.Sprintf("Messages[%d].Parts[%d]", i, j)
				out.Media = append(out.Media, p.source(field, i, r))
			}
		}
		out.Messages = append(out.Messages, c)
	}
	return out, nil
}

// source is a picture or video for the processor: with its own limits, or else the request's.
func (p *Part) source(field string, message int, r *Request) processor.Source {
	s := processor.Source{Field: field, Message: message, Content: p.content}
	s.Limits.MinPixels = cmp.Or(p.MinPixels, r.MinPixels)
	s.Limits.MaxPixels = cmp.Or(p.MaxPixels, r.MaxPixels)
	return s
}
