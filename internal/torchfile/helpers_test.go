package torchfile

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/weights"
)

const torchFile = "pytorch_model.bin"

// torchData reads a file of testdata/torch, which torch has written (make.py).
func torchData(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata/torch", name))
	require.NoError(t, err)
	return data
}

// open reads a file as the only one of a checkpoint.
func open(data []byte) (*weights.Source, error) {
	tensors, err := Read(torchFile, data)
	if err != nil {
		return nil, err
	}
	return weights.NewSource(torchFile, nil, tensors)
}

func f32(v ...float32) []byte {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

// seq is n float32 values 1, 2, 3, …
func seq(n int) []byte {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(i + 1)
	}
	return f32(v...)
}

// allocated returns the bytes that f allocates in all.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// asEither reports whether err is of one of two types.
func asEither(err error, a, b any) bool { return errors.As(err, a) || errors.As(err, b) }
