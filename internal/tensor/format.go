package tensor

// The table of storage formats. A row of it says how the elements of a matrix lie in memory, how a
// row of the matrix becomes float32, and by which product rows of activations are multiplied by it.
// product.go says what a product is, packing.go how matrices of one format become those of another.
// docs/adding-a-format.md leads through a new row. What a checkpoint calls its types is not said
// here but in package weights.

import (
	"encoding/binary"

	"github.com/qwenvl/qwenvl/internal/half"
	"github.com/qwenvl/qwenvl/internal/kernel"
)

// Format says how the elements of a [Matrix] are stored. It indexes the table.
type Format uint8

// The storage formats of weight matrices.
const (
	F32  Format = iota // IEEE single precision
	BF16               // the upper half of a float32
	F16                // IEEE half precision
	Int8               // packed: 8 bits, a scale for each 256 elements of a row
	Int4               // packed: 4 bits, a step and a zero for each 64, and a scale for 256
)

// formatInfo is a row of the table.
type formatInfo struct {
	name string

	// A row of a matrix is a whole number of blocks, of so many elements in so many bytes; 0 of a
	// format whose matrices lie in panels of rows (see packing.go).
	elements, bytes int

	decode  func(m *Matrix, dst []float32, row int) // a row to float32
	product func(rows, cols int) *product           // nil: decoded and multiplied in float32

	// Of a format that others are packed into: the bytes of a matrix, and the conversion of 32
	// rows, or the last ones.
	size func(rows, cols int) int
	pack func(m *Matrix, rows []float32, row0 int)
}

// formats is filled by init, so that what a row calls may look into the table.
var formats []formatInfo

func init() {
	formats = []formatInfo{
		F32: inFloats("f32", false, func(dst, row []float32) { copy(dst, row) },
			kernel.MatMulF32, kernel.MatMulBlockedF32),
		BF16: inFloats("bf16", true, kernel.BF16ToF32, kernel.MatMulBF16, kernel.MatMulBlockedBF16),
		F16:  inFloats("f16", false, kernel.F16ToF32, kernel.MatMulF16, kernel.MatMulBlockedF16),
		Int8: inPanels("int8", kernel.PackedInt8Len, kernel.PackInt8, kernel.UnpackInt8Row,
			kernel.MatMulInt8, kernel.AddOutliersInt8),
		Int4: inPanels("int4", kernel.PackedInt4Len, kernel.PackInt4, kernel.UnpackInt4Row,
			kernel.MatMulInt4, kernel.AddOutliersInt4),
	}
	formats[BF16].size = func(rows, cols int) int { return roundUp(2 * rows * cols) }
	formats[BF16].pack = func(m *Matrix, rows []float32, row0 int) {
		for i, v := range rows {
			binary.LittleEndian.PutUint16(m.data[2*(row0*m.cols+i):], half.ToBF16(v))
		}
	}
}

// String returns the format's name as the tools spell it.
func (f Format) String() string {
	if int(f) >= len(formats) {
		return "unknown"
	}
	return formats[f].name
}

// info returns the format's row of the table.
func (f Format) info() *formatInfo {
	if int(f) >= len(formats) {
		panic(badFormat)
	}
	return &formats[f]
}

// Packed reports whether the format stores panels of rows, which are multiplied by rows in 8 bits.
func (f Format) Packed() bool { return int(f) < len(formats) && formats[f].elements == 0 }

// Block returns the elements and the bytes of a block, of which a row is a whole number.
//
// Panics if the format stores panels, not rows.
func (f Format) Block() (elements, bytes int) {
	i := f.info()
	if i.elements == 0 {
		panic(badFormat)
	}
	return i.elements, i.bytes
}

// Align returns what the address of a matrix's data must be a multiple of, in bytes: single
// elements are read as numbers, blocks of several byte by byte.
func (f Format) Align() int {
	if i := f.info(); i.elements == 1 {
		return i.bytes
	}
	return 1
}

// RowBytes returns the bytes of one row of cols elements.
//
// Panics if the format stores panels, not rows, or a row is not a whole number of blocks.
func (f Format) RowBytes(cols int) int {
	elements, bytes := f.Block()
	if cols < 0 || cols%elements != 0 {
		panic(badShape)
	}
	return cols / elements * bytes
}
