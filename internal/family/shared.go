package family

// What families have in common: where the decoder's and the tower's keys stand, how pictures are
// cut, and rotary embeddings with and without axes. A rule that one family alone has stands in its
// file.

import (
	"slices"

	"github.com/qwenvl/qwenvl/rope"
)

// textConfig returns the decoder's keys: an object of their own in newer checkpoints, all keys in
// older ones.
func textConfig(c object) object {
	if c.Has("text_config") {
		return c.sub("text_config")
	}
	return c
}

func visionConfig(c object) object {
	if !c.Has("vision_config") {
		c.fail("vision_config", "missing", nil)
	}
	return c.sub("vision_config")
}

// geometry is how pictures are cut.
type geometry struct{ patch, frames, merge int }

// dim returns the values of a patch.
func (g geometry) dim() int { return 3 * g.frames * g.patch * g.patch }

func patchGeometry(v object, patch int) geometry {
	if n := v.intOr("in_chans", 1<<8, v.intOr("in_channels", 1<<8, 3)); n != 3 {
		v.fail("in_chans", "pictures have 3 channels", nil)
	}
	return geometry{
		patch:  v.intOr("patch_size", 1<<8, patch),
		frames: v.intOr("temporal_patch_size", 16, 2),
		merge:  v.intOr("spatial_merge_size", 16, 2),
	}
}

// mrope reads a decoder's multimodal rotary embedding. It is known by its sections: released files
// call its type "mrope" or "default", under two keys.
func mrope(c object, headDim int) rope.Config {
	scaling := c.sub("rope_scaling")
	if !c.Has("rope_scaling") && c.Has("rope_parameters") {
		scaling = c.sub("rope_parameters")
	}
	scaling.ropeKind("mrope", "default")
	theta := c.floatOr("rope_theta", 1e12, 1e6)
	r := rope.Config{Dim: headDim, Theta: scaling.floatOr("rope_theta", 1e12, theta)}
	if !scaling.Has("mrope_section") {
		scaling.fail("mrope_section", "missing", nil)
		return r
	}
	r.Section = list[int](scaling, "mrope_section", rope.Axes)
	r.Interleaved = scaling.boolOr("mrope_interleaved", false)
	if r.Theta <= 1 {
		base := c
		if scaling.Has("rope_theta") {
			base = scaling
		}
		base.fail("rope_theta", "is not above 1", nil)
	}
	if err := r.Validate(); err != nil {
		scaling.fail("mrope_section", "does not fit the heads", err)
	}
	return r
}

// towerHeads reads the number of a tower's heads, whose channels the two rotary axes share evenly.
func towerHeads(v object, width int) int {
	n := v.int("num_heads", 1<<12)
	if width%n != 0 || width/n%4 != 0 {
		v.fail("num_heads", "does not divide the tower's width into whole quarters", nil)
	}
	return n
}

// ropeTheta reads the base of a text decoder's rotary embedding, where either version of the
// reference puts it.
func ropeTheta(c object, absent float64) float64 {
	absent = c.floatOr("rope_theta", 1e12, absent)
	return c.sub("rope_parameters").floatOr("rope_theta", 1e12, absent)
}

// ropeKind refuses kinds of rotary scaling other than those. Released files spell the key in two
// ways, of which the newer one counts.
func (o object) ropeKind(known ...string) {
	for _, key := range []string{"rope_type", "type"} {
		if !o.Has(key) {
			continue
		}
		if kind := o.stringOr(key, ""); kind != "" && !slices.Contains(known, kind) {
			o.unsupported(key, kind)
		}
		return
	}
}

// plainRope refuses rotary scaling, which text checkpoints may ask for.
func plainRope(c object) {
	for _, key := range []string{"rope_scaling", "rope_parameters"} {
		c.sub(key).ropeKind("default")
	}
}
