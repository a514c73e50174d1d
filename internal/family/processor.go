package family

// How pictures and videos become pixels, as the sections Images and Videos of a configuration say.
// Families with pixel budgets and merged patches share this; kimivl.go reads a section of another
// shape, and qwenvl.go has its pictures' size among the model's keys. What the values do is in
// package preprocess.

import (
	"errors"

	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/preprocess"
)

// The normalization of CLIP, which the reference falls back to.
var (
	clipMean = [3]float32{0.48145466, 0.4578275, 0.40821073}
	clipStd  = [3]float32{0.26862954, 0.26130258, 0.27577711}
)

const maxPixels = 1 << 28

// preprocessor reads preprocessor_config.json; its patch geometry must be the tower's.
func preprocessor(from checkpoint.Checkpoint, g geometry) (preprocess.Config, error) {
	p, err := section(from, checkpoint.Images)
	if err != nil {
		return preprocess.Config{}, err
	}
	for _, f := range []struct {
		key  string
		want int
	}{{"patch_size", g.patch}, {"merge_size", g.merge}, {"temporal_patch_size", g.frames}} {
		if got := p.intOr(f.key, 1<<12, f.want); got != f.want {
			p.fail(f.key, "is not the tower's", nil)
		}
	}
	c := preprocess.Config{
		PatchSize: g.patch, MergeSize: g.merge, TemporalPatchSize: g.frames,
		MinPixels: 56 * 56, MaxPixels: 28 * 28 * 1280,
	}
	if size := p.sub("size"); size.Has("shortest_edge") || size.Has("longest_edge") {
		c.MinPixels = size.int("shortest_edge", maxPixels)
		c.MaxPixels = size.int("longest_edge", maxPixels)
	}
	// Files may carry both spellings; the explicit keys are the newer ones then.
	c.MinPixels = p.intOr("min_pixels", maxPixels, c.MinPixels)
	c.MaxPixels = p.intOr("max_pixels", maxPixels, c.MaxPixels)
	c.Mean, c.Std = triple(p, "image_mean", clipMean), triple(p, "image_std", clipStd)
	c.RescaleFactor = p.floatOr("rescale_factor", 1e6, 0)
	for _, key := range []string{"do_resize", "do_rescale", "do_normalize"} {
		if !p.boolOr(key, true) {
			p.unsupported(key, "false")
		}
	}
	if p.Has("resample") && p.intIn("resample", 0, 5) != 3 {
		p.unsupported("resample", string(p.Values["resample"]))
	}
	p.possible(c)
	return c, *p.err
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

func triple(o object, key string, absent [3]float32) [3]float32 {
	if !o.Has(key) {
		return absent
	}
	return [3]float32(list[float32](o, key, 3))
}

// videoPreprocessor adds what video_preprocessor_config.json says of a clip's pixels, which are
// counted over all of its frames.
func videoPreprocessor(from checkpoint.Checkpoint, c preprocess.Config) (preprocess.Config, error) {
	p, err := section(from, checkpoint.Videos)
	if err != nil {
		return c, err
	}
	c.VideoRule = preprocess.VideoWholeClip
	if size := p.sub("size"); size.Has("shortest_edge") || size.Has("longest_edge") {
		c.VideoMinPixels, c.VideoMaxPixels = size.int("shortest_edge", maxPixels),
			size.int("longest_edge", maxPixels)
	}
	p.possible(c)
	return c, *p.err
}
