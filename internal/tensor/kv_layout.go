package tensor

// Where keys and values lie in a cache: the layout of a layer in a block, and the rows of a batch
// that belong to a sequence and its blocks. Package llm owns the blocks; kv_append.go writes them,
// paged.go reads them.

import (
	"unsafe"

	"github.com/qwenvl/qwenvl/internal/kernel"
)

// KVLayout says where the keys and values of one layer lie in a cache block of TileKeys positions:
// for each key-value head the keys transposed, [KeyDim, TileKeys], then for each head the values,
// [TileKeys, ValueDim]. In F16 two of them lie in the place of a float.
type KVLayout struct {
	Heads, KeyDim, ValueDim int
	Format                  Format // F32 or F16
}

// Floats returns the size of one layer in one block.
func (k KVLayout) Floats() int { return k.Heads * (k.panel(k.KeyDim) + k.panel(k.ValueDim)) }

// panel is the size of the keys or values of one head, in floats.
func (k KVLayout) panel(dim int) int {
	switch k.Format {
	case F32:
		return dim * TileKeys
	case F16:
		return dim * TileKeys / 2
	}
	panic(badFormat)
}

func (k KVLayout) keys(block []float32, head int) []float32 {
	n := k.panel(k.KeyDim)
	return block[head*n : (head+1)*n]
}

func (k KVLayout) values(block []float32, head int) []float32 {
	n := k.panel(k.ValueDim)
	at := k.Heads*k.panel(k.KeyDim) + head*n
	return block[at : at+n]
}

// halves returns the half precision numbers in the place of floats.
func halves(x []float32) []uint16 {
	return unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(x))), 2*len(x))
}

// multiply is [kernel.MatMulPanelThen] for the keys or values of one head. Scratch is scratch()
// floats.
func (k KVLayout) multiply(c []float32, ldc int, a []float32, lda, m int,
	panel []float32, ldb, n, depth int, accumulate bool, scratch, next []float32) {
	if k.Format == F16 {
		kernel.MatMulPanelF16(c, ldc, a, lda, m,
			halves(panel), ldb, n, depth, accumulate, scratch, next)
	} else {
		kernel.MatMulPanelThen(c, ldc, a, lda, m, panel, ldb, n, depth, accumulate, next)
	}
}

// scratch is the floats that multiply needs.
func (k KVLayout) scratch() int {
	if k.Format == F32 {
		return 0
	}
	return TileKeys * max(k.KeyDim, k.ValueDim)
}

// KVRows is a run of consecutive rows of one sequence: rows RowLo to RowHi-1 of a batch are its
// positions Pos, Pos+1, … Blocks is the sequence's block table; block b holds positions b·TileKeys
// and on.
type KVRows struct {
	RowLo, RowHi int
	Pos          int
	Blocks       [][]float32
}
