package weights

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// torchData reads a file of testdata/torch, which torch has written (make.py).
func torchData(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata/torch", name))
	require.NoError(t, err)
	return data
}

func torchFS(data []byte) fstest.MapFS { return fstest.MapFS{torchFile: {Data: data}} }

// equalSources compares all tensors.
func equalSources(t *testing.T, want, got *Source) {
	t.Helper()
	require.Equal(t, want.Names(), got.Names())
	for _, name := range want.Names() {
		a, _ := want.Tensor(name)
		b, _ := got.Tensor(name)
		require.Equal(t, a.DType, b.DType, name)
		require.Equal(t, a.Shape, b.Shape, name)
		require.True(t, bytes.Equal(a.Data, b.Data), name)
	}
}

// Every element type, a module's attributes, shared storages, views, parameters, an empty tensor and a scalar: what
// safetensors holds for the same tensors. Mapped and read.
func TestTorchEqualsSafetensors(t *testing.T) {
	want, err := OpenFile(os.DirFS("testdata/torch"), singleFile)
	require.NoError(t, err)
	defer want.Close()
	require.Len(t, want.Names(), 23)
	dir, err := OpenDir("testdata/torch/single")
	require.NoError(t, err)
	equalSources(t, want, dir)
	require.NoError(t, dir.CheckFinite())
	x, _ := dir.Tensor("norm.running_mean")
	require.Equal(t, "testdata/torch/single/pytorch_model.bin", filepath.ToSlash(x.File))
	for _, name := range []string{"single/pytorch_model.bin", "protocol3.bin", "protocol4.bin", "protocol5.bin"} {
		t.Run(name, func(t *testing.T) { equalSources(t, want, openTest(t, torchFS(torchData(t, name)))) })
	}
	// Tensors of one storage are the same bytes.
	embed, _ := dir.Tensor("embed.weight")
	head, _ := dir.Tensor("head.weight")
	require.True(t, &embed.Data[0] == &head.Data[0])
	all, _ := dir.Tensor("view.all")
	rows, _ := dir.Tensor("view.rows")
	require.True(t, &all.Data[2*4*2] == &rows.Data[0])
	require.NoError(t, dir.Close())
}

func TestTorchShards(t *testing.T) {
	s, err := OpenDir("testdata/torch/sharded")
	require.NoError(t, err)
	defer s.Close()
	require.Equal(t, []string{"layer.0.bias", "layer.0.weight", "layer.1.bias", "layer.1.weight"}, s.Names())
	ld := NewLoader(s, nil)
	require.Equal(t, []float32{-0.125, 0, 0.125, 0.25}, ld.Vector("layer.0.bias", 4)) // ramp: (i - n/3) / 8
	require.Equal(t, []float32{-0.125, 0, 0.125, 0.25}, ld.Vector("layer.1.bias", 4))
	for _, m := range [][][]float32{values(t, ld.Matrix("layer.0", 4, 3)), values(t, ld.Matrix("layer.1", 4, 3))} {
		for i := range 12 {
			require.Equal(t, float32(i-4)/8, m[i/3][i%3])
		}
	}
	require.NoError(t, ld.Finish())

	shards := os.DirFS("testdata/torch/sharded")
	index, err := fs.ReadFile(shards, torchIndex)
	require.NoError(t, err)
	first, err := fs.ReadFile(shards, "pytorch_model-00001-of-00002.bin")
	require.NoError(t, err)
	_, err = OpenFS(fstest.MapFS{torchIndex: {Data: index}, "pytorch_model-00001-of-00002.bin": {Data: first}})
	var fe *FormatError
	require.ErrorAs(t, err, &fe)
	require.Equal(t, FormatError{File: torchIndex, Field: "pytorch_model-00002-of-00002.bin", Reason: "the shard is missing", Err: fs.ErrNotExist}, *fe)
}

// Safetensors come first, even broken ones: what is loaded does not depend on what is wrong.
func TestSafetensorsArePreferred(t *testing.T) {
	torch := torchData(t, "single/pytorch_model.bin")
	safe := build(t, 0, named{"w", F32, []int{1}, f32(1)})
	require.Equal(t, []string{"w"}, openTest(t, fstest.MapFS{singleFile: {Data: safe}, torchFile: {Data: torch}}).Names())
	index := []byte(`{"weight_map":{"w":"s"}}`)
	require.Equal(t, []string{"w"}, openTest(t, fstest.MapFS{indexFile: {Data: index}, "s": {Data: safe}, torchFile: {Data: torch}}).Names())
	require.Contains(t, openTest(t, fstest.MapFS{torchIndex: {Data: index}, torchFile: {Data: torch}}).Names(), "view.all")
	for _, fsys := range []fstest.MapFS{
		{singleFile: {Data: []byte("broken")}, torchFile: {Data: torch}},
		{indexFile: {Data: index}, torchFile: {Data: torch}},
		{indexFile: {Data: index}, "s": {Data: torch}},
		{torchIndex: {Data: index}, "s": {Data: safe}},
	} {
		_, err := OpenFS(fsys)
		var fe *FormatError
		require.ErrorAs(t, err, &fe)
	}
}

