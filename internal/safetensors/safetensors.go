// Package safetensors reads the headers of safetensors files.
//
// A file is the length of its header in 8 bytes, the header, a JSON object of tensors by name, and the
// tensors' bytes. [Read] holds every rule of the format against a file: the tensors lie one after
// another and fill it, their shapes and types take what their offsets say, no key comes twice. Every
// length is held against the bytes that are there before anything is allocated or indexed. Only the
// header is touched, so that a mapped file is not read.
//
// Source: github.com/huggingface/safetensors, README (format) and safetensors/src/tensor.rs (rules).
package safetensors

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/qwenvl/qwenvl/internal/strictjson"
	"github.com/qwenvl/qwenvl/internal/weights"
)

// Bounds besides those of all readers. The first is the format's own.
const (
	maxHeader   = 100_000_000
	maxMetadata = 1 << 16
)

const (
	headerPart  = "header" // in errors
	metadataKey = "__metadata__"
)

// entry is a tensor as the header describes it, with offsets from the end of the header.
type entry struct {
	name       string
	dtype      weights.DType
	shape      []int
	begin, end uint64
}

// header reads the JSON of a header.
type header struct {
	strictjson.Reader
	file string
}

func (h *header) fail(field, format string, args ...any) error {
	return &weights.FormatError{File: h.file, Field: field, Reason: fmt.Sprintf(format, args...)}
}

// Read is the [weights.Reader] of the format.
func Read(file string, data []byte) ([]weights.Tensor, error) {
	h := &header{file: file}
	h.Fail = func(pos int, problem string) error { return h.fail(headerPart, "byte %d: %s", pos, problem) }
	if len(data) < 8 {
		return nil, h.fail(headerPart, "the file has %d bytes, too few for the header's length", len(data))
	}
	n, data := binary.LittleEndian.Uint64(data), data[8:]
	if n > maxHeader {
		return nil, h.fail(headerPart, "length %d is over %d", n, maxHeader)
	}
	if n > uint64(len(data)) {
		return nil, h.fail(headerPart, "length %d is beyond the file's %d bytes", n, len(data)+8)
	}
	h.Data, data = data[:n], data[n:]
	if n == 0 || h.Data[0] != '{' {
		return nil, h.Fail(0, `not "{"`)
	}
	entries, err := h.tensors()
	if err != nil {
		return nil, err
	}
	return h.lay(entries, data)
}

// tensors reads the whole header.
func (h *header) tensors() (entries []entry, err error) {
	var metadata bool
	err = h.Object(func(key []byte) error {
		if string(key) == metadataKey {
			if metadata {
				return h.fail(metadataKey, "duplicate key")
			}
			metadata = true
			return h.stringMap(metadataKey)
		}
		if len(entries) == weights.MaxTensors {
			return h.fail(headerPart, "has more than %d tensors", weights.MaxTensors)
		}
		e, err := h.tensor(string(key)) // a copy, which outlives the mapping
		entries = append(entries, e)
		return err
	})
	if err == nil {
		err = h.End()
	}
	return entries, err
}

// stringMap reads an object of strings without repeated keys.
func (h *header) stringMap(field string) error {
	n := 0
	twice := func(string) error { return h.fail(field, "duplicate key") }
	return h.Fields(twice, func(string) error {
		if n++; n > maxMetadata {
			return h.fail(field, "has more than %d keys", maxMetadata)
		}
		if h.Next() != '"' {
			return h.fail(field, "holds something other than strings")
		}
		_, err := h.Str()
		return err
	})
}

// tensor reads {"dtype": …, "shape": […], "data_offsets": [begin, end]}; each key exactly once and no other.
func (h *header) tensor(name string) (entry, error) {
	e := entry{name: name}
	var seen [3]bool
	once := func(i int) error {
		if seen[i] {
			return h.fail(name, "duplicate key")
		}
		seen[i] = true
		return nil
	}
	var dtype string
	var offsets []uint64
	err := h.Object(func(key []byte) (err error) {
		switch string(key) {
		case "dtype":
			if err = once(0); err == nil {
				var text []byte
				text, err = h.Str()
				dtype = string(text)
			}
		case "shape":
			if err = once(1); err == nil {
				e.shape, err = h.shape(name)
			}
		case "data_offsets":
			if err = once(2); err == nil {
				offsets, err = h.offsets(name)
			}
		default:
			err = h.fail(name, "has a key other than dtype, shape and data_offsets")
		}
		return err
	})
	if err != nil {
		return e, err
	}
	if seen != [3]bool{true, true, true} {
		return e, h.fail(name, "lacks dtype, shape or data_offsets")
	}
	e.begin, e.end = offsets[0], offsets[1]
	if e.end < e.begin {
		return e, h.fail(name, "data_offsets run backwards")
	}
	known, ok := weights.Known(dtype)
	if !ok {
		return e, &weights.UnsupportedError{File: h.file, Field: name, Feature: "element type " + weights.Quote(dtype)}
	}
	e.dtype = known
	n, ok := weights.Elements(e.shape)
	if !ok {
		return e, h.fail(name, "size overflows")
	}
	if size, ok := known.Bytes(n); !ok || size != e.end-e.begin {
		return e, h.fail(name, "%d elements of %s do not take the %d bytes of data_offsets", n, known, e.end-e.begin)
	}
	return e, nil
}

// shape reads the dimensions, each of which fits an int.
func (h *header) shape(name string) ([]int, error) {
	var buf [weights.MaxRank]int
	n := 0
	err := h.Array(func() error {
		d, err := h.Uint()
		if err != nil {
			return err
		}
		if n == weights.MaxRank || d > math.MaxInt {
			return h.fail(name, "shape has too many or too large dimensions")
		}
		buf[n] = int(d)
		n++
		return nil
	})
	return slices.Clone(buf[:n]), err
}

func (h *header) offsets(name string) ([]uint64, error) {
	v := make([]uint64, 0, 2)
	err := h.Array(func() error {
		n, err := h.Uint()
		if err == nil && len(v) == 2 {
			err = h.fail(name, "data_offsets is not a pair")
		}
		v = append(v, n)
		return err
	})
	if err == nil && len(v) != 2 {
		err = h.fail(name, "data_offsets is not a pair")
	}
	return v, err
}

// lay checks that the tensors lie one after another and fill data, and gives each its bytes.
func (h *header) lay(entries []entry, data []byte) ([]weights.Tensor, error) {
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end), cmp.Compare(a.name, b.name))
	})
	tensors := make([]weights.Tensor, len(entries))
	at, size := uint64(0), uint64(len(data))
	for i, e := range entries {
		switch {
		case e.begin > at:
			return nil, h.fail(e.name, "leaves a hole of %d bytes before it", e.begin-at)
		case e.begin < at:
			return nil, h.fail(e.name, "overlaps the tensor before it")
		case e.end > size:
			return nil, h.fail(e.name, "ends at %d of %d bytes of data", e.end, size)
		}
		at = e.end
		tensors[i] = weights.Tensor{Name: e.name, DType: e.dtype, Shape: e.shape, Data: data[e.begin:e.end:e.end], File: h.file}
	}
	if at != size {
		return nil, h.fail("data", "%d bytes follow the last tensor", size-at)
	}
	return tensors, nil
}
