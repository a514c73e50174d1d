package processor

// What a conversation is made of. The root package has the same with doors for users; these types say only what
// the processor reads.

import (
	"encoding/json"
	"image"
	"math"
	"time"

	"github.com/qwenvl/qwenvl/preprocess"
)

// Request is a conversation to lay out.
type Request struct {
	Messages      []Message
	Limits        preprocess.Limits // of pictures and frames whose part has none
	Template      map[string]any    // variables of the chat template
	Tools         []json.RawMessage
	ContinueFinal bool // the model goes on with the last message
}

// Message is one turn.
type Message struct {
	Role  string
	Parts []Part
}

// Part is a piece of a message.
type Part struct {
	Name   string // of a picture or video
	Limits preprocess.Limits
	Content
}

// Content is a text, a picture or a video, as its kind says.
type Content struct {
	Kind  Kind
	Text  string
	Path  string // of a picture file
	Data  []byte // of a picture file
	Image image.Image
	Clip  Clip
}

// Kind tells contents apart.
type Kind uint8

// The kinds of content.
const (
	Text Kind = iota
	Picture
	PictureFile
	PictureBytes
	Video
)

// Clip is frames of a video with their times.
type Clip struct {
	Frames   []image.Image
	Times    []time.Duration // of each frame from the start, ascending
	Duration time.Duration
	FPS      float64 // of an even clip: exact where durations are rounded to nanoseconds; else 0
}

// EvenClip is frames taken at an even rate.
func EvenClip(frames []image.Image, fps float64) Clip {
	c := Clip{Frames: frames, FPS: fps}
	if fps > 0 {
		for i := range frames {
			c.Times = append(c.Times, seconds(float64(i)/fps))
		}
		c.Duration = seconds(float64(len(frames)) / fps)
	}
	return c
}

func seconds(s float64) time.Duration { return time.Duration(math.Round(s * float64(time.Second))) }

// limits returns the pixel bounds of a part: its own, or else the request's.
func (r *Request) limits(p *Part) preprocess.Limits {
	l := r.Limits
	if p.Limits.MinPixels != 0 {
		l.MinPixels = p.Limits.MinPixels
	}
	if p.Limits.MaxPixels != 0 {
		l.MaxPixels = p.Limits.MaxPixels
	}
	return l
}

// Error says what in a request cannot be done.
type Error struct {
	Field string // such as "Messages[1].Parts[0]"
	Err   error
}

func (e *Error) Error() string { return "processor: " + e.Field + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
