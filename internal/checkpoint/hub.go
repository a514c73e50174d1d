package checkpoint

// The hub's layout: a folder with config.json and its sisters, and weights in safetensors or torch
// archives. A folder of the operating system has its weights mapped; any other file system is read
// into memory. Files are read within bounds: published configurations have some kilobytes,
// vocabularies up to 20 megabytes. hubsections.go finds the keys, hubtext.go reads tokenizer and
// template.

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"strconv"

	"github.com/qwenvl/qwenvl/internal/shards"
	"github.com/qwenvl/qwenvl/internal/weights"
)

const (
	maxFile       = 16 << 20
	maxVocabulary = 256 << 20
)

type hub struct {
	files fs.FS
	dir   string // "": files are not the operating system's
}

// read returns a file's contents, nil when there is no such file.
func (h *hub) read(name string, limit int) ([]byte, error) {
	// Asked for before opening, which would wait at a named pipe.
	info, err := fs.Stat(h.files, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && !info.Mode().IsRegular() {
		return nil, &Error{File: name, Problem: "not a regular file"}
	}
	var f fs.File
	if err == nil {
		f, err = h.files.Open(name)
	}
	if err != nil {
		return nil, &Error{File: name, Problem: "not readable", Err: err}
	}
	defer f.Close()
	var data bytes.Buffer // with room from the start: a vocabulary has ten megabytes
	data.Grow(int(min(max(info.Size(), 0), int64(limit))) + bytes.MinRead)
	_, err = data.ReadFrom(io.LimitReader(f, int64(limit)+1))
	if err != nil {
		return nil, &Error{File: name, Problem: "not readable", Err: err}
	}
	if data.Len() > limit {
		return nil, &Error{File: name, Problem: "larger than " + strconv.Itoa(limit) + " bytes"}
	}
	if problem := weights.Pointer(data.Bytes()); problem != "" {
		return nil, &Error{File: name, Problem: problem}
	}
	return data.Bytes(), nil
}

func (h *hub) Tensors() (src *weights.Source, err error) {
	if h.dir != "" {
		src, err = shards.OpenDir(h.dir)
	} else {
		src, err = shards.OpenFS(h.files)
	}
	return src, h.explainWeights(err)
}

// Outline opens the weights of a folder, which reads none of them; elsewhere it reads their
// headers. Where they are not there, or of a form without headers, it asks their index.
func (h *hub) Outline() (o Outline, err error) {
	o, err = h.opened()
	if !errors.Is(err, fs.ErrNotExist) {
		return o, err
	}
	names, err := shards.IndexNames(h.files)
	if errors.Is(err, fs.ErrNotExist) {
		return o, nil
	}
	o.Shapes = make(map[string][]int, len(names))
	for _, name := range names {
		o.Shapes[name] = nil
	}
	return o, err
}

// opened is the outline of weights that are there.
func (h *hub) opened() (o Outline, err error) {
	var tensors []weights.Tensor
	var bytes int64
	var extra []string
	if h.dir == "" {
		tensors, bytes, extra, err = shards.Headers(h.files)
	} else {
		var src *weights.Source
		if src, err = shards.OpenDir(h.dir); err == nil {
			for _, name := range src.Names() {
				t, _ := src.Tensor(name)
				tensors = append(tensors, t)
			}
			bytes, extra = src.Bytes(), src.Extra()
			err = src.Close()
		}
	}
	if err != nil {
		return Outline{}, err
	}
	o = Outline{Shapes: map[string][]int{}, Sizes: map[string]int64{}, Bytes: bytes, Extra: extra}
	for _, t := range tensors {
		o.Shapes[t.Name], o.Sizes[t.Name] = t.Shape, t.Size()
	}
	o.Same = h.same
	return o, nil
}

// same opens the tensors once more to compare two: few checkpoints have two to compare.
func (h *hub) same(a, b string) bool {
	src, err := h.Tensors()
	if err != nil {
		return true
	}
	equal := src.Equal(a, b)
	return src.Close() == nil && equal
}

func (h *hub) Names() weights.Names { return nil }
