package weights

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// raw puts a file together from a header and data, whatever they hold.
func raw(header, data string) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

// named is a tensor of a file that a test makes.
type named struct {
	name  string
	dtype DType
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

// single is a checkpoint of one file.
func single(data []byte) fstest.MapFS { return fstest.MapFS{singleFile: {Data: data}} }

// openTest opens a checkpoint that must be good.
func openTest(t testing.TB, fsys fs.FS) *Source {
	t.Helper()
	s, err := OpenFS(fsys)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

var errFault = errors.New("disk fault")

// faultFS serves one file whose reads fail at byte failAt, or end there when short.
type faultFS struct {
	data   []byte
	failAt int
	short  bool
	stated int64 // the size that Stat claims; 0 is the true one
}

func (f *faultFS) Open(name string) (fs.File, error) {
	if name != singleFile {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &faultFile{faultFS: f}, nil
}

type faultFile struct {
	*faultFS
	at int
}

func (f *faultFile) Close() error { return nil }

func (f *faultFile) Stat() (fs.FileInfo, error) {
	info, err := fs.Stat(fstest.MapFS{singleFile: {Data: f.data}}, singleFile)
	return sized{info, max(f.stated, int64(len(f.data))*(1-min(f.stated, 1)))}, err
}

type sized struct {
	fs.FileInfo
	size int64
}

func (s sized) Size() int64 { return s.size }

// Read gives at most 7 bytes at once: short reads are allowed.
func (f *faultFile) Read(p []byte) (int, error) {
	n := min(len(p), 7, f.failAt-f.at)
	if n > 0 {
		n = copy(p[:n], f.data[f.at:])
		f.at += n
		return n, nil
	}
	if f.short {
		return 0, io.EOF
	}
	return 0, errFault
}

// asEither reports whether err is of one of two types.
func asEither(err error, a, b any) bool { return errors.As(err, a) || errors.As(err, b) }
