package weights

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/qwenvl/qwenvl/internal/strictjson"
)

// Limits of what is read. The first is the format's own; the others keep the memory for a header near its size and are
// far beyond any model (the largest mixtures of experts with one tensor per expert have some 100,000 tensors).
const (
	maxHeader   = 100_000_000
	maxTensors  = 1 << 20
	maxRank     = 16
	maxMetadata = 1 << 16
)

// entry is a tensor as a header describes it; begin and end are offsets in the file.
type entry struct {
	name       string
	dtype      DType
	shape      []int
	begin, end uint64
	file       int
}

const (
	headerPart  = "header"
	metadataKey = "__metadata__"
)

// scanner reads the JSON of a file's part.
type scanner struct {
	strictjson.Reader
	file string
}

func newScanner(file, part string, data []byte) *scanner {
	return &scanner{strictjson.Reader{Data: data, Fail: func(pos int, problem string) error {
		return &FormatError{File: file, Field: part, Reason: fmt.Sprintf("byte %d: %s", pos, problem)}
	}}, file}
}

func (s *scanner) fail(field, reason string) error {
	return &FormatError{File: s.file, Field: field, Reason: reason}
}

// headerLength reads the first 8 bytes of a file of size bytes and returns where its tensor data begins.
func headerLength(file string, first []byte, size int64) (int64, error) {
	if size < 8 || len(first) < 8 {
		return 0, &FormatError{File: file, Field: headerPart, Reason: fmt.Sprintf("the file has %d bytes, too few for the header's length", size)}
	}
	n := binary.LittleEndian.Uint64(first)
	if n > maxHeader {
		return 0, &FormatError{File: file, Field: headerPart, Reason: fmt.Sprintf("length %d is over %d", n, maxHeader)}
	}
	if int64(n) > size-8 {
		return 0, &FormatError{File: file, Field: headerPart, Reason: fmt.Sprintf("length %d is beyond the file's %d bytes", n, size)}
	}
	return int64(n) + 8, nil
}

// parseSafetensors reads the header of a whole file and checks every rule of the format. Only the header is touched.
// The entries come sorted by name.
func parseSafetensors(file string, data []byte) ([]entry, error) {
	begin, err := headerLength(file, data[:min(8, len(data))], int64(len(data)))
	if err != nil {
		return nil, err
	}
	s := newScanner(file, headerPart, data[8:begin])
	if len(s.Data) == 0 || s.Data[0] != '{' {
		return nil, s.Fail(0, `not "{"`)
	}
	var entries []entry
	var metadata bool
	err = s.Object(func(key []byte) error {
		if string(key) == metadataKey {
			if metadata {
				return s.fail(metadataKey, "is there twice")
			}
			metadata = true
			return s.stringMap(metadataKey)
		}
		if len(entries) == maxTensors {
			return s.fail(headerPart, fmt.Sprintf("has more than %d tensors", maxTensors))
		}
		e, err := s.tensor(string(key)) // a copy, which outlives the mapping
		entries = append(entries, e)
		return err
	})
	if err == nil {
		err = s.End()
	}
	if err != nil {
		return nil, err
	}
	if err := checkLayout(s, entries, uint64(begin), uint64(len(data))); err != nil {
		return nil, err
	}
	return entries, nil
}

// stringMap reads an object of strings without repeated keys.
func (s *scanner) stringMap(field string) error {
	n := 0
	twice := func(string) error { return s.fail(field, "has a key twice") }
	return s.Fields(twice, func(string) error {
		if n++; n > maxMetadata {
			return s.fail(field, fmt.Sprintf("has more than %d keys", maxMetadata))
		}
		if s.Next() != '"' {
			return s.fail(field, "holds something other than strings")
		}
		_, err := s.Str()
		return err
	})
}

// tensor reads {"dtype": …, "shape": […], "data_offsets": [begin, end]}; each key exactly once and no other.
func (s *scanner) tensor(name string) (entry, error) {
	e := entry{name: name}
	var seen [3]bool
	once := func(i int) error {
		if seen[i] {
			return s.fail(name, "has a key twice")
		}
		seen[i] = true
		return nil
	}
	var dtype string
	var offsets []uint64
	err := s.Object(func(key []byte) (err error) {
		switch string(key) {
		case "dtype":
			if err = once(0); err == nil {
				var text []byte
				text, err = s.Str()
				dtype = string(text)
			}
		case "shape":
			if err = once(1); err == nil {
				e.shape, err = s.shape(name)
			}
		case "data_offsets":
			if err = once(2); err == nil {
				offsets, err = s.offsets(name)
			}
		default:
			err = s.fail(name, "has a key other than dtype, shape and data_offsets")
		}
		return err
	})
	if err != nil {
		return e, err
	}
	if seen != [3]bool{true, true, true} {
		return e, s.fail(name, "lacks dtype, shape or data_offsets")
	}
	e.begin, e.end = offsets[0], offsets[1]
	if e.end < e.begin {
		return e, s.fail(name, "data_offsets run backwards")
	}
	known, ok := Known(dtype)
	if !ok {
		return e, &UnsupportedError{File: s.file, Field: name, Feature: "element type " + quote(dtype)}
	}
	e.dtype = known
	n, ok := Elements(e.shape)
	if !ok {
		return e, s.fail(name, "size overflows")
	}
	if size, ok := known.Bytes(n); !ok || size != e.end-e.begin {
		return e, s.fail(name, fmt.Sprintf("%d elements of %s do not take the %d bytes of data_offsets", n, known, e.end-e.begin))
	}
	return e, nil
}

// shape reads the dimensions, each of which fits an int.
func (s *scanner) shape(name string) ([]int, error) {
	var buf [maxRank]int
	n := 0
	err := s.Array(func() error {
		d, err := s.Uint()
		if err != nil {
			return err
		}
		if n == maxRank || d > math.MaxInt {
			return s.fail(name, "shape has too many or too large dimensions")
		}
		buf[n] = int(d)
		n++
		return nil
	})
	return slices.Clone(buf[:n]), err
}

func (s *scanner) offsets(name string) ([]uint64, error) {
	v := make([]uint64, 0, 2)
	err := s.Array(func() error {
		n, err := s.Uint()
		if err == nil && len(v) == 2 {
			err = s.fail(name, "data_offsets is not a pair")
		}
		v = append(v, n)
		return err
	})
	if err == nil && len(v) != 2 {
		err = s.fail(name, "data_offsets is not a pair")
	}
	return v, err
}

// checkLayout checks that the tensors lie one after another from the header to the file's end, turns their offsets into
// the file's, and sorts them by name, which must differ.
func checkLayout(s *scanner, entries []entry, begin, size uint64) error {
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end), cmp.Compare(a.name, b.name))
	})
	at := uint64(0)
	for i := range entries {
		e := &entries[i]
		switch {
		case e.begin > at:
			return s.fail(e.name, fmt.Sprintf("leaves a hole of %d bytes before it", e.begin-at))
		case e.begin < at:
			return s.fail(e.name, "overlaps the tensor before it")
		case e.end > size-begin:
			return s.fail(e.name, fmt.Sprintf("ends at %d of %d bytes of data", e.end, size-begin))
		}
		at = e.end
		e.begin, e.end = e.begin+begin, e.end+begin
	}
	if at != size-begin {
		return s.fail("data", fmt.Sprintf("%d bytes follow the last tensor", size-begin-at))
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	for i := 1; i < len(entries); i++ {
		if entries[i].name == entries[i-1].name {
			return s.fail(entries[i].name, "is there twice")
		}
	}
	return nil
}
