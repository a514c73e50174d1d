// Package ckpt holds a small checkpoint in memory so that tests can change its files, configuration values and tensors
// one at a time.
package ckpt

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/x448/float16"
)

const weightsFile = "model.safetensors"

// Checkpoint is the files of a checkpoint, its tensors apart.
type Checkpoint struct {
	Files   map[string][]byte
	Tensors []*Tensor // in the order of the file, or of the files
}

// Tensor is one tensor as it is stored.
type Tensor struct {
	Name  string
	DType string
	Shape []int
	Data  []byte
}

// Read reads the checkpoint in dir, folders inside it left out.
func Read(t testing.TB, dir string) *Checkpoint {
	t.Helper()
	c := &Checkpoint{Files: map[string][]byte{}}
	entries, err := os.ReadDir(dir)
	check(t, err)
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		check(t, err)
		switch {
		case strings.HasSuffix(e.Name(), ".safetensors"):
			c.parse(t, data)
		case e.Name() != weightsFile+".index.json": // shards become one file
			c.Files[e.Name()] = data
		}
	}
	return c
}

func (c *Checkpoint) parse(t testing.TB, data []byte) {
	t.Helper()
	n := binary.LittleEndian.Uint64(data)
	var header map[string]json.RawMessage
	check(t, json.Unmarshal(data[8:8+n], &header))
	body := data[8+n:]
	first, at := len(c.Tensors), map[*Tensor]int{}
	for name, raw := range header {
		if name == "__metadata__" {
			continue
		}
		var h struct {
			DType   string `json:"dtype"`
			Shape   []int  `json:"shape"`
			Offsets [2]int `json:"data_offsets"`
		}
		check(t, json.Unmarshal(raw, &h))
		x := &Tensor{Name: name, DType: h.DType, Shape: h.Shape, Data: slices.Clone(body[h.Offsets[0]:h.Offsets[1]])}
		at[x] = h.Offsets[0]
		c.Tensors = append(c.Tensors, x)
	}
	slices.SortFunc(c.Tensors[first:], func(a, b *Tensor) int { return at[a] - at[b] })
}

// Clone returns a copy that shares nothing with c.
func (c *Checkpoint) Clone() *Checkpoint {
	out := &Checkpoint{Files: map[string][]byte{}}
	for name, data := range c.Files {
		out.Files[name] = slices.Clone(data)
	}
	for _, x := range c.Tensors {
		out.Tensors = append(out.Tensors, &Tensor{x.Name, x.DType, slices.Clone(x.Shape), slices.Clone(x.Data)})
	}
	return out
}

// Tensor returns the tensor of that name.
func (c *Checkpoint) Tensor(t testing.TB, name string) *Tensor {
	t.Helper()
	for _, x := range c.Tensors {
		if x.Name == name {
			return x
		}
	}
	t.Fatalf("ckpt: no tensor %q", name)
	return nil
}

// Remove takes out the tensors whose name begins with prefix.
func (c *Checkpoint) Remove(prefix string) {
	c.Tensors = slices.DeleteFunc(c.Tensors, func(x *Tensor) bool { return strings.HasPrefix(x.Name, prefix) })
}

// Set changes the value at a dotted path of a JSON file; missing objects on the way are made.
func (c *Checkpoint) Set(t testing.TB, file, path string, value any) {
	t.Helper()
	c.edit(t, file, path, func(in map[string]any, key string) { in[key] = value })
}

// Delete removes the value at a dotted path of a JSON file.
func (c *Checkpoint) Delete(t testing.TB, file, path string) {
	t.Helper()
	c.edit(t, file, path, func(in map[string]any, key string) { delete(in, key) })
}

func (c *Checkpoint) edit(t testing.TB, file, path string, f func(in map[string]any, key string)) {
	t.Helper()
	var root map[string]any
	check(t, json.Unmarshal(c.Files[file], &root))
	in, keys := root, strings.Split(path, ".")
	for _, k := range keys[:len(keys)-1] {
		next, ok := in[k].(map[string]any)
		if !ok {
			next = map[string]any{}
			in[k] = next
		}
		in = next
	}
	f(in, keys[len(keys)-1])
	data, err := json.Marshal(root)
	check(t, err)
	c.Files[file] = data
}

