package family

// Qwen3-VL: the decoder of qwen3.go behind a tower whose inner features enter the first decoder
// layers (DeepStack). The tower is that of qwen35.go too.

import (
	"slices"
	"strconv"
	"strings"

	"github.com/qwenvl/qwenvl/adapter"
	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/weights"
	"github.com/qwenvl/qwenvl/llm"
	"github.com/qwenvl/qwenvl/vision"
)

// qwen3VL is the Qwen3 decoder, dense or with experts, behind a tower with learned positions whose
// inner features enter the first decoder layers.
//
// Source: Qwen3-VL (arXiv 2511.21631); transformers, Qwen3VLConfig and Qwen3VLMoeConfig.
func qwen3VL(c object, from checkpoint.Checkpoint) (Spec, error) {
	return qwen3Seeing(c, textConfig(c, qwen3VLText), nil, from)
}

func qwen3VLMoE(c object, from checkpoint.Checkpoint) (Spec, error) {
	text := textConfig(c, qwen3VLMoEText)
	return qwen3Seeing(c, text, qwen3Experts(text, true), from)
}

func qwen3Seeing(c, text object, experts *llm.MoE, from checkpoint.Checkpoint) (Spec, error) {
	d := qwen3Decoder(text, experts)
	d.TiedHead = c.boolOr("tie_word_embeddings", false)
	rotary{dim: d.Layers[0].GQA.HeadDim, theta: 5e5, section: []int{24, 20, 20},
		interleaved: true}.read(text, &d)
	wholeContext(text, &d, windowsOfAll)
	v := visionConfig(c, qwen3VLTower)
	vis, err := qwen3Vision(v, d.HiddenSize, from)
	if err != nil {
		return Spec{}, err
	}
	names := func(n weights.Names) weights.Names {
		return qwen3VisionNames("model.visual.", deepstack(v), n)
	}
	return Spec{
		LLM:     d,
		Vision:  vis,
		Layouts: qwen3Layouts(d, "model.language_model.", names, expertsInputs),
		Parts:   qwen3VLParts,
		Think:   [2]string{"<think>", "</think>"},
	}, nil
}

// qwen3Vision reads the tower that Qwen3-VL and Qwen3.5 share.
func qwen3Vision(v object, hidden int, from checkpoint.Checkpoint) (*Vision, error) {
	g := patchGeometry(v)
	width := v.int("hidden_size", maxWidth)
	if out := v.int("out_hidden_size", maxWidth); out != hidden {
		v.fail("out_hidden_size", "is not the decoder's hidden_size", nil)
	}
	v.act("gelu_pytorch_tanh")
	places := v.int("num_position_embeddings", 1<<20)
	side := squareRoot(places)
	if side*side != places {
		v.fail("num_position_embeddings", "is not a square", nil)
	}
	// Inner features leave the tower in the order of its blocks.
	taps := slices.Sorted(slices.Values(deepstack(v)))
	pixels, err := preprocessor(from, g, wholeClip)
	if err != nil {
		return nil, err
	}
	return &Vision{
		Encoder: vision.Config{
			HiddenSize: width, IntermediateSize: v.int("intermediate_size", maxWidth),
			NumHeads: towerHeads(v, width), Depth: towerDepth(v), PatchDim: g.dim(),
			MergeSize: g.merge, PatchBias: true, Eps: 1e-6, Act: tensor.GELUTanh, Taps: taps,
			Position: vision.Position{Rows: side, Cols: side, Resample: vision.Bilinear},
		},
		Adapter: adapter.Config{Merger: &adapter.MergerConfig{
			InputSize: width, OutputSize: hidden, MergeSize: g.merge, Eps: 1e-6, Act: tensor.GELU,
			Taps: len(taps),
		}},
		Preprocess: pixels,
		ImageToken: "<|image_pad|>",
		VideoToken: "<|video_pad|>",
		Spatial:    true,
		Timestamps: &Timestamps{Format: "<%.1f seconds>", Open: "<|vision_start|>",
			Close: "<|vision_end|>"},
	}, nil
}

// deepstack returns the blocks whose features enter the decoder, in the order of their mergers.
func deepstack(v object) []int {
	if !v.Has("deepstack_visual_indexes") {
		return nil
	}
	return list[int](v, "deepstack_visual_indexes", -1)
}

// qwen3VisionNames names tower and mergers under prefix, and leaves the rest to text. Merger j of
// the checkpoint is that of block deep[j].
func qwen3VisionNames(prefix string, deep []int, text weights.Names) weights.Names {
	ascending := slices.Sorted(slices.Values(deep))
	names := qwen3TowerNames(prefix, text)
	return func(canonical string) weights.Ref {
		p := strings.Split(canonical, ".") // adapter.deep.J.…, J-th in the order of the blocks
		if len(p) > 3 && p[0] == "adapter" && p[1] == "deep" {
			if j, err := strconv.Atoi(p[2]); err == nil && j < len(deep) {
				p[2] = strconv.Itoa(slices.Index(deep, ascending[j]))
				canonical = strings.Join(p, ".")
			}
		}
		return names(canonical)
	}
}

func qwen3TowerNames(prefix string, text weights.Names) weights.Names {
	return prefixed("vision.", weights.Rename(
		"vision.patch_embed.*", prefix+"patch_embed.proj.*",
		"vision.blocks.*.mlp.*.*", prefix+"blocks.*.mlp.linear_*.*",
		"vision.*", prefix+"*",
	), prefixed("adapter.", weights.Rename(
		"adapter.deep.*.norm.*", prefix+"deepstack_merger_list.*.norm.*",
		"adapter.deep.*.*.*", prefix+"deepstack_merger_list.*.linear_*.*",
		"adapter.norm.*", prefix+"merger.norm.*",
		"adapter.*.*", prefix+"merger.linear_*.*",
	), text))
}

// squareRoot returns the whole part of the root of n.
func squareRoot(n int) int {
	r := 0
	for (r+1)*(r+1) <= n {
		r++
	}
	return r
}
