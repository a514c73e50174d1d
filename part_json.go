package qwenvl

// Parts as JSON, close to the content parts that chat services take:
//
//	{"type": "text", "text": "What is this?"}
//	{"type": "image", "path": "a.jpg"}
//	{"type": "image", "url": "data:image/png;base64,…"}
//	{"type": "image", "media_type": "image/png", "data": "iVBORw0…"}
//	{"type": "video", "frames": [{"media_type": "image/png", "data": "…"}, …], "fps": 2}
//	{"type": "video", "frames": […], "times": [0, 0.5, 7], "duration": 60}
//
// and "name", "min_pixels" and "max_pixels" beside them. "data" is base64. All of a part is in its
// JSON or there is an error, and all of the JSON is in the part: unknown keys, keys that come twice
// and text that is not UTF-8 are errors. picture_json.go turns pictures in memory into files.

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/qwenvl/qwenvl/internal/processor"
)

// partJSON is a part as it is written.
type partJSON struct {
	Type      string       `json:"type"`
	Text      *string      `json:"text,omitempty"`
	Path      *string      `json:"path,omitempty"`
	URL       *string      `json:"url,omitempty"`
	MediaType string       `json:"media_type,omitempty"`
	Data      *[]byte      `json:"data,omitempty"`
	Frames    *[]frameJSON `json:"frames,omitempty"`
	FPS       *float64     `json:"fps,omitempty"`
	Times     *[]seconds   `json:"times,omitempty"`
	Duration  *seconds     `json:"duration,omitempty"`
	Name      *string      `json:"name,omitempty"`
	MinPixels int          `json:"min_pixels,omitempty"`
	MaxPixels int          `json:"max_pixels,omitempty"`
}

// frameJSON is a frame of a video.
type frameJSON struct {
	MediaType string `json:"media_type,omitempty"`
	Data      []byte `json:"data"`
}

// maxJSON bounds a message's JSON and a request's.
const maxJSON = 1 << 30

// MarshalJSON writes the part with all it holds: a file by its path, a picture file's contents as
// they are, decoded pictures and frames as PNG, whose pixels a model sees as it sees theirs. Of a
// part of [ImageReader] the reader is read. The form is described in the package's overview.
//
// Errors: *[RequestError], for strings that are not UTF-8 and pictures that cannot be read.
func (p Part) MarshalJSON() ([]byte, error) {
	out, err := p.json()
	if err != nil {
		return nil, &RequestError{Field: "Part", Err: err}
	}
	return json.Marshal(out)
}

func (p *Part) json() (*partJSON, error) {
	c := &p.content
	out := &partJSON{Type: "image", MinPixels: p.MinPixels, MaxPixels: p.MaxPixels}
	usual := ""
	var err error
	switch c.Kind {
	case processor.Text:
		out.Type = "text"
		if utf8.ValidString(c.Text) {
			out.Text = &c.Text
		} else { // such as a file that somebody asks about
			data := []byte(c.Text)
			out.Data = &data
		}
	case processor.PictureFile:
		out.Path, usual = &c.Path, c.Path
	case processor.PictureURL:
		out.URL = &c.URL
	case processor.Video:
		err = out.video(c)
	default:
		var f frameJSON
		f, err = pictureJSON(c)
		out.MediaType, out.Data = f.MediaType, &f.Data
	}
	if err != nil {
		return nil, err
	}
	if p.Name != usual {
		out.Name = &p.Name
	}
	for _, s := range []*string{out.Path, out.URL, out.Name} {
		if s != nil && !utf8.ValidString(*s) {
			return nil, errors.New("a path, URL or name that is not UTF-8")
		}
	}
	return out, nil
}

