package weights

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// sharded is a checkpoint of two shards with the given index.
func sharded(t testing.TB, index string) fstest.MapFS {
	return fstest.MapFS{
		indexFile: {Data: []byte(index)},
		"s1":      {Data: build(t, 0, named{"a", F32, []int{1}, f32(1)})},
		"s2":      {Data: build(t, 0, named{"b", F32, []int{1}, f32(2)}, named{"c", F32, []int{1}, f32(3)})},
		"twice":   {Data: build(t, 0, named{"a", F32, []int{1}, f32(4)})},
		"broken":  {Data: []byte("12345678{}")},
		"sub/s1":  {Data: build(t, 0, named{"a", F32, []int{1}, f32(1)})},
	}
}

func TestShards(t *testing.T) {
	s := openTest(t, sharded(t, `{"metadata":{"total_size":12,"x":[1,-2.5e3,{"y":null}]},"weight_map":{"c":"s2","a":"s1","b":"s2"},"other":true}`))
	require.Equal(t, []string{"a", "b", "c"}, s.Names())
	for i, n := range s.Names() {
		x, ok := s.Tensor(n)
		require.True(t, ok)
		require.Equal(t, f32(float32(i+1)), x.Data)
		require.Equal(t, []string{"s1", "s2", "s2"}[i], x.File)
	}
	_, ok := s.Tensor("d")
	require.False(t, ok)
}

func TestHostileIndexIsRefused(t *testing.T) {
	abc := func(a, b, c string) string {
		return fmt.Sprintf(`{"weight_map":{"a":%q,"b":%q,"c":%q}}`, a, b, c)
	}
	deep := make([]byte, 100_000)
	for i := range deep {
		deep[i] = '['
	}
	cases := []struct{ name, index, file, field, reason string }{
		{"parent folder", abc("../s1", "s2", "s2"), indexFile, "a", "plain file name"},
		{"sub-folder", abc("sub/s1", "s2", "s2"), indexFile, "a", "plain file name"},
		{"absolute", abc("/etc/passwd", "s2", "s2"), indexFile, "a", "plain file name"},
		{"backslash", abc(`..\s1`, "s2", "s2"), indexFile, "a", "plain file name"},
		{"drive", abc("C:s1", "s2", "s2"), indexFile, "a", "plain file name"},
		{"stream", abc("s1:x", "s2", "s2"), indexFile, "a", "plain file name"},
		{"NUL", `{"weight_map":{"a":"s1\u0000"}}`, indexFile, "a", "plain file name"},
		{"dot", abc(".", "s2", "s2"), indexFile, "a", "plain file name"},
		{"two dots", abc("..", "s2", "s2"), indexFile, "a", "plain file name"},
		{"empty name", abc("", "s2", "s2"), indexFile, "a", "plain file name"},
		{"missing shard", abc("s1", "s2", "s3"), indexFile, "s3", "missing"},
		{"folder as shard", abc("sub", "s2", "s2"), "sub", "file", "regular"},
		{"broken shard", abc("broken", "s2", "s2"), "broken", "header", "over"},
		{"tensor in the other shard", abc("s1", "s1", "s2"), indexFile, "b", "not in shard"},
		{"tensor in no shard", `{"weight_map":{"a":"s1","b":"s2","c":"s2","d":"s2"}}`, indexFile, "d", "not in shard"},
		{"first tensor in no shard", `{"weight_map":{"A":"s1","a":"s1","b":"s2","c":"s2"}}`, indexFile, "A", "not in shard"},
		{"tensor not listed", `{"weight_map":{"a":"s1","b":"s2"}}`, "s2", "c", "not in the index"},
		{"middle tensor not listed", `{"weight_map":{"a":"s1","c":"s2"}}`, "s2", "b", "not in the index"},
		{"tensor in two shards", `{"weight_map":{"a":"s1","b":"s2","c":"s2","d":"twice"}}`, "twice", "a", "too"},
		{"tensor listed twice", `{"weight_map":{"a":"s1","a":"s1","b":"s2","c":"s2"}}`, indexFile, "a", "twice"},
		{"two maps", `{"weight_map":{"a":"s1"},"weight_map":{"a":"s1"}}`, indexFile, "weight_map", "twice"},
		{"no map", `{"metadata":{}}`, indexFile, "weight_map", "missing"},
		{"empty map", `{"weight_map":{}}`, indexFile, "weight_map", "missing"},
		{"shard is a number", `{"weight_map":{"a":1}}`, indexFile, "a", "string"},
		{"not JSON", `weight_map`, indexFile, "index", "{"},
		{"empty", ``, indexFile, "index", "{"},
		{"not UTF-8", "{\"weight_map\":{\"\xff\":\"s1\"}}", indexFile, "index", "UTF-8"},
		{"deep", `{"metadata":` + string(deep), indexFile, "index", "deeply"},
		{"bad number", `{"metadata":01,"weight_map":{}}`, indexFile, "index", "number"},
		{"bad fraction", `{"metadata":1.,"weight_map":{}}`, indexFile, "index", "number"},
		{"bad exponent", `{"metadata":1e+,"weight_map":{}}`, indexFile, "index", "number"},
		{"bad word", `{"metadata":nul,"weight_map":{}}`, indexFile, "index", "value"},
		{"cut", `{"weight_map":{"a":"s1"`, indexFile, "index", "byte"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s, err := OpenFS(sharded(t, c.index))
			require.Nil(t, s)
			var fe *FormatError
			require.ErrorAs(t, err, &fe)
			require.Equal(t, []string{c.file, c.field}, []string{fe.File, fe.Field})
			require.Contains(t, fe.Reason, c.reason)
		})
	}
}

