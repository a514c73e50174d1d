//go:build !race && !noasm

package conformance_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/testkit/ckpt"
)

// Defects planted in each family: the parity tool, with one place of the code changed (plant_test.go)
// or on a copy of the checkpoint in which one value differs, must say that stages are out of bound.

// planted is a place of the code, which must be there once, and what stands there instead.
type planted struct{ name, fixture, file, old, new string }

func TestPlantedInFamilies(t *testing.T) {
	defects := []planted{
		{"log-n left out", "qwen-vl-small", "internal/family/qwenvl.go", "d.Rope.LogNLength = trained", "_ = trained"},
		{"base of the rotary embedding not stretched", "qwen-vl-small", "internal/family/qwenvl.go", "d.Rope.NTKLength = trained", "_ = trained"},
		{"gate and up swapped", "qwen-vl-small", "internal/family/qwenvl.go", `"layers.*.mlp.up.weight", "transformer.h.*.mlp.w1.weight",
		"layers.*.mlp.gate.weight", "transformer.h.*.mlp.w2.weight",`, `"layers.*.mlp.up.weight", "transformer.h.*.mlp.w2.weight",
		"layers.*.mlp.gate.weight", "transformer.h.*.mlp.w1.weight",`},
		{"q, k and v not grouped by head", "qwen-vl-small", "internal/family/qwenvl.go", "QKVByHead: true", "QKVByHead: false"},
		{"positions added to the values too", "qwen-vl-small", "adapter/resampler.go", "	ex.Linear(k, kv.Input(), r.k, tensor.Identity)", "	ex.Linear(k, kv.Input(), r.k, tensor.Identity)\n	ex.Linear(v, kv.Input(), r.v, tensor.Identity)"},

		{"window order not undone", "qwen2_5_vl-tiny", "vision/job.go", "		ex.GatherRows(x, j.x, j.undo)\n		j.x = x", "		copy(x.Floats(), j.x.Floats())\n		j.x = x"},
		{"no windows", "qwen2_5_vl-tiny", "vision/encoder.go", "return c.Window == 0 ||", "return true ||"},
		{"seconds cut to whole numbers", "qwen2_5_vl-tiny", "rope/index.go", "float64(t) * m.Seconds * m.Rate", "float64(t) * math.Floor(m.Seconds) * m.Rate"},
		{"layer norms in the tower", "qwen2_5_vl-tiny", "internal/tensor/rows.go", "		kernel.RMSNorm(dst, x, n.Weight, n.Eps)", "		kernel.LayerNorm(dst, x, n.Weight, make([]float32, len(x)), n.Eps)"},
		{"SiLU of the wrong half", "qwen2_5_vl-tiny", "vision/job.go", "b.gate, b.fc1, c.Act", "b.fc1, b.gate, c.Act"},

		{"row and column swapped in the tower", "kimi-vl-tiny", "rope/vision.go", "c[2*i], s[2*i] = cosSin(float32(x) * freq[i])", "c[2*i], s[2*i] = cosSin(float32(y) * freq[i])"},
		{"correction used in the weights", "kimi-vl-tiny", "llm/moe.go", "			w := row[e]\n", "			w := row[e] + m.correction[e]\n"},
		{"GELU of the projector in the tower", "kimi-vl-tiny", "internal/family/kimivl.go", "Eps: 1e-5, Act: tensor.GELUTanh", "Eps: 1e-5, Act: tensor.GELU"},
		{"GELU of the tower in the projector", "kimi-vl-tiny", "internal/family/kimivl.go", "Eps: 1e-5, Act: tensor.GELU,", "Eps: 1e-5, Act: tensor.GELUTanh,"},
		{"merger rows in raster order", "kimi-vl-tiny", "adapter/merger.go", "ex.GatherRows(grouped, x, groupOrder(grids, m.cfg.MergeSize))", "copy(grouped.Floats(), x.Floats())"},
		{"scale of experts left out", "kimi-vl-tiny", "llm/moe.go", "append(r.route.Weight, w*c.Scale)", "append(r.route.Weight, w)"},
		{"norm of the latent left out", "kimi-vl-tiny", "llm/mla.go", "	ex.NormHeads(key, 0, 1, &m.norm)\n", ""},
		{"one rotated key for each head's query forgotten", "kimi-vl-tiny", "llm/mla.go", "		ex.Rotate(query, i*wide+c.LatentDim, 1, c.RopeDim, p.cos, p.sin, tensor.Neighbors)\n", ""},

		{"inner features one layer late", "qwen3_vl_moe-tiny", "llm/decoder.go", "			if i < len(s.Deep) {\n				ex.AddRows(x.Slice(s.Row, s.Row+s.Deep[i].Rows), s.Deep[i])", "			if i > 0 && i <= len(s.Deep) {\n				ex.AddRows(x.Slice(s.Row, s.Row+s.Deep[i-1].Rows), s.Deep[i-1])"},
		{"axes not interleaved", "qwen3_vl_moe-tiny", "rope/table.go", "if c.Interleaved &&", "if false &&"},
		{"weights of experts not normalized", "qwen3_vl_moe-tiny", "llm/moe.go", "if c.Normalize {", "if false {"},
		{"corners of the position table not aligned", "qwen3_vl_moe-tiny", "rope/resample.go", "float64(size-1) / float64(n-1)", "float64(size-1) / float64(n)"},
		{"no norm of the queries", "qwen3_vl_moe-tiny", "llm/gqa.go", "		ex.NormHeads(q, 0, c.NumHeads, &g.normQ)\n", ""},
		{"time of the first frame", "qwen3_vl_moe-tiny", "internal/processor/media.go", "(at(i)+at(i+temporal-1))/2", "at(i)"},

		{"output gate left out", "qwen3_5_moe-tiny", "llm/gqa.go", "		ex.Gate(out, gate)\n", ""},
		{"norms not centered at one", "qwen3_5_moe-tiny", "internal/family/qwen35.go", `r.PlusOne = strings.HasSuffix(canonical, "norm.weight")`, `r.PlusOne = false && strings.HasSuffix(canonical, "norm.weight")`},
		{"convolution forgets at the border of chunks", "qwen3_5_moe-tiny", "internal/tensor/delta.go", "		copy(s.Conv[j*width+lo:j*width+hi], input(rows - k + 1 + j)[lo:hi])", "		clear(s.Conv[j*width+lo : j*width+hi])"},
		{"state of the delta rule lost between passes", "qwen3_5_moe-tiny", "llm/delta.go", "	ex.DeltaScan(out, mixed, gate, beta, seqs, c)", "	for _, s := range seqs {\n		clear(s.State)\n	}\n	ex.DeltaScan(out, mixed, gate, beta, seqs, c)"},
		{"gate of the shared expert left out", "qwen3_5_moe-tiny", "llm/moe.go", "			ex.Gate(s, g)\n", ""},
		{"key heads dealt in turn", "qwen3_5_moe-tiny", "internal/tensor/delta.go", "keyHead := h / (d.ValueHeads / d.KeyHeads)", "keyHead := h % d.KeyHeads"},
		{"half of the decay", "qwen3_5_moe-tiny", "llm/delta.go", "d.decay[i] = float32(-math.Exp(float64(v)))", "d.decay[i] = float32(-math.Exp(float64(v)) / 2)"},
	}
	bin := buildParity(t, plantAll(t, defects))
	names := map[string]bool{}
	for _, d := range defects {
		require.False(t, names[d.name], "two defects %q", d.name)
		names[d.name] = true
		if names[d.fixture] { // the program without a defect is right
			continue
		}
		names[d.fixture] = true
		out, err := exec.Command(bin, "-images", imagesDir, filepath.Join(testdata, d.fixture)).Output()
		require.NoError(t, err, "%s", out)
	}
	for _, d := range defects {
		t.Run(d.fixture+"/"+d.name, func(t *testing.T) {
			t.Parallel()
			requireSeen(t, bin, filepath.Join(testdata, d.fixture), defectEnv+"="+d.name)
		})
	}
}

