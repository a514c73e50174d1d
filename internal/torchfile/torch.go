// Package torchfile reads state dicts as torch.save writes them since torch 1.6.
//
// A file is a zip archive of one folder: data.pkl, the pickled dict, and data/0, data/1 and so on,
// the storages that its tensors are views of. Only the directory, the headers of the members and
// data.pkl are touched, so that a mapped file is not read. The pickle is run by a machine that
// knows tensors and nothing else: what it would import or call is one of a dozen names or is
// refused by its name.
//
//   - zip.go: the members of an archive, none compressed
//   - pickle.go, opcodes.go: the stack machine and the opcodes it knows
//   - globals.go: the values it makes, and the names that a pickle may use
//   - torch.go: views of storages become tensors
//
// Source: torch/serialization.py, _save and _load; caffe2/serialize/inline_container.cc.
package torchfile

import (
	"bytes"
	"cmp"
	"math"
	"math/bits"
	"slices"
	"strings"

	"github.com/qwenvl/qwenvl/internal/weights"
)

// Read is the [weights.Reader] of the format. Tensors that share a storage may overlap.
func Read(file string, data []byte) ([]weights.Tensor, error) {
	if err := checkTorch(file, data); err != nil {
		return nil, err
	}
	members, err := readZip(file, data)
	if err != nil {
		return nil, err
	}
	t := torchArchive{file: file, data: data, members: members}
	if err := t.findFolder(); err != nil {
		return nil, err
	}
	pkl, _ := t.find("data.pkl")
	state, err := unpickle(file, pkl.name, data[pkl.begin:pkl.end])
	if err != nil {
		return nil, err
	}
	if len(state.keys) > weights.MaxTensors {
		return nil, t.fail(pkl.name, "has more than %d tensors", weights.MaxTensors)
	}
	tensors := make([]weights.Tensor, len(state.keys))
	for i, name := range state.keys {
		value := state.values[i]
		v, ok := value.(*view)
		if !ok {
			return nil, weights.Unsupported(file, name, "a value that is %s, not a tensor", kind(value))
		}
		if tensors[i], err = t.tensor(name, v); err != nil {
			return nil, err
		}
	}
	return tensors, nil
}

const older = "the format of torch before %s; load and save it again with a newer torch"

// checkTorch tells the formats apart by their first bytes.
func checkTorch(file string, data []byte) error {
	const ustar = 257 // where a tar archive has its signature
	switch {
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return nil
	case len(data) > 2 && data[0] == opProto && data[1] <= 5:
		return weights.Unsupported(file, "file", older, "1.6 (a pickle without a zip archive)")
	case len(data) > ustar && bytes.HasPrefix(data[ustar:], []byte("ustar")):
		return weights.Unsupported(file, "file", older, "0.1.10 (a tar archive)")
	}
	return weights.Malformed(file, "file", "not a zip archive, as torch saves")
}

// torchArchive is an archive all of whose members are in one folder.
type torchArchive struct {
	file    string
	data    []byte
	folder  string // with a slash at its end
	members []member
}

func (t *torchArchive) fail(field, format string, args ...any) error {
	return weights.Malformed(t.file, field, format, args...)
}

// find returns the member of that name in the folder.
func (t *torchArchive) find(name string) (member, bool) {
	i, ok := slices.BinarySearchFunc(t.members, t.folder+name, func(m member, name string) int {
		return cmp.Compare(m.name, name)
	})
	if !ok {
		return member{}, false
	}
	return t.members[i], true
}

// findFolder finds the folder with data.pkl and refuses all but little-endian state dicts.
func (t *torchArchive) findFolder() error {
	for _, m := range t.members {
		if folder, name, _ := strings.Cut(m.name, "/"); name == "data.pkl" {
			t.folder = folder + "/"
			break
		}
	}
	if t.folder == "" {
		return t.fail(zipPart, "no data.pkl in a folder")
	}
	for _, m := range t.members {
		if !strings.HasPrefix(m.name, t.folder) {
			return t.fail(m.name, "outside the folder %s", weights.Quote(t.folder))
		}
	}
	if m, ok := t.find("constants.pkl"); ok {
		return weights.Unsupported(t.file, m.name, "a TorchScript program")
	}
	if m, ok := t.find("byteorder"); ok { // torch 2.1 began to write it
		if order := t.data[m.begin:m.end]; string(order) != "little" {
			order = order[:min(len(order), 16)]
			return weights.Unsupported(t.file, m.name, "byte order %s", weights.Quote(string(order)))
		}
	}
	return nil
}

// tensor holds a tensor against its storage.
func (t *torchArchive) tensor(name string, v *view) (weights.Tensor, error) {
	e := weights.Tensor{Name: name, DType: v.storage.dtype, File: t.file}
	m, ok := t.find("data/" + v.storage.key)
	if !ok {
		return e, t.fail(name, "missing storage %s", weights.Quote(v.storage.key))
	}
	if size, ok := e.DType.Bytes(uint64(v.storage.count)); !ok || size != m.end-m.begin {
		return e, t.fail(name, "its storage %s has %d bytes, not %d elements of %s",
			weights.Quote(v.storage.key), m.end-m.begin, v.storage.count, e.DType)
	}
	e.Shape = make([]int, len(v.shape))
	for i, n := range v.shape {
		d := n.(int64)
		if d < 0 || d > math.MaxInt {
			return e, t.fail(name, "dimension %d", d)
		}
		e.Shape[i] = int(d)
	}
	elements, ok := weights.Elements(e.Shape)
	if !ok {
		return e, t.fail(name, "size overflows")
	}
	last, contiguous, ok := v.extent(elements)
	count, offset := uint64(v.storage.count), uint64(v.offset)
	if !ok || v.offset < 0 || offset > count || last > count-offset {
		return e, t.fail(name, "shape %v, strides %v, offset %d reach outside its storage of %d elements",
			v.shape, v.stride, v.offset, count)
	}
	if !contiguous {
		return e, weights.Unsupported(t.file, name,
			"a tensor that is not contiguous (shape %v, strides %v)", v.shape, v.stride)
	}
	first, _ := e.DType.Bytes(offset)
	size, _ := e.DType.Bytes(elements)
	from := t.data[m.begin+first:]
	e.Data = from[:size:size]
	return e, nil
}

// extent returns how many elements of its storage a view spans, from its first to its last, and
// whether they are its elements row by row. It is not ok if a stride is negative or the span
// overflows.
func (v *view) extent(elements uint64) (span uint64, contiguous, ok bool) {
	contiguous = true
	if elements == 0 {
		return 0, true, true
	}
	next := uint64(1) // the stride of a row-by-row layout
	for i := len(v.shape) - 1; i >= 0; i-- {
		d, stride := uint64(v.shape[i].(int64)), v.stride[i].(int64)
		if d == 1 {
			continue // its stride is never used
		}
		contiguous = contiguous && stride == int64(next)
		next *= d // at most elements
		hi, lo := bits.Mul64(d-1, uint64(stride))
		if stride < 0 || hi != 0 || span+lo < span {
			return 0, false, false
		}
		span += lo
	}
	return span + 1, contiguous, span != math.MaxUint64
}
