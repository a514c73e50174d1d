package conformance_test

// What is given in place of a checkpoint: each door to one says the same of it.

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/testkit/ckpt"
)

func TestNoCheckpoint(t *testing.T) {
	base := ckpt.Read(t, tinyDir)
	whole := ckpt.Encode(base.Tensors)
	for _, c := range []struct {
		name       string
		change     func(fstest.MapFS)
		file, says string
	}{
		{"a GGUF file alone", func(f fstest.MapFS) {
			clear(f)
			f["model-Q4_K_M.gguf"] = &fstest.MapFile{Data: []byte("GGUF")}
		}, "model-Q4_K_M.gguf", "a GGUF file"},
		{"an adapter alone", func(f fstest.MapFS) {
			clear(f)
			f["adapter_config.json"] = &fstest.MapFile{Data: []byte(`{"base_model_name_or_path": "Owner/Base"}`)}
		}, "adapter_config.json", "Owner/Base"},
		{"an adapter beside", func(f fstest.MapFS) {
			f["adapter_config.json"] = &fstest.MapFile{Data: []byte(`{}`)}
		}, "adapter_config.json", "beside its base model"},
		{"no configuration", func(f fstest.MapFS) { delete(f, "config.json") }, "config.json", "is expected"},
		{"a pointer for weights", func(f fstest.MapFS) {
			f["model.safetensors"] = &fstest.MapFile{Data: []byte("version https://git-lfs.github.com/spec/v1\nsize 7\n")}
		}, "model.safetensors", "git LFS"},
		{"cut weights", func(f fstest.MapFS) {
			f["model.safetensors"] = &fstest.MapFile{Data: whole[:len(whole)-100]}
		}, "model.safetensors", "it was cut off"},
	} {
		files := base.FS()
		c.change(files)
		dir := t.TempDir()
		for name, f := range files {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), f.Data, 0o600))
		}
		_, byFS := qwenvl.LoadFS(files)
		_, byDir := qwenvl.Load(dir)
		_, inspect := qwenvl.Inspect(dir)
		_, inspectFS := qwenvl.InspectFS(files)
		_, estimate := qwenvl.Estimate(dir, qwenvl.EstimateRequest{})
		for _, err := range []error{byFS, byDir, inspect, inspectFS, estimate} {
			var e *qwenvl.CheckpointError
			require.ErrorAs(t, err, &e, c.name)
			require.Equal(t, c.file, filepath.Base(e.File), c.name)
			require.ErrorContains(t, err, c.says, c.name)
		}
	}
	for given, says := range map[string]string{
		"Owner/Model-2B":                 "hf download Owner/Model-2B",
		tinyDir + "/model.safetensors":   "pass the folder",
		filepath.Join(t.TempDir(), "no"): "no such folder",
	} {
		_, err := qwenvl.Load(given)
		_, inspect := qwenvl.Inspect(given)
		for _, err := range []error{err, inspect} {
			var e *qwenvl.CheckpointError
			require.ErrorAs(t, err, &e)
			require.Equal(t, given, e.File)
			require.ErrorContains(t, err, says)
		}
	}
}
