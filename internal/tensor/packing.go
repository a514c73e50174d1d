package tensor

// Packing: a matrix is made, in memory that its owner gives, out of one of another format or of the
// same. Panels of 32 rows lie first, their scales on the next cache line; product_packed.go reads
// them. The source is read once, in slices, so that what was read of a file can be dropped.

import (
	"unsafe"

	"github.com/qwenvl/qwenvl/internal/kernel"
)

// packAlign is what the addresses of panels and scales are a multiple of: a cache line.
const packAlign = 64

// NewPacked returns a matrix that will hold what source holds, in the given format. It must not be
// used before [Exec.Pack] has packed it.
//
// Panics if nothing can be packed into format, or source is of panels.
func NewPacked(format Format, source *Matrix) *Matrix {
	if format.info().pack == nil || source.format.Packed() {
		panic(badFormat)
	}
	return &Matrix{rows: source.rows, cols: source.cols, format: format,
		bias: source.bias, source: source}
}

// Unpacked reports whether a matrix still has to be packed.
func (m *Matrix) Unpacked() bool { return m.source != nil }

// PackedBytes returns the bytes that a matrix takes in a packed format, which Pack needs of memory.
func PackedBytes(f Format, rows, cols int) int { return f.info().size(rows, cols) }

func roundUp(n int) int { return (n + packAlign - 1) / packAlign * packAlign }

// packSlice is the bytes of a source that are packed before it is told that they were read.
const packSlice = 32 << 20

// packLoop packs panels of one matrix, from one on.
type packLoop struct {
	ex    *Exec
	m     *Matrix
	first int
}

// Pack packs a matrix into memory of m.Bytes() bytes, which it takes over, aligned to a cache line.
// It tells read, if that is not nil, which bytes of the source it will not read again.
//
// Panics if the memory does not fit, or the matrix is packed already.
// Errors: [ErrStopped]; the matrix can be packed again.
func (ex *Exec) Pack(m *Matrix, memory []byte, read func([]byte)) error {
	if !m.Unpacked() || len(memory) != m.Bytes() {
		panic(badPacking)
	}
	if len(memory) > 0 && uintptr(unsafe.Pointer(&memory[0]))%packAlign != 0 {
		panic(badData)
	}
	m.data = memory
	ex.prepare(kernel.PanelRows * m.cols)
	panel := m.source.format.RowBytes(m.cols) * kernel.PanelRows // bytes of 32 rows
	rows := max(1, packSlice/max(1, panel)) * kernel.PanelRows
	for lo := 0; lo < m.rows; lo += rows {
		hi := min(lo+rows, m.rows)
		ex.packs = packLoop{ex: ex, m: m, first: lo / kernel.PanelRows}
		ex.pool.Run(&ex.packs, (hi-lo+kernel.PanelRows-1)/kernel.PanelRows)
		ex.packs = packLoop{}
		if err := ex.Err(); err != nil {
			return err
		}
		if read != nil {
			read(m.source.rowsBytes(lo, hi))
		}
	}
	m.source = nil
	return nil
}

func (l *packLoop) Do(worker, i int) {
	m, row0 := l.m, (l.first+i)*kernel.PanelRows
	n := min(kernel.PanelRows, m.rows-row0)
	if m.source.format == m.format {
		copy(m.rowsBytes(row0, row0+n), m.source.rowsBytes(row0, row0+n))
		return
	}
	rows := l.ex.scratch[worker][:n*m.cols]
	for r := range n {
		m.source.DecodeRow(rows[r*m.cols:(r+1)*m.cols], row0+r)
	}
	formats[m.format].pack(m, rows, row0)
}
