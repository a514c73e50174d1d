package shards

// What is in the shards of a folder, by their headers alone: for file systems whose files cannot be
// mapped, where opening them would read all of the weights.

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/qwenvl/qwenvl/internal/safetensors"
	"github.com/qwenvl/qwenvl/internal/weights"
)

// Headers returns the tensors at the root of fsys, without their bytes, as [OpenFS] finds them, and
// the bytes of all files. Extra is as in [weights.Source.Extra], with what is there twice taken to
// be equal. Only safetensors can be told so.
//
// Errors: as [OpenFS]; fs.ErrNotExist where there are no safetensors.
func Headers(fsys fs.FS) (tensors []weights.Tensor, bytes int64, extra []string, err error) {
	f := formats[0]
	tensors, bytes, err = header(fsys, f.single)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return tensors, bytes, nil, err
	}
	ix, err := readIndex(fsys, f.index, f.index)
	if err != nil {
		return nil, 0, nil, err
	}
	seen := map[string]bool{}
	for _, shard := range ix.shards {
		found, size, err := header(fsys, shard)
		if err != nil {
			return nil, 0, nil, err
		}
		for _, t := range found {
			if seen[t.Name] {
				extra = append(extra, weights.Beside(t.Name, t.File))
				continue
			}
			seen[t.Name] = true
			tensors = append(tensors, t)
		}
		if bytes += size; len(tensors) > weights.MaxTensors {
			return nil, 0, nil, ix.fail(weightMap, "the shards have more than %d tensors",
				weights.MaxTensors)
		}
	}
	for _, w := range ix.weights {
		if !seen[w.tensor] {
			extra = append(extra, weights.Beside(w.tensor, ix.file))
		}
	}
	slices.Sort(extra)
	return tensors, bytes, extra, nil
}

// header reads the header of one file.
func header(fsys fs.FS, name string) ([]weights.Tensor, int64, error) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, 0, fmt.Errorf("shards: open: %s: %w", name, err)
	}
	if !info.Mode().IsRegular() {
		return nil, 0, weights.Malformed(name, "file", "not a regular file")
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, 0, fmt.Errorf("shards: open: %s: %w", name, err)
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, weights.MaxPointer+1)
	begin, _ := r.Peek(weights.MaxPointer + 1) // an error comes again
	if problem := weights.Pointer(begin); problem != "" {
		return nil, 0, weights.Malformed(name, "file", "%s", problem)
	}
	tensors, err := safetensors.ReadHeader(name, r, info.Size())
	return tensors, info.Size(), err
}
