package torchfile

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/safetensors"
	"github.com/qwenvl/qwenvl/internal/weights"
)

// equalSources compares all tensors.
func equalSources(t *testing.T, want, got *weights.Source) {
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

// safe reads what safetensors holds for the same tensors as single/pytorch_model.bin.
func safe(t testing.TB) *weights.Source {
	tensors, err := safetensors.Read("model.safetensors", torchData(t, "model.safetensors"))
	require.NoError(t, err)
	src, err := weights.NewSource("model.safetensors", nil, tensors)
	require.NoError(t, err)
	return src
}

// Every element type, a module's attributes, shared storages, views, parameters, an empty tensor and a
// scalar: what safetensors holds for the same tensors.
func TestTorchEqualsSafetensors(t *testing.T) {
	want := safe(t)
	require.Len(t, want.Names(), 23)
	for _, name := range []string{"single/pytorch_model.bin", "protocol3.bin", "protocol4.bin", "protocol5.bin"} {
		t.Run(name, func(t *testing.T) {
			got, err := open(torchData(t, name))
			require.NoError(t, err)
			equalSources(t, want, got)
			require.NoError(t, got.CheckFinite())
			// Tensors of one storage are the same bytes.
			embed, _ := got.Tensor("embed.weight")
			head, _ := got.Tensor("head.weight")
			require.True(t, &embed.Data[0] == &head.Data[0])
			all, _ := got.Tensor("view.all")
			rows, _ := got.Tensor("view.rows")
			require.True(t, &all.Data[2*4*2] == &rows.Data[0])
		})
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
			_, err := open(torchData(t, "refused/"+name+".bin"))
			var ue *weights.UnsupportedError
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
		_, err := open(good[:len(good)*i/64])
		var fe *weights.FormatError
		require.ErrorAs(t, err, &fe, "cut at %d/64", i)
	}
	opened := 0
	for at := range good {
		bad := bytes.Clone(good)
		bad[at] ^= byte(1 << (at % 8))
		tensors, err := Read("f", bad)
		if err == nil {
			opened++
			checkTensors(t, tensors, bad)
			continue
		}
		require.True(t, asEither(err, new(*weights.FormatError), new(*weights.UnsupportedError)), "byte %d: %v", at, err)
	}
	// Tensor data, padding, checksums and dates are not looked at.
	require.Greater(t, opened, len(good)/3)
	require.Less(t, opened, len(good)*9/10)
}

// checkTensors checks what must hold of whatever has been accepted.
func checkTensors(t testing.TB, tensors []weights.Tensor, data []byte) {
	t.Helper()
	for _, x := range tensors {
		n, ok := weights.Elements(x.Shape)
		if bytes, whole := x.DType.Bytes(n); !ok || !whole || uint64(len(x.Data)) != bytes {
			t.Fatalf("%q: %d bytes for shape %v", x.Name, len(x.Data), x.Shape)
		}
		if len(x.Data) == 0 {
			continue
		}
		from := uintptr(unsafe.Pointer(&x.Data[0])) - uintptr(unsafe.Pointer(&data[0]))
		if from > uintptr(len(data)) || uintptr(len(x.Data)) > uintptr(len(data))-from {
			t.Fatalf("%q is not in the file", x.Name)
		}
	}
}

func FuzzTorch(f *testing.F) {
	for _, name := range []string{"single/pytorch_model.bin", "protocol4.bin", "refused/hostile.bin", "refused/legacy.bin", "refused/transposed.bin"} {
		f.Add(torchData(f, name))
	}
	f.Add(make([]byte, 300))
	f.Fuzz(func(t *testing.T, data []byte) {
		tensors, err := Read("f", data)
		if err != nil {
			require.True(t, asEither(err, new(*weights.FormatError), new(*weights.UnsupportedError)), "%v", err)
			require.Contains(t, err.Error(), "f: ")
			return
		}
		checkTensors(t, tensors, data)
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
		f, err := weights.OpenFile(os.DirFS(filepath.Dir(path)), torchFile, path)
		if err != nil {
			b.Fatal(err)
		}
		if found, err := Read(torchFile, f.Data); err != nil || len(found) != tensors {
			b.Fatal(len(found), err)
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
