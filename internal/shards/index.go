package shards

// The index of a checkpoint in several files, such as model.safetensors.index.json: a JSON object
// whose weight_map says which shard holds which tensor. As in the reference it only names the
// shards: what is in them counts, whatever else the index says, since tools that prune, merge or
// tie leave it as it was.

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/qwenvl/qwenvl/internal/strictjson"
	"github.com/qwenvl/qwenvl/internal/weights"
)

const (
	weightMap = "weight_map"
	maxIndex  = 100_000_000 // bytes
)

// index is what an index file says.
type index struct {
	file    string
	shards  []string // sorted
	weights []placed // sorted by tensor
}

type placed struct{ tensor, shard string }

func (ix *index) fail(field, format string, args ...any) error {
	return weights.Malformed(ix.file, field, format, args...)
}

// readIndex reads the index of that name at the root of fsys, which is shown in errors as shown.
func readIndex(fsys fs.FS, name, shown string) (*index, error) {
	f, err := weights.OpenFile(fsys, name, shown)
	if err != nil {
		return nil, err
	}
	ix := &index{file: shown}
	return ix, errors.Join(ix.parse(f.Data), f.Close())
}

func (ix *index) parse(data []byte) error {
	if problem := weights.Pointer(data); problem != "" {
		return ix.fail("file", "%s", problem)
	}
	if len(data) > maxIndex {
		return ix.fail("file", "has over %d bytes", maxIndex)
	}
	r := &strictjson.Reader{Data: data, Fail: func(pos int, problem string) error {
		return ix.fail("index", "byte %d: %s", pos, problem)
	}}
	shards := map[string]string{} // each to itself: one copy of a name
	var found bool
	err := r.Object(func(key []byte) error {
		if string(key) == weightMap {
			if found {
				return ix.fail(weightMap, "duplicate key")
			}
			found = true
			return r.Object(func(tensor []byte) error { return ix.place(r, shards, string(tensor)) })
		}
		_, err := r.Raw() // other keys say nothing about where tensors are
		return err
	})
	if err == nil {
		err = r.End()
	}
	if err != nil {
		return err
	}
	if len(ix.weights) == 0 {
		return ix.fail(weightMap, "missing or empty")
	}
	slices.SortFunc(ix.weights, func(a, b placed) int { return cmp.Compare(a.tensor, b.tensor) })
	for i := 1; i < len(ix.weights); i++ {
		if ix.weights[i].tensor == ix.weights[i-1].tensor {
			return ix.fail(ix.weights[i].tensor, "duplicate tensor")
		}
	}
	ix.shards = slices.Sorted(maps.Keys(shards)) // so that errors do not depend on the index's order
	return nil
}

// place reads the shard of one tensor.
func (ix *index) place(r *strictjson.Reader, shards map[string]string, tensor string) error {
	if r.Next() != '"' {
		return ix.fail(tensor, "shard is not a string")
	}
	text, err := r.Str()
	if err != nil {
		return err
	}
	if len(ix.weights) == weights.MaxTensors {
		return ix.fail(weightMap, "has more than %d tensors", weights.MaxTensors)
	}
	shard, ok := shards[string(text)]
	if !ok {
		shard = string(text)
		// Only the checkpoint's own folder is read: no path, on any system.
		if !filepath.IsLocal(shard) || shard == "." || strings.ContainsAny(shard, "/\\:\x00") {
			return ix.fail(tensor, "shard %s is not a plain file name", weights.Quote(shard))
		}
		shards[shard] = shard
	}
	ix.weights = append(ix.weights, placed{tensor, shard})
	return nil
}

// expect tells the source which tensors are listed and in none of its files.
func (ix *index) expect(src *weights.Source, dir string) {
	for _, w := range ix.weights {
		if _, ok := src.Tensor(w.tensor); !ok {
			src.Expect(w.tensor, filepath.Join(dir, w.shard), ix.file)
		}
	}
}
