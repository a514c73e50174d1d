package shards

import (
	"encoding/binary"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/testkit/ckpt"
	"github.com/qwenvl/qwenvl/internal/weights"
)

// The names of files, spelled out: the table is held against them.
const (
	singleFile = "model.safetensors"
	indexFile  = "model.safetensors.index.json"
	torchFile  = "pytorch_model.bin"
	torchIndex = "pytorch_model.bin.index.json"
)

func f32(v ...float32) []byte {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

// vector is a tensor of a file that a test makes.
type vector struct {
	name   string
	values []float32
}

// build writes a safetensors file.
func build(vectors ...vector) []byte {
	var tensors []*ckpt.Tensor
	for _, v := range vectors {
		tensors = append(tensors, &ckpt.Tensor{Name: v.name, DType: "F32", Shape: []int{len(v.values)}, Data: f32(v.values...)})
	}
	return ckpt.Encode(tensors)
}

// torchData reads a file that torch has written.
func torchData(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../torchfile/testdata/torch", name))
	require.NoError(t, err)
	return data
}

// openTest opens a checkpoint that must be good.
func openTest(t testing.TB, fsys fs.FS) *weights.Source {
	t.Helper()
	s, err := OpenFS(fsys)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// files is a file system of files.
func files(pairs ...any) fstest.MapFS {
	m := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i].(string)] = &fstest.MapFile{Data: pairs[i+1].([]byte)}
	}
	return m
}
