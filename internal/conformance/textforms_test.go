package conformance_test

// Decoders without a tower: text-only fixtures, decoders cut out of larger checkpoints.

import (
	"context"
	"encoding/json"
	"image"
	"image/color"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/golden"
	"github.com/qwenvl/qwenvl/internal/testkit"
	"github.com/qwenvl/qwenvl/internal/testkit/ckpt"
)

// A decoder in its published text-only form, with experts and dense, and in both spellings of the rotary base, computes the very bits of the
// decoder behind the tower: on text alone the three axes of positions agree.
func TestTextForms(t *testing.T) {
	r := qwenvl.Request{Messages: []qwenvl.Message{qwenvl.User(qwenvl.Text("Name the colours, please.\n1, 2, 3."))}, MaxTokens: 12, Sampling: qwenvl.Greedy()}
	want := newStages()
	whole, err := qwenvl.Load(testdata + "/qwen3_vl_moe-tiny")
	require.NoError(t, err)
	answer := want.run(t, whole, r, nil)
	require.NoError(t, whole.Close())

	text := func(t *testing.T) *ckpt.Checkpoint {
		x := ckpt.Read(t, testdata+"/qwen3_vl_moe-tiny")
		x.Remove("model.visual.")
		for _, w := range x.Tensors {
			w.Name = strings.Replace(w.Name, "model.language_model.", "model.", 1)
		}
		var config map[string]any
		require.NoError(t, json.Unmarshal(x.Files["config.json"], &config))
		inner := config["text_config"].(map[string]any)
		inner["model_type"], inner["tie_word_embeddings"] = "qwen3_moe", false
		delete(inner, "rope_scaling")
		data, err := json.Marshal(inner)
		require.NoError(t, err)
		x.Files["config.json"] = data
		delete(x.Files, "preprocessor_config.json")
		delete(x.Files, "video_preprocessor_config.json")
		return x
	}
	for name, change := range map[string]func(*ckpt.Checkpoint){
		"as published": func(*ckpt.Checkpoint) {},
		"as newer versions save it": func(x *ckpt.Checkpoint) {
			x.Delete(t, "config.json", "rope_theta")
			x.Set(t, "config.json", "rope_parameters", map[string]any{"rope_type": "default", "rope_theta": 5000000.0})
		},
	} {
		t.Run(name, func(t *testing.T) {
			x := text(t)
			change(x)
			m := loadChanged(t, x)
			require.False(t, m.Info().Pictures)
			got := newStages()
			require.Equal(t, answer.Tokens, got.run(t, m, r, nil).Tokens)
			testkit.SameBits(t, want.rows["logits"], got.rows["logits"])
			_, err := m.Generate(context.Background(), qwenvl.Request{Messages: []qwenvl.Message{qwenvl.User(qwenvl.Image(image.NewGray(image.Rect(0, 0, 9, 9))))}})
			require.ErrorContains(t, err, "text only")
		})
	}
	x := text(t)
	x.Set(t, "config.json", "rope_scaling", map[string]any{"rope_type": "another", "factor": 4.0})
	_, err = qwenvl.LoadFS(x.FS())
	require.ErrorContains(t, err, "another", "scaling that is not known is refused")
}

// textFixtures are the decoders alone, each with the spelling of its configuration that it is not stored in.
var textFixtures = map[string]func(testing.TB, *ckpt.Checkpoint){
	"qwen2": func(t testing.TB, x *ckpt.Checkpoint) {
		x.Delete(t, "config.json", "rope_theta")
		x.Set(t, "config.json", "rope_parameters", map[string]any{"rope_type": "default", "rope_theta": 1e6})
	},
	"qwen3": func(t testing.TB, x *ckpt.Checkpoint) {
		x.Delete(t, "config.json", "rope_parameters")
		x.Set(t, "config.json", "rope_theta", 500000.0)
		x.Set(t, "config.json", "rope_scaling", nil)
	},
	"qwen3_moe": func(t testing.TB, x *ckpt.Checkpoint) {
		x.Delete(t, "config.json", "rope_parameters")
		x.Set(t, "config.json", "rope_theta", 1e7)
		x.Delete(t, "config.json", "num_local_experts")
		x.Set(t, "config.json", "num_experts", 5)
	},
}

// Every stage of the text-only fixtures lies within its bounds, whatever the chunks, and in both spellings of the configuration.
func TestTextFixtures(t *testing.T) {
	for name, respell := range textFixtures {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(testdata, "text-tiny", name)
			f, err := golden.Open(dir)
			require.NoError(t, err)
			require.Len(t, f.Cases, 2)
			x := ckpt.Read(t, dir)
			respell(t, x)
			other := loadChanged(t, x)
			for _, chunk := range []int{512, 7} {
				m, err := qwenvl.Load(dir, qwenvl.WithPrefillChunk(chunk))
				require.NoError(t, err)
				require.Equal(t, name, m.Info().ModelType)
				require.False(t, m.Info().Pictures)
				for _, caseName := range f.Cases {
					c, err := f.Case(caseName)
					require.NoError(t, err)
					compared, wrong := compareCase(t, m, f, c)
					require.Empty(t, wrong)
					require.GreaterOrEqual(t, compared, 9)
					r := caseRequest(t, c)
					want, got := newStages(), newStages()
					want.run(t, m, r, nil)
					got.run(t, other, r, nil)
					testkit.SameBits(t, want.rows["logits"], got.rows["logits"])
				}
				require.NoError(t, m.Close())
			}
			in, err := qwenvl.Inspect(dir)
			require.NoError(t, err)
			require.Len(t, in.Tensors, len(x.Tensors))
			for _, tensor := range in.Tensors {
				require.Equal(t, x.Tensor(t, tensor.Name).Shape, tensor.Shape, tensor.Name)
			}
			_, err = in.PictureTokens(100, 100)
			require.ErrorContains(t, err, "text only")
		})
	}
}

