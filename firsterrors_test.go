package qwenvl

// What users get wrong before the first request: whatever is wrong with a folder, its error says
// which folder it is, once and in one line; options that are none are errors too.

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/tiny"
)

// What is no path is not repeated.
func TestLongPath(t *testing.T) {
	_, err := Load(strings.Repeat("a", 1<<20))
	var typed *CheckpointError
	require.ErrorAs(t, err, &typed)
	require.ErrorContains(t, err, "a path of 1048576 bytes")
	require.Less(t, len(err.Error()), 300)
}

func TestErrorsNameTheFolder(t *testing.T) {
	const weights = "model.safetensors"
	for _, c := range []struct {
		file string // of a checkpoint that is whole otherwise
		data string // "": the file is missing
		want string
	}{
		{"config.json", "", "config.json: missing"},
		{"config.json", "{", "config.json: "},
		{"config.json", `{"model_type": "other"}`, `"other"`},
		{"preprocessor_config.json", "", "preprocessor_config.json: missing"},
		{"tokenizer.json", "{", "tokenizer.json"},
		{weights, "", "no weights"},
		{weights, "<!DOCTYPE html>", `begins with "<!DOCTYP"`},
		{"adapter_config.json", "{}", "an adapter beside"},
	} {
		dir := filepath.Join(t.TempDir(), "m")
		require.NoError(t, os.CopyFS(dir, tiny.FS()))
		file := filepath.Join(dir, c.file)
		if c.data == "" {
			require.NoError(t, os.Remove(file))
		} else {
			require.NoError(t, os.WriteFile(file, []byte(c.data), 0o600))
		}
		_, err := Load(dir)
		_, inspected := Inspect(dir)
		_, estimated := Estimate(dir, EstimateRequest{})
		for _, err := range []error{err, inspected, estimated} {
			if err == nil { // Inspect does without weights and tokenizer
				require.Contains(t, []string{weights, "tokenizer.json"}, c.file)
				continue
			}
			text := err.Error()
			var typed *CheckpointError
			require.ErrorAs(t, err, &typed)
			require.Contains(t, text, c.want)
			require.Contains(t, text, dir)
			require.NotContains(t, text, "\n")
			require.NotContains(t, strings.TrimPrefix(text, "qwenvl: load: in "+dir), " in "+dir+":")
		}
		require.Error(t, err, c.file)
	}
}

// An option that is none, and a format that is none, are errors, said once.
func TestOptionErrors(t *testing.T) {
	_, err := LoadFS(tiny.FS(), nil)
	require.EqualError(t, err, "qwenvl: an Option is nil")
	const want = `unknown format "int3", not f32, bf16, int8, int4 or auto`
	_, err = LoadFS(tiny.FS(), WithVisionFormat("int3"))
	require.EqualError(t, err, "qwenvl: WithVisionFormat: "+want)
	in, err := InspectFS(tiny.FS())
	require.NoError(t, err)
	_, err = in.Estimate(EstimateRequest{WeightFormat: "int3"})
	require.EqualError(t, err, "qwenvl: request: WeightFormat: "+want)
}
