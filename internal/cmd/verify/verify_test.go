package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/testkit"
)

func TestMain(m *testing.M) {
	testkit.Main(m, "../../../testdata", "^TestTextModelIsTheReferences$")
}

const tinyModel = "../../tiny/model"

func runTool(args ...string) (int, string, string) {
	var out, log bytes.Buffer
	status := run(args, &out, &log)
	return status, out.String(), log.String()
}

// holdAgainst runs the tool on a model and compares with what the reference printed.
func holdAgainst(t *testing.T, model, reference, want string) {
	t.Helper()
	status, out, log := runTool("-model", model)
	require.Zero(t, status, log)
	ours := filepath.Join(t.TempDir(), "ours.json")
	require.NoError(t, os.WriteFile(ours, []byte(out), 0o600))
	status, out, log = runTool("-compare", ours, reference)
	require.Zero(t, status, out+log)
	require.True(t, strings.HasSuffix(out, want+"\n"), out)
}

func TestEmbeddedModelIsTheReferences(t *testing.T) {
	holdAgainst(t, tinyModel, "testdata/tiny.json", "verify: 12 equal, 0 close, 0 different")
}

func TestTextModelIsTheReferences(t *testing.T) {
	holdAgainst(t, "../../../testdata/text-tiny/qwen3", "testdata/text.json",
		"verify: 7 equal, 0 close, 0 different")
}

// Each part of an answer is compared, and a near tie is told from a difference.
func TestCompare(t *testing.T) {
	const file = "testdata/tiny.json"
	changed := func(change func(r *result)) (int, string) {
		r, err := readResult(file)
		require.NoError(t, err)
		change(r)
		var b bytes.Buffer
		require.NoError(t, write(&b, r))
		name := filepath.Join(t.TempDir(), "b.json")
		require.NoError(t, os.WriteFile(name, b.Bytes(), 0o600))
		status, out, _ := runTool("-compare", file, name)
		lines := strings.Split(strings.TrimSpace(out), "\n")
		return status, strings.Join(lines[2:], "\n")
	}
	for _, c := range []struct {
		name, want string
		change     func(a *answer)
	}{
		{"prompt", "digits: prompts of", func(a *answer) { a.Prompt = "x" }},
		{"grid", "digits: grids", func(a *answer) { a.Grids[0][1]++ }},
		{"ids", "digits: answers", func(a *answer) { a.IDs[0]++ }},
		{"top", "digits: order of the best tokens", func(a *answer) { a.Top = "x" }},
		{"tie", "digits: close: order", func(a *answer) { a.Top, a.Gap = "x", 0.0002 }},
		{"name", "digits: only in", func(a *answer) { a.Name = "other" }},
	} {
		status, out := changed(func(r *result) {
			require.Equal(t, "digits", r.Questions[7].Name)
			c.change(&r.Questions[7])
		})
		require.True(t, strings.HasPrefix(out, c.want), out)
		last := "verify: 11 equal, 0 close, 1 different"
		if c.name == "tie" {
			last = "verify: 11 equal, 1 close, 0 different"
		}
		require.True(t, strings.HasSuffix(out, last), out)
		require.Equal(t, c.name != "tie", status == 1, c.name)
	}
	status, out := changed(func(r *result) { r.Questions = append(r.Questions, answer{Name: "x"}) })
	require.Equal(t, 1, status)
	require.Contains(t, out, "1 questions only in")
}

func TestWrongUse(t *testing.T) {
	other := filepath.Join(t.TempDir(), "other.json")
	data, err := json.Marshal(result{Verify: version + 1})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(other, data, 0o600))
	for _, c := range []struct {
		status int
		args   []string
	}{
		{2, nil}, {2, []string{"-x"}}, {2, []string{"-model", tinyModel, "more"}},
		{2, []string{"-compare", "a"}}, {2, []string{"-compare", "-model", "m", "a", "b"}},
		{2, []string{"-model", tinyModel, "-format", "int3"}}, {1, []string{"-model", "nowhere"}},
		{1, []string{"-model", tinyModel, "-threads", "-1"}},
		{1, []string{"-compare", "testdata/tiny.json", "nowhere"}},
		{1, []string{"-compare", "testdata/tiny.json", other}},
		{1, []string{"-compare", "testdata/tiny.json", "cases.json"}},
	} {
		status, out, log := runTool(c.args...)
		require.Equal(t, c.status, status, c.args)
		require.Empty(t, out)
		require.NotEmpty(t, log)
	}
}

func TestLargest(t *testing.T) {
	require.Equal(t, []score{{1, 5}, {3, 5}, {0, 2}}, largest([]float32{2, 5, -1, 5, 2}, 3))
}
