package family

// Where a setting stands, when it may stand in several places. One resolver for all families:
//
//	setting                   stands in
//	decoder                   text_config; Qwen2-VL and Qwen2.5-VL: else the top of config.json
//	tower                     vision_config
//	tied head                 the top of config.json; Qwen2-VL and Qwen2.5-VL: or text_config
//	end tokens, sampling      generation_config.json where there is one, with what it leaves out left
//	                          out; else the top of config.json, else text_config, key by key
//	pictures, videos          sections that [checkpoint.Section] has a table of
//	quantization              quantization_config at the top or in text_config
//
// What is nowhere is worth the default of the class (defaults.go).

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/llm"
)

// textConfig returns the decoder's keys with their defaults.
func textConfig(c object, defaults string) object {
	text := c.sub("text_config")
	outerRope(c, text)
	return text.over(defaults)
}

// flatConfig is textConfig for families that had all keys at the top once: they are read from there
// where there is no text_config.
func flatConfig(c object, defaults string) object {
	if c.Has("text_config") {
		return textConfig(c, defaults)
	}
	return c.over(defaults)
}

// visionConfig returns the tower's keys with their defaults.
func visionConfig(c object, defaults string) object {
	return c.sub("vision_config").over(defaults)
}

// generationConfig returns the settings of generation.
func generationConfig(from checkpoint.Checkpoint, c object) (object, error) {
	g, err := section(from, checkpoint.Generation)
	if err != nil || g.Values != nil {
		return g, err
	}
	text := c.sub("text_config")
	g.Values = maps.Clone(text.Values)
	if g.Values == nil {
		g.Values = map[string]json.RawMessage{}
	}
	for key, value := range c.Values {
		if c.Has(key) {
			g.Values[key] = value
		}
	}
	g.Place = func(path string) (file, field string) {
		if c.Has(path) || !text.Has(path) {
			return c.At(path)
		}
		return c.At(text.path + path)
	}
	return g, *c.err
}

// aliased returns alias if that is there, which counts then, else key.
func (o object) aliased(key, alias string) string {
	if o.Has(alias) {
		return alias
	}
	return key
}

// plainWeights refuses weights that are stored in fewer bits. A quantization that quantizes nothing
// is none.
func plainWeights(c object) {
	for _, in := range []object{c, c.sub("text_config")} {
		q := in.sub("quantization_config")
		if method := q.stringOr("quant_method", ""); method != "" {
			of := func(key string) bool { return q.boolOr(key, false) }
			if method != "bitsandbytes" || of("load_in_4bit") || of("load_in_8bit") {
				q.unsupported("quant_method", method)
			}
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(q.Values)) {
			if q.Has(key) && string(q.Values[key]) != "false" {
				q.fail("quant_method", "missing", nil)
			}
		}
	}
}

// windows is which layers of a decoder see a window of the context alone, where the configuration
// has one.
type windows int

const (
	windowsOfAll   windows = iota // all
	windowsByFlag                 // all, if use_sliding_window says so
	windowsByLayer                // so, and from max_window_layers on, or those of layer_types
)

// shortest is the shortest window that a context is kept within.
const shortest = 16

// wholeContext keeps the context within windows: attention here sees all of it, and what is longer
// would be answered otherwise. A window that hardly anything fits into is refused.
func wholeContext(c object, d *llm.Config, w windows) {
	flag, size := "sliding_window", 0 // no window
	if w != windowsOfAll {
		flag = "use_sliding_window"
	}
	if (w == windowsOfAll || c.boolOr(flag, false)) && c.Has("sliding_window") {
		size = c.intIn("sliding_window", 1, 1<<30)
	}
	slides := size > 0
	switch {
	case c.Has("layer_types"):
		some := false
		for _, kind := range list[string](c, "layer_types", len(d.Layers)) {
			if kind != "full_attention" && (kind != "sliding_attention" || size == 0) {
				c.unsupported("layer_types", kind)
			}
			some = some || kind == "sliding_attention"
		}
		slides = slides && (some || w != windowsByLayer)
	case w == windowsByLayer && slides:
		slides = c.intIn("max_window_layers", 0, 1<<30) < len(d.Layers)
	}
	if !slides {
		return
	}
	if size < min(shortest, d.MaxContext) {
		c.unsupported(flag, "a window of "+strconv.Itoa(size)+" positions")
	}
	d.ContextLimit, d.MaxContext = size, min(size, d.MaxContext)
}
