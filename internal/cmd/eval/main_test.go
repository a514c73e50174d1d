package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const model = "../../tiny/model"

// evalSet writes an evaluation set over the repository's sample pictures.
func evalSet(t *testing.T, rows ...row) string {
	t.Helper()
	dir := t.TempDir()
	var lines bytes.Buffer
	for _, r := range rows {
		data, err := os.ReadFile(filepath.Join("../../../testdata", r.Image))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, r.Image), data, 0o644))
		require.NoError(t, json.NewEncoder(&lines).Encode(r))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "eval.jsonl"), lines.Bytes(), 0o644))
	return dir
}

func runTool(args ...string) (int, string) {
	var out, log bytes.Buffer
	return run(args, &out, &log), out.String()
}

func TestEvaluate(t *testing.T) {
	dir := evalSet(t,
		row{Image: "digits.png", Task: "read", Question: "Read the text.", Answer: "40718", Reference: "40718", Margin: 1},
		row{Image: "digits.png", Task: "read", Question: "Read the text.", Answer: "40719", Reference: "40719", Margin: 1},
		row{Image: "digits.png", Task: "read", Question: "Read the text.", Answer: "40719", Reference: "40719", Margin: 0.01},
		row{Image: "scene.png", Task: "count", Question: "How many shapes are there?", Answer: "3", Reference: "3", Margin: 1},
	)
	status, out := runTool("-model", model, "-v", dir)
	require.Equal(t, 1, status, "an answer differs from the reference's")
	require.True(t, strings.HasSuffix(out, "read: 1/3 correct, 2/3 as the reference\ncount: 1/1 correct, 1/1 as the reference\neval: 2/4 correct, 3/4 as the reference\n"), out)
	require.Contains(t, out, `row 2, read: "40718", answer "40719"`)

	status, out = runTool("-model", model, "-format", "auto", evalSet(t, row{Image: "digits.png", Task: "read", Question: "Read the text.", Answer: "1", Reference: "40718", Margin: 1}))
	require.Zero(t, status)
	require.Equal(t, "read: 0/1 correct, 1/1 as the reference\neval: 0/1 correct, 1/1 as the reference\n", out)
}

func TestCorrect(t *testing.T) {
	where := row{Task: "where", Answer: "<|box_start|>(100,100),(300,300)<|box_end|>"}
	for text, want := range map[string]bool{
		"<|box_start|>(100,100),(300,300)<|box_end|>": true,
		"<|box_start|>(300,300),(100,100)<|box_end|>": true,
		"<|box_start|>(100,100),(300,200)<|box_end|>": true,  // exactly a half
		"<|box_start|>(100,100),(300,199)<|box_end|>": false, // a little less
		"<|box_start|>(400,400),(500,500)<|box_end|>": false,
		"<|box_start|>(100,100),(100,100)<|box_end|>": false,
		"nowhere": false,
		"":        false,
	} {
		require.Equal(t, want, correct(where, text), text)
	}
	require.True(t, correct(row{Task: "read", Answer: " 12 "}, "12"))
	require.False(t, correct(row{Task: "read", Answer: "12"}, "123"))
}

func TestFailures(t *testing.T) {
	good := evalSet(t, row{Image: "digits.png", Task: "read", Question: "Read the text."})
	for name, c := range map[string]struct {
		status int
		args   []string
	}{
		"no model":       {2, []string{good}},
		"no set":         {2, []string{"-model", model}},
		"unknown format": {2, []string{"-model", model, "-format", "int3", good}},
		"missing model":  {1, []string{"-model", t.TempDir(), good}},
		"missing set":    {1, []string{"-model", model, t.TempDir()}},
	} {
		status, _ := runTool(c.args...)
		require.Equal(t, c.status, status, name)
	}
	require.NoError(t, os.Remove(filepath.Join(good, "digits.png")))
	status, out := runTool("-model", model, good)
	require.Equal(t, 1, status)
	require.Contains(t, out, "eval: 0/1 correct, 0/1 as the reference\n")
}