// What torch writes but is no dict of contiguous tensors is refused by its name.
func TestTorchRefuses(t *testing.T) {
	const pkl = "data.pkl"
	for name, want := range map[string]struct{ field, feature string }{
		"transposed": {"w", "not contiguous (shape [4 3], strides [1 4])"},
		"expanded":   {"w", "not contiguous (shape [3 4], strides [0 1])"},
		"strided":    {"w", "not contiguous (shape [4 2], strides [4 1])"},
		"nested":     {"state_dict", "a value that is a dict, not a tensor"},
		"number":     {"epoch", "a value that is an int, not a tensor"},
		"float":      {"float/" + pkl, "opcode BINFLOAT"},
		"list":       {"list/" + pkl, "opcode EMPTY_LIST"},
		"tensor":     {"tensor/" + pkl, "a checkpoint that is a tensor, not a state dict"},
		"complex":    {"complex/" + pkl, `global "torch.ComplexFloatStorage"`},
		"uint16":     {"uint16/" + pkl, `global "torch._utils._rebuild_tensor_v3"`},
		"sparse":     {"sparse/" + pkl, `global "torch._utils._rebuild_sparse_tensor"`},
		"hostile":    {"hostile/" + pkl, `global "posix.system"`},
		"legacy":     {"file", "torch before 1.6"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := OpenFS(torchFS(torchData(t, "refused/"+name+".bin")))
			var ue *UnsupportedError
			require.ErrorAs(t, err, &ue)
			require.Equal(t, []string{torchFile, want.field}, []string{ue.File, ue.Field})
			require.Contains(t, ue.Feature, want.feature)
		})
	}
}

// A file cut anywhere is refused, and a changed byte is at worst another checkpoint of the same bytes.
func TestDamagedTorchFiles(t *testing.T) {
	good := torchData(t, "single/pytorch_model.bin")
	for i := range 64 {
		_, err := OpenFS(torchFS(good[:len(good)*i/64]))
		var fe *FormatError
		require.ErrorAs(t, err, &fe, "cut at %d/64", i)
	}
	opened := 0
	for at := range good {
		bad := bytes.Clone(good)
		bad[at] ^= byte(1 << (at % 8))
		entries, err := parseTorch("f", bad)
		if err == nil {
			opened++
			checkEntries(t, entries, len(bad))
			continue
		}
		require.True(t, asEither(err, new(*FormatError), new(*UnsupportedError)), "byte %d: %v", at, err)
	}
	// Tensor data, padding, checksums and dates are not looked at.
	require.Greater(t, opened, len(good)/3)
	require.Less(t, opened, len(good)*9/10)
}

// checkEntries checks what must hold of whatever has been accepted.
func checkEntries(t testing.TB, entries []entry, size int) {
	t.Helper()
	for i, e := range entries {
		n, ok := Elements(e.shape)
		if bytes, whole := e.dtype.Bytes(n); !ok || !whole || e.begin > e.end || e.end > uint64(size) || e.end-e.begin != bytes {
			t.Fatalf("%q: %d..%d of %d for shape %v", e.name, e.begin, e.end, size, e.shape)
		}
		if i > 0 && entries[i-1].name >= e.name {
			t.Fatalf("%q after %q", e.name, entries[i-1].name)
		}
	}
}

func FuzzTorch(f *testing.F) {
	for _, name := range []string{"single/pytorch_model.bin", "protocol4.bin", "refused/hostile.bin", "refused/legacy.bin", "refused/transposed.bin"} {
		f.Add(torchData(f, name))
	}
	f.Add(make([]byte, 300))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := parseTorch("f", data)
		if err != nil {
			require.True(t, asEither(err, new(*FormatError), new(*UnsupportedError)), "%v", err)
			require.Contains(t, err.Error(), "f: ")
			return
		}
		checkEntries(t, entries, len(data))
	})
}

// BenchmarkOpenTorch opens a checkpoint of 2000 tensors of 256 KiB each, in a sparse file.
func BenchmarkOpenTorch(b *testing.B) {
	const tensors, each = 2000, 1 << 18
	p := newPickle()
	p.raw("}(")
	z := newZip()
	for i := range tensors {
		p.key(i).tensor("FloatStorage", i, each/4, 0, []int64{256, 256}, []int64{256, 1})
		z.add(member0("a/data/", i), nil).hole(each)
	}
	z.add("a/data.pkl", p.raw("u.").b)
	path := filepath.Join(b.TempDir(), torchFile)
	z.write(b, path)
	b.ReportAllocs()
	for b.Loop() {
		s, err := OpenDir(filepath.Dir(path))
		if err != nil {
			b.Fatal(err)
		}
		if len(s.entries) != tensors {
			b.Fatal(len(s.entries))
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
