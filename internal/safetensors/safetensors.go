// Package safetensors reads the headers of safetensors files.
//
// A file is the length of its header in 8 bytes, the header, a JSON object of tensors by name, and
// the tensors' bytes. [Read] holds every rule of the format against a file: the tensors lie one
// after another and fill it, their shapes and types take what their offsets say, no key comes
// twice. Every length is held against the bytes that are there before anything is allocated or
// indexed. Only the header is touched, so that a mapped file is not read; [ReadHeader] reads no
// more of a file than that.
//
// Source: github.com/huggingface/safetensors, README (format) and safetensors/src/tensor.rs
// (rules).
package safetensors

import (
	"cmp"
	"encoding/binary"
	"io"
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

const cutOff = "it was cut off; download it again"

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
	return weights.Malformed(h.file, field, format, args...)
}

// Read is the [weights.Reader] of the format.
func Read(file string, data []byte) ([]weights.Tensor, error) {
	h := newHeader(file)
	n, err := h.length(data[:min(len(data), 8)], uint64(len(data)))
	if err != nil {
		return nil, err
	}
	body := data[8+n:]
	entries, err := h.read(data[8:8+n], uint64(len(body)))
	if err != nil {
		return nil, err
	}
	tensors := make([]weights.Tensor, len(entries))
	for i, e := range entries {
		tensors[i] = e.tensor(file)
		tensors[i].Data = body[e.begin:e.end:e.end]
	}
	return tensors, nil
}

// ReadHeader reads the header of a file of size bytes from its beginning. The tensors have no Data.
//
// Errors: as [Read]; those of r.
func ReadHeader(file string, r io.Reader, size int64) ([]weights.Tensor, error) {
	h := newHeader(file)
	head, err := io.ReadAll(io.LimitReader(r, 8))
	if err != nil {
		return nil, err
	}
	n, err := h.length(head, uint64(max(size, 0)))
	if err != nil {
		return nil, err
	}
	if head, err = io.ReadAll(io.LimitReader(r, int64(n))); err != nil {
		return nil, err
	}
	if uint64(len(head)) < n {
		return nil, h.fail(headerPart, "the file has %d bytes, not the %d of its size: "+cutOff,
			8+len(head), size)
	}
	entries, err := h.read(head, uint64(size)-8-n)
	if err != nil {
		return nil, err
	}
	tensors := make([]weights.Tensor, len(entries))
	for i, e := range entries {
		tensors[i] = e.tensor(file)
	}
	return tensors, nil
}

func newHeader(file string) *header {
	h := &header{file: file}
	h.Fail = func(pos int, problem string) error {
		return h.fail(headerPart, "byte %d: %s", pos, problem)
	}
	return h
}

// length reads the length of the header of a file of size bytes.
func (h *header) length(head []byte, size uint64) (uint64, error) {
	if len(head) == 0 {
		return 0, h.fail(headerPart, "the file is empty: download it again")
	}
	if len(head) < 8 || size < 8 {
		return 0, h.fail(headerPart, "%d bytes are too few for the header's length", len(head))
	}
	n := binary.LittleEndian.Uint64(head)
	if n > maxHeader {
		return 0, h.fail(headerPart, "length %d is over %d: the file begins with %q, and is no "+
			"safetensors file", n, maxHeader, head)
	}
	if n > size-8 {
		return 0, h.fail(headerPart, "length %d is beyond the file's %d bytes: "+cutOff, n, size)
	}
	return n, nil
}

// read reads a whole header, behind which size bytes of data follow. The entries are in the order
// of the data.
func (h *header) read(head []byte, size uint64) ([]entry, error) {
	h.Data = head
	if len(head) == 0 || head[0] != '{' {
		return nil, h.Fail(0, `not "{"`)
	}
	entries, err := h.tensors()
	if err != nil {
		return nil, err
	}
	return entries, h.lay(entries, size)
}

// tensor is the entry without its bytes.
func (e entry) tensor(file string) weights.Tensor {
	return weights.Tensor{Name: e.name, DType: e.dtype, Shape: e.shape, File: file}
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
			return h.fail(field, "not a map of strings")
		}
		_, err := h.Str()
		return err
	})
}

// tensor reads an object of dtype, shape and data_offsets, each exactly once and no other.
func (h *header) tensor(name string) (entry, error) {
	e := entry{name: name}
	var seen [3]bool
	err := h.Object(func(key []byte) (err error) {
		part := slices.Index(tensorKeys[:], string(key))
		if part < 0 {
			return h.fail(name, "has a key other than dtype, shape and data_offsets")
		}
		if seen[part] {
			return h.fail(name, "duplicate key")
		}
		seen[part] = true
		switch part {
		case 0:
			e.dtype, err = h.dtype(name)
		case 1:
			e.shape, err = h.shape(name)
		default:
			e.begin, e.end, err = h.offsets(name)
		}
		return err
	})
	if err != nil {
		return e, err
	}
	if seen != [3]bool{true, true, true} {
		return e, h.fail(name, "dtype, shape or data_offsets is missing")
	}
	if e.end < e.begin {
		return e, h.fail(name, "data_offsets run backwards")
	}
	n, ok := weights.Elements(e.shape)
	if !ok {
		return e, h.fail(name, "size overflows")
	}
	if size, ok := e.dtype.Bytes(n); !ok || size != e.end-e.begin {
		return e, h.fail(name, "%d elements of %s do not take the %d bytes of data_offsets",
			n, e.dtype, e.end-e.begin)
	}
	return e, nil
}

var tensorKeys = [3]string{"dtype", "shape", "data_offsets"}

func (h *header) dtype(name string) (weights.DType, error) {
	text, err := h.Str()
	if err != nil {
		return "", err
	}
	d, ok := weights.Known(string(text))
	if !ok {
		return "", weights.Unsupported(h.file, name, "element type %s", weights.Quote(string(text)))
	}
	return d, nil
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

func (h *header) offsets(name string) (begin, end uint64, err error) {
	n := 0
	err = h.Array(func() error {
		v, err := h.Uint()
		begin, end = end, v
		n++
		return err
	})
	if err == nil && n != 2 {
		err = h.fail(name, "data_offsets is not a pair")
	}
	return begin, end, err
}

// lay sorts the tensors and checks that they lie one after another and fill size bytes.
func (h *header) lay(entries []entry, size uint64) error {
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end),
			cmp.Compare(a.name, b.name))
	})
	at := uint64(0)
	for _, e := range entries {
		switch {
		case e.begin > at:
			return h.fail(e.name, "leaves a hole of %d bytes before it", e.begin-at)
		case e.begin < at:
			return h.fail(e.name, "overlaps the tensor before it")
		case e.end > size:
			head := uint64(8 + len(h.Data))
			return h.fail(e.name, "the file has %d bytes and its header describes %d: "+cutOff,
				head+size, head+entries[len(entries)-1].end)
		}
		at = e.end
	}
	if at != size {
		return h.fail("data", "%d bytes follow the last tensor", size-at)
	}
	return nil
}
