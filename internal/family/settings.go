package family

// Where a setting stands, when it may stand in several places.

import (
	"encoding/json"
	"maps"

	"github.com/qwenvl/qwenvl/internal/checkpoint"
)

// generationConfig returns the settings of generation: those of generation_config.json where there
// is one, with what it leaves out left out; else of the top of config.json, else of text_config, key
// by key.
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
