package processor

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/chat"
	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/internal/family"
	"github.com/qwenvl/qwenvl/internal/golden"
	"github.com/qwenvl/qwenvl/internal/testkit"
	"github.com/qwenvl/qwenvl/preprocess"
)

const testdata = "../../testdata"

var background = context.Background()

func TestMain(m *testing.M) { testkit.Main(m, testdata, ".") }

// open makes a processor from the configuration, tokenizer and template of a fixture, without its
// weights.
func open(t testing.TB, fixture string, change ...func(*Config)) *Processor {
	t.Helper()
	from, err := checkpoint.Open(filepath.Join(testdata, fixture))
	require.NoError(t, err)
	spec, err := family.Load(from)
	require.NoError(t, err)
	tok, err := from.Tokenizer(nil)
	require.NoError(t, err)
	c := Config{Vision: spec.Vision, Tokenizer: tok, Template: spec.Chat}
	c.Checkpoint = func() (id [sha256.Size]byte) { return id }
	if c.Template == nil {
		source, err := from.Template()
		require.NoError(t, err)
		var specials []string
		for _, a := range tok.AddedTokens() {
			if a.Special {
				specials = append(specials, a.Text)
			}
		}
		o := chat.Options{Specials: specials, Tokens: source.Tokens}
		c.Template, err = chat.New(source.Source, o)
		require.NoError(t, err)
	}
	for _, f := range change {
		f(&c)
	}
	p, err := New(c)
	require.NoError(t, err)
	return p
}

// user is a request of one message: texts, and sources of media.
func user(parts ...any) *Request {
	r := &Request{Request: chat.Request{AddGenerationPrompt: true}}
	r.Messages = []chat.Message{{Role: "user"}}
	m := &r.Messages[0]
	for i, p := range parts {
		switch p := p.(type) {
		case string:
			m.Content = append(m.Content, chat.Part{Kind: chat.Text, Text: p})
		case Content:
			kind := chat.Image
			if p.Kind == Video {
				kind = chat.Video
			}
			m.Content = append(m.Content, chat.Part{Kind: kind, Name: p.Path})
			r.Media = append(r.Media, Source{Field: "part " + strconv.Itoa(i), Content: p})
		}
	}
	return r
}

func gray(w, h int) *image.Gray {
	m := image.NewGray(image.Rect(0, 0, w, h))
	for i := range m.Pix {
		m.Pix[i] = byte(i * 31 / 7)
	}
	return m
}

func memory(m image.Image) Content { return Content{Kind: Picture, Frames: []image.Image{m}} }

func clip(n int, fps float64) Content {
	return EvenVideo(slices.Repeat([]image.Image{gray(60, 60)}, n), fps)
}

func readImage(t *testing.T, name string) image.Image {
	data, err := os.ReadFile(filepath.Join(testdata, "images", name))
	require.NoError(t, err)
	m, err := png.Decode(bytes.NewReader(data))
	require.NoError(t, err)
	return m
}

