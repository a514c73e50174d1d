package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// writeComparison writes a file for -compare, in which SELF stands for the program that plays the peers and LOG for the file of its arguments.
func writeComparison(t *testing.T, text string) (file, log string) {
	dir := t.TempDir()
	self, err := os.Executable()
	require.NoError(t, err)
	file, log = filepath.Join(dir, "peers.json"), filepath.Join(dir, "log")
	quote := func(s string) string {
		q, err := json.Marshal(s)
		require.NoError(t, err)
		return strings.Trim(string(q), `"`)
	}
	text = strings.NewReplacer("SELF", quote(self), "LOG", quote(log)).Replace(text)
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file, log
}

const twoPeers = `{"peers": [
	{"name": "llama.cpp", "llama_bench": {"program": "SELF", "model": "m.gguf", "args": ["fake=llama-bench,LOG"]},
		"llama_batched_bench": {"program": "SELF", "model": "m.gguf", "args": ["fake=llama-batched-bench,LOG"]},
		"llama_mtmd_cli": {"program": "SELF", "model": "m.gguf", "mmproj": "p.gguf", "args": ["fake=llama-mtmd-cli,LOG"]}},
	{"name": "other", "script": {"command": ["SELF", "fake=script,LOG", "-t={threads}", "{prompt}/{decode}/{batch}/{width}/{height}"]}}]}`

func TestCompare(t *testing.T) {
	file, log := writeComparison(t, twoPeers)
	status, v, stderr := runTool("-model", model, "-image", "168x140", "-prompt", "40", "-decode", "6", "-batch", "2", "-repeat", "2", "-threads", "1", "-compare", file)
	require.Zero(t, status, stderr)
	for _, key := range []string{"bandwidth_gb_s", "int8_gops", "f32_gflops", "decode_bandwidth_share", "prefill_peak_share", "vision_peak_share", "single_decode_tok_s", "single_decode_bandwidth_share", "whole_s"} {
		require.Contains(t, v, key)
		require.GreaterOrEqual(t, v[key], 0.0, key)
	}
	ours := func(key string) float64 { return v[key].(float64) }
	peers := v["peers"].([]any)
	require.Len(t, peers, 2)
	llama, other := peers[0].(map[string]any), peers[1].(map[string]any)
	require.Equal(t, "llama.cpp", llama["name"])
	require.Equal(t, "7 (abc)", llama["version"])
	require.Equal(t, "1.2", other["version"])
	for key, want := range map[string]float64{"prefill_tok_s": 10.5, "decode_tok_s": 10.5, "batch_decode_tok_s": 21, "vision_s": 0.4, "whole_s": 1.23} {
		require.InDelta(t, want, llama[key], 1e-9, key)
	}
	for key, want := range map[string]float64{"prefill": ours("prefill_tok_s") / 10.5, "decode": ours("single_decode_tok_s") / 10.5,
		"batch_decode": ours("decode_tok_s") / 21, "vision": 0.4 / ours("vision_s"), "whole": 1.23 / ours("whole_s")} {
		require.InDelta(t, want, llama["ratios"].(map[string]any)[key], 1e-3, key)
	}
	require.Len(t, llama["ratios"], 5)
	require.Len(t, other["ratios"], 2) // of what it times

	// Each round has every program once, in the same order; llama-bench runs for each of its tests.
	data, err := os.ReadFile(log)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	order := []string{
		"llama-bench -p 40 -n 0 -m m.gguf -t 1 -r 1 -o json",
		"llama-bench -p 0 -n 6 -d 40 -m m.gguf -t 1 -r 1 -o json",
		"llama-batched-bench -m m.gguf -t 1 -npp 40 -ntg 6 -npl 2 ",
		"llama-mtmd-cli -m m.gguf --mmproj p.gguf --image ",
		"script -t=1 40/6/2/168/140",
	}
	require.Len(t, lines, 3*len(order))
	for i, line := range lines {
		require.True(t, strings.HasPrefix(line, order[i%len(order)]), line)
	}
	require.NoFileExists(t, strings.Fields(lines[3])[6], "the picture is left behind")
}

// Without a picture and a batch, only what is left is compared.
func TestCompareText(t *testing.T) {
	file, _ := writeComparison(t, twoPeers)
	status, v, stderr := runTool("-model", model, "-prompt", "40", "-decode", "3", "-repeat", "1", "-compare", file)
	require.Zero(t, status, stderr)
	ratios := v["peers"].([]any)[0].(map[string]any)["ratios"].(map[string]any)
	require.Len(t, ratios, 2)
	require.Contains(t, ratios, "prefill")
	require.Contains(t, ratios, "decode")
}

