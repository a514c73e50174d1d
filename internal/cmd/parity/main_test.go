package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	fixtureDir = "../../../testdata/qwen2_vl-tiny"
	imagesDir  = "../../../testdata/images"
)

// runTool returns the exit status, standard output and its last line.
func runTool(args ...string) (int, string, string) {
	var out, log bytes.Buffer
	status := run(args, &out, &log)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	return status, out.String(), lines[len(lines)-1]
}

func TestFixtureIsInBound(t *testing.T) {
	for _, options := range [][]string{nil, {"-chunk", "1", "-threads", "1"}, {"-chunk", "7", "-threads", "2"}} {
		status, out, last := runTool(append(options, "-images", imagesDir, fixtureDir)...)
		require.Zero(t, status, out)
		require.Regexp(t, `^parity: \d\d+ stages compared, 0 out of bound, 0 missing$`, last)
	}
}

// copyFixture copies the fixture with one case.
func copyFixture(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(fixtureDir)))
	cases, err := os.ReadDir(filepath.Join(dir, "cases"))
	require.NoError(t, err)
	for _, c := range cases {
		if c.Name() != name {
			require.NoError(t, os.RemoveAll(filepath.Join(dir, "cases", c.Name())))
		}
	}
	edit(t, filepath.Join(dir, "fixture.json"), func(v map[string]any) { v["cases"] = []string{name} })
	return dir
}

// edit changes a JSON file.
func edit(t *testing.T, path string, f func(map[string]any)) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var v map[string]any
	require.NoError(t, json.Unmarshal(data, &v))
	f(v)
	data, err = json.Marshal(v)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, data, 0o644))
}

// editTensor changes a recorded tensor: its header entry, and its bytes.
func editTensor(t *testing.T, path string, f func(header map[string]any, data []byte) map[string]any) {
	t.Helper()
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	n := binary.LittleEndian.Uint64(file)
	var header map[string]any
	require.NoError(t, json.Unmarshal(file[8:8+n], &header))
	data := file[8+n:]
	head, err := json.Marshal(f(header, data))
	require.NoError(t, err)
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(head)))
	require.NoError(t, os.WriteFile(path, append(append(out, head...), data...), 0o644))
}

// offset returns where a tensor starts.
func offset(header map[string]any, name string) int {
	return int(header[name].(map[string]any)["data_offsets"].([]any)[0].(float64))
}

func TestWhatIsWrongIsReported(t *testing.T) {
	put := func(name string, bits uint32) func(map[string]any, []byte) map[string]any {
		return func(h map[string]any, data []byte) map[string]any {
			binary.LittleEndian.PutUint32(data[offset(h, name):], bits)
			return h
		}
	}
	for _, c := range []struct {
		name string
		edit func(h map[string]any, data []byte) map[string]any
		want string
	}{
		{"a wrong float", put("vision.block.1", math.Float32bits(1e3)),
			"vision.block.1: OUT OF BOUND"},
		{"NaN", put("llm.layer.2", 0x7fc00000), "llm.layer.2: OUT OF BOUND"},
		{"a wrong id", put("input_ids", 3), "input_ids: OUT OF BOUND"},
		{"a wrong position", put("position_ids", 9), "position_ids: OUT OF BOUND"},
		{"an unknown stage", func(h map[string]any, _ []byte) map[string]any {
			h["vision.block.7"] = h["vision.block.1"]
			delete(h, "vision.block.1")
			return h
		}, "vision.block.7: missing"},
		{"another shape", func(h map[string]any, _ []byte) map[string]any {
			e := h["vision.out"].(map[string]any)
			s := e["shape"].([]any)
			e["shape"] = []any{s[1], s[0]}
			return h
		}, "vision.out: OUT OF BOUND"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := copyFixture(t, "image")
			editTensor(t, filepath.Join(dir, "cases/image/expected.safetensors"), c.edit)
			status, out, last := runTool("-images", imagesDir, dir)
			require.Equal(t, 1, status)
			require.Contains(t, out, c.want)
			require.NotContains(t, last, " 0 out of bound, 0 missing")
		})
	}
}

