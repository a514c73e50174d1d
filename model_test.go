package qwenvl_test

// Every family's answers against the reference's: the test to read first.

import (
	"context"
	"image"
	_ "image/png"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/golden"
	"github.com/qwenvl/qwenvl/internal/testkit"
)

// Without the test data nothing of this package can be tested.
func TestMain(m *testing.M) { testkit.Main(m, "testdata", ".") }

// Small checkpoints of every family, with questions and what the reference answers: folders of
// testdata. What it computes on the way is compared in internal/conformance.
var (
	fixtures = []string{
		"qwen-vl-small", "qwen2_vl-tiny", "qwen2_5_vl-tiny", "kimi-vl-tiny", "qwen3_vl_moe-tiny",
		"qwen3_5_moe-tiny",
	}
	// Those without a tower.
	textFixtures = []string{"text-tiny/qwen2", "text-tiny/qwen3", "text-tiny/qwen3_moe"}
)

const tinyDir = "testdata/qwen2_vl-tiny"

// loadTiny loads this fixture for the length of a test.
func loadTiny(t testing.TB, opts ...qwenvl.Option) *qwenvl.Model {
	t.Helper()
	m, err := qwenvl.Load(tinyDir, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

// TestModel asks a checkpoint of every family what its fixture asks, in text, pictures and videos:
// the tokens and the text of the answer are the reference's.
func TestModel(t *testing.T) {
	for _, name := range slices.Concat(fixtures, textFixtures) {
		t.Run(name, func(t *testing.T) {
			f, err := golden.Open(filepath.Join("testdata", name))
			require.NoError(t, err)
			require.NotEmpty(t, f.Cases)
			m, err := qwenvl.Load(f.Dir)
			require.NoError(t, err)
			defer func() { require.NoError(t, m.Close()) }()
			for _, name := range f.Cases {
				t.Run(name, func(t *testing.T) {
					c, err := f.Case(name)
					require.NoError(t, err)
					want, ok := c.Stage("generated_ids")
					require.True(t, ok)

					resp, err := m.Generate(context.Background(), request(t, c, len(want.Ints)))
					require.NoError(t, err)
					tokens := make([]int64, len(resp.Tokens))
					for i, id := range resp.Tokens {
						tokens[i] = int64(id)
					}
					require.Equal(t, want.Ints, tokens)
					text := c.TextWithSpecial
					if text == nil {
						text = c.Text
					}
					if resp.Reasoning == "" {
						require.Equal(t, *text, resp.Text)
					} else { // it comes apart from the answer, without its marks
						require.Contains(t, *text, resp.Reasoning)
						require.Contains(t, *text, resp.Text)
					}
				})
			}
		})
	}
}

// request is a case of a fixture as a request, for most tokens where the case names no number.
func request(t *testing.T, c *golden.Case, most int) qwenvl.Request {
	t.Helper()
	const images = "testdata/images"
	r := qwenvl.Request{
		MaxTokens: c.Generate.MaxNewTokens,
		MinPixels: c.Processor.MinPixels, MaxPixels: c.Processor.MaxPixels,
		Sampling: &qwenvl.Sampling{RepetitionPenalty: c.Generate.RepetitionPenalty},
	}
	if r.MaxTokens == 0 {
		r.MaxTokens = most
	}
	if r.Template = maps.Clone(c.Template); r.Template == nil {
		r.Template = map[string]any{}
	}
	r.Template["allow_picture_tags"] = true // as the reference, where a family has such tags
	for _, m := range c.Messages {
		msg := qwenvl.Message{Role: qwenvl.Role(m.Role)}
		for _, p := range m.Content {
			switch p.Type {
			case "text":
				msg.Parts = append(msg.Parts, qwenvl.Text(p.Text))
			case "image":
				part := qwenvl.ImageFile(filepath.Join(images, p.Image))
				part.Name = p.Image
				msg.Parts = append(msg.Parts, part)
			case "video":
				var frames []image.Image
				for _, name := range p.Video {
					f, err := os.Open(filepath.Join(images, name))
					require.NoError(t, err)
					frame, _, err := image.Decode(f)
					require.NoError(t, err)
					require.NoError(t, f.Close())
					frames = append(frames, frame)
				}
				part := qwenvl.Video(frames, p.FPS)
				if p.FramesIndices != nil { // picked from a longer clip
					at := func(frame int) float64 { return float64(frame) / p.FPS * 1e9 } // nanoseconds
					end := time.Duration(math.Ceil(at(p.TotalNumFrames)))
					clip := qwenvl.VideoClip{Frames: frames, Duration: end}
					for _, i := range p.FramesIndices {
						clip.Times = append(clip.Times, time.Duration(math.Round(at(i))))
					}
					part = qwenvl.Clip(clip)
				}
				msg.Parts = append(msg.Parts, part)
			default:
				t.Fatalf("part of type %q", p.Type)
			}
		}
		r.Messages = append(r.Messages, msg)
	}
	return r
}
