package tensor

import "unsafe"

// Matrix is a weight matrix of Rows outputs by Cols inputs, stored row by row in its Format or packed, with an optional bias of
// Rows elements. It usually refers to mapped checkpoint bytes and must not outlive their source. It is immutable and safe for
// concurrent use, once it is packed if its format wants that.
type Matrix struct {
	rows, cols int
	format     Format
	data       []byte
	packed     *packed // instead of data, for packed formats
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
	if m.packed != nil {
		return packedBytes(m.format, m.rows, m.cols)
	}
	return len(m.data)
}

// WithBias returns the same matrix with another bias (nil for none).
func (m *Matrix) WithBias(bias []float32) *Matrix {
	if bias != nil && len(bias) != m.rows {
		panic(badShape)
	}
	c := *m
	c.bias = bias
	return &c
}

func (m *Matrix) f32(lo, hi int) []float32 { return view[float32](m.data, lo*m.cols, hi*m.cols) }
func (m *Matrix) u16(lo, hi int) []uint16  { return view[uint16](m.data, lo*m.cols, hi*m.cols) }

// view reinterprets elements lo..hi-1 of b; NewMatrix has checked length and alignment.
func view[T float32 | uint16](b []byte, lo, hi int) []T {
	if hi <= lo {
		return nil
	}
	var t T
	size := int(unsafe.Sizeof(t))
	part := b[lo*size : hi*size]
	return unsafe.Slice((*T)(unsafe.Pointer(&part[0])), hi-lo)
}