// Text, tokens, positions, grids and pixels are the reference's, for every family of the test data.
func TestPromptIsTheReferences(t *testing.T) {
	for _, fixture := range []string{"qwen2_vl-tiny", "qwen2_5_vl-tiny", "qwen3_vl_moe-tiny",
		"qwen3_5_moe-tiny", "qwen-vl-small", "kimi-vl-tiny"} {
		p := open(t, fixture)
		f, err := golden.Open(filepath.Join(testdata, fixture))
		require.NoError(t, err)
		for _, name := range f.Cases {
			t.Run(fixture+"/"+name, func(t *testing.T) {
				c, err := f.Case(name)
				require.NoError(t, err)
				r := &Request{Request: chat.Request{Vars: c.Template, AddGenerationPrompt: true}}
				for i, m := range c.Messages {
					msg := chat.Message{Role: m.Role}
					msg.HasStringContent = len(m.Content) == 1 && m.Content[0].Type == "text"
					for _, part := range m.Content {
						s := Source{Message: i, Limits: preprocess.Limits(c.Processor)}
						switch part.Type {
						case "text":
							msg.Content = append(msg.Content, chat.Part{Kind: chat.Text, Text: part.Text})
							continue
						case "box":
							text := "<ref>" + part.Ref + "</ref>"
							for _, b := range part.Box {
								text += fmt.Sprintf("<box>(%d,%d),(%d,%d)</box>", b[0], b[1], b[2], b[3])
							}
							msg.Content = append(msg.Content, chat.Part{Kind: chat.Text, Text: text})
							continue
						case "video":
							msg.Content = append(msg.Content, chat.Part{Kind: chat.Video})
							var frames []image.Image
							for _, f := range part.Video {
								frames = append(frames, readImage(t, f))
							}
							s.Content = EvenVideo(frames, part.FPS)
							if part.FramesIndices != nil { // frames of a longer clip
								s.Content = Content{Kind: Video, Frames: frames}
								at := func(i int) time.Duration { return time.Duration(float64(i) / part.FPS * 1e9) }
								for _, i := range part.FramesIndices {
									s.Times = append(s.Times, at(i))
								}
								s.Duration = at(part.TotalNumFrames)
							}
						default:
							msg.Content = append(msg.Content, chat.Part{Kind: chat.Image, Name: part.Image})
							s.Content = Content{Kind: PictureFile, Path: filepath.Join(testdata, "images", part.Image)}
						}
						r.Media = append(r.Media, s)
					}
					r.Messages = append(r.Messages, msg)
				}
				got, err := p.Prompt(background, r)
				require.NoError(t, err)
				require.Equal(t, c.Prompt, got.Text)
				if name == "plain_specials" { // to the reference those of a user are special
					return
				}
				var ids []int64
				for _, id := range got.Tokens {
					ids = append(ids, int64(id))
				}
				want, ok := c.Stage("input_ids")
				require.True(t, ok)
				require.NoError(t, want.DiffInts(ids, len(ids)))
				if want, ok := c.Stage("position_ids"); ok && len(want.Shape) == 2 {
					positions := make([]int64, 3*len(ids))
					for i, at := range got.Positions {
						for a := range at {
							positions[a*len(ids)+i] = int64(at[a])
						}
					}
					require.NoError(t, want.DiffInts(positions, 3, len(ids)))
				}
				if want, ok := c.Stage("rope_deltas"); ok {
					require.EqualValues(t, want.Ints[0], got.Delta)
				}
				tokens := 0
				for _, m := range got.Media {
					x, err := m.Pixels(background)
					require.NoError(t, err)
					require.Equal(t, m.Grid, x.Grid)
					require.Equal(t, m.Original, x.Original)
					require.Equal(t, m.Resized, x.Resized)
					n := 0
					for _, s := range m.Spans {
						n += s.Len
						for _, id := range got.Tokens[s.Start : s.Start+s.Len] {
							require.True(t, id == p.marks.image || id == p.marks.video || p.marks.open >= 0)
						}
					}
					require.Equal(t, p.cfg.Vision.Adapter.Tokens(m.Grid), n)
					tokens += n
				}
				require.Equal(t, tokens, got.VisionTokens())
			})
		}
	}
}

// Spans of a video with time stamps: one for each step, behind its time.
func TestSpansOfVideos(t *testing.T) {
	p := open(t, "qwen3_vl_moe-tiny")
	got, err := p.Prompt(background, user("a", clip(5, 2), memory(gray(60, 60)), "b"))
	require.NoError(t, err)
	video, picture := got.Media[0], got.Media[1]
	require.Equal(t, 3, video.Grid.T)
	require.Equal(t, []float64{0.25, 1.25, 2}, video.StepTimes)
	require.Len(t, video.Spans, 3)
	require.Len(t, picture.Spans, 1)
	for i, text := range []string{"<0.2 seconds>", "<1.2 seconds>", "<2.0 seconds>"} {
		s := video.Spans[i]
		before := p.cfg.Tokenizer.Encode(text)
		require.Equal(t, before, got.Tokens[s.Start-1-len(before):s.Start-1])
		require.Equal(t, slices.Repeat([]int{p.marks.video}, s.Len), got.Tokens[s.Start:s.Start+s.Len])
	}
}

// scripted is a template that writes what a test tells it to.
type scripted []chat.Span

func (scripted) Name() string { return "scripted" }

func (s scripted) Render(chat.Request) ([]chat.Span, error) { return s, nil }
func (s scripted) Check(chat.Request) error                 { return nil }

