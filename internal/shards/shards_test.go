package shards

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/weights"
)

// sharded is a checkpoint of two shards with the given index.
func sharded(t testing.TB, index string) fstest.MapFS {
	return fstest.MapFS{
		indexFile: {Data: []byte(index)},
		"s1":      {Data: build(vector{"a", []float32{1}})},
		"s2":      {Data: build(vector{"b", []float32{2}}, vector{"c", []float32{3}})},
		"twice":   {Data: build(vector{"a", []float32{4}})},
		"broken":  {Data: []byte("12345678{}")},
		"sub/s1":  {Data: build(vector{"a", []float32{1}})},
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
		{"missing shard", abc("s1", "s2", "s3"), indexFile, "s3", "missing shard"},
		{"folder as shard", abc("sub", "s2", "s2"), "sub", "file", "regular"},
		{"broken shard", abc("broken", "s2", "s2"), "broken", "header", "over"},
		{"tensor in two shards", `{"weight_map":{"a":"s1","b":"s2","c":"s2","d":"twice"}}`, "twice", "a", "duplicate tensor, in"},
		{"tensor listed twice", `{"weight_map":{"a":"s1","a":"s1","b":"s2","c":"s2"}}`, indexFile, "a", "duplicate tensor"},
		{"two maps", `{"weight_map":{"a":"s1"},"weight_map":{"a":"s1"}}`, indexFile, "weight_map", "duplicate key"},
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
			var fe *weights.FormatError
			require.ErrorAs(t, err, &fe)
			require.Equal(t, []string{c.file, c.field}, []string{fe.File, fe.Field})
			require.Contains(t, fe.Reason, c.reason)
		})
	}
}

