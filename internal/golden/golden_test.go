package golden

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/weights"
)

const tiny = "../../testdata/qwen2_vl-tiny"

func open(t *testing.T, dir string) *Fixture {
	t.Helper()
	f, err := Open(dir)
	require.NoError(t, err)
	return f
}

func read(t *testing.T, f *Fixture, name string) *Case {
	t.Helper()
	c, err := f.Case(name)
	require.NoError(t, err)
	return c
}

func TestCaseIsReadInFull(t *testing.T) {
	f := open(t, tiny)
	require.Equal(t, "qwen2_vl", f.Family)
	require.Equal(t, []string{"image", "image_video", "limits"}, f.Cases)

	t.Run("image", func(t *testing.T) {
		c := read(t, f, "image")
		require.Equal(t, "image", c.Name)
		require.Equal(t, []Message{{Role: "user", Content: []Part{
			{Type: "image", Image: "shapes_a.png"}, {Type: "text", Text: "Describe this image."},
		}}}, c.Messages)
		require.Equal(t, Generate{MaxNewTokens: 20}, c.Generate)
		require.Equal(t, "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>Describe this image.<|im_end|>\n<|im_start|>assistant\n", c.Prompt)
		require.NotNil(t, c.Text)
		require.NotNil(t, c.TextWithSpecial)
		require.NotNil(t, c.GreedyGap)

		ids, ok := c.Stage("input_ids")
		require.True(t, ok)
		require.True(t, ids.IsInt())
		pos, _ := c.Stage("position_ids")
		require.Equal(t, []int{3, len(ids.Ints)}, pos.Shape)
		logits, _ := c.Stage("logits")
		require.False(t, logits.IsInt())
		require.Equal(t, []int{len(ids.Ints), 640}, logits.Shape)
		require.Len(t, logits.Floats, logits.Shape[0]*logits.Shape[1])
		// The generated ids are the best of the generated logits: the bytes were read as what they are.
		gl, _ := c.Stage("generated_logits")
		gi, _ := c.Stage("generated_ids")
		for i, id := range gi.Ints {
			row := gl.Floats[i*640 : (i+1)*640]
			for j, v := range row {
				require.LessOrEqual(t, v, row[id], "step %d, token %d", i, j)
			}
		}
		_, ok = c.Stage("nothing")
		require.False(t, ok)
		require.Contains(t, c.Stages(), "vision.block.2")
	})
	t.Run("limits", func(t *testing.T) {
		c := read(t, f, "limits")
		require.Equal(t, Processor{MinPixels: 2048, MaxPixels: 9000}, c.Processor)
		require.Equal(t, Generate{MaxNewTokens: 16, RepetitionPenalty: 1.2}, c.Generate)
		require.Equal(t, Message{Role: "assistant", Plain: true, Content: []Part{{Type: "text", Text: "Which ones?"}}}, c.Messages[1])
		require.False(t, c.Messages[2].Plain)
	})
	t.Run("image_video", func(t *testing.T) {
		c := read(t, f, "image_video")
		p := c.Messages[0].Content[0]
		require.Equal(t, Part{Type: "video", FPS: 1, Video: []string{"frames/01.png", "frames/03.png", "frames/05.png", "frames/07.png"}}, p)
	})
}

// The pictures that the cases here need are beside them.
func TestPicturesAreHere(t *testing.T) {
	f := open(t, tiny)
	for _, name := range f.Cases {
		for _, m := range read(t, f, name).Messages {
			for _, p := range m.Content {
				for _, path := range append(p.Video, p.Image) {
					if path != "" {
						require.FileExists(t, filepath.Join("../../testdata/images", path))
					}
				}
			}
		}
	}
}