// A template whose placeholders are not those of the media is an error, and so are names that do
// not fit.
func TestPlaceholdersMustMatch(t *testing.T) {
	img, vid := memory(gray(60, 60)), clip(2, 1)
	const qwen2, qwen3, first = "qwen2_vl-tiny", "qwen3_vl_moe-tiny", "qwen-vl-small"
	long := strings.Repeat("a", 300)
	trusted := func(text string) chat.Span { return chat.Span{Text: text, Trusted: true} }
	const picture = "<|vision_start|><|image_pad|><|vision_end|>"
	const video = "<|vision_start|><|video_pad|><|vision_end|>"
	for _, c := range []struct {
		name, fixture string
		writes        scripted
		r             *Request
		problem       string // "": none
	}{
		{"right", qwen2, scripted{trusted(picture + video)}, user(img, vid), ""},
		{"too few", qwen2, scripted{trusted(picture)}, user(img, img), "leaves out"},
		{"none", qwen2, scripted{trusted("x")}, user(img), "leaves out"},
		{"too many", qwen2, scripted{trusted(picture + picture)}, user(img), "do not match"},
		{"without media", qwen2, scripted{trusted(picture)}, user("x"), "do not match"},
		{"other order", qwen2, scripted{trusted(video + picture)}, user(img, vid), "do not match"},
		{"text of a user", qwen2, scripted{{Text: picture}}, user(img), "leaves out"},
		{"steps", qwen3, scripted{trusted(video)}, user(vid), ""},
		{"a video too few", qwen3, scripted{trusted(video)}, user(vid, vid), "leaves out"},
		{"a video too many", qwen3, scripted{trusted(video + video)}, user(vid), "do not match"},
		{"a video of a user", qwen3, scripted{{Text: video}}, user(vid), "leaves out"},
		{"tags", first, scripted{trusted("<img>"), {Text: "a.png"}, trusted("</img>")}, user(img), ""},
		{"an open tag", first, scripted{trusted("<img>"), {Text: "a.png"}}, user(img), "not closed"},
		{"a long name", first, scripted{trusted("<img>"), {Text: long}, trusted("</img>")}, user(img),
			"has 300 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := open(t, c.fixture, func(cfg *Config) { cfg.Template = c.writes })
			got, err := p.Prompt(background, c.r)
			if c.problem == "" {
				require.NoError(t, err)
				require.NotZero(t, got.VisionTokens())
				return
			}
			var e *Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, "Messages", e.Field)
			require.ErrorContains(t, err, c.problem)
		})
	}
}

// Errors name the part. What headers do not show comes when the pixels are made, with the same
// name.
func TestErrorsNameThePart(t *testing.T) {
	p := open(t, "qwen2_vl-tiny")
	file := filepath.Join(testdata, "images", "shapes_a.png")
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	cut := data[:len(data)/2]
	cutFile := filepath.Join(t.TempDir(), "cut.png")
	require.NoError(t, os.WriteFile(cutFile, cut, 0o600))
	before := Content{Kind: Video, Frames: []image.Image{gray(60, 60)}, Duration: 1}
	before.Times = []time.Duration{-1}
	short := &image.RGBA{Rect: image.Rect(0, 0, 60, 60), Stride: 240}
	late := func(c Content) func() error {
		return func() error {
			got, err := p.Prompt(background, user("x", c))
			require.NoError(t, err)
			_, err = got.Media[0].Pixels(background)
			return err
		}
	}
	now := func(c Content) func() error {
		return func() error {
			_, err := p.Prompt(background, user("x", c))
			return err
		}
	}
	for name, f := range map[string]func() error{
		"no file":    now(Content{Kind: PictureFile, Path: "no/such.png"}),
		"a URL":      now(Content{Kind: PictureFile, Path: "https://host/a.png"}),
		"long path":  now(Content{Kind: PictureFile, Path: strings.Repeat("x", 1e6)}),
		"data":       now(Content{Kind: PictureFile, Path: "data:image/png;base64," + strings.Repeat("x", 1e6)}),
		"no picture": now(Content{Kind: PictureBytes, Data: []byte("hello")}),
		"nil":        now(memory(nil)),
		"ratio":      now(memory(gray(201, 1))),
		"no frames":  now(EvenVideo(nil, 1)),
		"two sizes":  now(EvenVideo([]image.Image{gray(60, 60), gray(61, 61)}, 1)),
		"times":      now(before),
		"samples":    late(memory(short)),
		"cut":        late(Content{Kind: PictureBytes, Data: cut}),
		"cut file":   late(Content{Kind: PictureFile, Path: cutFile}),
		"frame":      late(EvenVideo([]image.Image{gray(60, 60), short}, 1)),
		"another family": func() error {
			_, err := open(t, "text-tiny/qwen2").Prompt(background, user("x", memory(gray(60, 60))))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			var e *Error
			err := f()
			require.ErrorAs(t, err, &e)
			require.Equal(t, "part 1", e.Field)
			require.Less(t, len(err.Error()), 1000)
			require.NotRegexp(t, "0x[0-9a-f]{6}", err.Error(), "an address")
		})
	}
	plain := open(t, "qwen2_vl-tiny", func(c *Config) { c.Template = nil })
	_, err = plain.Prompt(background, user("x"))
	require.ErrorIs(t, err, ErrNoTemplate)
}