// The index names the shards; what is in them counts, whatever else it says.
func TestIndexBesideTheTruth(t *testing.T) {
	for _, c := range []struct {
		name, index string
		extra       []string
	}{
		{"tensor in the other shard", `{"weight_map":{"a":"s1","b":"s1","c":"s2"}}`, nil},
		{"tensors in no shard", `{"weight_map":{"A":"s1","a":"s1","b":"s2","d":"s2"}}`,
			[]string{"A (" + indexFile + ")", "d (" + indexFile + ")"}},
		{"tensor not listed", `{"weight_map":{"a":"s1","b":"s2"}}`, nil},
		{"tensor in two shards alike", `{"weight_map":{"a":"s1","b":"s2","e":"sub"}}`,
			[]string{"a (sub)", "e (" + indexFile + ")"}},
	} {
		files := sharded(t, c.index)
		delete(files, "sub/s1")
		files["sub"] = &fstest.MapFile{Data: build(vector{"a", []float32{1}})}
		s := openTest(t, files)
		require.Equal(t, []string{"a", "b", "c"}, s.Names(), c.name)
		require.Equal(t, c.extra, s.Extra(), c.name)
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
	var fe *weights.FormatError
	require.ErrorAs(t, err, &fe)
	require.Equal(t, filepath.Join(dir, singleFile), fe.File)
}

// A folder as a hub cache lays it out: links to files elsewhere. Truncation is seen through a mapping too.
func TestOpenDirMapsAndFollowsLinks(t *testing.T) {
	blobs, dir := t.TempDir(), t.TempDir()
	good := build(vector{"w", []float32{1, 2, 3, 4, 5, 6}})
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
	var fe *weights.FormatError
	require.ErrorAs(t, err, &fe)
	require.NoError(t, os.Truncate(blob, 0))
	_, err = OpenDir(dir)
	require.ErrorAs(t, err, &fe)
}

func TestSingleFileGoesFirst(t *testing.T) {
	fsys := sharded(t, `not looked at`)
	fsys[singleFile] = &fstest.MapFile{Data: build(vector{"z", []float32{9}})}
	require.Equal(t, []string{"z"}, openTest(t, fsys).Names())
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
	text := []byte("{")
	for i := range tensors {
		text = fmt.Appendf(text, `%s"model.layers.%d.weight":{"dtype":"BF16","shape":[512,256],"data_offsets":[%d,%d]}`,
			","[:min(i, 1)], i, i*each, (i+1)*each)
	}
	text = append(text, '}')
	head := append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)
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

// A file that torch has written, mapped, holds what safetensors holds for the same tensors; safetensors
// come first, even broken ones: what is loaded does not depend on what is wrong.
func TestTorch(t *testing.T) {
	want, err := OpenFile(os.DirFS("../torchfile/testdata/torch"), singleFile)
	require.NoError(t, err)
	defer want.Close()
	dir, err := OpenDir("../torchfile/testdata/torch/single")
	require.NoError(t, err)
	defer dir.Close()
	require.Equal(t, want.Names(), dir.Names())
	for _, name := range want.Names() {
		a, _ := want.Tensor(name)
		b, _ := dir.Tensor(name)
		require.True(t, a.DType == b.DType && bytes.Equal(a.Data, b.Data), name)
		require.Equal(t, a.Shape, b.Shape, name)
		require.Equal(t, "../torchfile/testdata/torch/single/pytorch_model.bin", filepath.ToSlash(b.File))
	}

	torch, safe := torchData(t, "single/pytorch_model.bin"), build(vector{"w", []float32{1}})
	index := []byte(`{"weight_map":{"w":"s"}}`)
	require.Equal(t, []string{"w"}, openTest(t, files(singleFile, safe, torchFile, torch)).Names())
	require.Equal(t, []string{"w"}, openTest(t, files(indexFile, index, "s", safe, torchFile, torch)).Names())
	require.Contains(t, openTest(t, files(torchIndex, index, torchFile, torch)).Names(), "view.all")
	for _, fsys := range []fs.FS{
		files(singleFile, []byte("broken"), torchFile, torch),
		files(indexFile, index, torchFile, torch),
		files(indexFile, index, "s", torch),
		files(torchIndex, index, "s", safe),
	} {
		_, err := OpenFS(fsys)
		var fe *weights.FormatError
		require.ErrorAs(t, err, &fe)
	}
}

func TestTorchShards(t *testing.T) {
	s, err := OpenDir("../torchfile/testdata/torch/sharded")
	require.NoError(t, err)
	defer s.Close()
	require.Equal(t, []string{"layer.0.bias", "layer.0.weight", "layer.1.bias", "layer.1.weight"}, s.Names())
	ld := weights.NewLoader(s, nil)
	for _, layer := range []string{"layer.0", "layer.1"} {
		require.Equal(t, []float32{-0.125, 0, 0.125, 0.25}, ld.Vector(layer+".bias", 4)) // ramp: (i - n/3) / 8
		m, row := ld.Matrix(layer, 4, 3), make([]float32, 3)
		for r := range 4 {
			m.DecodeRow(row, r)
			for c, v := range row {
				require.Equal(t, float32(3*r+c-4)/8, v)
			}
		}
	}
	require.NoError(t, ld.Finish())

	first, second := "pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"
	_, err = OpenFS(files(torchIndex, torchData(t, "sharded/"+torchIndex), first, torchData(t, "sharded/"+first)))
	var fe *weights.FormatError
	require.ErrorAs(t, err, &fe)
	require.Equal(t, weights.FormatError{File: torchIndex, Field: second, Reason: "missing shard", Err: fs.ErrNotExist}, *fe)
}

// Without its shards an index still tells the names; safetensors' goes first.
func TestIndexNames(t *testing.T) {
	one, other := []byte(`{"weight_map":{"b":"s","a":"s"}}`), []byte(`{"weight_map":{"t":"s"}}`)
	names, err := IndexNames(files(indexFile, one, torchIndex, other))
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, names)
	names, err = IndexNames(files(torchIndex, other))
	require.NoError(t, err)
	require.Equal(t, []string{"t"}, names)
	_, err = IndexNames(files())
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = IndexNames(files(indexFile, []byte("{}"), torchIndex, other))
	var fe *weights.FormatError
	require.ErrorAs(t, err, &fe)
}

// Whatever an index says, it is refused with its name or lists each tensor once, in plain files.
func FuzzIndex(f *testing.F) {
	f.Add([]byte(`{"metadata":{"total_size":12},"weight_map":{"c":"s2","a":"s1","b":"s2"}}`))
	f.Add([]byte(`{"weight_map":{"\u0061":"../s1"}}`))
	f.Add([]byte(`{"weight_map":{"a":"s\u0031","a":"s"},"weight_map":{}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		ix := &index{file: "f"}
		if err := ix.parse(data); err != nil {
			var fe *weights.FormatError
			require.ErrorAs(t, err, &fe)
			require.Equal(t, "f", fe.File)
			return
		}
		require.NotEmpty(t, ix.weights)
		for i, w := range ix.weights {
			require.True(t, i == 0 || ix.weights[i-1].tensor < w.tensor, "%q", w.tensor)
			require.Contains(t, ix.shards, w.shard)
			require.Equal(t, w.shard, filepath.Base(w.shard))
		}
		require.IsIncreasing(t, append(ix.shards, "\U0010ffff"))
	})
}