// With -v the trace inside blocks is shown beside the recorded stages, and compared where the case
// has a mixer's output. None of it counts.
func TestInsideOfBlocksIsShown(t *testing.T) {
	dir := copyFixture(t, "image")
	status, out, plain := runTool("-images", imagesDir, dir)
	require.Zero(t, status, out)
	require.NotContains(t, out, "not counted")
	status, out, last := runTool("-images", imagesDir, "-v", dir)
	require.Zero(t, status, out)
	require.Equal(t, plain, last)
	require.Regexp(t,
		`image: vision\.attn\.2: \d+ rows of 48, root mean square \d\S* \(not counted\)`, out)
	require.Regexp(t,
		`image: vision\.ffn_in\.2: \d+ rows of 48, root mean square \d\S* \(not counted\)`, out)
	require.Regexp(t, `image: llm\.attn\.2: \d\S*, bound 0.001 \(not counted\)`, out)
	require.Regexp(t,
		`image: llm\.ffn_in\.2: \d+ rows of 64, root mean square \d\S* \(not counted\)`, out)

	editTensor(t, filepath.Join(dir, "cases/image/expected.safetensors"), func(h map[string]any, data []byte) map[string]any {
		binary.LittleEndian.PutUint32(data[offset(h, "llm.mixer.1"):], math.Float32bits(1e3))
		return h
	})
	status, out, last = runTool("-images", imagesDir, "-v", dir)
	require.Zero(t, status, out)
	require.Equal(t, plain, last)
	require.Contains(t, out, "image: llm.attn.1: OUT OF BOUND")
	require.NotContains(t, out, "image: llm.attn.0: OUT OF BOUND")
}

func TestWhatCannotRunIsMissing(t *testing.T) {
	for name, damage := range map[string]func(dir string) error{
		"no weights": func(dir string) error { return os.Remove(filepath.Join(dir, "model.safetensors")) },
		"no config":  func(dir string) error { return os.Remove(filepath.Join(dir, "config.json")) },
		"no tensors": func(dir string) error { return os.Remove(filepath.Join(dir, "cases/image/expected.safetensors")) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := copyFixture(t, "image")
			require.NoError(t, damage(dir))
			status, _, last := runTool("-images", imagesDir, dir)
			require.Equal(t, 1, status)
			require.NotContains(t, last, " 0 missing")
		})
	}
	status, _, last := runTool("-images", t.TempDir(), fixtureDir)
	require.Equal(t, 1, status, "pictures are not there")
	require.NotContains(t, last, " 0 missing")
	status, _, last = runTool("-images", imagesDir, filepath.Join(t.TempDir(), "nothing"))
	require.Equal(t, 1, status)
	require.Equal(t, "parity: 0 stages compared, 0 out of bound, 1 missing", last)
}

func TestWrongPromptAndTextAreReported(t *testing.T) {
	for key, want := range map[string]string{"prompt": "prompt: OUT OF BOUND", "text_with_special": "text: OUT OF BOUND"} {
		dir := copyFixture(t, "image")
		edit(t, filepath.Join(dir, "cases/image/case.json"), func(v map[string]any) { v[key] = "something else" })
		status, out, _ := runTool("-images", imagesDir, dir)
		require.Equal(t, 1, status)
		require.Contains(t, out, want)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{
		nil, {"-tokenizer", "x"}, {"-chat", "x"}, {"-format", "int3", fixtureDir}, {"-nonsense"},
		{"-tokenizer", "x", "-goldens", "y", fixtureDir},
	} {
		status, _, _ := runTool(args...)
		require.Equal(t, 2, status, args)
	}
}

func TestTokenizerGoldens(t *testing.T) {
	const dir = "../../../testdata/tokenizers/"
	for file, goldens := range map[string]string{
		"qwen3-tokenizer.json.gz": "goldens.jsonl.gz",
		"qwen.tiktoken.gz":        "goldens.jsonl.gz",
	} {
		status, out, last := runTool("-tokenizer", dir+file, "-goldens", dir+goldens)
		require.Zero(t, status, out)
		require.Regexp(t, `^goldens: 1\d\d\d compared, 0 differ$`, last)
	}
	// Another vocabulary gives other ids.
	status, _, last := runTool("-tokenizer", filepath.Join(fixtureDir, "tokenizer.json"),
		"-goldens", dir+"goldens.jsonl.gz")
	require.Equal(t, 1, status)
	require.NotContains(t, last, " 0 differ")
	status, _, last = runTool("-tokenizer", "nowhere/tokenizer.json", "-goldens",
		dir+"goldens.jsonl.gz")
	require.Equal(t, 1, status)
	require.Equal(t, "goldens: 0 compared, 0 differ", last)
}

func TestTemplateGoldens(t *testing.T) {
	const dir = "../../../testdata/chat_templates"
	status, out, last := runTool("-chat", dir+"/goldens.jsonl", "-templates", dir)
	require.Zero(t, status, out)
	require.Equal(t, "chat: 95 compared, 0 differ", last)
	changed := filepath.Join(t.TempDir(), "rows.jsonl")
	require.NoError(t, os.WriteFile(changed,
		[]byte(`{"template":"qwen2-vl","messages":[{"role":"user","content":"Hi"}],"prompt":"Hi"}`),
		0o644))
	status, _, last = runTool("-chat", changed, "-templates", dir)
	require.Equal(t, 1, status)
	require.Equal(t, "chat: 1 compared, 1 differ", last)
}
