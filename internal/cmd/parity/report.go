package main

// Findings, their order and their totals.

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// finding is what became of one stage.
type finding struct {
	stage   string
	diff    float64 // largest difference
	bound   float64 // 0: exact
	problem string  // why the stage is out of bound although diff may not say so
	note    string  // what is known of a stage that nothing was compared with
	missing bool
	aside   bool // shown on request, not counted
}

func (f finding) bad() bool { return f.missing || f.problem != "" || !(f.diff <= f.bound) }

func (f finding) String() string {
	switch {
	case f.note != "":
		return f.stage + ": " + f.note
	case f.missing && f.problem == "":
		return f.stage + ": missing"
	case f.missing:
		return f.stage + ": missing: " + f.problem
	case f.problem != "":
		return f.stage + ": OUT OF BOUND: " + f.problem
	case f.bad():
		return fmt.Sprintf("%s: OUT OF BOUND: %.3g, bound %.3g", f.stage, f.diff, f.bound)
	case f.bound == 0:
		return f.stage + ": equal"
	}
	return fmt.Sprintf("%s: %.3g, bound %.3g", f.stage, f.diff, f.bound)
}

// report counts findings and prints them.
type report struct {
	out                      io.Writer
	verbose                  bool
	compared, outOf, missing int
}

// add takes the findings of a case. Bad ones are printed in the order of the forward pass, so that
// the first is the cause.
func (r *report) add(name string, findings []finding) {
	slices.SortStableFunc(findings, func(a, b finding) int { return compareStages(a.stage, b.stage) })
	compared, outOf, missing := 0, 0, 0
	worst := finding{}
	for _, f := range findings {
		switch {
		case f.aside:
			if r.verbose {
				fmt.Fprintf(r.out, "%s: %v (not counted)\n", name, f)
			}
			continue
		case f.missing:
			missing++
		case f.bad():
			compared++
			outOf++
		default:
			compared++
			if f.bound > 0 && (worst.stage == "" || f.diff/f.bound > worst.diff/worst.bound) {
				worst = f
			}
		}
		if f.bad() || r.verbose {
			fmt.Fprintf(r.out, "%s: %v\n", name, f)
		}
	}
	fmt.Fprintf(r.out, "%s: %d compared, %d out of bound, %d missing", name, compared, outOf,
		missing)
	if worst.stage != "" {
		fmt.Fprintf(r.out, "; nearest to its bound: %s at %.1f %%", worst.stage,
			100*worst.diff/worst.bound)
	}
	fmt.Fprintln(r.out)
	r.compared, r.outOf, r.missing = r.compared+compared, r.outOf+outOf, r.missing+missing
}

// close prints the total and returns the exit status.
func (r *report) close() int {
	fmt.Fprintf(r.out, "parity: %d stages compared, %d out of bound, %d missing\n", r.compared,
		r.outOf, r.missing)
	if r.outOf > 0 || r.missing > 0 || r.compared == 0 {
		return 1
	}
	return 0
}

// stageOrder is the order of the forward pass; stages that are not in it come last.
var stageOrder = []string{
	"case", "prompt", "image_grid_thw", "video_grid_thw", "second_per_grid_ts", "pixel_values",
	"pixel_values_videos", "input_ids",
	"position_ids", "rope_deltas", "vision", "vision2", "adapter", "inputs_embeds", "llm", "logits",
	"generated_logits", "generated_ids",
	"text",
}

// insideOrder is the order within a tower, an adapter and a decoder.
var insideOrder = []string{
	"patch_proj", "patch_embed", "rope_cos", "rope_sin", "window_index", "cu_window_seqlens",
	"ln_pre",
	"mixer", "attn", "ffn_in", "mlp", "block", "query", "kv", "pos_embed", "attn_out", "ln_post",
	"post",
	"pre_norm", "deepstack", "out", "layer", "norm",
}

func compareStages(a, b string) int {
	ka, kb := stageKey(a), stageKey(b)
	return cmp.Or(slices.Compare(ka[:], kb[:]), cmp.Compare(a, b))
}

// stageKey sorts by part of the model, then by number, then by place within: layers in order, each
// with its parts.
func stageKey(stage string) [3]int {
	parts := strings.Split(stage, ".")
	key := [3]int{position(stageOrder, parts[0]), -1, 0}
	if len(parts) > 1 {
		key[2] = position(insideOrder, parts[1])
	}
	if len(parts) > 2 {
		key[1], _ = strconv.Atoi(parts[2])
	} else if len(parts) > 1 && key[2] > position(insideOrder, "block") {
		key[1] = 1 << 30 // behind the numbered ones
	}
	return key
}

func position(list []string, s string) int {
	if i := slices.Index(list, s); i >= 0 {
		return i
	}
	return len(list)
}
