package tensor

// Weight matrices, whatever their format: shape, memory and bias. format.go has the formats,
// packing.go makes matrices of one format out of those of another.

import (
	"unsafe"

	"github.com/qwenvl/qwenvl/internal/kernel"
)

// Matrix is a weight matrix of Rows outputs by Cols inputs, stored row by row in its Format or
// packed, with an optional bias of Rows elements. It usually refers to mapped checkpoint bytes and
// must not outlive their source. It is immutable and safe for concurrent use, once it is packed if
// its format wants that.
type Matrix struct {
	rows, cols int
	format     Format
	data       []byte
	source     *Matrix // what is yet to be packed into data; else nil
	bias       []float32
}

// NewMatrix wraps data, which is not copied and must be aligned to format.Align().
//
// Panics if the length of data does not match, or bias is neither nil nor rows long.
func NewMatrix(format Format, rows, cols int, data []byte, bias []float32) *Matrix {
	if rows < 0 || cols < 0 || len(data) != rows*format.RowBytes(cols) {
		panic(badData)
	}
	if bias != nil && len(bias) != rows {
		panic(badShape)
	}
	if len(data) > 0 && uintptr(unsafe.Pointer(&data[0]))%uintptr(format.Align()) != 0 {
		panic(badData)
	}
	return &Matrix{rows: rows, cols: cols, format: format, data: data, bias: bias}
}

// Rows returns the number of outputs.
func (m *Matrix) Rows() int { return m.rows }

// Cols returns the number of inputs.
func (m *Matrix) Cols() int { return m.cols }

// Format returns how the elements are stored.
func (m *Matrix) Format() Format { return m.format }

// Bytes returns the bytes that the elements take, scales included.
func (m *Matrix) Bytes() int {
	if m.Unpacked() {
		return PackedBytes(m.format, m.rows, m.cols)
	}
	return len(m.data)
}

// WithBias returns the same matrix with another bias (nil for none).
//
// Panics if the matrix is yet to be packed: only one of the two would be.
func (m *Matrix) WithBias(bias []float32) *Matrix {
	if m.Unpacked() {
		panic(badPacking)
	}
	if bias != nil && len(bias) != m.rows {
		panic(badShape)
	}
	c := *m
	c.bias = bias
	return &c
}

// DecodeRow writes row i of the matrix as float32 to dst, without the bias.
//
// Shapes: dst is Cols long.
func (m *Matrix) DecodeRow(dst []float32, i int) {
	if len(dst) != m.cols || i < 0 || i >= m.rows {
		panic(badShape)
	}
	formats[m.format].decode(m, dst, i)
}

// rowsBytes returns the bytes of rows lo..hi-1, of a format whose rows are blocks.
func (m *Matrix) rowsBytes(lo, hi int) []byte {
	n := m.format.RowBytes(m.cols)
	return m.data[lo*n : hi*n]
}

// rowsAs returns rows lo..hi-1 as the numbers that they are stored as.
func rowsAs[T float32 | uint16](m *Matrix, lo, hi int) []T {
	return view[T](m.data, lo*m.cols, hi*m.cols)
}

// addBias adds the biases of the outputs from at on.
func (m *Matrix) addBias(y []float32, at int) {
	if m.bias != nil {
		kernel.Add(y, m.bias[at:at+len(y)])
	}
}

// view reinterprets elements lo..hi-1 of b, whose length and alignment were checked before.
func view[T float32 | uint16](b []byte, lo, hi int) []T {
	if hi <= lo {
		return nil
	}
	var t T
	size := int(unsafe.Sizeof(t))
	part := b[lo*size : hi*size]
	return unsafe.Slice((*T)(unsafe.Pointer(&part[0])), hi-lo)
}
