package weights

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

const weightMap = "weight_map"

// index is an index file, such as model.safetensors.index.json: which shard holds which tensor.
type index struct {
	file    string
	shards  []string // sorted
	weights []placed // sorted by tensor
}

type placed struct {
	tensor string
	shard  int
}

// readIndex reads the index of that name at the root of fsys, which is shown in errors as shown.
func readIndex(fsys fs.FS, name, shown string) (*index, error) {
	f, err := openFile(fsys, name, shown)
	if err != nil {
		return nil, err
	}
	if len(f.data) > maxHeader {
		err = &FormatError{File: shown, Field: "file", Reason: fmt.Sprintf("has over %d bytes", maxHeader)}
		return nil, errors.Join(err, f.close())
	}
	ix, err := parseIndex(shown, f.data)
	return ix, errors.Join(err, f.close())
}

func parseIndex(file string, data []byte) (*index, error) {
	s := newScanner(file, "index", data)
	ix := &index{file: file}
	shards := map[string]int{}
	var weights bool
	err := s.Object(func(key []byte) error {
		if string(key) == weightMap {
			if weights {
				return s.fail(weightMap, "is there twice")
			}
			weights = true
			return s.Object(func(tensor []byte) error { return ix.place(s, shards, string(tensor)) })
		}
		_, err := s.Raw() // other keys say nothing about where tensors are
		return err
	})
	if err == nil {
		err = s.End()
	}
	if err != nil {
		return nil, err
	}
	if len(ix.weights) == 0 {
		return nil, s.fail(weightMap, "is missing or empty")
	}
	slices.SortFunc(ix.weights, func(a, b placed) int { return cmp.Compare(a.tensor, b.tensor) })
	for i := 1; i < len(ix.weights); i++ {
		if ix.weights[i].tensor == ix.weights[i-1].tensor {
			return nil, s.fail(ix.weights[i].tensor, "is there twice")
		}
	}
	ix.sortShards()
	return ix, nil
}

// place reads the shard of one tensor.
func (ix *index) place(s *scanner, shards map[string]int, tensor string) error {
	if s.Next() != '"' {
		return s.fail(tensor, "has no string as its shard")
	}
	text, err := s.Str()
	if err != nil {
		return err
	}
	shard := string(text)
	if len(ix.weights) == maxTensors {
		return s.fail(weightMap, fmt.Sprintf("has more than %d tensors", maxTensors))
	}
	n, ok := shards[shard]
	if !ok {
		// Only the checkpoint's own folder is read: no path, on any system.
		if !filepath.IsLocal(shard) || shard == "." || strings.ContainsAny(shard, "/\\:\x00") {
			return s.fail(tensor, "shard "+quote(shard)+" is not a plain file name")
		}
		n = len(ix.shards)
		shards[shard] = n
		ix.shards = append(ix.shards, shard)
	}
	ix.weights = append(ix.weights, placed{tensor, n})
	return nil
}

// sortShards puts the shards in order of their names, so that errors do not depend on the index's order.
func (ix *index) sortShards() {
	old := slices.Clone(ix.shards)
	slices.Sort(ix.shards)
	to := make([]int, len(old))
	for i, shard := range old {
		to[i], _ = slices.BinarySearch(ix.shards, shard)
	}
	for i := range ix.weights {
		ix.weights[i].shard = to[ix.weights[i].shard]
	}
}
