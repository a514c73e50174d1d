package qwenvl

import (
	"image"
	"time"

	"github.com/qwenvl/qwenvl/internal/processor"
)

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

// Part is a piece of a message: text, a picture or a video. The functions of this package make them; the fields may be set
// afterwards.
type Part struct {
	// Name labels a picture or video. Most templates do not print it.
	Name string
	// MinPixels and MaxPixels bound the size that this picture, or each frame of this video, is resized to. 0 keeps the
	// request's limits, or else the checkpoint's.
	MinPixels, MaxPixels int

	content processor.Content
}

func part(c processor.Content) Part { return Part{content: c} }

// Text makes a part of plain text. Spellings of special tokens in it stay text.
func Text(s string) Part { return part(processor.Content{Text: s}) }

// Image makes a part of a decoded picture. It is used as it is: a picture decoded from a photograph's file has lost the
// orientation noted there; [ImageFile] and [ImageBytes] apply it.
func Image(m image.Image) Part {
	return part(processor.Content{Kind: processor.Picture, Frames: []image.Image{m}})
}

// ImageFile makes a part of a picture file: JPEG, PNG, GIF (its first frame), WebP or BMP. The file is read by each request that
// has the part.
func ImageFile(path string) Part {
	return Part{Name: path, content: processor.Content{Kind: processor.PictureFile, Path: path}}
}

// ImageBytes makes a part of a picture file's contents. The slice must not change until the request has ended.
func ImageBytes(data []byte) Part {
	return part(processor.Content{Kind: processor.PictureBytes, Data: data})
}

// Video makes a part of frames taken at an even rate of fps frames a second. All frames have one size.
func Video(frames []image.Image, fps float64) Part {
	return part(processor.EvenVideo(frames, fps))
}

// VideoClip is frames picked from a longer clip.
type VideoClip struct {
	Frames   []image.Image
	Times    []time.Duration // of each frame from the start of the clip, ascending
	Duration time.Duration   // of the clip
}

// Clip makes a part of frames picked, evenly or not, from a longer clip.
func Clip(c VideoClip) Part {
	return part(processor.Content{Kind: processor.Video, Frames: c.Frames, Times: c.Times, Duration: c.Duration})
}
