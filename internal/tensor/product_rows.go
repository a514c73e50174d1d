package tensor

// The product of rows in float32 as they are by weights of 16 or 32 bits, for few rows, and for any
// number where the kernels gain nothing from blocks. A work item is a run of rows by a band of
// outputs; with few rows weights stream from memory once, and bands are long runs of them.
// product_blocked.go is for many rows.

import (
	"math"
	"unsafe"

	"github.com/qwenvl/qwenvl/internal/kernel"
)

const (
	bandRows   = 64   // outputs of a work item
	fewRows    = 16   // up to here weights pass by the rows, as fast as memory gives them
	streamRows = 512  // outputs of an item of few rows, about
	chunkRows  = 1024 // input rows of a work item at most
	bandUnit   = 32   // columns of a panel of the kernel
)

// inFloats returns the row of the table for a format of numbers of type T, out of its kernels: the
// conversion of a row, the product by rows, and that by blocks, which are made for weights in
// bfloat16 or for others.
func inFloats[T float32 | uint16](name string, bf16 bool, convert func(dst []float32, row []T),
	rows func(y []float32, ldy int, x []float32, ldx, m int, w []T, n, k int, scratch []float32),
	blocked func(y []float32, ldy int, x kernel.Blocked, from, to int, w []T, n int, s []float32),
) formatInfo {
	var t T
	return formatInfo{
		name: name, elements: 1, bytes: int(unsafe.Sizeof(t)),
		decode: func(m *Matrix, dst []float32, row int) { convert(dst, rowsAs[T](m, row, row+1)) },
		product: choose(bf16, false,
			func(w *Matrix, y []float32, ldy int, x operand, from, to, c0, c1 int, s []float32) {
				r := x.rows
				rows(y, ldy, r.data[from*r.Cols:], r.Cols, to-from,
					rowsAs[T](w, c0, c1), c1-c0, w.cols, s)
			},
			func(w *Matrix, y []float32, ldy int, x operand, from, to, c0, c1 int, s []float32) {
				blocked(y, ldy, x.blocked, from, to, rowsAs[T](w, c0, c1), c1-c0, s)
			}),
	}
}

// choose returns what chooses between the two products in float32.
func choose(bf16, decoded bool, rows, blocked multiply) func(rows, cols int) *product {
	plain := &product{plan: rowsPlan{}, multiply: rows, decoded: decoded}
	blocks := &product{plan: blockedPlan{bf16}, multiply: blocked, decoded: decoded}
	return func(rows, cols int) *product {
		if blocks.room(rows, cols) > 0 {
			return blocks
		}
		return plain
	}
}

type rowsPlan struct{}

func (rowsPlan) quantizes() bool   { return false }
func (rowsPlan) most(int) int      { return math.MaxInt }
func (rowsPlan) room(int, int) int { return 0 }

func (rowsPlan) operand(x Input, _ int, _ []float32) operand {
	return operand{Input: x.Floats().Input(), units: x.Rows()}
}

func (rowsPlan) tile(x operand, outs, threads int, _ bool) (chunk, band int) {
	if x.units <= fewRows {
		return x.units, streamBand(outs, threads, bandUnit)
	}
	return min(x.units, chunkRows), bandRows
}

func (rowsPlan) scratch(rows, outs, cols int) int { return kernel.MatMulScratch(rows, outs, cols) }

// streamBand returns the outputs of an item of few rows, in units of unit. Each item begins with a
// wait for memory, so it is a long run of weights, and all workers get as many. With runs of 64
// rows a worker read 4-bit weights at three quarters of the speed.
func streamBand(outs, threads, unit int) int {
	items := threads * ((outs + threads*streamRows - 1) / (threads * streamRows))
	return ((outs+items-1)/items + unit - 1) / unit * unit
}
