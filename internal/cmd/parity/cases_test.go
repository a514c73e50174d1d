package main

import (
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/weights"
)

// writeJSON writes a value to a file in folders of their own.
func writeJSON(t *testing.T, v any, path ...string) {
	t.Helper()
	name := filepath.Join(path...)
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
	data, err := json.Marshal(v)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(name, data, 0o644))
}

func writePNG(t *testing.T, m image.Image, path ...string) {
	t.Helper()
	name := filepath.Join(path...)
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
	f, err := os.Create(name)
	require.NoError(t, err)
	require.NoError(t, png.Encode(f, m))
	require.NoError(t, f.Close())
}

type object = map[string]any

// The cases of a kind, each with what is said of it when it is wrong; "" for a right one.
func runCases(t *testing.T, dir string, wrong ...string) {
	t.Helper()
	fixtures := filepath.Dir(fixtureDir)
	status, out, last := runTool("-cases", dir, "-fixtures", fixtures, "-images", imagesDir)
	require.Equal(t, len(wrong) > 0, status == 1, out)
	for _, w := range wrong {
		require.Regexp(t, "(?m)^wrong "+w, out)
	}
	require.Regexp(t, `^cases: \d judged, `+string(rune('0'+len(wrong)))+` wrong$`, last, out)
}

func TestCheckpointCases(t *testing.T) {
	dir := t.TempDir()
	ask := func(name string, c object) {
		full := object{
			"base": "qwen2_vl-tiny", "sampling": "greedy", "max_tokens": 2,
			"messages": []object{{"role": "user", "content": "Hi"}},
		}
		for k, v := range c {
			full[k] = v
		}
		writeJSON(t, full, dir, "checkpoints", name, "case.json")
	}
	ask("none", object{})
	ask("prompt", object{"expected": object{"prompt_tokens": 1}})
	ask("names", object{
		"tensors": object{
			"rename": [][2]string{{"model.", "model.language_model."}, {"visual.", "model.visual."}},
			"shards": 2,
		},
		"expected": object{"tokens": []int{-1, -1}},
	})
	ask("grid", object{
		"messages": []object{{"role": "user", "content": []object{
			{"type": "image", "image": "shapes_a.png"}}}},
		"expected": object{"grid": []int{1, 1, 1}},
	})
	ask("base", object{"base": "none", "expected": object{"prompt_tokens": 1}})
	ask("removed", object{"remove": []string{"config.json"},
		"expected": object{"prompt_tokens": 1}})
	ask("lora", object{"expected": object{"prompt_tokens": 1}})
	writeJSON(t, object{"peft_type": "LORA"}, dir, "checkpoints", "lora", "files", adapterFile)
	runCases(t, dir, "checkpoints/none: nothing is expected",
		`checkpoints/prompt: \d+ tokens of prompt, \[\d+ \d+\]; want 1 tokens`,
		`checkpoints/names: \[\d+ \d+\]; want \[-1 -1\]`,
		`checkpoints/grid: grid \[1 4 8\]; want grid \[1 1 1\]`, "checkpoints/base: open ",
		`checkpoints/removed: qwenvl: load: .*config\.json`)
}

// The files that a case is laid out in are those it describes.
func TestTensorChanges(t *testing.T) {
	dir, work := t.TempDir(), t.TempDir()
	one := weights.Tensor{Name: "a.x", DType: "F32", Shape: []int{1}, Data: []byte{1, 2, 3, 4}}
	two := weights.Tensor{Name: "b", DType: "U8", Shape: []int{2, 1}, Data: []byte{5, 6}}
	require.NoError(t, writeTensors(filepath.Join(work, weightsName), []weights.Tensor{one, two}))
	two.Data = []byte{7, 8}
	require.NoError(t, writeTensors(filepath.Join(dir, "more"), []weights.Tensor{two}))
	c := tensorChanges{Rename: [][2]string{{"a.", "c."}, {"a", "d"}}, Add: "more", Shards: 2,
		IndexAlso: []string{"e"}}
	require.NoError(t, c.apply(work, dir))
	var index struct {
		Map map[string]string `json:"weight_map"`
	}
	require.NoError(t, readJSONFile(filepath.Join(work, indexName), &index))
	const first, last = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
	require.Equal(t, map[string]string{"b": first, "c.x": last, "e": last}, index.Map)
	one.Name = "c.x"
	for file, want := range map[string]weights.Tensor{first: two, last: one} {
		got, err := readTensors(filepath.Join(work, file))
		require.NoError(t, err)
		want.File = file
		require.Equal(t, []weights.Tensor{want}, got)
	}
	require.NoFileExists(t, filepath.Join(work, weightsName))
}