func TestBound(t *testing.T) {
	f := &Fixture{bounds: map[string]float64{
		"vision.block": 1, "vision.out": 2, "vision2.out": 3, "logits": 4, "adapter": 5, "vision.patch_embed": 6,
		"llm.layer": 7, "llm.layer.9": 8, "vision.deepstack": 9,
	}}
	cases := map[string]float64{
		"vision.block.0": 1, "vision.block.11": 1, "vision.out": 2, "vision2.out": 3, "vision2.block.3": 1,
		"logits": 4, "generated_logits": 4, "adapter.kv": 5, "adapter.pos_embed": 5,
		"vision.patch_embed": 6, "vision2.patch_embed": 6, "vision.ln_pre": 6, "vision2.ln_pre": 6,
		"llm.layer.1": 7, "llm.layer.9": 8, "vision2.deepstack.0": 9,
		"pixel_values": 1e-6, "pixel_values_videos": 1e-6, "second_per_grid_ts": 1e-6,
	}
	for stage, want := range cases {
		got, ok := f.Bound(stage)
		require.True(t, ok, stage)
		require.Equal(t, want, got, stage)
	}
	for _, stage := range []string{"llm.norm", "vision.post", "vision.block_x.1", "logits2", "", "."} {
		_, ok := f.Bound(stage)
		require.False(t, ok, stage)
	}
	own := &Fixture{bounds: map[string]float64{"pixel_values": 2e-6, "generated_logits": 1}}
	b, _ := own.Bound("pixel_values_videos")
	require.Equal(t, 2e-6, b)
	b, _ = own.Bound("generated_logits")
	require.Equal(t, 1.0, b)
}

func TestClassify(t *testing.T) {
	classes := map[Class][]string{
		Required: {"input_ids", "pixel_values", "image_grid_thw", "video_grid_thw", "position_ids", "rope_deltas", "vision.patch_embed",
			"vision.block.0", "vision.post", "vision.out", "vision.deepstack.1", "vision2.block.0", "vision2.out", "adapter.pos_embed",
			"adapter.ln_post", "inputs_embeds", "llm.layer.2", "llm.norm", "logits", "generated_ids", "generated_logits", "never.heard.of"},
		Optional: {"llm.mixer.0", "llm.mlp.1", "vision.rope_cos", "vision2.rope_sin", "llm.rope_cos", "vision.window_index",
			"vision2.cu_window_seqlens", "vision.patch_proj", "vision.ln_pre", "adapter.query", "adapter.kv", "adapter.attn_out", "adapter.pre_norm"},
		Ignored: {"pixel_values.torchvision", "image_grid_hws"},
	}
	for class, stages := range classes {
		for _, s := range stages {
			require.Equal(t, class, Classify(s), s)
		}
	}
}

func TestDiff(t *testing.T) {
	s := Stage{Shape: []int{1, 2}, Floats: []float32{1, 2}}
	d, err := s.DiffFloats([]float32{1.5, 2.25}, 1, 2)
	require.NoError(t, err)
	require.Equal(t, 0.5, d)
	for name, bad := range map[string]func() (float64, error){
		"nan":   func() (float64, error) { return s.DiffFloats([]float32{1, float32(math.NaN())}, 1, 2) },
		"inf":   func() (float64, error) { return s.DiffFloats([]float32{1, float32(math.Inf(1))}, 1, 2) },
		"shape": func() (float64, error) { return s.DiffFloats([]float32{1, 2}, 2, 1) },
		"short": func() (float64, error) { return s.DiffFloats([]float32{1}, 1, 2) },
		"kind":  func() (float64, error) { return Stage{Ints: []int64{1}, Shape: []int{1}}.DiffFloats([]float32{1}, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			d, err := bad()
			require.Error(t, err)
			require.True(t, math.IsInf(d, 1))
		})
	}
	n := Stage{Shape: []int{2}, Ints: []int64{1, 2}}
	require.NoError(t, n.DiffInts([]int64{1, 2}, 2))
	require.ErrorContains(t, n.DiffInts([]int64{1, 3}, 2), "element 1 is 3, want 2")
	require.Error(t, n.DiffInts([]int64{1, 2}, 1, 2))
	require.Error(t, n.DiffInts([]int64{1}, 2))
	require.Error(t, s.DiffInts([]int64{1, 2}, 1, 2))
}

