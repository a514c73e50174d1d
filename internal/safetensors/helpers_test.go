package safetensors

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/weights"
)

const singleFile = "model.safetensors"

// raw puts a file together from a header and data, whatever they hold.
func raw(header, data string) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

// named is a tensor of a file that a test makes.
type named struct {
	name  string
	dtype weights.DType
	shape []int
	data  []byte
}

// build writes a valid file; pad spaces are added to the header.
func build(t testing.TB, pad int, tensors ...named) []byte {
	t.Helper()
	var b strings.Builder
	b.WriteString(`{"__metadata__":{"format":"pt"}`)
	var data []byte
	for _, n := range tensors {
		name, err := json.Marshal(n.name)
		require.NoError(t, err)
		shape, err := json.Marshal(append([]int{}, n.shape...))
		require.NoError(t, err)
		fmt.Fprintf(&b, `,%s:{"dtype":"%s","shape":%s,"data_offsets":[%d,%d]}`, name, n.dtype, shape, len(data), len(data)+len(n.data))
		data = append(data, n.data...)
	}
	b.WriteString("}" + strings.Repeat(" ", pad))
	return raw(b.String(), string(data))
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

// open reads a file as the only one of a checkpoint.
func open(data []byte) (*weights.Source, error) {
	tensors, err := Read(singleFile, data)
	if err != nil {
		return nil, err
	}
	return weights.NewSource(singleFile, nil, tensors)
}

// asEither reports whether err is of one of two types.
func asEither(err error, a, b any) bool { return errors.As(err, a) || errors.As(err, b) }
