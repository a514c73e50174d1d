package weights

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
)

// parseTorch reads a state dict as torch.save writes it since torch 1.6: a zip archive of a folder with data.pkl, the
// pickled dict, and data/0, data/1, …, the storages that its tensors are views of. Only the directory, the headers of the
// members and data.pkl are touched. The entries come sorted by name; those of tensors that share a storage may overlap.
//
// Source: torch/serialization.py, _save and _load; caffe2/serialize/inline_container.cc.
func parseTorch(file string, data []byte) ([]entry, error) {
	if err := checkTorch(file, data); err != nil {
		return nil, err
	}
	members, err := readZip(file, data)
	if err != nil {
		return nil, err
	}
	t := torchArchive{file: file, members: members}
	if err := t.findFolder(data); err != nil {
		return nil, err
	}
	pkl, _ := t.find("data.pkl")
	state, err := unpickle(file, pkl.name, data[pkl.begin:pkl.end])
	if err != nil {
		return nil, err
	}
	if len(state.keys) > maxTensors {
		return nil, t.fail(pkl.name, fmt.Sprintf("has more than %d tensors", maxTensors))
	}
	entries := make([]entry, len(state.keys))
	for i, name := range state.keys {
		v, ok := state.values[i].(*view)
		if !ok {
			return nil, &UnsupportedError{File: file, Field: name, Feature: "a value that is " + kind(state.values[i]) + ", not a tensor"}
		}
		if entries[i], err = t.entry(name, v); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	for i := 1; i < len(entries); i++ {
		if entries[i].name == entries[i-1].name {
			return nil, t.fail(entries[i].name, "is there twice")
		}
	}
	return entries, nil
}

// checkTorch tells the formats apart by their first bytes.
func checkTorch(file string, data []byte) error {
	const ustar = 257 // where a tar archive has its signature
	switch {
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return nil
	case len(data) > 2 && data[0] == opProto && data[1] <= 5:
		return &UnsupportedError{File: file, Field: "file", Feature: "the format of torch before 1.6 (a pickle without a zip archive); load and save it again with a newer torch"}
	case len(data) > ustar && bytes.HasPrefix(data[ustar:], []byte("ustar")):
		return &UnsupportedError{File: file, Field: "file", Feature: "the format of torch before 0.1.10 (a tar archive); load and save it again with a newer torch"}
	}
	return &FormatError{File: file, Field: "file", Reason: "is not a zip archive, as torch saves"}
}

// torchArchive is an archive all of whose members are in one folder.
type torchArchive struct {
	file    string
	folder  string // with a slash at its end
	members []member
}

func (t *torchArchive) fail(field, reason string) error {
	return &FormatError{File: t.file, Field: field, Reason: reason}
}

// find returns the member of that name in the folder.
func (t *torchArchive) find(name string) (member, bool) {
	i, ok := slices.BinarySearchFunc(t.members, t.folder+name, func(m member, name string) int { return cmp.Compare(m.name, name) })
	if !ok {
		return member{}, false
	}
	return t.members[i], true
}

// findFolder finds the folder with data.pkl and refuses what is no little-endian state dict.
func (t *torchArchive) findFolder(data []byte) error {
	for _, m := range t.members {
		if folder, name, _ := strings.Cut(m.name, "/"); name == "data.pkl" {
			t.folder = folder + "/"
			break
		}
	}
	if t.folder == "" {
		return t.fail(zipPart, "has no data.pkl in a folder")
	}
	for _, m := range t.members {
		if !strings.HasPrefix(m.name, t.folder) {
			return t.fail(m.name, "is outside the folder "+quote(t.folder))
		}
	}
	if m, ok := t.find("constants.pkl"); ok {
		return &UnsupportedError{File: t.file, Field: m.name, Feature: "a TorchScript program"}
	}
	if m, ok := t.find("byteorder"); ok { // torch 2.1 began to write it
		if order := data[m.begin:m.end]; string(order) != "little" {
			return &UnsupportedError{File: t.file, Field: m.name, Feature: "byte order " + quote(string(order[:min(len(order), 16)]))}
		}
	}
	return nil
}

// entry holds a tensor against its storage.
func (t *torchArchive) entry(name string, v *view) (entry, error) {
	e := entry{name: name, dtype: v.storage.dtype}
	m, ok := t.find("data/" + v.storage.key)
	if !ok {
		return e, t.fail(name, "its storage "+quote(v.storage.key)+" is missing")
	}
	if size, ok := e.dtype.Bytes(uint64(v.storage.count)); !ok || size != m.end-m.begin {
		return e, t.fail(name, fmt.Sprintf("its storage %s has %d bytes, not %d elements of %s", quote(v.storage.key), m.end-m.begin, v.storage.count, e.dtype))
	}
	e.shape = make([]int, len(v.shape))
	for i, n := range v.shape {
		d := n.(int64)
		if d < 0 || d > math.MaxInt {
			return e, t.fail(name, fmt.Sprintf("dimension %d", d))
		}
		e.shape[i] = int(d)
	}
	elements, ok := Elements(e.shape)
	if !ok {
		return e, t.fail(name, "size overflows")
	}
	last, contiguous, ok := v.extent(elements)
	if !ok || v.offset < 0 || uint64(v.offset) > uint64(v.storage.count) || last > uint64(v.storage.count)-uint64(v.offset) {
		return e, t.fail(name, fmt.Sprintf("shape %v, strides %v and offset %d reach outside its storage of %d elements", v.shape, v.stride, v.offset, v.storage.count))
	}
	if !contiguous {
		return e, &UnsupportedError{File: t.file, Field: name, Feature: fmt.Sprintf("a tensor that is not contiguous (shape %v, strides %v)", v.shape, v.stride)}
	}
	first, _ := e.dtype.Bytes(uint64(v.offset))
	size, _ := e.dtype.Bytes(elements)
	e.begin = m.begin + first
	e.end = e.begin + size
	return e, nil
}

// extent returns how many elements of its storage a view spans, from its first to its last, and whether they are its
// elements row by row. It is not ok if a stride is negative or the span overflows.
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