// FS returns the checkpoint as a file system.
func (c *Checkpoint) FS() fstest.MapFS {
	out := fstest.MapFS{weightsFile: &fstest.MapFile{Data: Encode(c.Tensors)}}
	for name, data := range c.Files { // a file of the test's own making comes before the tensors
		out[name] = &fstest.MapFile{Data: data}
	}
	return out
}

// Shards returns the checkpoint as a file system with its tensors in n files and an index.
func (c *Checkpoint) Shards(t testing.TB, n int) fstest.MapFS {
	t.Helper()
	out, index := c.FS(), map[string]string{}
	delete(out, weightsFile)
	for i := range n {
		name := fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, n)
		part := c.Tensors[i*len(c.Tensors)/n : (i+1)*len(c.Tensors)/n]
		out[name] = &fstest.MapFile{Data: Encode(part)}
		for _, x := range part {
			index[x.Name] = name
		}
	}
	data, err := json.Marshal(map[string]any{"metadata": map[string]any{}, "weight_map": index})
	check(t, err)
	out[weightsFile+".index.json"] = &fstest.MapFile{Data: data}
	return out
}

// Write writes the checkpoint to a folder of its own, which goes with the test.
func (c *Checkpoint) Write(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for name, f := range c.FS() {
		check(t, os.WriteFile(filepath.Join(dir, name), f.Data, 0o600))
	}
	return dir
}

// Encode returns a safetensors file of the tensors.
func Encode(tensors []*Tensor) []byte {
	header, at := map[string]any{}, 0
	for _, x := range tensors {
		header[x.Name] = map[string]any{"dtype": x.DType, "shape": x.Shape, "data_offsets": []int{at, at + len(x.Data)}}
		at += len(x.Data)
	}
	head, err := json.Marshal(header)
	if err != nil {
		panic("ckpt: header: " + err.Error())
	}
	for len(head)%8 != 0 {
		head = append(head, ' ')
	}
	out := binary.LittleEndian.AppendUint64(make([]byte, 0, 8+len(head)+at), uint64(len(head)))
	out = append(out, head...)
	for _, x := range tensors {
		out = append(out, x.Data...)
	}
	return out
}

// Values returns the values of a tensor.
func (x *Tensor) Values() []float32 {
	size := 4
	if x.DType != "F32" {
		size = 2
	}
	out := make([]float32, len(x.Data)/size)
	for i := range out {
		switch x.DType {
		case "F32":
			out[i] = math.Float32frombits(binary.LittleEndian.Uint32(x.Data[4*i:]))
		case "BF16":
			out[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(x.Data[2*i:])) << 16)
		case "F16":
			out[i] = float16.Frombits(binary.LittleEndian.Uint16(x.Data[2*i:])).Float32()
		default:
			panic("ckpt: element type " + x.DType)
		}
	}
	return out
}

// Set replaces the values by others in float32.
func (x *Tensor) Set(v []float32) {
	x.DType, x.Data = "F32", nil
	for _, f := range v {
		x.Data = binary.LittleEndian.AppendUint32(x.Data, math.Float32bits(f))
	}
}

// Narrow rounds the values to BF16 or F16.
func (x *Tensor) Narrow(dtype string) {
	v := x.Values()
	x.DType, x.Data = dtype, nil
	for _, f := range v {
		bits := float16.Fromfloat32(f).Bits()
		if dtype == "BF16" {
			b := math.Float32bits(f)
			bits = uint16((b + 0x7fff + b>>16&1) >> 16)
		}
		x.Data = binary.LittleEndian.AppendUint16(x.Data, bits)
	}
}

// Update replaces each value by f of its index and itself.
func (x *Tensor) Update(f func(i int, v float32) float32) {
	v := x.Values()
	for i := range v {
		v[i] = f(i, v[i])
	}
	x.Set(v)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("ckpt: %v", err)
	}
}
