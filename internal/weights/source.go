package weights

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/qwenvl/qwenvl/internal/pages"
)

// The names under which a checkpoint's tensors are looked for.
const (
	singleFile = "model.safetensors"
	indexFile  = "model.safetensors.index.json"
	torchFile  = "pytorch_model.bin"
	torchIndex = "pytorch_model.bin.index.json"
)

// parser reads where the tensors of a file are. The entries come sorted by name.
type parser func(file string, data []byte) ([]entry, error)

// Tensor is one tensor of a checkpoint as it is stored. Shape and Data must not be changed, and Data not be used once its
// Source is closed.
type Tensor struct {
	Name  string
	DType DType
	Shape []int
	Data  []byte // row by row, little endian
	File  string
}

// Source is an open checkpoint. Its methods are safe for concurrent use, except that nothing may run during or
// after Close; no [Tensor], and no matrix bound to one, may be used once it is closed.
type Source struct {
	name    string
	files   []*file
	entries []entry // sorted by name
	regions []pages.Region
}

// OpenDir opens the checkpoint in a directory, the first of these that is there:
//
//   - model.safetensors
//   - model.safetensors.index.json and the shards that it names
//   - pytorch_model.bin
//   - pytorch_model.bin.index.json and the shards that it names
//
// so that safetensors are preferred, whatever is wrong with them. Shards must have plain file names. Symbolic links are
// followed. Files are memory-mapped and their tensor data is not touched; they must not be shortened while the Source is
// open.
//
// Errors: *[FormatError], *[UnsupportedError], or a file's own error, wrapped (fs.ErrNotExist where there is no
// checkpoint).
func OpenDir(dir string) (*Source, error) { return open(os.DirFS(dir), dir) }

// OpenFS opens the checkpoint at the root of fsys as [OpenDir] does. Files that are not files of the operating system are
// read into memory once.
func OpenFS(fsys fs.FS) (*Source, error) { return open(fsys, "") }

// OpenFile opens one safetensors file of fsys, whatever its name.
func OpenFile(fsys fs.FS, name string) (*Source, error) {
	s := &Source{name: name}
	if err := s.add(fsys, name, name, parseSafetensors); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func open(fsys fs.FS, dir string) (*Source, error) {
	for _, kind := range []struct {
		single, index string
		parse         parser
	}{
		{singleFile, indexFile, parseSafetensors},
		{torchFile, torchIndex, parseTorch},
	} {
		s := &Source{name: cmp.Or(dir, kind.single)}
		err := s.add(fsys, kind.single, filepath.Join(dir, kind.single), kind.parse)
		if errors.Is(err, fs.ErrNotExist) {
			var ix *index
			ix, err = readIndex(fsys, kind.index, filepath.Join(dir, kind.index))
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err == nil {
				s.name = cmp.Or(dir, kind.index)
				err = s.addShards(fsys, dir, ix, kind.parse)
			}
		}
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		return s, nil
	}
	return nil, fmt.Errorf("weights: no checkpoint: %s: neither %s nor %s, nor either's index: %w", cmp.Or(dir, "."), singleFile, torchFile, fs.ErrNotExist)
}

// add opens one file and appends its entries.
func (s *Source) add(fsys fs.FS, name, shown string, parse parser) error {
	f, err := openFile(fsys, name, shown)
	if err != nil {
		return err
	}
	s.files = append(s.files, f)
	entries, err := parse(shown, f.data)
	if err != nil {
		return err
	}
	for i := range entries {
		entries[i].file = len(s.files) - 1
	}
	s.entries = append(s.entries, entries...)
	return nil
}

// addShards opens all shards of an index; together they must hold what it lists, each tensor where it says.
func (s *Source) addShards(fsys fs.FS, dir string, ix *index, parse parser) error {
	for _, shard := range ix.shards {
		err := s.add(fsys, shard, filepath.Join(dir, shard), parse)
		if errors.Is(err, fs.ErrNotExist) {
			return &FormatError{File: ix.file, Field: shard, Reason: "the shard is missing", Err: fs.ErrNotExist}
		}
		if err != nil {
			return err
		}
		if len(s.entries) > maxTensors {
			return &FormatError{File: ix.file, Field: weightMap, Reason: fmt.Sprintf("the shards have more than %d tensors", maxTensors)}
		}
	}
	slices.SortStableFunc(s.entries, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	for i := 1; i < len(s.entries); i++ {
		if a, b := s.entries[i-1], s.entries[i]; a.name == b.name {
			return &FormatError{File: s.files[b.file].name, Field: b.name, Reason: "is in shard " + quote(s.files[a.file].name) + " too"}
		}
	}
	at := 0
	for _, w := range ix.weights {
		switch {
		case at < len(s.entries) && s.entries[at].name < w.tensor:
			return s.unlisted(ix, at)
		case at == len(s.entries) || s.entries[at].name != w.tensor || s.entries[at].file != w.shard:
			return &FormatError{File: ix.file, Field: w.tensor, Reason: "is not in shard " + quote(ix.shards[w.shard])}
		}
		at++
	}
	if at < len(s.entries) {
		return s.unlisted(ix, at)
	}
	return nil
}

func (s *Source) unlisted(ix *index, at int) error {
	e := s.entries[at]
	return &FormatError{File: s.files[e.file].name, Field: e.name, Reason: "is not in the index " + quote(ix.file)}
}

// Name returns the directory, or the file, that was opened.
func (s *Source) Name() string { return s.name }

// Names returns the names of all tensors, sorted.
func (s *Source) Names() []string {
	names := make([]string, len(s.entries))
	for i, e := range s.entries {
		names[i] = e.name
	}
	return names
}

// Tensor returns the tensor of that name.
func (s *Source) Tensor(name string) (Tensor, bool) {
	i, ok := s.find(name)
	if !ok {
		return Tensor{}, false
	}
	return s.at(i), true
}

// Shape returns the shape of the tensor of that name. It must not be changed.
func (s *Source) Shape(name string) ([]int, bool) {
	i, ok := s.find(name)
	if !ok {
		return nil, false
	}
	return s.entries[i].shape, true
}

func (s *Source) find(name string) (int, bool) {
	return slices.BinarySearchFunc(s.entries, name, func(e entry, name string) int { return cmp.Compare(e.name, name) })
}

func (s *Source) at(i int) Tensor {
	e := &s.entries[i]
	f := s.files[e.file]
	return Tensor{Name: e.name, DType: e.dtype, Shape: e.shape, Data: f.data[e.begin:e.end:e.end], File: f.name}
}

// Bytes returns the bytes that the files take in the address space.
func (s *Source) Bytes() int64 {
	n := int64(0)
	for _, f := range s.files {
		n += int64(len(f.data))
	}
	return n
}

// Close gives the files back. Closing again does nothing.
func (s *Source) Close() error {
	var errs []error
	for _, f := range s.files {
		errs = append(errs, f.close())
	}
	for _, r := range s.regions {
		errs = append(errs, r.Free())
	}
	s.files, s.entries, s.regions = nil, nil, nil
	return errors.Join(errs...)
}
