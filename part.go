package qwenvl

// What messages are made of: texts, pictures and videos, from wherever a program has them.

import (
	"image"
	"io"
	"time"

	"github.com/qwenvl/qwenvl/internal/processor"
)

// Part is a piece of a message: text, a picture or a video. The functions of this package make
// them; the fields may be set afterwards. What is wrong with one is told by the requests that have
// it, in a *[RequestError]. A request that its context ends returns at once: one of its pictures
// may be read for some tenths of a second more.
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

// ImageURL makes a part of a picture in a data: URL, in base64 (of either alphabet, with white
// space and without padding too) or percent-encoded. Other URLs are errors of the request: this
// library opens no connection. Give what you have fetched to [ImageBytes] or [ImageReader].
func ImageURL(url string) Part {
	return part(processor.Content{Kind: processor.PictureURL, URL: url})
}

// ImageReader makes a part of a picture file's contents, which are read when the part is first
// used, by a request or by MarshalJSON, and kept: copies of the part share them. Not more is read
// than a picture file may have. A request whose context ends does not wait for the reader; the
// reading goes on, and a later request gets what it gives. The reader is not closed.
func ImageReader(r io.Reader) Part {
	c := processor.Content{Kind: processor.PictureReader}
	if r != nil {
		c.Reader = processor.NewReader(r)
	}
	return part(c)
}

// File is the path of a part made by [ImageFile], or read from JSON with a "path"; "" for others.
// Programs that take requests as JSON from people who may not read all files check it: a request
// opens whatever is named.
func (p Part) File() string { return p.content.Path }

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

// source is a picture or video for the processor: with its own limits, or else the request's.
func (p *Part) source(field string, message int, r *Request) processor.Source {
	s := processor.Source{Field: field, Message: message, Content: p.content}
	s.Limits.MinPixels, s.MinField = limit(p.MinPixels, r.MinPixels, field, "MinPixels")
	s.Limits.MaxPixels, s.MaxField = limit(p.MaxPixels, r.MaxPixels, field, "MaxPixels")
	return s
}

// limit is a limit of a part, or else of the request, and where it stands; "": nowhere.
func limit(own, all int, part, name string) (value int, field string) {
	switch {
	case own != 0:
		return own, part + "." + name
	case all != 0:
		return all, name
	}
	return 0, ""
}
