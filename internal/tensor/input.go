package tensor

// The input of products. It is rows in float32, or rows in 8 bits with a scale for each group, or
// both; an input is made once for all the matrices that multiply it. product.go says which kind a
// product wants; the blocks that rows are copied into are a matter of a single loop, and lie in its
// operand.

import (
	"unsafe"

	"github.com/qwenvl/qwenvl/internal/kernel"
)

// Input is the rows that a product reads: in float32, in the 8 bits that packed weights are
// multiplied by, or in both. It lives as long as the workspace that it was made in.
type Input struct {
	rows Tensor // no columns where only the bytes were made
	q    quantized
}

// quantized is rows in 8 bits, with one scale and some sums for each group of elements, and what is
// too large for them.
type quantized struct {
	rows, cols     int
	groups, stride int // of a row; no stride: there are none
	bytes          []int8
	scale          []float32
	sums           []int32
	outliers       kernel.Outliers
}

// Input returns the rows as an input in float32. Products with packed weights quantize it each
// time: [Exec.Input] does it once.
func (t Tensor) Input() Input { return Input{rows: t} }

// Rows returns the number of rows.
func (in Input) Rows() int { return max(in.rows.Rows, in.q.rows) }

// cols returns the number of elements of a row.
func (in Input) cols() int { return max(in.rows.Cols, in.q.cols) }

// Input returns rows as what w is multiplied by: quantized where w is packed, else just as they
// are.
func (ex *Exec) Input(x Tensor, w *Matrix) Input {
	in := Input{rows: x, q: ex.quantized(x.Rows, x.Cols, w)}
	if in.q.stride > 0 {
		ex.runRows(rowLoop{n: x.Rows, f: quantizeRow, x: x, q: in.q})
	}
	return in
}

// NormInput normalizes every row of x and returns the result, in the workspace, as what w is
// multiplied by.
//
// Shapes: x is [n, len(norm.Weight)], and so is w wide.
func (ex *Exec) NormInput(x Tensor, norm *Norm, w *Matrix) Input {
	if x.Cols != len(norm.Weight) || w.cols != x.Cols {
		panic(badShape)
	}
	in := Input{rows: ex.Alloc(x.Rows, x.Cols), q: ex.quantized(x.Rows, x.Cols, w)}
	if in.q.stride == 0 {
		ex.NormRows(in.rows, x, norm)
	} else {
		ex.runRows(rowLoop{n: x.Rows, f: normQuantizeRow, dst: in.rows, x: x, norm: norm, q: in.q})
	}
	return in
}

// Floats returns the rows in float32.
//
// Panics if the input was made in 8 bits only.
func (in Input) Floats() Tensor {
	if in.rows.Rows != in.Rows() {
		panic(badInput)
	}
	return in.rows
}

func quantizeRow(l *rowLoop, r int) { l.q.set(r, 0, l.x.Row(r)) }

func normQuantizeRow(l *rowLoop, r int) {
	y := l.dst.Row(r)
	l.norm.apply(y, l.x.Row(r))
	l.q.set(r, 0, y)
}

// quantized allocates rows for products with w, or none if w is multiplied in float32.
func (ex *Exec) quantized(rows, cols int, w *Matrix) quantized {
	if !w.product(rows).quantizes() {
		return quantized{}
	}
	q := quantized{rows: rows, cols: cols,
		groups: kernel.QuantizedGroups(cols), stride: kernel.QuantizedStride(cols)}
	n := rows * q.groups
	q.bytes = allocAs[int8](ex, rows*q.stride)
	q.scale = ex.arena.alloc(n)
	q.sums = allocAs[int32](ex, n*kernel.SumsPerGroup)
	q.outliers = kernel.Outliers{
		Count: allocAs[uint8](ex, n),
		Index: allocAs[uint8](ex, n*kernel.MaxOutliers),
		Value: ex.arena.alloc(n * kernel.MaxOutliers),
	}
	return q
}

// allocAs returns n integers out of the workspace.
func allocAs[T int8 | uint8 | int32](ex *Exec, n int) []T {
	if n == 0 {
		return nil
	}
	var t T
	floats := ex.arena.alloc((n*int(unsafe.Sizeof(t)) + 3) / 4)
	return unsafe.Slice((*T)(unsafe.Pointer(&floats[0])), n)
}

// set quantizes x into row r from column c on, which begins a group.
func (q *quantized) set(r, c int, x []float32) {
	g := c / kernel.Group
	at := r*q.groups + g
	kernel.QuantizeRow(q.bytes[r*q.stride+c:], q.scale[at:], q.sums[at*kernel.SumsPerGroup:],
		q.outliers.Row(r, q.groups, g), x)
}

// from returns rows r and on.
func (q *quantized) from(r int) quantized {
	if q.stride == 0 {
		return quantized{}
	}
	p := *q
	p.bytes, p.scale = q.bytes[r*q.stride:], q.scale[r*q.groups:]
	p.sums = q.sums[r*q.groups*kernel.SumsPerGroup:]
	p.outliers = q.outliers.Row(r, q.groups, 0)
	return p
}
