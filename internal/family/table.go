package family

// The table of families: a model type is a line here, and its parser a file beside this one.

import (
	"maps"
	"slices"
)

// table maps config.json's model_type to its family.
var table = map[string]parser{
	"kimi_vl":      kimiVL,
	"qwen":         qwenVL,
	"qwen2":        qwen2,
	"qwen2_5_vl":   qwen25VL,
	"qwen2_vl":     qwen2VL,
	"qwen3":        qwen3,
	"qwen3_5":      qwen35,
	"qwen3_5_moe":  qwen35,
	"qwen3_moe":    qwen3,
	"qwen3_vl":     qwen3VL,
	"qwen3_vl_moe": qwen3VL,
}

// ModelTypes returns the model types that are known, sorted.
func ModelTypes() []string { return slices.Sorted(maps.Keys(table)) }
