package conformance_test

// Fuzzing of configurations through Load, on the embedded checkpoint.

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/tiny"
)

// FuzzConfig loads the embedded checkpoint with one of its configuration files replaced: it loads, or the error names the file.
func FuzzConfig(f *testing.F) {
	files := fstest.MapFS{}
	require.NoError(f, fs.WalkDir(tiny.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(tiny.FS(), name)
		files[name] = &fstest.MapFile{Data: data}
		return err
	}))
	names := []string{"config.json", "generation_config.json", "preprocessor_config.json"}
	for which, name := range names {
		whole := string(files[name].Data)
		f.Add(uint8(which), whole)
		var fields map[string]json.RawMessage
		require.NoError(f, json.Unmarshal(files[name].Data, &fields))
		for _, key := range slices.Sorted(maps.Keys(fields)) {
			for _, value := range []string{"0", "-1", "2147483648", "1e400", "null", `"x"`, "[]", "{}"} {
				line := `"` + key + `": `
				f.Add(uint8(which), strings.Replace(whole, line+string(fields[key]), line+value, 1))
			}
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, text string) {
		name := names[int(which)%len(names)]
		changed := maps.Clone(files)
		changed[name] = &fstest.MapFile{Data: []byte(text)}
		m, err := qwenvl.LoadFS(changed, qwenvl.WithThreads(1))
		if err == nil {
			require.NoError(t, m.Close())
			return
		}
		var broken *qwenvl.CheckpointError
		require.True(t, errors.As(err, &broken), "%v", err)
		require.NotEmpty(t, broken.File, "%v", err)
	})
}
