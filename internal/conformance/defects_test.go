package conformance_test

// Defects planted in one family's checkpoint and in the code: the comparison with the reference must
// see each. families_defects_test.go does so for every family, by the parity tool.

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/testkit/ckpt"
)

// Defects in a checkpoint.
func TestPlantedInCheckpoint(t *testing.T) {
	clear := func(name string) func(*testing.T, *ckpt.Checkpoint) {
		return func(t *testing.T, x *ckpt.Checkpoint) {
			x.Tensor(t, name).Update(func(int, float32) float32 { return 0 })
		}
	}
	for _, d := range []struct {
		name  string
		plant func(*testing.T, *ckpt.Checkpoint)
		stage string // the first that must be out of bound
	}{
		{"M-RoPE sections of time and height swapped", func(t *testing.T, x *ckpt.Checkpoint) {
			x.Set(t, "config.json", "rope_scaling.mrope_section", []int{3, 2, 3})
		}, "llm.layer.0"},
		{"the merger takes a group's patches column by column", func(t *testing.T, x *ckpt.Checkpoint) {
			w := x.Tensor(t, "visual.merger.mlp.0.weight")
			v, cols, part := w.Values(), w.Shape[1], w.Shape[1]/4
			for row := 0; row < len(v); row += cols {
				for i := range part {
					a, b := row+part+i, row+2*part+i
					v[a], v[b] = v[b], v[a]
				}
			}
			w.Set(v)
		}, "vision.out"},
		{"bias of the queries left out", clear("model.layers.1.self_attn.q_proj.bias"), "llm.layer.1"},
		{"bias of the keys left out", clear("model.layers.0.self_attn.k_proj.bias"), "llm.layer.0"},
		{"bias of the values left out", clear("model.layers.2.self_attn.v_proj.bias"), "llm.layer.2"},
		{"bias in the tower left out", clear("visual.blocks.0.attn.qkv.bias"), "vision.block.0"},
		{"bias of the tower's output left out", clear("visual.blocks.2.mlp.fc2.bias"), "vision.block.2"},
		{"bias of the merger left out", clear("visual.merger.mlp.0.bias"), "vision.out"},
	} {
		t.Run(d.name, func(t *testing.T) {
			x := ckpt.Read(t, tinyDir)
			d.plant(t, x)
			m := loadChanged(t, x)
			f := openTiny(t)
			for _, name := range f.Cases {
				c, err := f.Case(name)
				require.NoError(t, err)
				_, wrong := compareCase(t, m, f, c)
				require.Contains(t, strings.Join(wrong, "\n"), d.stage+": off by", name)
				require.Contains(t, strings.Join(wrong, "\n"), "generated_logits: off by", name)
			}
		})
	}
}

// Defects in the code: the comparison is run on a copy of it in which one line differs.
func TestPlantedInCode(t *testing.T) {
	for _, d := range []struct {
		name, file, old, new string
		stage                string // one that must be out of bound
	}{
		{"GELU for quick-GELU", "internal/family/qwen2vl.go", "tensor.QuickGELU", "tensor.GELU", "vision.block.0"},
		{"rope delta dropped in decode", "internal/engine/step.go", "s.made - 1 + s.Delta", "s.made - 1", "generated_logits"},
		{"merger rows in raster order", "adapter/merger.go", "\t\t}\n\t\th = h.Reshape(n, wide)", `		}
		raster := ex.Alloc(h.Rows, h.Cols)
		for i, at := range groupOrder(grids, m.cfg.MergeSize) {
			copy(raster.Row(int(at)), h.Row(i))
		}
		h = raster.Reshape(n, wide)`, "vision.out"},
	} {
		t.Run(d.name, func(t *testing.T) {
			source := readSource(t, d.file)
			require.Equal(t, 1, strings.Count(source, d.old), "the place to change in %s", d.file)
			overlay := writeOverlay(t, map[string]string{d.file: strings.Replace(source, d.old, d.new, 1)})
			out, err := exec.Command("go", "test", "-count=1", "-vet=off", "-ldflags=-s", "-overlay", overlay, "-run", "^TestStagesWithinBounds$", ".").CombinedOutput()
			var failed *exec.ExitError
			require.ErrorAs(t, err, &failed, "the defect was not seen:\n%s", out)
			for _, name := range openTiny(t).Cases {
				require.Contains(t, string(out), "--- FAIL: TestStagesWithinBounds/"+name)
			}
			require.Contains(t, string(out), d.stage+": off by")
		})
	}
}