// Every fixture that is here can be read, and each of its float stages that count has a bound.
func TestAllFixtures(t *testing.T) {
	dirs, err := filepath.Glob("../../../shared/fixtures/*/fixture.json")
	require.NoError(t, err)
	for _, path := range append(dirs, filepath.Join(tiny, "fixture.json")) {
		dir := filepath.Dir(path)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			f := open(t, dir)
			require.NotEmpty(t, f.Cases)
			for _, name := range f.Cases {
				c := read(t, f, name)
				require.Equal(t, name, c.Name)
				require.NotEmpty(t, c.Messages)
				require.NotEmpty(t, c.Prompt)
				require.Positive(t, c.Generate.MaxNewTokens)
				for _, m := range c.Messages {
					require.NotEmpty(t, m.Role)
					for _, p := range m.Content {
						require.Contains(t, []string{"text", "image", "video", "box"}, p.Type)
						require.Equal(t, p.Type == "video", len(p.Video) > 0 && p.FPS > 0)
						require.Equal(t, p.FramesIndices == nil, p.TotalNumFrames == 0)
					}
				}
				for _, stage := range c.Stages() {
					s, _ := c.Stage(stage)
					n := 1
					for _, d := range s.Shape {
						n *= d
					}
					require.Equal(t, n, len(s.Floats)+len(s.Ints), stage)
					if b, ok := f.Bound(stage); !s.IsInt() && Classify(stage) != Ignored {
						require.True(t, ok && b > 0, "%s: %s has no bound", name, stage)
					}
				}
			}
		})
	}
}

func TestBrokenFixtures(t *testing.T) {
	write := func(t *testing.T, files map[string]string) string {
		dir := t.TempDir()
		for name, text := range files {
			path := filepath.Join(dir, name)
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		}
		return dir
	}
	for name, text := range map[string]string{
		"not JSON": `{`, "text as bound": `{"tolerance":{"a":"x"}}`, "no atol": `{"tolerance":{"a":{"max_abs":1}}}`,
		"negative": `{"tolerance":{"a":-1}}`, "negative atol": `{"tolerance":{"a":{"atol":-1}}}`, "no cases": `{}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(write(t, map[string]string{"fixture.json": text}))
			require.ErrorContains(t, err, "golden: ")
		})
	}
	_, err := Open(t.TempDir())
	require.ErrorIs(t, err, os.ErrNotExist)

	const good = `{"messages":[{"role":"user","content":"x"}],"unknown":{"a":[1]}}`
	cases := []struct{ name, json, tensors string }{
		{"content is a number", `{"messages":[{"role":"user","content":1}]}`, "\x02\x00\x00\x00\x00\x00\x00\x00{}"},
		{"no content", `{"messages":[{"role":"user"}]}`, "\x02\x00\x00\x00\x00\x00\x00\x00{}"},
		{"part is a string", `{"messages":[{"role":"user","content":["x"]}]}`, "\x02\x00\x00\x00\x00\x00\x00\x00{}"},
		{"cut tensors", good, "\x02\x00\x00\x00\x00\x00\x00\x00{"},
		{"odd type", good, "\x36\x00\x00\x00\x00\x00\x00\x00" + `{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}} ` + "x"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := open(t, write(t, map[string]string{"fixture.json": `{}`, "cases/c/case.json": c.json, "cases/c/expected.safetensors": c.tensors}))
			_, err := f.Case("c")
			require.ErrorContains(t, err, "golden: read: ")
			var fe *weights.FormatError
			require.Equal(t, c.name == "cut tensors", errors.As(err, &fe))
		})
	}
	f := open(t, write(t, map[string]string{"fixture.json": `{}`, "cases/c/case.json": good, "cases/c/expected.safetensors": "\x02\x00\x00\x00\x00\x00\x00\x00{}"}))
	c := read(t, f, "c")
	require.Equal(t, "c", c.Name)
	require.Empty(t, c.Stages())
	_, err = f.Case("d")
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.Remove(filepath.Join(f.Dir, "cases/c/expected.safetensors")))
	_, err = f.Case("c")
	require.ErrorIs(t, err, os.ErrNotExist)
}
