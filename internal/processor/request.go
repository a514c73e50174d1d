package processor

// What the processor reads: a conversation as chat templates take it (internal/chat), and the
// sources of its pictures and videos in the same order. The root package translates its messages
// into these.

import (
	"image"
	"math"
	"time"

	"github.com/qwenvl/qwenvl/internal/chat"
	"github.com/qwenvl/qwenvl/preprocess"
)

// Request is a conversation to lay out.
type Request struct {
	chat.Request
	Media []Source // one for each picture or video among the messages' parts, in order
}

// Source is a picture or video of a request.
type Source struct {
	Field   string // where it stands in the request, for errors
	Message int    // the message it is a part of
	Limits  preprocess.Limits
	// MinField and MaxField say where in the request its limits stand; "": the checkpoint's count.
	MinField, MaxField string
	Content
}

// Content is a text, a picture or a video, as its kind says.
type Content struct {
	Kind     Kind
	Text     string
	Path     string          // of a picture file
	Data     []byte          // of a picture file
	URL      string          // of a picture
	Reader   *Reader         // of a picture file; nil is a reader that is missing
	Frames   []image.Image   // a picture in memory, or the frames of a video
	Files    [][]byte        // the frames of a video as picture files, in place of Frames
	Times    []time.Duration // of each frame from the start of the video, ascending
	Duration time.Duration   // of the video
	FPS      float64         // of frames at an even rate, exact where Times are rounded; else 0
}

// Kind tells contents apart.
type Kind uint8

// The kinds of content.
const (
	Text Kind = iota
	Picture
	PictureFile
	PictureBytes
	PictureURL
	PictureReader
	Video
)

// EvenVideo is frames taken at an even rate.
func EvenVideo(frames []image.Image, fps float64) Content {
	c := Content{Kind: Video, Frames: frames}
	c.SetRate(fps)
	return c
}

// SetRate gives the frames of a video even times.
func (c *Content) SetRate(fps float64) {
	c.FPS, c.Times, c.Duration = fps, nil, 0
	if fps > 0 {
		for i := range c.Count() {
			c.Times = append(c.Times, seconds(float64(i)/fps))
		}
		c.Duration = seconds(float64(c.Count()) / fps)
	}
}

// Count is how many frames a video has.
func (c *Content) Count() int { return len(c.Frames) + len(c.Files) }

func seconds(s float64) time.Duration { return time.Duration(math.Round(s * float64(time.Second))) }

// Error says what in a request cannot be done.
type Error struct {
	Field string // such as "Messages[1].Parts[0]"
	Err   error
}

func (e *Error) Error() string { return "processor: " + e.Field + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
