package golden

// Which stages must be compared, and within what bound.

import (
	"strconv"
	"strings"
)

// Class says how a stage counts.
type Class int

// The classes of stages.
const (
	Required Class = iota // must be there and within its bound
	Optional              // compared where the engine exposes it
	Ignored               // for information only
)

// optional are the stages that an engine may have fused away; those of the tower stand for its
// second run too.
var optional = map[string]bool{
	"vision.window_index": true, "vision.cu_window_seqlens": true, "vision.patch_proj": true, "vision.ln_pre": true,
	"vision.rope_cos": true, "vision.rope_sin": true, "llm.rope_cos": true, "llm.rope_sin": true,
	"llm.mixer": true, "llm.mlp": true,
	"adapter.query": true, "adapter.kv": true, "adapter.attn_out": true, "adapter.pre_norm": true,
}

// Classify returns the class of a stage. A name that is not known is required, so that it cannot be
// passed over.
func Classify(stage string) Class {
	if strings.HasSuffix(stage, ".torchvision") || stage == "image_grid_hws" {
		return Ignored
	}
	name := firstRun(stage)
	if optional[name] || optional[withoutIndex(name)] {
		return Optional
	}
	return Required
}

// Bounds that hold where a fixture states none.
const (
	pixelBound  = 1e-6
	secondBound = 1e-6
)

// Bound returns the largest allowed max |a-b| of a float stage; ok is false where the fixture
// states none. Integer stages are exact and have none.
//
// The name is looked up as it is, without a trailing index, then by its parent; a stage of the
// tower's second run, the logits of generation, the pixels of videos and the norm before the blocks
// take the bound of their counterpart.
func (f *Fixture) Bound(stage string) (bound float64, ok bool) {
	for name := stage; name != ""; name = counterpart(name) {
		parent, _, _ := cutLast(name)
		for _, n := range [...]string{name, withoutIndex(name), parent} {
			if b, ok := f.bounds[n]; ok && n != "" {
				return b, true
			}
		}
	}
	switch stage {
	case "pixel_values", "pixel_values_videos":
		return pixelBound, true
	case "second_per_grid_ts":
		return secondBound, true
	}
	return 0, false
}

// counterpart returns the stage whose bound holds for name too, or "".
func counterpart(name string) string {
	switch name {
	case "generated_logits":
		return "logits"
	case "pixel_values_videos":
		return "pixel_values"
	case "vision.ln_pre":
		return "vision.patch_embed"
	}
	if first := firstRun(name); first != name {
		return first
	}
	return ""
}

// firstRun names the stage of the tower's first run that corresponds to name.
func firstRun(name string) string {
	if rest, ok := strings.CutPrefix(name, "vision2."); ok {
		return "vision." + rest
	}
	return name
}

// withoutIndex removes a trailing ".<i>".
func withoutIndex(name string) string {
	if head, last, ok := cutLast(name); ok {
		if _, err := strconv.ParseUint(last, 10, 32); err == nil {
			return head
		}
	}
	return name
}

// cutLast cuts name at its last dot.
func cutLast(name string) (head, last string, ok bool) {
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return "", name, false
	}
	return name[:i], name[i+1:], true
}