// requireSeen demands that the tool finds stages out of bound, and none missing: the defect must show
// in numbers.
func requireSeen(t *testing.T, bin, fixture string, env ...string) {
	t.Helper()
	tool := exec.Command(bin, "-images", imagesDir, fixture)
	tool.Env = append(os.Environ(), env...)
	out, err := tool.Output()
	var failed *exec.ExitError
	require.ErrorAs(t, err, &failed, "the defect was not seen:\n%s", out)
	require.Regexp(t, `parity: \d+ stages compared, [1-9]\d* out of bound, 0 missing\n$`, string(out))
}

// Defects in a family's checkpoint.
func TestPlantedInFamilyCheckpoints(t *testing.T) {
	bin := buildParity(t, "")
	for _, d := range []struct {
		name, fixture string
		plant         func(*testing.T, *ckpt.Checkpoint)
	}{
		{"rows and columns of the resampler's positions swapped", "qwen-vl-small", func(t *testing.T, x *ckpt.Checkpoint) {
			w := x.Tensor(t, "transformer.visual.attn_pool.pos_embed")
			v, width := w.Values(), w.Shape[1]
			for at := 0; at < len(v); at += width {
				for i := range width / 2 {
					v[at+i], v[at+width/2+i] = v[at+width/2+i], v[at+i]
				}
			}
			w.Set(v)
		}},
		{"every block attends to the whole frame", "qwen2_5_vl-tiny", func(t *testing.T, x *ckpt.Checkpoint) {
			x.Set(t, "config.json", "vision_config.fullatt_block_indexes", []int{0, 1, 2, 3})
		}},
		{"positions a second doubled", "qwen2_5_vl-tiny", func(t *testing.T, x *ckpt.Checkpoint) {
			x.Set(t, "config.json", "vision_config.tokens_per_second", 4)
		}},
		{"inner features of other blocks", "qwen3_vl_moe-tiny", func(t *testing.T, x *ckpt.Checkpoint) {
			x.Set(t, "config.json", "vision_config.deepstack_visual_indexes", []int{1, 2})
		}},
		{"whole heads rotated", "qwen3_5_moe-tiny", func(t *testing.T, x *ckpt.Checkpoint) {
			x.Set(t, "config.json", "text_config.rope_parameters.partial_rotary_factor", 0.5)
			x.Set(t, "config.json", "text_config.rope_parameters.mrope_section", []int{6, 5, 5})
		}},
	} {
		t.Run(d.fixture+"/"+d.name, func(t *testing.T) {
			from := filepath.Join(testdata, d.fixture)
			x := ckpt.Read(t, from)
			d.plant(t, x)
			dir := x.Write(t)
			require.NoError(t, os.CopyFS(filepath.Join(dir, "cases"), os.DirFS(filepath.Join(from, "cases"))))
			data, err := os.ReadFile(filepath.Join(from, "fixture.json"))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(dir, "fixture.json"), data, 0o600))
			requireSeen(t, bin, dir)
		})
	}
}
