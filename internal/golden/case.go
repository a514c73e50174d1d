package golden

// One recorded request with its stages, read from case.json and expected.safetensors.

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/qwenvl/qwenvl/internal/shards"
	"github.com/qwenvl/qwenvl/internal/weights"
)

// Case is one request with what must come of it. Fields that a case leaves out are zero, or nil
// where that means something else. It is immutable and safe for concurrent use.
type Case struct {
	Name      string         `json:"name"`
	About     string         `json:"about"`
	Messages  []Message      `json:"messages"`
	Processor Processor      `json:"processor"`
	Template  map[string]any `json:"template"` // variables for the chat template
	Generate  Generate       `json:"generate"`

	Prompt          string   `json:"prompt"` // after the template, one placeholder per picture or video
	Text            *string  `json:"text"`
	TextWithSpecial *string  `json:"text_with_special"`
	GreedyGap       *float64 `json:"greedy_gap"` // smallest distance between the two best scores on the way

	stages map[string]Stage
	names  []string
}

// Message is one turn.
type Message struct {
	Role    string
	Content []Part
	Plain   bool // the content was a string: one text part
}

// UnmarshalJSON accepts a string as content as well as parts.
func (m *Message) UnmarshalJSON(data []byte) error {
	var raw struct {
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	*m = Message{Role: raw.Role}
	var text string
	if len(raw.Content) > 0 && raw.Content[0] == '"' {
		if err := json.Unmarshal(raw.Content, &text); err != nil {
			return err
		}
		m.Content, m.Plain = []Part{{Type: "text", Text: text}}, true
		return nil
	}
	if raw.Content == nil {
		return errors.New("a message without content")
	}
	return json.Unmarshal(raw.Content, &m.Content)
}

// Part is one piece of a message. Type is "text", "image", "video" or a family's own, such as
// "box".
type Part struct {
	Type  string `json:"type"`
	Text  string `json:"text"`
	Image string `json:"image"` // path in the folder of images

	// Video lists the paths of the frames. Where they were picked from a longer clip, FramesIndices
	// are their numbers in it and TotalNumFrames its length.
	Video          []string `json:"video"`
	FPS            float64  `json:"fps"`
	FramesIndices  []int    `json:"frames_indices"`
	TotalNumFrames int      `json:"total_num_frames"`

	Ref string  `json:"ref"` // of a box: what is in it
	Box [][]int `json:"box"` // x1, y1, x2, y2 in thousandths of the picture
}

// Processor holds pixel limits in place of the checkpoint's; 0 leaves one as it is.
type Processor struct {
	MinPixels int `json:"min_pixels"`
	MaxPixels int `json:"max_pixels"`
}

// Generate holds options of generation. Decoding is greedy.
type Generate struct {
	MaxNewTokens      int     `json:"max_new_tokens"`
	RepetitionPenalty float64 `json:"repetition_penalty"` // 0 where the case sets none
}

// Stage is one expected tensor: Floats or Ints, in row-major order.
type Stage struct {
	Shape  []int
	Floats []float32
	Ints   []int64
}

// IsInt reports whether the stage holds integers, which must be reproduced exactly.
func (s Stage) IsInt() bool { return s.Ints != nil }

// Case reads a case with all its stages.
//
// Errors: the file's own, the JSON decoder's or those of package weights, wrapped with the file's
// name.
func (f *Fixture) Case(name string) (*Case, error) {
	dir := filepath.Join(f.Dir, "cases", name)
	c := &Case{}
	if err := readJSON(filepath.Join(dir, "case.json"), c); err != nil {
		return nil, err
	}
	if c.Name == "" {
		c.Name = name
	}
	src, err := shards.OpenFile(os.DirFS(dir), "expected.safetensors")
	if err != nil {
		return nil, fmt.Errorf("golden: read: %s: %w", dir, err)
	}
	c.names, c.stages = src.Names(), map[string]Stage{}
	for _, n := range c.names {
		t, _ := src.Tensor(n)
		c.stages[n], err = newStage(t)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("golden: read: %s: stage %q: %w", dir, n, err), src.Close())
		}
	}
	if err := src.Close(); err != nil {
		return nil, fmt.Errorf("golden: close: %s: %w", dir, err)
	}
	return c, nil
}

// newStage copies a tensor out of its file.
func newStage(t weights.Tensor) (Stage, error) {
	s := Stage{Shape: append([]int{}, t.Shape...)}
	switch t.DType {
	case weights.F32:
		s.Floats = make([]float32, len(t.Data)/4)
		for i := range s.Floats {
			s.Floats[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.Data[4*i:]))
		}
	case weights.I64:
		s.Ints = make([]int64, len(t.Data)/8)
		for i := range s.Ints {
			s.Ints[i] = int64(binary.LittleEndian.Uint64(t.Data[8*i:]))
		}
	default:
		return s, fmt.Errorf("element type %s is neither F32 nor I64", t.DType)
	}
	return s, nil
}

// Stages returns the names of all stages, sorted.
func (c *Case) Stages() []string { return c.names }

// Stage returns the stage of that name.
func (c *Case) Stage(name string) (Stage, bool) {
	s, ok := c.stages[name]
	return s, ok
}
