package weights

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"unsafe"

	"github.com/stretchr/testify/require"
)

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

// What is read from another file system is aligned for vectors, whatever its size.
func TestReadFilesAreAligned(t *testing.T) {
	for _, n := range []int{1, 1000, 1<<20 + 3, 1 << 21} {
		data := bytes.Repeat([]byte{1, 2, 3, 4, 5}, n)[:n]
		for _, fsys := range []fs.FS{fstest.MapFS{singleFile: {Data: data}}, &faultFS{data: data, failAt: n, short: true}} {
			f, err := OpenFile(fsys, singleFile, "shown")
			require.NoError(t, err)
			require.Zero(t, uintptr(unsafe.Pointer(&f.Data[0]))%bufferAlign)
			require.Equal(t, data, f.Data)
			require.Equal(t, "shown", f.Name)
			require.NoError(t, f.Close())
		}
	}
	_, err := OpenFile(&faultFS{data: make([]byte, 30), failAt: 1000, short: true, stated: 20}, singleFile, "f")
	require.ErrorContains(t, err, "longer")
}

// A reader that ends or fails anywhere is an error that names the file, and a size that lies costs little.
func TestFilesThatFail(t *testing.T) {
	data := make([]byte, 600)
	for at := range data {
		_, err := OpenFile(&faultFS{data: data, failAt: at}, singleFile, "f")
		require.ErrorIs(t, err, errFault, "fault at %d", at)
		require.ErrorContains(t, err, ": f: ")
		_, err = OpenFile(&faultFS{data: data, failAt: at, short: true}, singleFile, "f")
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, "ends at %d", at)
	}
	used := allocated(func() {
		_, err := OpenFile(&faultFS{data: data, failAt: len(data), short: true, stated: 1 << 40}, singleFile, "f")
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	})
	require.Less(t, used, uint64(4<<20))

	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "d"), 0o755))
	_, err := OpenFile(os.DirFS(dir), "d", "the/d")
	var fe *FormatError
	require.ErrorAs(t, err, &fe)
	require.Equal(t, FormatError{File: "the/d", Field: "file", Reason: "not a regular file"}, *fe)
	_, err = OpenFile(os.DirFS(dir), "none", "the/none")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// A file of the system is mapped, not read: the mapping is seen to change with the file.
func TestFilesAreMapped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	require.NoError(t, os.WriteFile(path, []byte{1, 2, 3}, 0o644))
	f, err := OpenFile(os.DirFS(filepath.Dir(path)), "f", path)
	require.NoError(t, err)
	require.NotNil(t, f.mapped)
	require.Equal(t, []byte{1, 2, 3}, f.Data)
	require.NoError(t, f.Close())
	require.NoError(t, f.Close())
	require.Nil(t, f.Data)
}

// Tensors of several files and any order are one checkpoint, in which a name is there once.
func TestSourceOfSeveralFiles(t *testing.T) {
	a, b := &File{Name: "a", Data: []byte{1, 2}}, &File{Name: "b", Data: []byte{3}}
	of := func(f *File, at int, name string) Tensor {
		return Tensor{Name: name, DType: U8, Shape: []int{1}, Data: f.Data[at : at+1], File: f.Name}
	}
	tensors := []Tensor{of(a, 1, "z"), of(b, 0, "m"), of(a, 0, "c")}
	s, err := NewSource("dir", []*File{a, b}, tensors)
	require.NoError(t, err)
	require.Equal(t, "dir", s.Name())
	require.Equal(t, []string{"c", "m", "z"}, s.Names())
	require.EqualValues(t, 3, s.Bytes())
	x, ok := s.Tensor("m")
	require.True(t, ok)
	require.Equal(t, of(b, 0, "m"), x)
	_, ok = s.Tensor("n")
	require.False(t, ok)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	require.Empty(t, s.Names())

	// Two files may have it alike; the first counts.
	a, c := &File{Name: "a", Data: []byte{1, 2}}, &File{Name: "c", Data: []byte{2}}
	s, err = NewSource("dir", []*File{a, c}, []Tensor{of(c, 0, "z"), of(a, 0, "c"), of(a, 1, "z")})
	require.NoError(t, err)
	require.Equal(t, []string{"c", "z"}, s.Names())
	require.Equal(t, []string{"z (c)"}, s.Extra())
	x, _ = s.Tensor("z")
	require.Equal(t, "a", x.File)

	for _, c := range []struct {
		second, reason string
	}{{"a", "duplicate tensor"}, {"b", `duplicate tensor, in "a" too, with another value`}} {
		a, b := &File{Name: "a", Data: []byte{1, 2}}, &File{Name: "b", Data: []byte{3}}
		again := of(b, 0, "z")
		again.File = c.second
		_, err := NewSource("dir", []*File{a, b}, []Tensor{of(a, 1, "z"), of(a, 0, "c"), again})
		var fe *FormatError
		require.ErrorAs(t, err, &fe)
		require.Equal(t, FormatError{File: c.second, Field: "z", Reason: c.reason}, *fe)
		require.Nil(t, a.Data, "the files are closed")
		require.Nil(t, b.Data)
	}
}
