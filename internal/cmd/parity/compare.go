package main

// Comparing what was traced with what was recorded, stage by stage.

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/qwenvl/qwenvl/internal/golden"
)

// compareCase compares every recorded stage of a case with what was computed.
func compareCase(fx *golden.Fixture, c *golden.Case, o *outcome) []finding {
	out := []finding{equalText("prompt", c.Prompt, o.free.prompt.Text)}
	if wantText(c) {
		out = append(out, compareText(c, o))
	}
	for _, name := range c.Stages() {
		want, _ := c.Stage(name)
		class := golden.Classify(name)
		if class == golden.Ignored {
			continue
		}
		f := finding{stage: name}
		f.bound, _ = fx.Bound(name)
		switch value, known := o.value(c, name, want); {
		case name == "generated_ids":
			f.bound = 0
			if err := compareIDs(fx, c, o); err != nil {
				f.problem = err.Error()
			}
		case !known && class == golden.Optional:
			continue
		case !known:
			f.missing = true
			if strings.HasPrefix(name, "generated_") && o.forcedErr != nil {
				f.problem = o.forcedErr.Error()
			}
		default:
			f = compare(fx, name, want, value)
		}
		out = append(out, f)
	}
	return append(out, o.aside(fx, c)...)
}

// insideBlocks are stages between the halves of a block, by number. Fixtures do not record them.
var insideBlocks = []string{"llm.attn", "llm.ffn_in", "vision.attn", "vision.ffn_in"}

// aside describes these stages, none of which counts. Where the case has the output of a layer's
// mixer, llm.attn is compared with the sum of it and of what it was added to.
func (o *outcome) aside(fx *golden.Fixture, c *golden.Case) []finding {
	var out []finding
	for _, stage := range insideBlocks {
		before := "inputs_embeds"
		for i := 0; o.free.stages[fmt.Sprintf("%s.%d", stage, i)] != nil; i++ {
			name, layer := fmt.Sprintf("%s.%d", stage, i), fmt.Sprintf("llm.layer.%d", i)
			f := finding{note: o.free.stages[name].String()}
			x, _ := c.Stage(before)
			sum, known := c.Stage(fmt.Sprintf("llm.mixer.%d", i))
			if stage == "llm.attn" && known && len(x.Floats) == len(sum.Floats) {
				sum.Floats = slices.Clone(sum.Floats)
				for i, v := range x.Floats {
					sum.Floats[i] += v
				}
				got, _ := fromRows(o.free.prefill(name))
				f = compare(fx, layer, sum, got)
			}
			f.stage, f.aside, before = name, true, layer
			out = append(out, f)
		}
	}
	return out
}

// value is a computed stage: floats or ints.
type value struct {
	floats []float32
	ints   []int64
	shape  []int
	err    error // it was computed, but has no shape of its own
}

// value returns the computed counterpart of a recorded stage; known is false where there is none.
func (o *outcome) value(c *golden.Case, name string, want golden.Stage) (v value, known bool) {
	switch name {
	case "input_ids", "position_ids", "rope_deltas", "image_grid_thw", "video_grid_thw",
		"second_per_grid_ts", "pixel_values", "pixel_values_videos":
		v = o.free.input(name, want)
		return v, v.shape != nil || v.err != nil
	case "generated_logits":
		if o.forced == nil {
			return v, false
		}
		return fromRows(o.forced.steps())
	case "generated_ids":
		return v, true
	}
	var r *rows
	switch part, _, _ := strings.Cut(name, "."); part {
	case "vision", "adapter":
		r = o.free.tower(name, !o.free.has(false))
	case "vision2":
		// The second run is that of the videos of a case that has pictures too.
		if o.free.has(false) && o.free.has(true) {
			r = o.free.tower("vision."+strings.TrimPrefix(name, "vision2."), true)
		}
	default:
		r = o.free.prefill(name)
	}
	if r != nil && repeats(name) && len(want.Shape) == 2 {
		r = once(r, want.Shape[0])
	}
	return fromRows(r)
}

// has reports whether the prompt has pictures, or videos.
func (r *recording) has(video bool) bool { return len(r.media(video)) > 0 }

// repeats reports whether a stage depends on weights and a grid alone: it is recorded once, however
// many pictures there are.
func repeats(name string) bool { return name == "adapter.query" || name == "adapter.pos_embed" }

// once reduces equal repetitions of n rows to one of them.
func once(r *rows, n int) *rows {
	if n <= 0 || r.n()%n != 0 {
		return r
	}
	first := r.slice(0, n)
	for lo := n; lo < r.n(); lo += n {
		for i, v := range r.slice(lo, lo+n).data {
			if v != first.data[i] {
				return r
			}
		}
	}
	return first
}

func fromRows(r *rows) (value, bool) {
	if r == nil {
		return value{}, false
	}
	if r.odd {
		return value{err: fmt.Errorf("%d rows that do not divide among the media, or of several widths", r.n())}, true
	}
	return value{floats: r.data, shape: []int{r.n(), r.cols}}, true
}

// compare holds one computed tensor against the recorded one.
func compare(fx *golden.Fixture, name string, want golden.Stage, got value) finding {
	f := finding{stage: name}
	bound, ok := fx.Bound(name)
	var err error
	switch {
	case got.err != nil:
		err = got.err
	case want.IsInt() || got.ints != nil:
		if got.ints == nil {
			got.integers(len(want.Shape))
		}
		err = want.DiffInts(got.ints, got.shape...)
	case !ok || math.IsNaN(bound) || math.IsInf(bound, 0):
		err = fmt.Errorf("the fixture states no bound")
	default:
		f.bound = bound
		f.diff, err = want.DiffFloats(got.floats, got.shape...)
	}
	if err != nil {
		f.problem = strings.TrimPrefix(err.Error(), "golden: compare: ")
	}
	return f
}

// integers turns a traced stage that holds whole numbers into them, as a list where the recorded
// one is.
func (v *value) integers(rank int) {
	ints := make([]int64, len(v.floats))
	for i, x := range v.floats {
		if x != float32(math.Trunc(float64(x))) { // NaN, too
			return
		}
		ints[i] = int64(x)
	}
	v.ints, v.floats = ints, nil
	if rank == 1 && (v.shape[0] == 1 || v.shape[1] == 1) {
		v.shape = []int{len(ints)}
	}
}

func equalText(stage, want, got string) finding {
	f := finding{stage: stage}
	if want != got {
		f.problem = fmt.Sprintf("%q, want %q", got, want)
	}
	return f
}

// wantText reports whether the case has a text to compare.
func wantText(c *golden.Case) bool { return c.Text != nil }

// compareText compares the decoded tokens. Cases that have the text with special tokens beside it
// leave them out of it; in others it is the answer as it is, without its end token.
func compareText(c *golden.Case, o *outcome) finding {
	switch {
	case o.forcedErr != nil:
		return finding{stage: "text", missing: true, problem: o.forcedErr.Error()}
	case o.text != "" && o.text != o.decodedEnd:
		return equalText("text", o.decodedEnd, o.text)
	case c.TextWithSpecial == nil:
		return equalText("text", *c.Text, o.decodedEnd)
	case *c.TextWithSpecial != o.decodedAll:
		return equalText("text", *c.TextWithSpecial, o.decodedAll)
	}
	return equalText("text", *c.Text, o.decoded)
}
