package family

// The table of families: a model type is a line here, and its parser a file beside this one.

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/qwenvl/qwenvl/internal/checkpoint"
)

// table maps config.json's model_type to its family.
var table = map[string]parser{
	"kimi_vl":          kimiVL,
	"qwen":             qwenVL,
	"qwen2":            qwen2,
	"qwen2_5_vl":       qwen25VL,
	"qwen2_vl":         qwen2VL,
	"qwen3":            qwen3,
	"qwen3_5":          qwen35,
	"qwen3_5_moe":      qwen35MoE,
	"qwen3_5_moe_text": qwen35MoEAlone,
	"qwen3_5_text":     qwen35Alone,
	"qwen3_moe":        qwen3MoE,
	"qwen3_vl":         qwen3VL,
	"qwen3_vl_moe":     qwen3VLMoE,
}

// ModelTypes returns the model types that are known, sorted.
func ModelTypes() []string { return slices.Sorted(maps.Keys(table)) }

// unknownFamily refuses a model type, with those that are near and all that are known.
func (o object) unknownFamily(modelType string) {
	if modelType == "" {
		o.fail("model_type", "missing", nil)
		return
	}
	problem := shown(modelType)
	if near := nearTypes(modelType); len(near) > 0 {
		problem += ", near " + strings.Join(near, ", ")
	}
	problem += " (known are " + strings.Join(ModelTypes(), ", ") + ")"
	o.fail("model_type", problem, checkpoint.ErrUnsupported)
}

// nearTypes returns up to three known types that may have been meant, or are of the same line: with
// a long start in common, or a few letters apart.
func nearTypes(modelType string) []string {
	plain := func(s string) string {
		return strings.NewReplacer("_", "", "-", "", ".", "").Replace(strings.ToLower(s))
	}
	asked := plain(modelType[:min(len(modelType), 60)])
	type near struct {
		name        string
		start, away int
	}
	var found []near
	for _, name := range ModelTypes() {
		known := plain(name)
		n := near{name, 0, distance(asked, known)}
		for n.start < min(len(asked), len(known)) && asked[n.start] == known[n.start] {
			n.start++
		}
		if n.start >= 4 || n.away <= 2 {
			found = append(found, n)
		}
	}
	slices.SortStableFunc(found, func(a, b near) int {
		return cmp.Or(cmp.Compare(b.start, a.start), cmp.Compare(a.away, b.away))
	})
	var names []string
	for _, n := range found[:min(len(found), 3)] {
		names = append(names, n.name)
	}
	return names
}

// distance counts the bytes to put in, take out or exchange to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
