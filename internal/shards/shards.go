// Package shards opens the tensors of a folder in the hub's layout: one file of them, or several
// that an index names. The table of its file formats is here; each has its reader in a package of
// its own, and what tensors are for is the business of internal/weights.
package shards

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/qwenvl/qwenvl/internal/safetensors"
	"github.com/qwenvl/qwenvl/internal/torchfile"
	"github.com/qwenvl/qwenvl/internal/weights"
)

// format is a file format: the name of a single file, that of an index, and what reads a file.
type format struct {
	single, index string
	read          weights.Reader
}

// formats in the order in which they are looked for: the first that is there counts, whatever is
// wrong with it.
var formats = []format{
	{"model.safetensors", "model.safetensors.index.json", safetensors.Read},
	{"pytorch_model.bin", "pytorch_model.bin.index.json", torchfile.Read},
}

// OpenDir opens the checkpoint in a directory, the first of these that is there:
//
//   - model.safetensors
//   - model.safetensors.index.json and the shards that it names
//   - pytorch_model.bin
//   - pytorch_model.bin.index.json and the shards that it names
//
// so that safetensors are preferred, whatever is wrong with them. Shards must have plain file
// names. Symbolic links are followed. Files are memory-mapped and their tensor data is not touched;
// they must not be shortened while the Source is open.
//
// Errors: *[weights.FormatError], *[weights.UnsupportedError], or a file's own error, wrapped
// (fs.ErrNotExist where there is no checkpoint).
func OpenDir(dir string) (*weights.Source, error) { return open(os.DirFS(dir), dir) }

// OpenFS opens the checkpoint at the root of fsys as [OpenDir] does. Files that are not files of
// the operating system are read into memory once.
func OpenFS(fsys fs.FS) (*weights.Source, error) { return open(fsys, "") }

// OpenFile opens one safetensors file of fsys, whatever its name.
func OpenFile(fsys fs.FS, name string) (*weights.Source, error) {
	o := opening{fsys: fsys, read: safetensors.Read}
	return o.source(name, o.add(name))
}

// IndexNames returns the names of the tensors that the index at the root of fsys lists, sorted. The
// shards need not be there.
//
// Errors: *[weights.FormatError], or the file's own, wrapped (fs.ErrNotExist where there is no
// index).
func IndexNames(fsys fs.FS) ([]string, error) {
	for _, f := range formats {
		ix, err := readIndex(fsys, f.index, f.index)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		names := make([]string, len(ix.weights))
		for i, w := range ix.weights {
			names[i] = w.tensor
		}
		return names, nil
	}
	return nil, fmt.Errorf("shards: no index: neither %s nor %s: %w",
		formats[0].index, formats[1].index, fs.ErrNotExist)
}

func open(fsys fs.FS, dir string) (*weights.Source, error) {
	for _, f := range formats {
		o := opening{fsys: fsys, dir: dir, read: f.read}
		err := o.add(f.single)
		if !errors.Is(err, fs.ErrNotExist) {
			return o.source(cmp.Or(dir, f.single), err)
		}
		ix, err := readIndex(fsys, f.index, filepath.Join(dir, f.index))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		src, err := o.source(cmp.Or(dir, f.index), o.addAll(ix))
		if err != nil {
			return nil, err
		}
		ix.expect(src, dir)
		return src, nil
	}
	return nil, fmt.Errorf("shards: no checkpoint: %s: neither %s nor %s, nor either's index: %w",
		cmp.Or(dir, "."), formats[0].single, formats[1].single, fs.ErrNotExist)
}

// opening is files of one format, opened one after another.
type opening struct {
	fsys    fs.FS
	dir     string // "": errors show the files' names alone
	read    weights.Reader
	files   []*weights.File
	tensors []weights.Tensor
}

// add opens one file and reads where its tensors are.
func (o *opening) add(name string) error {
	f, err := weights.OpenFile(o.fsys, name, filepath.Join(o.dir, name))
	if err != nil {
		return err
	}
	o.files = append(o.files, f)
	if problem := weights.Pointer(f.Data); problem != "" {
		return weights.Malformed(f.Name, "file", "%s", problem)
	}
	tensors, err := o.read(f.Name, f.Data)
	o.tensors = append(o.tensors, tensors...)
	return err
}

// addAll opens all shards of an index.
func (o *opening) addAll(ix *index) error {
	for _, shard := range ix.shards {
		err := o.add(shard)
		if errors.Is(err, fs.ErrNotExist) {
			return &weights.FormatError{
				File: ix.file, Field: shard, Reason: "missing shard", Err: fs.ErrNotExist}
		}
		if err != nil {
			return err
		}
		if len(o.tensors) > weights.MaxTensors {
			return ix.fail(weightMap, "the shards have more than %d tensors", weights.MaxTensors)
		}
	}
	return nil
}

// source makes a Source of what was opened, unless there was an error.
func (o *opening) source(name string, err error) (*weights.Source, error) {
	if err == nil {
		return weights.NewSource(name, o.files, o.tensors)
	}
	for _, f := range o.files {
		err = errors.Join(err, f.Close())
	}
	return nil, err
}
