package tensor

import (
	"unsafe"

	"github.com/qwenvl/qwenvl/internal/kernel"
)

// packAlign is what the addresses of panels and scales are a multiple of: a cache line.
const packAlign = 64

// packed is what a matrix is packed from and into.
type packed struct {
	source *Matrix // what to pack; nil once that is done
	panels []uint8
	f32    []float32 // scales of Int8
	bf16   []uint16  // scales of Int4
}

// NewPacked returns a matrix that will hold what source holds, in the given format. It must not be used before [Exec.Pack] has packed it.
//
// Panics if nothing can be packed into format, or source is of panels.
func NewPacked(format Format, source *Matrix) *Matrix {
	if format >= numFormats || formats[format].pack == nil || source.format.Packed() {
		panic(badFormat)
	}
	return &Matrix{rows: source.rows, cols: source.cols, format: format, bias: source.bias, packed: &packed{source: source}}
}

// Unpacked reports whether a matrix still has to be packed.
func (m *Matrix) Unpacked() bool { return m.packed != nil && m.packed.source != nil }

// packedBytes is what Pack needs of memory for a matrix.
func packedBytes(f Format, rows, cols int) int {
	panels, scales := formats[f].lengths(rows, cols)
	return roundUp(panels) + roundUp(scales*formats[f].scale)
}

// PackedBytes returns the bytes that a matrix takes in a packed format.
func PackedBytes(f Format, rows, cols int) int { return packedBytes(f, rows, cols) }

func roundUp(n int) int { return (n + packAlign - 1) / packAlign * packAlign }

// packSlice is the bytes of a source that are packed before it is told that they were read.
const packSlice = 32 << 20

// packLoop packs panels of one matrix, from one on.
type packLoop struct {
	ex    *Exec
	m     *Matrix
	first int
}

// Pack packs a matrix into memory of m.Bytes() bytes, which it takes over, aligned to a cache line. It tells read, if that is not
// nil, which bytes of the source it will not read again.
//
// Panics if the memory does not fit, or the matrix is packed already.
// Errors: [ErrStopped]; the matrix can be packed again.
func (ex *Exec) Pack(m *Matrix, memory []byte, read func([]byte)) error {
	if m.packed == nil || m.packed.source == nil || len(memory) != m.Bytes() {
		panic(badPacking)
	}
	if len(memory) > 0 && uintptr(unsafe.Pointer(&memory[0]))%packAlign != 0 {
		panic(badData)
	}
	p := m.packed
	panels, scales := formats[m.format].lengths(m.rows, m.cols)
	first, rest := memory[:panels:panels], memory[roundUp(panels):]
	switch formats[m.format].scale {
	case 0:
		m.data = first
	case 4:
		p.panels, p.f32 = first, view[float32](rest, 0, scales)
	default:
		p.panels, p.bf16 = first, view[uint16](rest, 0, scales)
	}
	ex.prepare(kernel.PanelRows * m.cols)
	size := p.source.format.RowBytes(m.cols)
	rows := max(1, packSlice/max(1, size*kernel.PanelRows)) * kernel.PanelRows
	for lo := 0; lo < m.rows; lo += rows {
		hi := min(lo+rows, m.rows)
		ex.packs = packLoop{ex: ex, m: m, first: lo / kernel.PanelRows}
		ex.pool.Run(&ex.packs, (hi-lo+kernel.PanelRows-1)/kernel.PanelRows)
		ex.packs = packLoop{}
		if err := ex.Err(); err != nil {
			return err
		}
		if read != nil {
			read(p.source.data[lo*size : hi*size])
		}
	}
	p.source = nil
	return nil
}

func (l *packLoop) Do(worker, i int) {
	m, row0 := l.m, (l.first+i)*kernel.PanelRows
	n := min(kernel.PanelRows, m.rows-row0)
	if source := m.packed.source; source.format == m.format {
		size := m.format.RowBytes(m.cols)
		copy(m.data[row0*size:], source.data[row0*size:(row0+n)*size])
		return
	}
	rows := l.ex.scratch[worker][:n*m.cols]
	for r := range n {
		m.packed.source.DecodeRow(rows[r*m.cols:(r+1)*m.cols], row0+r)
	}
	formats[m.format].pack(m, rows, row0)
}
