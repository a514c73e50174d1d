package main

// Changes to the tensors of a checkpoint: other names, further tensors, several files.

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/qwenvl/qwenvl/internal/safetensors"
	"github.com/qwenvl/qwenvl/internal/weights"
)

const (
	weightsName = "model.safetensors"
	indexName   = weightsName + ".index.json"
)

// tensorChanges are made in the order of the fields.
type tensorChanges struct {
	Rename    [][2]string // old prefix, new prefix; the first that fits
	Add       string      // file beside case.json, whose tensors come in place of equal names
	Shards    int         // files that the sorted names are cut into, with an index
	IndexAlso []string    `json:"index_also"` // names that the index gives to the last file
}

// apply changes the weights in work. Where there is nothing to change they stay as they are.
func (c *tensorChanges) apply(work, dir string) error {
	if len(c.Rename) == 0 && c.Add == "" && c.Shards == 0 {
		return nil
	}
	tensors, err := takeTensors(work)
	if err != nil {
		return err
	}
	for i := range tensors {
		tensors[i].Name = c.rename(tensors[i].Name)
	}
	if c.Add != "" {
		more, err := readTensors(filepath.Join(dir, filepath.Base(c.Add)))
		if err != nil {
			return err
		}
		tensors = slices.DeleteFunc(tensors, func(t weights.Tensor) bool {
			return slices.ContainsFunc(more, func(m weights.Tensor) bool { return m.Name == t.Name })
		})
		tensors = append(tensors, more...)
	}
	slices.SortFunc(tensors, func(a, b weights.Tensor) int { return strings.Compare(a.Name, b.Name) })
	if c.Shards < 2 {
		return writeTensors(filepath.Join(work, weightsName), tensors)
	}
	return c.shard(work, tensors)
}

func (c *tensorChanges) rename(name string) string {
	for _, r := range c.Rename {
		if rest, ok := strings.CutPrefix(name, r[0]); ok {
			return r[1] + rest
		}
	}
	return name
}

// shard writes the tensors to several files and their index.
func (c *tensorChanges) shard(work string, tensors []weights.Tensor) error {
	files := map[string]string{}
	file := ""
	for i := range c.Shards {
		file = fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, c.Shards)
		part := tensors[i*len(tensors)/c.Shards : (i+1)*len(tensors)/c.Shards]
		for _, t := range part {
			files[t.Name] = file
		}
		if err := writeTensors(filepath.Join(work, file), part); err != nil {
			return err
		}
	}
	for _, name := range c.IndexAlso {
		files[name] = file
	}
	data, err := json.Marshal(map[string]any{"metadata": map[string]any{}, "weight_map": files})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(work, indexName), data, 0o600)
}

// takeTensors reads the tensors of all files in a folder and removes the files.
func takeTensors(dir string) ([]weights.Tensor, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.safetensors"))
	if err == nil && len(files) == 0 {
		err = errors.New("no tensors to change")
	}
	var all []weights.Tensor
	for _, file := range files {
		tensors, err := readTensors(file)
		if err == nil {
			err = os.Remove(file)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, tensors...)
	}
	if index := filepath.Join(dir, indexName); err == nil && exists(index) {
		err = os.Remove(index)
	}
	return all, err
}

func readTensors(path string) ([]weights.Tensor, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return safetensors.Read(filepath.Base(path), data)
}

// writeTensors writes a safetensors file.
func writeTensors(path string, tensors []weights.Tensor) error {
	type entry struct {
		DType   string `json:"dtype"`
		Shape   []int  `json:"shape"`
		Offsets [2]int `json:"data_offsets"`
	}
	header, data := map[string]entry{}, []byte{}
	for _, t := range tensors {
		at := len(data)
		data = append(data, t.Data...)
		shape := append([]int{}, t.Shape...)
		header[t.Name] = entry{string(t.DType), shape, [2]int{at, len(data)}}
	}
	head, err := json.Marshal(header)
	if err != nil {
		return err
	}
	for len(head)%8 != 0 {
		head = append(head, ' ')
	}
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(head)))
	return os.WriteFile(path, append(append(out, head...), data...), 0o600)
}
