package main

// A recorded case as a request of this library.

import (
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/golden"
	"github.com/qwenvl/qwenvl/preprocess"
)

// generation is what a checkpoint says about generating, as far as greedy decoding follows it.
type generation struct {
	MaxNewTokens      int     `json:"max_new_tokens"`
	RepetitionPenalty float64 `json:"repetition_penalty"`
}

func readGeneration(dir string) (generation, error) {
	var g generation
	path := filepath.Join(dir, "generation_config.json")
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return g, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &g)
	}
	if err != nil {
		return g, fmt.Errorf("%s: %w", path, err)
	}
	return g, nil
}

// override gives a case's own options the first place. Where neither says how many tokens to
// generate, as many as were recorded.
func (g generation) override(c *golden.Case) generation {
	if c.Generate.MaxNewTokens != 0 {
		g.MaxNewTokens = c.Generate.MaxNewTokens
	}
	if c.Generate.RepetitionPenalty != 0 {
		g.RepetitionPenalty = c.Generate.RepetitionPenalty
	}
	if g.MaxNewTokens == 0 {
		ids, _ := c.Stage("generated_ids")
		g.MaxNewTokens = max(1, len(ids.Ints))
	}
	return g
}

// request translates a case.
func request(c *golden.Case, images string, g generation) (qwenvl.Request, error) {
	r := qwenvl.Request{
		MaxTokens: g.MaxNewTokens,
		Sampling:  &qwenvl.Sampling{RepetitionPenalty: g.RepetitionPenalty},
		MinPixels: c.Processor.MinPixels, MaxPixels: c.Processor.MaxPixels,
		// as the reference, where a family has such tags
		Template: map[string]any{"allow_picture_tags": true},
	}
	for name, v := range c.Template {
		r.Template[name] = v
	}
	for i, m := range c.Messages {
		msg := qwenvl.Message{Role: qwenvl.Role(m.Role)}
		for j, p := range m.Content {
			part, err := part(p, images)
			if err != nil {
				return r, fmt.Errorf("messages[%d].content[%d]: %w", i, j, err)
			}
			msg.Parts = append(msg.Parts, part)
		}
		r.Messages = append(r.Messages, msg)
	}
	return r, nil
}

func part(p golden.Part, images string) (qwenvl.Part, error) {
	switch p.Type {
	case "text":
		return qwenvl.Text(p.Text), nil
	case "image":
		out := qwenvl.ImageFile(filepath.Join(images, p.Image))
		out.Name = p.Image
		return out, nil
	case "video":
		return video(p, images)
	case "box":
		text, err := boxMarkup(p)
		return qwenvl.Text(text), err
	}
	return qwenvl.Part{}, fmt.Errorf("unknown type %q", p.Type)
}

// boxMarkup writes a box as the grounding markup that it stands for.
func boxMarkup(p golden.Part) (string, error) {
	var s strings.Builder
	if p.Ref != "" {
		s.WriteString("<ref>" + p.Ref + "</ref>")
	}
	for _, b := range p.Box {
		if len(b) != 4 {
			return "", fmt.Errorf("box of %d numbers", len(b))
		}
		fmt.Fprintf(&s, "<box>(%d,%d),(%d,%d)</box>", b[0], b[1], b[2], b[3])
	}
	return s.String(), nil
}

// video reads frames: at an even rate, or picked from a longer clip.
func video(p golden.Part, images string) (qwenvl.Part, error) {
	frames := make([]image.Image, len(p.Video))
	for i, name := range p.Video {
		var err error
		if frames[i], err = readFrame(filepath.Join(images, name)); err != nil {
			return qwenvl.Part{}, err
		}
	}
	if !(p.FPS > 0) {
		return qwenvl.Part{}, fmt.Errorf("video at %v frames a second", p.FPS)
	}
	if p.FramesIndices == nil {
		return qwenvl.Video(frames, p.FPS), nil
	}
	clip := qwenvl.VideoClip{
		Frames: frames,
		// Rounded up: positions are cut to whole numbers, and a hair too short would lose one.
		Duration: time.Duration(math.Ceil(float64(p.TotalNumFrames) / p.FPS * 1e9)),
	}
	for _, i := range p.FramesIndices {
		clip.Times = append(clip.Times, time.Duration(math.Round(float64(i)/p.FPS*1e9)))
	}
	return qwenvl.Clip(clip), nil
}

// readFrame reads a picture with the pixels that a picture part of the same file has.
func readFrame(path string) (image.Image, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m, err := preprocess.Decode(data, preprocess.DecodeOptions{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	out := image.NewNRGBA(image.Rect(0, 0, m.Width, m.Height))
	for i := range m.Width * m.Height {
		copy(out.Pix[4*i:4*i+3], m.Pix[3*i:3*i+3])
		out.Pix[4*i+3] = 0xff
	}
	return out, nil
}
