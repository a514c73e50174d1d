package weights

// A checkpoint's tensors, whatever format and however many files they come from. Readers find them,
// and what opens a checkpoint hands both over (internal/shards does so for a folder).

import (
	"bytes"
	"cmp"
	"errors"
	"path/filepath"
	"slices"

	"github.com/qwenvl/qwenvl/internal/pages"
)

// Bounds of what readers accept. They keep the memory for a header near its size and are far beyond
// any model: the largest mixtures of experts with one tensor per expert have some 100,000 tensors.
const (
	MaxTensors = 1 << 20
	MaxRank    = 16
)

// Tensor is one tensor of a checkpoint as it is stored. Shape and Data must not be changed, and
// Data not be used once its Source is closed.
type Tensor struct {
	Name  string
	DType DType
	Shape []int
	Data  []byte // row by row, little endian
	File  string
}

// Reader finds the tensors in a whole file, which errors name as file. Each one's shape and type
// take the bytes of its Data, which is a part of data; the rest of data is not kept. Names may
// repeat: [NewSource] sees to that for all files together.
//
// Errors: *[FormatError], *[UnsupportedError].
type Reader func(file string, data []byte) ([]Tensor, error)

// Source is an open checkpoint. Its methods are safe for concurrent use, except that nothing may
// run during or after Close; no [Tensor], and no matrix bound to one, may be used once it is
// closed.
type Source struct {
	name    string
	files   []*File
	tensors []Tensor // sorted by name
	regions []pages.Region

	extra  []string          // see Extra
	absent map[string]string // tensors that an index lists and no file has: where they should be
}

// NewSource makes a checkpoint, shown as name, of the tensors that were found in files. It takes
// over both, and closes the files if it fails. Of a tensor that several files have alike one
// counts.
//
// Errors: *[FormatError] for a name that is there twice in a file, or in two with other bytes.
func NewSource(name string, files []*File, tensors []Tensor) (*Source, error) {
	s := &Source{name: name, files: files, tensors: tensors}
	slices.SortFunc(tensors, func(a, b Tensor) int {
		if c := cmp.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return cmp.Compare(a.File, b.File)
	})
	kept := 0
	budget := s.Bytes() // views of one storage may be many times as long as their file
	for i, b := range tensors {
		if i == 0 || tensors[kept-1].Name != b.Name {
			tensors[kept] = b
			kept++
			continue
		}
		a := tensors[kept-1]
		reason := "duplicate tensor"
		if a.File != b.File {
			if budget -= int64(len(b.Data)); budget >= 0 && a.same(b) {
				s.extra = append(s.extra, Beside(b.Name, b.File))
				continue
			}
			reason += ", in " + Quote(a.File) + " too, with another value"
		}
		return nil, errors.Join(Malformed(b.File, b.Name, "%s", reason), s.Close())
	}
	s.tensors = tensors[:kept]
	return s, nil
}

// Size returns the bytes that the tensor takes in its file.
func (t Tensor) Size() int64 {
	n, _ := Elements(t.Shape) // a reader has checked both
	bytes, _ := t.DType.Bytes(n)
	return int64(bytes)
}

// same reports whether tensors are stored alike.
func (t Tensor) same(u Tensor) bool {
	return t.DType == u.DType && slices.Equal(t.Shape, u.Shape) && bytes.Equal(t.Data, u.Data)
}

// Equal reports whether two tensors of the checkpoint have the same shape and values, whatever
// types they are stored in. It reads both as far as they are equal, and lets go of what it read of
// the first.
func (s *Source) Equal(a, b string) bool {
	t, ok := s.Tensor(a)
	u, found := s.Tensor(b)
	if !ok || !found || !slices.Equal(t.Shape, u.Shape) {
		return false
	}
	if len(t.Data) == 0 || t.DType == u.DType && &t.Data[0] == &u.Data[0] {
		return true // one storage, as torch saves what is tied
	}
	from, to := t.DType.row(), u.DType.row()
	if !from.bound || !to.bound {
		return t.DType == u.DType && bytes.Equal(t.Data, u.Data)
	}
	defer s.forget(t.Data)
	const chunk = 1 << 14 // elements, which are whole blocks of any type
	n := len(t.Data) / int(from.bytes) * int(from.elements)
	var v, w []float32
	for lo := 0; lo < n; lo += chunk {
		hi := min(n, lo+chunk)
		x, y := t.Data[from.offset(lo):from.offset(hi)], u.Data[to.offset(lo):to.offset(hi)]
		if t.DType == u.DType && bytes.Equal(x, y) {
			continue
		}
		// Other bytes may be the same values: −0 is 0.
		if v, w = from.decodeInto(v, x), to.decodeInto(w, y); !slices.Equal(v, w) {
			return false
		}
	}
	return true
}

// Name returns the directory, or the file, that was opened.
func (s *Source) Name() string { return s.name }

// Names returns the names of all tensors, sorted.
func (s *Source) Names() []string {
	names := make([]string, len(s.tensors))
	for i, t := range s.tensors {
		names[i] = t.Name
	}
	return names
}

// Tensor returns the tensor of that name.
func (s *Source) Tensor(name string) (Tensor, bool) {
	i, ok := s.find(name)
	if !ok {
		return Tensor{}, false
	}
	return s.tensors[i], true
}

// Shape returns the shape of the tensor of that name. It must not be changed.
func (s *Source) Shape(name string) ([]int, bool) {
	t, ok := s.Tensor(name)
	return t.Shape, ok
}

func (s *Source) find(name string) (int, bool) {
	return slices.BinarySearchFunc(s.tensors, name, func(t Tensor, name string) int {
		return cmp.Compare(t.Name, name)
	})
}

// Expect notes that an index lists a tensor in a file, where it is not. A model that wants it,
// misses it there.
func (s *Source) Expect(tensor, file, index string) {
	if s.absent == nil {
		s.absent = map[string]string{}
	}
	s.absent[tensor] = file
	s.extra = append(s.extra, Beside(tensor, index))
}

// Extra returns what is left over whatever the model: tensors that several files have alike, each
// with a file that did not count, and those that only an index has, with its name.
func (s *Source) Extra() []string { return s.extra }

// Beside is an entry of [Source.Extra].
func Beside(tensor, file string) string { return tensor + " (" + filepath.Base(file) + ")" }

// Bytes returns the bytes that the files take in the address space.
func (s *Source) Bytes() int64 {
	n := int64(0)
	for _, f := range s.files {
		n += int64(len(f.Data))
	}
	return n
}

// Close gives the files back. Closing again does nothing.
func (s *Source) Close() error {
	var errs []error
	for _, f := range s.files {
		errs = append(errs, f.Close())
	}
	for _, r := range s.regions {
		errs = append(errs, r.Free())
	}
	s.files, s.tensors, s.regions = nil, nil, nil
	return errors.Join(errs...)
}
