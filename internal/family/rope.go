package family

// Rotary embeddings: base, sections of the axes, and how a configuration asks for texts longer than
// those of training. Versions of the reference put these in different places:
//
//	the object         rope_scaling unless it is empty, else rope_parameters
//	kind of scaling    rope_type in it, else type; none
//	base               rope_theta in it, else beside it, else the family's
//	share of channels  partial_rotary_factor, alike
//	trained length     original_max_position_embeddings beside it, else in it, else
//	                   max_position_embeddings
//
// How sections are dealt out is the family's, whatever mrope_interleaved says. scaling.go reads
// what a kind has of its own.

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"github.com/qwenvl/qwenvl/llm"
	"github.com/qwenvl/qwenvl/rope"
)

// rotary is what a family's rotary embedding is where no key says otherwise.
type rotary struct {
	dim         int     // channels of a head
	share       float64 // of them that rotate; 0: all, and keys do not change that
	theta       float64
	section     []int // M-RoPE; nil: one axis
	interleaved bool
}

// read gives the decoder the rotary embedding of its keys, and the context of the stretched one.
func (r rotary) read(c object, d *llm.Config) {
	o := ropeKeys(c)
	for _, key := range slices.Sorted(maps.Keys(o.Values)) { // one object for each type of layer
		if raw := string(o.Values[key]); raw[0] == '{' {
			o.unsupported(key, raw)
		}
	}
	base := o.either(c, "rope_theta")
	d.Rope = rope.Config{Dim: r.dim, Theta: base.floatOr("rope_theta", 1e12, r.theta),
		Interleaved: r.interleaved}
	if d.Rope.Theta <= 1 {
		base.fail("rope_theta", "is not above 1", nil)
	}
	if r.section != nil {
		d.Rope.Section = r.section
		if o.Has("mrope_section") {
			d.Rope.Section = list[int](o, "mrope_section", rope.Axes)
		}
	}
	if kind := r.kind(o); kind != "" || r.share > 0 {
		share := r.part(c, o, kind)
		if kind == "proportional" {
			d.Rope.Scaling = &rope.Scaling{Kind: rope.Proportional, Factor: 1,
				Rotated: int(float64(r.dim) * share / 2)}
			if o.Has("factor") {
				d.Rope.Scaling.Factor = o.factor("factor")
			}
		} else {
			d.Rope.Dim = int(float64(r.dim) * share)
			d.Rope.Scaling = r.scaling(kind, c, o, d)
		}
	}
	if err := d.Rope.Validate(); err != nil && r.section != nil {
		o.fail("mrope_section", "does not fit the heads", err)
	} else if err != nil {
		c.fail("head_dim", "does not fit the rotary embedding", err)
	}
	d.MaxContext = context(d)
}

// context returns how long texts may be: what max_position_embeddings says, or the trained length
// times the factor, where that is more. Kinds whose factor says something else leave it.
func context(d *llm.Config) int {
	s, n := d.Rope.Scaling, float64(d.MaxContext)
	switch {
	case s == nil:
	case s.Kind == rope.Linear || s.Kind == rope.Dynamic:
		n *= max(s.Factor, 1)
	case s.Kind == rope.YaRN:
		n = max(n, s.Factor*float64(s.Original))
	}
	return int(min(n, maxCount))
}

// ropeKeys returns the object of a decoder's keys that its rotary embedding is described by.
func ropeKeys(c object) object {
	if o := c.sub("rope_scaling"); len(o.Values) > 0 || !c.Has("rope_parameters") {
		return o
	}
	return c.sub("rope_parameters")
}

// either returns the object if it has the key, else the other.
func (o object) either(other object, key string) object {
	if o.Has(key) {
		return o
	}
	return other
}

// kind returns the kind of scaling, "" for none. Those of several axes are called by that in
// released files.
func (r rotary) kind(o object) string {
	key, kind := o.ropeType()
	switch {
	case key == "" || kind == "default" || kind == "mrope" && r.section != nil:
		return ""
	case !slices.Contains(scalingKinds, kind):
		o.unsupported(key, kind)
	}
	return kind
}

// ropeType returns the type that an object names, and the key it stands under; "" where there is
// none. Of two spellings of the key the newer one counts.
func (o object) ropeType() (key, kind string) {
	for _, key := range []string{"rope_type", "type"} {
		if o.Has(key) {
			return key, o.stringOr(key, "")
		}
	}
	return "", ""
}

// part returns the share of a head's channels that rotate. A stretched embedding of a family whose
// heads rotate whole must say so.
func (r rotary) part(c, o object, kind string) float64 {
	const key = "partial_rotary_factor"
	place := o.either(c, key)
	share := place.floatOr(key, 1+1e-9, cmp.Or(r.share, 1))
	if r.share == 0 && share != 1 && kind != "proportional" {
		place.unsupported(key, strconv.FormatFloat(share, 'g', -1, 64))
	}
	return share
}

// outerRope refuses a scaling beside the decoder's object that is another one than in it. Versions
// that copy the decoder's keys write it twice; one that is written by hand in the outer place alone
// the reference does not load, where it has a trained length of its own.
func outerRope(c, text object) {
	outer, inner := c.sub("rope_scaling"), ropeKeys(text)
	if !c.Has("rope_theta") {
		return
	}
	key, kind := outer.ropeType()
	if slices.Contains([]string{"yarn", "llama3", "longrope"}, kind) &&
		!maps.EqualFunc(outer.Values, inner.Values, sameJSON) {
		outer.unsupported(key, kind)
	}
}

// sameJSON reports whether two texts are the same but for spaces.
func sameJSON(a, b json.RawMessage) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil &&
		bytes.Equal(x.Bytes(), y.Bytes())
}

// towerRope refuses a tower's rotary embedding that is not the released one: over rows and columns,
// to the base 10000. Newer versions write it down.
func towerRope(v object) {
	o := ropeKeys(v)
	if key, kind := o.ropeType(); key != "" && kind != "axial" && kind != "default" {
		o.unsupported(key, kind)
	}
	base := o.either(v, "rope_theta")
	if theta := base.floatOr("rope_theta", 1e12, 10000); theta != 10000 {
		base.unsupported("rope_theta", strconv.FormatFloat(theta, 'g', -1, 64))
	}
}