func TestNoCheckpoint(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Join(dir, "none"), ""} {
		_, err := OpenDir(d)
		require.Error(t, err)
	}
	_, err := OpenDir(dir)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, dir)
	require.NoError(t, os.Mkdir(filepath.Join(dir, singleFile), 0o755))
	_, err = OpenDir(dir)
	var fe *FormatError
	require.ErrorAs(t, err, &fe)
	require.Equal(t, filepath.Join(dir, singleFile), fe.File)
}

// A folder as a hub cache lays it out: links to files elsewhere. Truncation is seen through a mapping too.
func TestOpenDirMapsAndFollowsLinks(t *testing.T) {
	blobs, dir := t.TempDir(), t.TempDir()
	good := build(t, 0, named{"w", F32, []int{2, 3}, f32(1, 2, 3, 4, 5, 6)})
	blob := filepath.Join(blobs, "0123abcd")
	require.NoError(t, os.WriteFile(blob, good, 0o644))
	require.NoError(t, os.Symlink(blob, filepath.Join(dir, singleFile)))
	s, err := OpenDir(dir)
	require.NoError(t, err)
	require.Equal(t, dir, s.Name())
	x, ok := s.Tensor("w")
	require.True(t, ok)
	require.Equal(t, f32(1, 2, 3, 4, 5, 6), x.Data)
	require.Equal(t, filepath.Join(dir, singleFile), x.File)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	require.Empty(t, s.Names())

	require.NoError(t, os.Truncate(blob, int64(len(good)-1)))
	_, err = OpenDir(dir)
	var fe *FormatError
	require.ErrorAs(t, err, &fe)
	require.NoError(t, os.Truncate(blob, 0))
	_, err = OpenDir(dir)
	require.ErrorAs(t, err, &fe)
}

func TestSingleFileGoesFirst(t *testing.T) {
	fsys := sharded(t, `not looked at`)
	fsys[singleFile] = &fstest.MapFile{Data: build(t, 0, named{"z", F32, []int{1}, f32(9)})}
	require.Equal(t, []string{"z"}, openTest(t, fsys).Names())
}

// What is read from another file system is aligned for vectors, whatever its size.
func TestReadFilesAreAligned(t *testing.T) {
	for _, n := range []int{1, 1000, 1<<18 + 3, 1 << 19} {
		file := build(t, 0, named{"w", F32, []int{n}, make([]byte, 4*n)})
		for _, fsys := range []fs.FS{single(file), &faultFS{data: file, failAt: len(file), short: true}} {
			s := openTest(t, fsys)
			require.Zero(t, uintptr(unsafe.Pointer(&s.files[0].data[0]))%bufferAlign)
			require.Equal(t, file, s.files[0].data)
		}
	}
	_, err := OpenFS(&faultFS{data: build(t, 0), failAt: 1000, short: true, stated: 20})
	require.ErrorContains(t, err, "longer")
}

// Fixtures of real exporters, when they are here.
func TestRealFixtures(t *testing.T) {
	dirs, err := filepath.Glob("../../../shared/fixtures/*/config.json")
	require.NoError(t, err)
	dirs = append(dirs, "../../testdata/qwen2_vl-tiny/config.json")
	for _, d := range dirs {
		dir := filepath.Dir(d)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			s, err := OpenDir(dir)
			require.NoError(t, err)
			require.NotEmpty(t, s.Names())
			require.NoError(t, s.CheckFinite())
			f, err := OpenFS(os.DirFS(dir))
			require.NoError(t, err)
			require.Equal(t, s.Names(), f.Names())
			require.NoError(t, f.Close())
			require.NoError(t, s.Close())
		})
	}
}

// BenchmarkOpen opens a checkpoint of 5 GB in a sparse file with 20,000 tensors: its cost is the header's.
func BenchmarkOpen(b *testing.B) {
	const tensors, each = 20_000, 1 << 18
	header := "{"
	var buf []byte
	for i := range tensors {
		buf = fmt.Appendf(buf, `%s"model.layers.%d.weight":{"dtype":"BF16","shape":[512,256],"data_offsets":[%d,%d]}`, ","[:min(i, 1)], i, i*each, (i+1)*each)
	}
	head := raw(header+string(buf)+"}", "")
	dir := b.TempDir()
	path := filepath.Join(dir, singleFile)
	require.NoError(b, os.WriteFile(path, head, 0o644))
	require.NoError(b, os.Truncate(path, int64(len(head))+int64(tensors)*each))
	b.ReportAllocs()
	for b.Loop() {
		s, err := OpenDir(dir)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
