package weights

// The table of stored types: how each lies in a file, in blocks of elements, and what a matrix of
// it is bound as. A new stored type is one row here and, where matrices are bound in it, one row of
// tensor's table of formats, which brings alignment and decoding: see floats.go.

import (
	"math/bits"
	"slices"

	"github.com/qwenvl/qwenvl/internal/tensor"
)

// DType is the stored type of a tensor, spelled as in safetensors headers.
type DType string

// The types that code asks for by name. The table below has all that are known.
const (
	BOOL DType = "BOOL"
	U8   DType = "U8"
	I8   DType = "I8"
	I16  DType = "I16"
	F16  DType = "F16"
	BF16 DType = "BF16"
	I32  DType = "I32"
	F32  DType = "F32"
	I64  DType = "I64"
	F64  DType = "F64"
)

// stored describes one type: a tensor is a whole number of blocks, row by row.
type stored struct {
	name            DType
	elements, bytes uint64        // of a block
	format          tensor.Format // what a matrix is bound as, where bound
	bound           bool
}

var storedTypes = []stored{
	{name: F32, elements: 1, bytes: 4, format: tensor.F32, bound: true},
	{name: BF16, elements: 1, bytes: 2, format: tensor.BF16, bound: true},
	{name: F16, elements: 1, bytes: 2, format: tensor.F16, bound: true},
	{name: BOOL, elements: 1, bytes: 1},
	{name: U8, elements: 1, bytes: 1},
	{name: I8, elements: 1, bytes: 1},
	{name: "F8_E4M3", elements: 1, bytes: 1},
	{name: "F8_E5M2", elements: 1, bytes: 1},
	{name: "F8_E8M0", elements: 1, bytes: 1},
	{name: "U16", elements: 1, bytes: 2},
	{name: I16, elements: 1, bytes: 2},
	{name: "U32", elements: 1, bytes: 4},
	{name: I32, elements: 1, bytes: 4},
	{name: "U64", elements: 1, bytes: 8},
	{name: I64, elements: 1, bytes: 8},
	{name: F64, elements: 1, bytes: 8},
	{name: "C64", elements: 1, bytes: 8},
	{name: "F4", elements: 2, bytes: 1},
	{name: "F6_E2M3", elements: 4, bytes: 3},
	{name: "F6_E3M2", elements: 4, bytes: 3},
}

// row returns the type's row of the table, one of no elements for a type that is not known.
func (d DType) row() stored {
	if i := slices.IndexFunc(storedTypes, func(s stored) bool { return s.name == d }); i >= 0 {
		return storedTypes[i]
	}
	return stored{}
}

// offset returns where element n is, which begins a block.
func (s stored) offset(n int) int { return int(uint64(n) / s.elements * s.bytes) }

// Known returns the type of that name, which is the table's own copy of it.
func Known(name string) (DType, bool) {
	s := DType(name).row()
	return s.name, s.elements > 0
}

// Bytes returns what n elements take, unless that is not a whole number of blocks or overflows.
func (d DType) Bytes(n uint64) (bytes uint64, ok bool) {
	s := d.row()
	if s.elements == 0 || n%s.elements != 0 {
		return 0, false
	}
	hi, bytes := bits.Mul64(n/s.elements, s.bytes)
	return bytes, hi == 0
}

// Elements returns the product of a shape's dimensions, unless it overflows on the way.
func Elements(shape []int) (n uint64, ok bool) {
	n = 1
	for _, d := range shape {
		hi, lo := bits.Mul64(n, uint64(d))
		if hi != 0 {
			return 0, false
		}
		n = lo
	}
	return n, true
}