func TestConfigCases(t *testing.T) {
	dir := t.TempDir()
	for name, n := range map[string]int{"right": 0, "wrong": 7} {
		at := filepath.Join(dir, "configs", name)
		require.NoError(t, os.MkdirAll(at, 0o755))
		require.NoError(t, copyFiles(at, fixtureDir))
		if n == 0 {
			n = 333936
		}
		writeJSON(t, object{"expected": object{"parameters": n}}, at, "expected.json")
	}
	runCases(t, dir, `configs/wrong: \d{5,}; want 7`)
}

func TestPictureCases(t *testing.T) {
	dir := t.TempDir()
	m := image.NewNRGBA(image.Rect(0, 0, 2, 2))
	writePNG(t, m, dir, "pictures", "a.png")
	m.Set(1, 1, color.NRGBA{3, 0, 0, 255})
	writePNG(t, m, dir, "pictures", "b.png")
	writeJSON(t, []object{
		{"file": "a.png", "result": "pixels", "size": [2]int{2, 2}, "expected": "a.png"},
		{"file": "a.png", "result": "pixels", "size": [2]int{2, 2}, "expected": "b.png",
			"tolerance": 3},
		{"file": "a.png", "result": "pixels", "size": [2]int{2, 2}, "expected": "b.png",
			"good_rows": 1},
		{"file": "a.png", "result": "pixels", "size": [2]int{2, 2}, "expected": "b.png",
			"tolerance": 2},
		{"file": "a.png", "result": "pixels", "size": [2]int{2, 3}, "expected": "a.png"},
		{"file": "a.png", "result": "refuse"},
		{"file": "expected.json", "result": "refuse"},
		{"file": "expected.json", "result": "pixels or unsupported"},
		{"file": "expected.json", "result": "pixels", "size": [2]int{2, 2}},
	}, dir, "pictures", "expected.json")
	runCases(t, dir, "pictures/a.png: 1 values differ by up to 3; want pixels 2x2",
		"pictures/a.png: 2x2; want pixels 2x3", "pictures/a.png: 2x2; want refuse",
		"pictures/expected.json: preprocess: ")
}

func TestAnswerCases(t *testing.T) {
	dir := t.TempDir()
	box := func(x float64, more object) object {
		p := object{"label": "", "shape": "box", "points": [][2]float64{{x, 2}, {3, 4}}}
		for k, v := range more {
			p[k] = v
		}
		return p
	}
	answer := func(id string, places ...object) object {
		return object{"id": id, "kind": "own", "coordinates": "thousandths", "pictures": 2,
			"text": "<box>(1,2),(3,4)</box>", "expected": places}
	}
	writeJSON(t, []object{
		answer("right", box(1, nil)), answer("missed"), answer("moved", box(1.1, nil)),
		answer("named", box(1, object{"label": "a"})),
		answer("second", box(1, object{"picture": 2})),
		answer("shape", box(1, object{"shape": "point"})),
	}, dir, "boxes", "cases.json")
	writeJSON(t, []object{
		{"what": "right", "prompt_ends": "", "output": "<think>a</think>\n\nb", "reasoning": "a",
			"text": "b"},
		{"what": "wrong", "prompt_ends": "", "output": "a", "reasoning": "a", "text": ""},
	}, dir, "thinking", "cases.json")
	runCases(t, dir, `boxes\.own/missed: \|box\|\[\[1 2\] \[3 4\]\]; want none`,
		"boxes.own/moved", "boxes.own/named", "boxes.own/second", "boxes.own/shape",
		`thinking/wrong: "", "a" in 1 pieces; want "a", ""`)
}

func TestCasesThatAreNone(t *testing.T) {
	runCases0 := func(dir string) string {
		status, out, _ := runTool("-cases", dir, "-fixtures", dir, "-images", dir)
		require.Equal(t, 1, status)
		return out
	}
	require.Equal(t, "cases: 0 judged, 0 wrong\n", runCases0(t.TempDir()))
	dir := t.TempDir()
	writeJSON(t, []object{}, dir, "boxes", "cases.json")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "thinking"), 0o755))
	require.Regexp(t, `(?s)boxes/: no case.*thinking/: cases.json: open`, runCases0(dir))
	for _, args := range [][]string{
		{"-cases", dir}, {"-cases", dir, "-fixtures", dir}, {"-fixtures", dir},
		{"-cases", dir, "-fixtures", dir, "-images", dir, fixtureDir},
	} {
		status, _, _ := runTool(args...)
		require.Equal(t, 2, status, args)
	}
}