func (out *partJSON) video(c *processor.Content) error {
	out.Type = "video"
	frames := make([]frameJSON, 0, c.Count())
	size := 0
	add := func(f frameJSON, err error) error {
		if err != nil {
			return fmt.Errorf("frame %d: %w", len(frames), err)
		}
		if size += base64.StdEncoding.EncodedLen(len(f.Data)); size > maxJSON {
			return fmt.Errorf("its frames take more than %d bytes", maxJSON)
		}
		frames = append(frames, f)
		return nil
	}
	for _, m := range c.Frames {
		if err := add(memoryJSON(m)); err != nil {
			return err
		}
	}
	for _, data := range c.Files {
		if err := add(frameJSON{mediaType(data), data}, nil); err != nil {
			return err
		}
	}
	out.Frames = &frames
	if c.FPS != 0 {
		out.FPS = &c.FPS
		return nil
	}
	times := make([]seconds, len(c.Times))
	for i, t := range c.Times {
		times[i] = seconds(t)
	}
	out.Times, out.Duration = &times, (*seconds)(&c.Duration)
	return nil
}

// UnmarshalJSON reads what MarshalJSON writes. Pictures stay files, and are decoded by requests.
//
// Errors: *[RequestError].
func (p *Part) UnmarshalJSON(data []byte) error {
	out, err := readPart("Part", data)
	if err == nil {
		*p = out
	}
	return err
}

func readPart(field string, data []byte) (Part, error) {
	o := openObject(field, data)
	var p Part
	c := &p.content
	switch typ := o.str("type"); {
	case typ == "text" && (o.has("text") || !o.has("data")):
		c.Text = o.str("text")
	case typ == "text":
		c.Text = string(o.base64("data"))
	case typ == "image" && o.has("path"):
		c.Kind, c.Path = processor.PictureFile, o.str("path")
		p.Name = c.Path
	case typ == "image" && o.has("url"):
		c.Kind, c.URL = processor.PictureURL, o.str("url")
	case typ == "image":
		if !o.has("data") {
			o.problem("without path, url or data")
		}
		c.Kind, c.Data = processor.PictureBytes, o.file()
	case typ == "video":
		c.Kind = processor.Video
		o.list("frames", func(i int, raw []byte) {
			f := openObject(fmt.Sprintf("%s.Frames[%d]", field, i), raw)
			c.Files = append(c.Files, f.file())
			o.fail(f.end())
		})
		if o.has("fps") {
			c.SetRate(o.number("fps"))
			break
		}
		o.list("times", func(_ int, raw []byte) {
			c.Times = append(c.Times, o.seconds("times", raw))
		})
		c.Duration = o.seconds("duration", o.take("duration"))
	default:
		o.problem("unknown type %.40q, not text, image or video", typ)
	}
	if o.has("name") {
		p.Name = o.str("name")
	}
	p.MinPixels, p.MaxPixels = o.int("min_pixels"), o.int("max_pixels")
	return p, o.end()
}

// file takes a picture file's contents. Its media type is for other readers: the contents say
// themselves what they are.
func (o *object) file() []byte {
	if o.has("media_type") {
		o.str("media_type")
	}
	return o.base64("data")
}

// seconds is a time as JSON: seconds, exact to the nanosecond.
type seconds time.Duration

func (s seconds) MarshalJSON() ([]byte, error) {
	sign, n := "", uint64(s)
	if s < 0 {
		sign, n = "-", -n
	}
	text := fmt.Sprintf("%s%d.%09d", sign, n/1e9, n%1e9)
	return []byte(strings.TrimSuffix(strings.TrimRight(text, "0"), ".")), nil
}

// parseSeconds reads a JSON number, exactly if it is plain digits.
func parseSeconds(text string) (time.Duration, error) {
	if !strings.ContainsAny(text, "eE") {
		return time.ParseDuration(text + "s")
	}
	f, err := strconv.ParseFloat(text, 64)
	if f *= 1e9; err == nil && !(math.Abs(f) < 1<<62) {
		err = errors.New("out of range")
	}
	return time.Duration(math.Round(f)), err
}