// A fault in a text decoder puts stages out of bound.
func TestTextFixturesSeeDefects(t *testing.T) {
	for name, plant := range map[string]func(*ckpt.Checkpoint){
		"qwen2: half of the biases forgotten": func(x *ckpt.Checkpoint) { x.Tensor(t, "model.layers.1.self_attn.k_proj.bias").Set(make([]float32, 16)) },
		"qwen3: another rotary base":          func(x *ckpt.Checkpoint) { x.Set(t, "config.json", "rope_parameters.rope_theta", 1e6) },
		"qwen3: a norm on keys left out": func(x *ckpt.Checkpoint) {
			ones := make([]float32, 16)
			for i := range ones {
				ones[i] = 1
			}
			x.Tensor(t, "model.layers.0.self_attn.k_norm.weight").Set(ones)
		},
		"qwen3_moe: chosen weights not normalized": func(x *ckpt.Checkpoint) { x.Set(t, "config.json", "norm_topk_prob", false) },
		"qwen3_moe: three experts chosen":          func(x *ckpt.Checkpoint) { x.Set(t, "config.json", "num_experts_per_tok", 3) },
	} {
		t.Run(name, func(t *testing.T) {
			fixture, _, _ := strings.Cut(name, ":")
			dir := filepath.Join(testdata, "text-tiny", fixture)
			f, err := golden.Open(dir)
			require.NoError(t, err)
			x := ckpt.Read(t, dir)
			plant(x)
			m := loadChanged(t, x)
			c, err := f.Case("question")
			require.NoError(t, err)
			_, wrong := compareCase(t, m, f, c)
			require.NotEmpty(t, wrong)
		})
	}
}

// Two hundred pictures of random sizes in one process give what fresh runs give.
func TestManyPictures(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for _, dir := range []string{testdata + "/qwen2_vl-tiny", testdata + "/qwen2_5_vl-tiny", testdata + "/qwen3_5_moe-tiny", testdata + "/kimi-vl-tiny"} {
		m, err := qwenvl.Load(dir)
		require.NoError(t, err)
		for range 50 {
			img := image.NewNRGBA(image.Rect(0, 0, 1+rng.IntN(400), 1+rng.IntN(400)))
			if b := img.Bounds(); max(b.Dx(), b.Dy()) > 200*min(b.Dx(), b.Dy()) {
				continue
			}
			for range 500 {
				img.Set(rng.IntN(img.Rect.Dx()), rng.IntN(img.Rect.Dy()), color.NRGBA{uint8(rng.Uint32()), uint8(rng.Uint32()), 9, 255})
			}
			r := qwenvl.Request{Messages: []qwenvl.Message{qwenvl.User(qwenvl.Image(img), qwenvl.Text("What?"))}, MaxTokens: 2, Sampling: qwenvl.Greedy()}
			used, alone := newStages(), newStages()
			used.run(t, m, r, nil)
			fresh, err := qwenvl.Load(dir)
			require.NoError(t, err)
			alone.run(t, fresh, r, nil)
			require.NoError(t, fresh.Close())
			testkit.SameBits(t, alone.rows["vision.out"], used.rows["vision.out"])
			testkit.SameBits(t, alone.rows["logits"], used.rows["logits"])
		}
		require.NoError(t, m.Close())
	}
}

// A checkpoint of the decoder alone answers texts and refuses pictures.
func TestTextOnlyModel(t *testing.T) {
	x := ckpt.Read(t, tinyDir)
	x.Remove("visual.")
	x.Set(t, "config.json", "model_type", "qwen2")
	x.Delete(t, "config.json", "vision_config")
	x.Delete(t, "config.json", "rope_scaling")
	delete(x.Files, "preprocessor_config.json")
	m := loadChanged(t, x)

	_, err := m.Generate(context.Background(), ask(qwenvl.Text("x"), qwenvl.Image(picture(60, 60))))
	var e *qwenvl.RequestError
	require.ErrorAs(t, err, &e)
	require.Equal(t, "Messages[0].Parts[1]", e.Field)
	require.ErrorContains(t, err, "text only")

	// On text alone the three axes of positions agree, so that the model with a tower says the same.
	r := ask(qwenvl.Text("Say something."))
	r.MaxTokens = 20
	got, err := m.Generate(context.Background(), r)
	require.NoError(t, err)
	want, err := loadTiny(t).Generate(context.Background(), r)
	require.NoError(t, err)
	require.Equal(t, want.Tokens, got.Tokens)
	require.Equal(t, specials(ids(t, m, r)), specials(ids(t, m, ask(qwenvl.Text("<|image_pad|>")))))
}
