package conformance_test

// The harness: a case of a fixture becomes a request, runs with a trace, and every stage that the
// fixture records is compared with what was computed. internal/cmd/parity does the same by code of
// its own, for any fixture and from outside.

import (
	"context"
	"fmt"
	"image"
	_ "image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/golden"
	"github.com/qwenvl/qwenvl/internal/hooks"
	"github.com/qwenvl/qwenvl/internal/processor"
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/testkit"
	"github.com/qwenvl/qwenvl/internal/testkit/ckpt"
	"github.com/qwenvl/qwenvl/preprocess"
	"github.com/qwenvl/qwenvl/rope"
)

const (
	root      = "../.."
	testdata  = root + "/testdata"
	tinyDir   = testdata + "/qwen2_vl-tiny"
	imagesDir = testdata + "/images"
)

func TestMain(m *testing.M) { testkit.Main(m, testdata, ".") }

// loadTiny loads the fixture's checkpoint for the length of a test.
func loadTiny(t testing.TB, opts ...qwenvl.Option) *qwenvl.Model {
	t.Helper()
	m, err := qwenvl.Load(tinyDir, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

// loadChanged loads a checkpoint that a test has changed.
func loadChanged(t testing.TB, c *ckpt.Checkpoint, opts ...qwenvl.Option) *qwenvl.Model {
	t.Helper()
	m, err := qwenvl.LoadFS(c.FS(), opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

func readImage(t testing.TB, name string) image.Image {
	t.Helper()
	f, err := os.Open(filepath.Join(imagesDir, name))
	require.NoError(t, err)
	defer f.Close()
	img, _, err := image.Decode(f)
	require.NoError(t, err)
	return img
}

// caseRequest is a case of a fixture as a request.
func caseRequest(t testing.TB, c *golden.Case) qwenvl.Request {
	t.Helper()
	r := qwenvl.Request{
		MaxTokens: c.Generate.MaxNewTokens, Template: c.Template,
		MinPixels: c.Processor.MinPixels, MaxPixels: c.Processor.MaxPixels,
		Sampling: &qwenvl.Sampling{RepetitionPenalty: c.Generate.RepetitionPenalty},
	}
	for _, m := range c.Messages {
		msg := qwenvl.Message{Role: qwenvl.Role(m.Role)}
		for _, p := range m.Content {
			switch p.Type {
			case "text":
				msg.Parts = append(msg.Parts, qwenvl.Text(p.Text))
			case "image":
				part := qwenvl.ImageFile(filepath.Join(imagesDir, p.Image))
				part.Name = p.Image
				msg.Parts = append(msg.Parts, part)
			case "video":
				var frames []image.Image
				for _, f := range p.Video {
					frames = append(frames, readImage(t, f))
				}
				msg.Parts = append(msg.Parts, qwenvl.Video(frames, p.FPS))
			case "box":
				text := "<ref>" + p.Ref + "</ref>"
				for _, b := range p.Box {
					text += fmt.Sprintf("<box>(%d,%d),(%d,%d)</box>", b[0], b[1], b[2], b[3])
				}
				msg.Parts = append(msg.Parts, qwenvl.Text(text))
			default:
				t.Fatalf("part of type %q", p.Type)
			}
		}
		r.Messages = append(r.Messages, msg)
	}
	return r
}

// stages collects the traced rows of a generation by name.
type stages struct {
	rows   map[string][]float32
	width  map[string]int
	prompt *processor.Prompt
	made   []*preprocess.Patches // of the prompt's media
	pixels [2][]float32          // of pictures and of videos
	grids  [2][]rope.Grid        // likewise
	dim    int
}

func newStages() *stages { return &stages{rows: map[string][]float32{}, width: map[string]int{}} }

func (s *stages) trace(stage string, index int, x tensor.Tensor) {
	if index >= 0 {
		stage = fmt.Sprintf("%s.%d", stage, index)
	}
	s.rows[stage] = append(s.rows[stage], x.Floats()...)
	s.width[stage] = x.Cols
}

func (s *stages) take(p *processor.Prompt) {
	s.prompt, s.made = p, make([]*preprocess.Patches, len(p.Media))
}

func (s *stages) takePixels(medium int, p *preprocess.Patches) { s.made[medium] = p }

// finish sorts the pixels, which come as they are made.
func (s *stages) finish() {
	for i, m := range s.prompt.Media {
		k := kind(m)
		s.pixels[k] = append(s.pixels[k], s.made[i].Data...)
		s.grids[k] = append(s.grids[k], s.made[i].Grid)
		s.dim = s.made[i].Dim
	}
}

func kind(m processor.Medium) int {
	if m.Video {
		return 1
	}
	return 0
}

// media splits a stage of the tower into the rows of pictures and of videos, which share a pass.
func (s *stages) media(stage string) [2][]float32 {
	var out [2][]float32
	all, width, at := s.rows[stage], s.width[stage], 0
	grids := map[int]int{}
	for _, m := range s.prompt.Media {
		k := kind(m)
		n := s.grids[k][grids[k]].Patches()
		grids[k]++
		if stage == "vision.out" {
			n /= 4 // patches that make a token
		}
		n = min(n*width, len(all)-at)
		out[k] = append(out[k], all[at:at+n]...)
		at += n
	}
	return out
}

// run generates with a trace. Forced tokens take the place of sampled ones.
func (s *stages) run(t testing.TB, m *qwenvl.Model, r qwenvl.Request, forced []int) *qwenvl.Response {
	t.Helper()
	ctx := hooks.With(context.Background(), &hooks.Hooks{Prompt: s.take, Pixels: s.takePixels, Trace: s.trace, AllLogits: true, Forced: forced})
	resp, err := m.Generate(ctx, r)
	require.NoError(t, err)
	s.finish()
	return resp
}

// compareCase compares every required stage of a case and returns how many there were and what is wrong.
func compareCase(t testing.TB, m *qwenvl.Model, f *golden.Fixture, c *golden.Case) (compared int, wrong []string) {
	t.Helper()
	r := caseRequest(t, c)
	free, err := m.Generate(context.Background(), r)
	require.NoError(t, err)
	expected, ok := c.Stage("generated_ids")
	require.True(t, ok)
	s := newStages()
	s.run(t, m, r, toInts(expected.Ints))
	if s.prompt.Text != c.Prompt {
		wrong = append(wrong, "prompt")
	}
	compared++
	for _, name := range c.Stages() {
		want, _ := c.Stage(name)
		if golden.Classify(name) != golden.Required {
			continue
		}
		compared++
		var err error
		if want.IsInt() {
			got, shape := s.ints(name, free.Tokens)
			err = want.DiffInts(got, shape...)
		} else {
			var diff float64
			got, width := s.floats(name, len(expected.Ints))
			diff, err = want.DiffFloats(got, len(got)/max(width, 1), width)
			if bound, ok := f.Bound(name); err == nil && (!ok || diff > bound) {
				err = fmt.Errorf("off by %g, bound %g", diff, bound)
			}
		}
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("%s: %v", name, err))
		}
	}
	return compared, wrong
}

// ints returns an integer stage and its shape.
func (s *stages) ints(name string, tokens []int) ([]int64, []int) {
	switch name {
	case "input_ids":
		return toInt64s(s.prompt.Tokens), []int{len(s.prompt.Tokens)}
	case "generated_ids":
		return toInt64s(tokens), []int{len(tokens)}
	case "rope_deltas":
		return []int64{int64(s.prompt.Delta)}, []int{1}
	case "position_ids":
		n := len(s.prompt.Positions)
		out := make([]int64, 3*n)
		for i, p := range s.prompt.Positions {
			for a := range p {
				out[a*n+i] = int64(p[a])
			}
		}
		return out, []int{3, n}
	case "image_grid_thw", "video_grid_thw":
		k := 0
		if name[0] == 'v' {
			k = 1
		}
		var out []int64
		for _, g := range s.grids[k] {
			out = append(out, int64(g.T), int64(g.H), int64(g.W))
		}
		return out, []int{len(s.grids[k]), 3}
	}
	return nil, nil
}

// floats returns a float stage and its width.
func (s *stages) floats(name string, made int) ([]float32, int) {
	switch {
	case name == "pixel_values":
		return s.pixels[0], s.dim
	case name == "pixel_values_videos":
		return s.pixels[1], s.dim
	case name == "generated_logits":
		width := s.width["logits"]
		return s.rows["logits"][max(len(s.rows["logits"])-made*width, 0):], width
	case len(name) > 7 && name[:7] == "vision.":
		k := 0
		if len(s.grids[0]) == 0 {
			k = 1
		}
		return s.media(name)[k], s.width[name]
	case len(name) > 8 && name[:8] == "vision2.":
		name = "vision." + name[8:]
		return s.media(name)[1], s.width[name]
	}
	width := s.width[name]
	return s.rows[name][:min(len(s.prompt.Tokens)*width, len(s.rows[name]))], width
}

func toInts(v []int64) []int {
	out := make([]int, len(v))
	for i, x := range v {
		out[i] = int(x)
	}
	return out
}

func toInt64s(v []int) []int64 {
	out := make([]int64, len(v))
	for i, x := range v {
		out[i] = int64(x)
	}
	return out
}