// What ends early does so with the context's error.
func TestContextEnds(t *testing.T) {
	p := open(t, "qwen2_vl-tiny")
	got, err := p.Prompt(background, user(clip(4, 1)))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(background)
	cancel()
	_, err = p.Prompt(ctx, user(clip(4, 1)))
	require.Equal(t, context.Canceled, err)
	_, err = got.Media[0].Pixels(ctx)
	require.Equal(t, context.Canceled, err)
}

// A picture's pixels are not those its header promised: it cannot be, but a decoder might differ
// from its header.
func TestGridIsChecked(t *testing.T) {
	m := &growing{Gray: gray(60, 60)}
	got, err := open(t, "qwen2_vl-tiny").Prompt(background, user(memory(m)))
	require.NoError(t, err)
	require.NotZero(t, got.Media[0].Key())
	grown := &growing{Gray: gray(60, 60), more: 60}
	p := open(t, "qwen2_vl-tiny")
	got, err = p.Prompt(background, user(memory(grown)))
	require.NoError(t, err)
	_, err = got.Media[0].Pixels(background)
	var e *Error
	require.ErrorAs(t, err, &e)
	require.ErrorContains(t, err, "has not the size")
}

// growing becomes larger each time that somebody asks for its bounds.
type growing struct {
	*image.Gray
	more, asked int
}

func (g *growing) Bounds() image.Rectangle {
	g.asked++
	return image.Rect(0, 0, 60+g.more*g.asked, 60)
}

func (g *growing) At(int, int) color.Color { return color.Gray{Y: 9} }

// counted counts the samples that are read.
type counted struct {
	*image.Gray
	read int
}

func (c *counted) At(x, y int) color.Color {
	c.read++
	return c.Gray.At(x, y)
}

// Nothing is read or hashed before somebody asks, and a picture of a foreign type once for both.
func TestKeysAreMadeLate(t *testing.T) {
	asked := 0
	p := open(t, "qwen2_vl-tiny", func(c *Config) {
		c.Checkpoint = func() (id [sha256.Size]byte) { asked++; return id }
	})
	m := &counted{Gray: gray(60, 40)}
	got, err := p.Prompt(background, user(memory(m)))
	require.NoError(t, err)
	require.Zero(t, asked+m.read)
	require.NotZero(t, got.Media[0].Key())
	require.Equal(t, 60*40, m.read)
	_, err = got.Media[0].Pixels(background)
	require.NoError(t, err)
	require.Equal(t, 60*40, m.read)
	require.Equal(t, 1, asked)
}

