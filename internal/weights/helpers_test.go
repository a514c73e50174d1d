package weights

import (
	"encoding/binary"
	"math"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

const singleFile = "model.safetensors"

// named is a tensor that a test makes.
type named struct {
	name  string
	dtype DType
	shape []int
	data  []byte
}

// source is a checkpoint of one file, in which the tensors follow pad bytes and one another.
func source(t testing.TB, pad int, tensors ...named) *Source {
	t.Helper()
	size := pad
	for _, n := range tensors {
		size += len(n.data)
	}
	f := &File{Name: singleFile, Data: newBuffer(size)}
	found, data := make([]Tensor, len(tensors)), f.Data[min(pad, size):]
	for i, n := range tensors {
		found[i] = Tensor{Name: n.name, DType: n.dtype, Shape: n.shape, Data: data[:len(n.data):len(n.data)], File: f.Name}
		data = data[copy(data, n.data):]
	}
	s, err := NewSource(singleFile, []*File{f}, found)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func f32(v ...float32) []byte {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

func u16(v ...uint16) []byte {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint16(b, x)
	}
	return b
}

// allocated returns the bytes that f allocates in all.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