// A peer that does not give its figures ends the run with an error that names it.
func TestCompareFails(t *testing.T) {
	for name, c := range map[string]struct{ peer, want string }{
		"missing program": {`"script": {"command": ["./no-such-program"]}`, "no-such-program"},
		"failure":         {`"script": {"command": ["SELF", "fake=failure"]}`, "out of luck"},
		"no output":       {`"script": {"command": ["SELF", "fake=nothing"]}`, "no figures"},
		"noise":           {`"script": {"command": ["SELF", "fake=noise"]}`, "all went well"},
		"unknown figure":  {`"script": {"command": ["SELF", "fake=misspelt"]}`, "no figures"},
		"negative figure": {`"script": {"command": ["SELF", "fake=negative"]}`, "no figures"},
		"some rounds":     {`"script": {"command": ["SELF", "fake=once,LOG"]}`, "in some rounds only"},
		"llama-bench":     {`"llama_bench": {"program": "SELF", "model": "m", "args": ["fake=noise"]}`, "no results in JSON"},
		"batched bench":   {`"llama_batched_bench": {"program": "SELF", "model": "m", "args": ["fake=noise"]}`, "no line of JSON"},
		"mtmd":            {`"llama_mtmd_cli": {"program": "SELF", "model": "m", "mmproj": "p", "args": ["fake=noise"]}`, "no timings"},
		"smaller picture": {`"llama_mtmd_cli": {"program": "SELF", "model": "m", "mmproj": "p", "args": ["fake=elsewhere"]}`, "same size"},
		"one stage twice": {`"llama_bench": {"program": "SELF", "model": "m", "args": ["fake=llama-bench"]}, "script": {"command": ["SELF", "fake=script"]}`, "two of its programs time prefill"},
	} {
		t.Run(name, func(t *testing.T) {
			file, _ := writeComparison(t, `{"peers": [{"name": "the rival", `+c.peer+`}]}`)
			status, v, stderr := runTool("-model", model, "-image", "168x140", "-prompt", "40", "-decode", "2", "-batch", "2", "-repeat", "1", "-compare", file)
			require.Equal(t, 1, status)
			require.Nil(t, v)
			require.Contains(t, stderr, `peer "the rival"`)
			require.Contains(t, stderr, c.want)
		})
	}
}

func TestCompareNothingOfTheShape(t *testing.T) {
	file, _ := writeComparison(t, `{"peers": [{"name": "the rival", "llama_mtmd_cli": {"program": "SELF", "model": "m", "mmproj": "p"}}]}`)
	status, _, stderr := runTool("-model", model, "-prompt", "40", "-decode", "2", "-repeat", "1", "-compare", file)
	require.Equal(t, 1, status)
	require.Contains(t, stderr, "nothing of this shape")
}

func TestLoadComparisonRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON":       `peers`,
		"unknown key":   `{"peers": [], "other": 1}`,
		"unknown part":  `{"peers": [{"name": "a", "onnx": {}}]}`,
		"unknown field": `{"peers": [{"name": "a", "llama_bench": {"program": "p", "model": "m", "threads": 2}}]}`,
		"two objects":   `{"peers": [{"name": "a", "script": {"command": ["x"]}}]} {}`,
		"no peers":      `{"peers": []}`,
		"no name":       `{"peers": [{"script": {"command": ["x"]}}]}`,
		"same name":     `{"peers": [{"name": "a", "script": {"command": ["x"]}}, {"name": "a", "script": {"command": ["x"]}}]}`,
		"no part":       `{"peers": [{"name": "a"}]}`,
		"no command":    `{"peers": [{"name": "a", "script": {"command": []}}]}`,
		"no model":      `{"peers": [{"name": "a", "llama_bench": {"program": "p"}}]}`,
		"no mmproj":     `{"peers": [{"name": "a", "llama_mtmd_cli": {"program": "p", "model": "m"}}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			file, _ := writeComparison(t, text)
			_, err := loadComparison(file)
			require.ErrorContains(t, err, file)
		})
	}
	_, err := loadComparison(filepath.Join(t.TempDir(), "peers.json"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestRunnerStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	self, err := os.Executable()
	require.NoError(t, err)
	_, err = (&runner{ctx, io.Discard}).run(self, "fake=nothing")
	require.ErrorIs(t, err, context.Canceled)
}
