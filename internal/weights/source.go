package weights

// A checkpoint's tensors, whatever format and however many files they come from. Readers find them,
// and what opens a checkpoint hands both over (internal/shards does so for a folder).

import (
	"cmp"
	"errors"
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
}

// NewSource makes a checkpoint, shown as name, of the tensors that were found in files. It takes
// over both, and closes the files if it fails.
//
// Errors: *[FormatError] for a name that is there twice.
func NewSource(name string, files []*File, tensors []Tensor) (*Source, error) {
	s := &Source{name: name, files: files, tensors: tensors}
	slices.SortFunc(tensors, func(a, b Tensor) int {
		if c := cmp.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return cmp.Compare(a.File, b.File)
	})
	for i := 1; i < len(tensors); i++ {
		a, b := tensors[i-1], tensors[i]
		if a.Name != b.Name {
			continue
		}
		reason := "duplicate tensor"
		if a.File != b.File {
			reason += ", in " + Quote(a.File) + " too"
		}
		return nil, errors.Join(Malformed(b.File, b.Name, "%s", reason), s.Close())
	}
	return s, nil
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