// Equal contents have equal keys whatever holds them; anything that changes the features changes
// the key.
func TestKeys(t *testing.T) {
	file := filepath.Join(testdata, "images", "shapes_a.png")
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	p := open(t, "qwen2_vl-tiny")
	of := func(p *Processor, c Content, lim preprocess.Limits) [sha256.Size]byte {
		t.Helper()
		m, err := p.Medium(background, &Source{Limits: lim, Content: c})
		require.NoError(t, err)
		key := m.Key()
		require.NotZero(t, key)
		require.Equal(t, key, m.Key(), "asked for again")
		return key
	}
	none := preprocess.Limits{}
	base := of(p, Content{Kind: PictureFile, Path: file}, none)
	require.Equal(t, base, of(p, Content{Kind: PictureBytes, Data: bytes.Clone(data)}, none))
	require.Equal(t, base, of(p, Content{Kind: PictureBytes, Data: data}, none))

	changed := bytes.Clone(data)
	changed[len(changed)-1] ^= 1
	seen := map[[sha256.Size]byte]string{base: "base"}
	differs := func(name string, key [sha256.Size]byte) {
		t.Helper()
		require.NotContains(t, seen, key, name)
		seen[key] = name
	}
	differs("a bit of the file", of(p, Content{Kind: PictureBytes, Data: changed}, none))
	bytesOf := Content{Kind: PictureBytes, Data: data}
	differs("limits", of(p, bytesOf, preprocess.Limits{MaxPixels: 100 * 100}))
	for name, change := range map[string]func(*Config){
		"decode options": func(c *Config) { c.Decode.Alpha = preprocess.AlphaWhite },
		"checkpoint": func(c *Config) {
			c.Checkpoint = func() (id [sha256.Size]byte) { id[0]++; return id }
		},
		"preprocessing": func(c *Config) {
			v := *c.Vision
			v.Preprocess.Mean[0]++
			c.Vision = &v
		},
	} {
		differs(name, of(open(t, "qwen2_vl-tiny", change), bytesOf, none))
	}

	g := gray(60, 40)
	differs("memory", of(p, memory(g), none))
	require.Equal(t, of(p, memory(g), none), of(p, memory(gray(60, 40)), none))
	differs("frame", of(p, EvenVideo([]image.Image{g}, 1), none))
	differs("frames", of(p, EvenVideo([]image.Image{g, g}, 1), none))
	slow, fast := EvenVideo([]image.Image{g}, 1), EvenVideo([]image.Image{g}, 7)
	require.Equal(t, of(p, slow, none), of(p, fast, none), "times are of the prompt")
	differs("sides", of(p, memory(gray(40, 60)), none))
	dark := gray(60, 40)
	dark.Pix[60*40-1]++
	differs("a pixel", of(p, memory(dark), none))

	r := image.Rect(0, 0, 90, 80)
	// Of a picture cut out of another one, what lies beside it does not count.
	for _, whole := range []interface {
		image.Image
		SubImage(image.Rectangle) image.Image
	}{gray(90, 80), image.NewRGBA(r), image.NewNRGBA(r),
		image.NewYCbCr(r, image.YCbCrSubsampleRatio420),
		image.NewPaletted(r, color.Palette{color.Black, color.White})} {
		part := whole.SubImage(image.Rect(11, 13, 60, 50))
		before := of(p, memory(part), none)
		differs("part", before)
		switch m := whole.(type) {
		case *image.Gray:
			m.Pix[0]++
			m.Pix[len(m.Pix)-1]++
		case *image.RGBA:
			m.Pix[len(m.Pix)-1]++
		case *image.NRGBA:
			m.Pix[len(m.Pix)-1]++
		case *image.YCbCr:
			m.Y[len(m.Y)-1]++
			m.Cr[len(m.Cr)-1]++
			m.Cb[0]++
		case *image.Paletted:
			m.Pix[len(m.Pix)-1]++
		}
		require.Equal(t, before, of(p, memory(part), none), "%T", whole)
		if m, ok := part.(*image.YCbCr); ok {
			m.Cr[m.COffset(59, 49)]++
			differs("chroma", of(p, memory(part), none))
		}
	}
}

// A waiting request holds the bytes of its files only, and readers share them.
func TestNoPixelsWhileWaiting(t *testing.T) {
	p := open(t, "qwen2_vl-tiny")
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, image.NewGray(image.Rect(0, 0, 4000, 3000))))
	r := user(Content{Kind: PictureBytes, Data: b.Bytes()})
	allocated := testing.Benchmark(func(tb *testing.B) {
		for range tb.N {
			if _, err := p.Prompt(background, r); err != nil {
				tb.Fatal(err)
			}
		}
	}).AllocedBytesPerOp()
	require.Less(t, allocated, int64(1<<20), "12 million pixels would be 12 MB at least")
}
