package tensor

import "github.com/qwenvl/qwenvl/internal/kernel"

// Format says how the elements of a [Matrix] are stored. It indexes one table; a new storage format is one row
// there and one file with its kernels.
type Format uint8

// The storage formats of weight matrices.
const (
	F32  Format = iota // IEEE single precision
	BF16               // the upper half of a float32
	F16                // IEEE half precision
	numFormats
)

// formatInfo describes one storage format: blocks of blockLen elements take blockBytes bytes.
type formatInfo struct {
	name       string
	blockLen   int
	blockBytes int
	align      int // what the data's address must be a multiple of

	mul    func(m *Matrix, y []float32, ldy int, x []float32, ldx, rows, c0, c1 int, scratch []float32)
	decode func(m *Matrix, dst []float32, row int)
}

var formats = [numFormats]formatInfo{
	F32: {name: "f32", blockLen: 1, blockBytes: 4, align: 4,
		mul: func(m *Matrix, y []float32, ldy int, x []float32, ldx, rows, c0, c1 int, scratch []float32) {
			kernel.MatMulF32(y, ldy, x, ldx, rows, m.f32(c0, c1), c1-c0, m.cols, scratch)
		},
		decode: func(m *Matrix, dst []float32, row int) { copy(dst, m.f32(row, row+1)) }},
	BF16: {name: "bf16", blockLen: 1, blockBytes: 2, align: 2,
		mul: func(m *Matrix, y []float32, ldy int, x []float32, ldx, rows, c0, c1 int, scratch []float32) {
			kernel.MatMulBF16(y, ldy, x, ldx, rows, m.u16(c0, c1), c1-c0, m.cols, scratch)
		},
		decode: func(m *Matrix, dst []float32, row int) { kernel.BF16ToF32(dst, m.u16(row, row+1)) }},
	F16: {name: "f16", blockLen: 1, blockBytes: 2, align: 2,
		mul: func(m *Matrix, y []float32, ldy int, x []float32, ldx, rows, c0, c1 int, scratch []float32) {
			kernel.MatMulF16(y, ldy, x, ldx, rows, m.u16(c0, c1), c1-c0, m.cols, scratch)
		},
		decode: func(m *Matrix, dst []float32, row int) { kernel.F16ToF32(dst, m.u16(row, row+1)) }},
}

// String returns the format's name as the tools spell it.
func (f Format) String() string {
	if f >= numFormats {
		return "unknown"
	}
	return formats[f].name
}

// Align returns what the address of a matrix's data must be a multiple of, in bytes.
func (f Format) Align() int { return formats[f].align }

// RowBytes returns the bytes of one row of cols elements. It panics when cols is not a whole number of blocks.
func (f Format) RowBytes(cols int) int {
	if f >= numFormats {
		panic(badFormat)
	}
	in := formats[f]
	if cols < 0 || cols%in.blockLen != 0 {
		panic(badShape)
	}
	return cols / in.blockLen * in.blockBytes
}
