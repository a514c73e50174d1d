package preprocess

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const formats = "../testdata/images/formats"

// tensor is one entry of a safetensors file, its bytes as stored.
type tensor struct {
	Dtype   string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets [2]int `json:"data_offsets"`
	bytes   []byte
}

func (t tensor) floats() []float32 {
	f := make([]float32, len(t.bytes)/4)
	for i := range f {
		f[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.bytes[4*i:]))
	}
	return f
}

func (t tensor) ints() []int {
	v := make([]int, len(t.bytes)/8)
	for i := range v {
		v[i] = int(binary.LittleEndian.Uint64(t.bytes[8*i:]))
	}
	return v
}

// readTensors reads a safetensors file, gzipped or not.
func readTensors(t testing.TB, path string) map[string]tensor {
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	if filepath.Ext(path) == ".gz" {
		z, err := gzip.NewReader(bytes.NewReader(data))
		require.NoError(t, err)
		data, err = io.ReadAll(z)
		require.NoError(t, err)
	}
	n := binary.LittleEndian.Uint64(data)
	var head map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(data[8:8+n], &head))
	all := map[string]tensor{}
	for name, raw := range head {
		if name == "__metadata__" {
			continue
		}
		var v tensor
		require.NoError(t, json.Unmarshal(raw, &v))
		v.bytes = data[8+int(n)+v.Offsets[0] : 8+int(n)+v.Offsets[1]]
		all[name] = v
	}
	require.NotEmpty(t, all)
	return all
}

func readFile(t testing.TB, elem ...string) []byte {
	data, err := os.ReadFile(filepath.Join(elem...))
	require.NoError(t, err)
	return data
}

func mustDecode(t testing.TB, o DecodeOptions, elem ...string) *Image {
	m, err := Decode(readFile(t, elem...), o)
	require.NoError(t, err)
	return m
}

// noise is the generator that also made the goldens' input: bytes of a linear congruential
// sequence.
func noise(w, h int) *Image {
	m := NewImage(w, h)
	s := uint32(w)*65599 + uint32(h)
	for i := range m.Pix {
		s = s*1664525 + 1013904223
		m.Pix[i] = uint8(s >> 24)
	}
	return m
}

// distance returns the largest absolute difference of samples.
func distance(t testing.TB, a, b []uint8) int {
	require.Equal(t, len(a), len(b))
	most := 0
	for i := range a {
		d := int(a[i]) - int(b[i])
		most = max(most, d, -d)
	}
	return most
}
