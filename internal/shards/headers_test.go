package shards

import (
	"errors"
	"io"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/weights"
)

// Headers are what opening finds, without a byte of the tensors being read.
func TestHeaders(t *testing.T) {
	for name, files := range map[string]fstest.MapFS{
		"single": files(singleFile, build(vector{"b", []float32{1, 2}}, vector{"a", nil})),
		"shards": sharded(t, `{"weight_map":{"a":"s1","b":"s2","d":"s2"}}`),
		"alike":  sharded(t, `{"weight_map":{"a":"s1","b":"s2","e":"alike"}}`),
	} {
		files["alike"] = &fstest.MapFile{Data: build(vector{"a", []float32{1}})}
		src := openTest(t, files)
		tensors, bytes, extra, err := Headers(headFS{files, t})
		require.NoError(t, err, name)
		require.Equal(t, src.Bytes(), bytes)
		require.Equal(t, src.Extra(), extra)
		require.Len(t, tensors, len(src.Names()))
		for _, got := range tensors {
			want, ok := src.Tensor(got.Name)
			require.True(t, ok)
			require.EqualValues(t, len(want.Data), got.Size())
			want.Data = nil
			require.Equal(t, want, got)
		}
	}
}

func TestHeadersErrors(t *testing.T) {
	good := build(vector{"b", []float32{1, 2}})
	for name, c := range map[string]struct {
		files  fstest.MapFS
		file   string
		reason string
	}{
		"cut":       {files(singleFile, good[:len(good)-1]), singleFile, "it was cut off"},
		"cut early": {files(singleFile, good[:20]), singleFile, "it was cut off"},
		"empty":     {files(singleFile, []byte{}), singleFile, "is empty"},
		"longer":    {files(singleFile, append(good, 0)), singleFile, "follow the last tensor"},
		"a folder":  {fstest.MapFS{singleFile + "/x": {}}, singleFile, "regular"},
		"no index":  {files(indexFile, []byte("{}")), indexFile, "missing"},
		"broken":    {sharded(t, `{"weight_map":{"a":"broken"}}`), "broken", "over"},
	} {
		_, _, _, err := Headers(c.files)
		var fe *weights.FormatError
		require.ErrorAs(t, err, &fe, name)
		require.Equal(t, c.file, fe.File, name)
		require.Contains(t, fe.Error(), c.reason, name)
	}
	for _, files := range []fs.FS{files(), files(torchFile, []byte("x")), sharded(t, `{"weight_map":{"a":"none"}}`)} {
		_, _, _, err := Headers(files)
		require.ErrorIs(t, err, fs.ErrNotExist)
	}
	// A size that lies, and a disk that fails.
	lies := files(singleFile, good)
	_, _, _, err := Headers(sizeFS{lies, 1 << 40})
	require.ErrorContains(t, err, "follow the last tensor")
	_, _, _, err = Headers(sizeFS{files(singleFile, good[:12]), 1 << 40})
	require.ErrorContains(t, err, "it was cut off")
	pointer := "version https://git-lfs.github.com/spec/v1\nsize 7\n"
	_, _, _, err = Headers(files(singleFile, []byte(pointer)))
	require.ErrorContains(t, err, "git LFS in place of the file, which has 7 bytes")
	_, _, _, err = Headers(headFS{files(singleFile, good[:12]), nil})
	require.ErrorIs(t, err, errRead)
}

// headFS lets only the header of a file be read.
type headFS struct {
	fstest.MapFS
	t testing.TB
}

var errRead = errors.New("read")

type headFile struct {
	fs.File
	left int
	t    testing.TB
}

func (h headFS) Open(name string) (fs.File, error) {
	f, err := h.MapFS.Open(name)
	if err != nil || name == indexFile {
		return f, err
	}
	data := h.MapFS[name].Data
	return &headFile{f, min(len(data), 8+int(data[0])|int(data[1])<<8), h.t}, nil
}

func (h *headFile) Read(p []byte) (int, error) {
	if h.t == nil {
		return 0, errRead
	}
	if h.left == 0 {
		return 0, io.EOF // what asks for more gets too little
	}
	n, err := h.File.Read(p[:min(len(p), h.left)])
	h.left -= n
	return n, err
}

// sizeFS states another size.
type sizeFS struct {
	fs.FS
	size int64
}

type sized struct {
	fs.FileInfo
	size int64
}

func (s sized) Size() int64 { return s.size }

func (s sizeFS) Stat(name string) (fs.FileInfo, error) {
	info, err := fs.Stat(s.FS, name)
	return sized{info, s.size}, err
}
