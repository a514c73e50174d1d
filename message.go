package qwenvl

import (
	"image"
	"math"
	"time"
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

	kind  partKind
	text  string
	path  string
	data  []byte
	image image.Image
	clip  VideoClip
}

type partKind uint8

const (
	textPart partKind = iota
	imagePart
	imageFilePart
	imageBytesPart
	clipPart
)

// Text makes a part of plain text. Spellings of special tokens in it stay text.
func Text(s string) Part { return Part{kind: textPart, text: s} }

// Image makes a part of a decoded picture. It is used as it is: a picture decoded from a photograph's file has lost the
// orientation noted there; [ImageFile] and [ImageBytes] apply it.
func Image(m image.Image) Part { return Part{kind: imagePart, image: m} }

// ImageFile makes a part of a picture file: JPEG, PNG, GIF (its first frame), WebP or BMP. The file is read by each request that
// has the part.
func ImageFile(path string) Part { return Part{kind: imageFilePart, path: path, Name: path} }

// ImageBytes makes a part of a picture file's contents. The slice must not change until the request has ended.
func ImageBytes(data []byte) Part { return Part{kind: imageBytesPart, data: data} }

// Video makes a part of frames taken at an even rate of fps frames a second. All frames have one size.
func Video(frames []image.Image, fps float64) Part {
	return Part{kind: clipPart, clip: evenClip(frames, fps)}
}

// VideoClip is frames picked from a longer clip.
type VideoClip struct {
	Frames   []image.Image
	Times    []time.Duration // of each frame from the start of the clip, ascending
	Duration time.Duration   // of the clip

	fps float64 // of an even clip: exact where durations are rounded to nanoseconds
}

// Clip makes a part of frames picked, evenly or not, from a longer clip.
func Clip(c VideoClip) Part { return Part{kind: clipPart, clip: c} }

func evenClip(frames []image.Image, fps float64) VideoClip {
	c := VideoClip{Frames: frames, fps: fps}
	if fps > 0 {
		for i := range frames {
			c.Times = append(c.Times, seconds(float64(i)/fps))
		}
		c.Duration = seconds(float64(len(frames)) / fps)
	}
	return c
}

func seconds(s float64) time.Duration { return time.Duration(math.Round(s * float64(time.Second))) }
