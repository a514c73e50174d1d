package family

// How pictures and videos become pixels, as the sections Images and Videos of a configuration say.
// Families with pixel budgets and merged patches share this; kimivl.go reads a section of another
// shape, and qwenvl.go has its pictures' size among the model's keys. What the values do is in
// package preprocess.
//
// How many frames a second of film has, and how many at most (fps, num_frames, min_frames,
// max_frames, do_sample_frames), is for who takes frames out of a film: they are given here.

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/preprocess"
)

const maxPixels = 1 << 28

// processorClass is a class of the reference that makes pixels.
//
// Source: transformers 5.23, image_processing_qwen2_vl.py, video_processing_qwen2_vl.py and
// video_processing_qwen3_vl.py.
type processorClass struct {
	defaults string
	loose    bool // min_pixels and max_pixels count, before size
	rule     preprocess.VideoRule
}

const clipDefaults = `"resample": 3, "rescale_factor": 0.00392156862745098,
	"patch_size": 14, "temporal_patch_size": 2, "merge_size": 2,
	"image_mean": [0.48145466, 0.4578275, 0.40821073],
	"image_std": [0.26862954, 0.26130258, 0.27577711]}`

var (
	imageClass = processorClass{loose: true,
		defaults: `{"size": {"shortest_edge": 3136, "longest_edge": 1003520}, ` + clipDefaults}
	imageClasses = map[string]bool{ // whose names have all been given to that one
		"Qwen2VLImageProcessor": true, "Qwen2VLImageProcessorFast": true,
		"Qwen2VLImageProcessorPil": true, "Qwen2_5_VLImageProcessor": true,
	}
	videoClasses = map[string]processorClass{
		perFrame: {loose: true, rule: preprocess.VideoPerFrame,
			defaults: `{"size": {"shortest_edge": 100352, "longest_edge": 602112},
				"max_video_tokens": 128000, ` + clipDefaults},
		wholeClip: {rule: preprocess.VideoWholeClip,
			defaults: `{"size": {"shortest_edge": 131072, "longest_edge": 786432},
				"max_video_tokens": 768, "resample": 3, "rescale_factor": 0.00392156862745098,
				"patch_size": 16, "temporal_patch_size": 2, "merge_size": 2,
				"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}`},
	}
)

// The classes of videos, one of which each family has where its files do not say.
const (
	perFrame  = "Qwen2VLVideoProcessor" // the budget is a frame's
	wholeClip = "Qwen3VLVideoProcessor" // the budget is all frames' together
)

// preprocessor reads both sections; their patch geometry must be the tower's.
func preprocessor(from checkpoint.Checkpoint, g geometry, videos string) (
	c preprocess.Config, err error) {
	p, err := section(from, checkpoint.Images)
	if err != nil {
		return c, err
	}
	v, err := section(from, checkpoint.Videos)
	if err != nil {
		return c, err
	}
	if name := p.stringOr("image_processor_type", ""); name != "" && !imageClasses[name] {
		p.unsupported("image_processor_type", name)
	}
	c = preprocess.Config{
		PatchSize: g.patch, MergeSize: g.merge, TemporalPatchSize: g.frames,
	}
	still := p.samples(imageClass, g)
	c.MinPixels, c.MaxPixels = still.least, still.most
	c.Mean, c.Std, c.RescaleFactor = still.mean, still.std, still.factor
	p.possible(c)

	class := videoClasses[v.videoClass(videos)]
	clip := v.samples(class, g)
	c.VideoRule, c.VideoMinPixels, c.VideoMaxPixels = class.rule, clip.least, clip.most
	if clip.mean != still.mean || clip.std != still.std || clip.factor != still.factor {
		c.VideoMean, c.VideoStd, c.VideoRescaleFactor = clip.mean, clip.std, clip.factor
	}
	if v.flag("cap_pixels_per_frame", false) {
		c.VideoMaxTokens = v.over(class.defaults).int("max_video_tokens", maxCount)
	}
	v.possible(c)
	if *p.err != nil { // which videos may repeat
		return c, *p.err
	}
	return c, *v.err
}

// videoClass returns the name of the class that videos have: of that which is named, or which goes
// with a named class of pictures, as in files of pictures that videos fall back to; else the
// family's.
func (o object) videoClass(absent string) string {
	const key = "video_processor_type"
	name := o.stringOr(key, "")
	named := name != ""
	if !named {
		images := o.stringOr("image_processor_type", "")
		name = strings.Replace(images, "ImageProcessor", "VideoProcessor", 1)
	}
	if _, ok := videoClasses[name]; ok {
		return name
	}
	if named {
		o.unsupported(key, name)
	}
	return absent
}

// samples is what a section says of samples and of how many there are.
type samples struct {
	least, most int // pixels
	mean, std   [3]float32
	factor      float64
}

func (o object) samples(class processorClass, g geometry) (s samples) {
	p := o.over(class.defaults)
	if class.loose && !o.Has("size") { // null is none
		delete(p.Values, "size")
		p = p.over(class.defaults)
	}
	for _, f := range []struct {
		key  string
		want int
	}{{"patch_size", g.patch}, {"merge_size", g.merge}, {"temporal_patch_size", g.frames}} {
		switch got := p.int(f.key, 1<<12); {
		case got == f.want:
		case o.Has(f.key):
			o.fail(f.key, "is not the tower's", nil)
		default:
			o.fail(f.key, fmt.Sprintf("missing, and its default %d is not the tower's", got), nil)
		}
	}
	s.least, s.most = p.budget(class.loose)
	s.factor, s.std = 1, [3]float32{1, 1, 1}
	if p.flag("do_rescale", true) {
		s.factor = p.float("rescale_factor", 1e6)
	}
	if p.flag("do_normalize", true) {
		s.mean, s.std = triple(p, "image_mean"), triple(p, "image_std")
	}
	if !p.flag("do_resize", true) {
		p.unsupported("do_resize", "false")
	}
	if p.intIn("resample", 0, 5) != 3 {
		p.unsupported("resample", string(p.Values["resample"]))
	}
	return s
}

// budget reads the bounds of a size in pixels: those of size, or the loose keys that old files
// have, one by one. Both must be somewhere, and nothing else within size.
func (o object) budget(loose bool) (least, most int) {
	size := o.sub("size")
	bound := func(key, old string) int {
		from := size
		if loose && o.Has(old) {
			from, key = o, old
		}
		return from.int(key, maxPixels)
	}
	least, most = bound("shortest_edge", "min_pixels"), bound("longest_edge", "max_pixels")
	known := map[string]bool{"shortest_edge": true, "longest_edge": true,
		"min_pixels": loose && o.Has("min_pixels"), "max_pixels": loose && o.Has("max_pixels")}
	for _, key := range slices.Sorted(maps.Keys(size.Values)) {
		if !known[key] {
			size.unsupported(key, string(size.Values[key]))
		}
	}
	return least, most
}

// possible keeps what of a description of pixels that a section completes cannot be.
func (o object) possible(c preprocess.Config) {
	var bad *preprocess.ConfigError
	err := c.Validate()
	if errors.As(err, &bad) {
		o.fail(bad.Field, bad.Reason, nil)
	} else if err != nil {
		o.fail("", "not possible", err)
	}
}

// triple reads a number for each channel, or one for all.
func triple(o object, key string) [3]float32 {
	if !o.Has(key) {
		o.fail(key, "missing", nil)
		return [3]float32{}
	}
	var one float32
	if json.Unmarshal(o.Values[key], &one) == nil {
		return [3]float32{one, one, one}
	}
	return [3]float32(list[float32](o, key, 3))
}
