package tensor

import (
	"encoding/binary"

	"github.com/qwenvl/qwenvl/internal/half"
	"github.com/qwenvl/qwenvl/internal/kernel"
)

// Format says how the elements of a [Matrix] are stored. It indexes one table; a new storage format is one row
// there and one file with its kernels.
type Format uint8

// The storage formats of weight matrices.
const (
	F32  Format = iota // IEEE single precision
	BF16               // the upper half of a float32
	F16                // IEEE half precision
	Int8               // packed: 8 bits, a scale for each 256 elements of a row
	Int4               // packed: 4 bits, a step and a zero for each 64 elements of a row, and a scale for 256
	numFormats
)

// formatInfo describes one storage format: of a row's elements, one after the other, or of panels (mulPacked).
type formatInfo struct {
	name string
	size int // bytes of an element

	mul    func(m *Matrix, y []float32, ldy int, x []float32, ldx, rows, c0, c1 int, scratch []float32)
	decode func(m *Matrix, dst []float32, row int)

	mulLaid func(m *Matrix, y []float32, ldy int, x kernel.Laid, from, to, c0, c1 int, scratch []float32)

	mulPacked func(m *Matrix, y []float32, ldy int, x quantized, rows, panel, panels int)

	// pack converts 32 rows, or the last ones, into memory of those lengths. Without it a format is only ever what a checkpoint stores.
	pack    func(m *Matrix, rows []float32, row0 int)
	lengths func(rows, cols int) (panels, scales int)
	scale   int // bytes of one
}

var formats = [numFormats]formatInfo{
	F32: {name: "f32", size: 4,
		mul: func(m *Matrix, y []float32, ldy int, x []float32, ldx, rows, c0, c1 int, scratch []float32) {
			kernel.MatMulF32(y, ldy, x, ldx, rows, m.f32(c0, c1), c1-c0, m.cols, scratch)
		},
		mulLaid: func(m *Matrix, y []float32, ldy int, x kernel.Laid, from, to, c0, c1 int, scratch []float32) {
			kernel.MatMulLaidF32(y, ldy, x, from, to, m.f32(c0, c1), c1-c0, scratch)
		},
		decode: func(m *Matrix, dst []float32, row int) { copy(dst, m.f32(row, row+1)) }},
	BF16: {name: "bf16", size: 2,
		mul: func(m *Matrix, y []float32, ldy int, x []float32, ldx, rows, c0, c1 int, scratch []float32) {
			kernel.MatMulBF16(y, ldy, x, ldx, rows, m.u16(c0, c1), c1-c0, m.cols, scratch)
		},
		mulLaid: func(m *Matrix, y []float32, ldy int, x kernel.Laid, from, to, c0, c1 int, scratch []float32) {
			kernel.MatMulLaidBF16(y, ldy, x, from, to, m.u16(c0, c1), c1-c0, scratch)
		},
		decode:  func(m *Matrix, dst []float32, row int) { kernel.BF16ToF32(dst, m.u16(row, row+1)) },
		lengths: func(rows, cols int) (int, int) { return 2 * rows * cols, 0 },
		pack: func(m *Matrix, rows []float32, row0 int) {
			for i, v := range rows {
				binary.LittleEndian.PutUint16(m.data[2*(row0*m.cols+i):], half.ToBF16(v))
			}
		}},
	F16: {name: "f16", size: 2,
		mul: func(m *Matrix, y []float32, ldy int, x []float32, ldx, rows, c0, c1 int, scratch []float32) {
			kernel.MatMulF16(y, ldy, x, ldx, rows, m.u16(c0, c1), c1-c0, m.cols, scratch)
		},
		mulLaid: func(m *Matrix, y []float32, ldy int, x kernel.Laid, from, to, c0, c1 int, scratch []float32) {
			kernel.MatMulLaidF16(y, ldy, x, from, to, m.u16(c0, c1), c1-c0, scratch)
		},
		decode: func(m *Matrix, dst []float32, row int) { kernel.F16ToF32(dst, m.u16(row, row+1)) }},
	Int8: {name: "int8",
		mulPacked: func(m *Matrix, y []float32, ldy int, x quantized, rows, panel, panels int) {
			p := m.packed
			kernel.MatMulInt8(y, ldy, x.bytes, x.scale, x.sums, rows, p.panels, p.f32, panel, panels, m.rows, m.cols)
			kernel.AddOutliersInt8(y, ldy, x.outliers, rows, p.panels, p.f32, panel, panels, m.rows, m.cols)
		},
		decode: func(m *Matrix, dst []float32, row int) {
			kernel.UnpackInt8Row(dst, m.packed.panels, m.packed.f32, row, m.rows, m.cols)
		},
		lengths: kernel.PackedInt8Len, scale: 4,
		pack: func(m *Matrix, rows []float32, row0 int) {
			kernel.PackInt8(m.packed.panels, m.packed.f32, rows, row0, m.rows, m.cols)
		}},
	Int4: {name: "int4",
		mulPacked: func(m *Matrix, y []float32, ldy int, x quantized, rows, panel, panels int) {
			p := m.packed
			kernel.MatMulInt4(y, ldy, x.bytes, x.scale, x.sums, rows, p.panels, p.bf16, panel, panels, m.rows, m.cols)
			kernel.AddOutliersInt4(y, ldy, x.outliers, rows, p.panels, p.bf16, panel, panels, m.rows, m.cols)
		},
		decode: func(m *Matrix, dst []float32, row int) {
			kernel.UnpackInt4Row(dst, m.packed.panels, m.packed.bf16, row, m.rows, m.cols)
		},
		lengths: kernel.PackedInt4Len, scale: 2,
		pack: func(m *Matrix, rows []float32, row0 int) {
			kernel.PackInt4(m.packed.panels, m.packed.bf16, rows, row0, m.rows, m.cols)
		}},
}

// String returns the format's name as the tools spell it.
func (f Format) String() string {
	if f >= numFormats {
		return "unknown"
	}
	return formats[f].name
}

// Packed reports whether the format stores panels of rows, which are multiplied by rows in 8 bits.
func (f Format) Packed() bool { return f < numFormats && formats[f].mulPacked != nil }

// Align returns what the address of a matrix's data must be a multiple of, in bytes.
func (f Format) Align() int { return formats[f].size }

// RowBytes returns the bytes of one row of cols elements.
//
// Panics if the format stores panels, not rows.
func (f Format) RowBytes(cols int) int {
	if f >= numFormats || f.Packed() {
		panic(badFormat)
	}
	if cols < 0 {
		panic(badShape)
	}
	return cols * formats[f].size
}
