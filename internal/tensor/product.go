package tensor

// What a product is. A row of the table of formats returns one for some rows of activations. It
// consists of a plan and of the multiplication of a work item. There are three plans, a file each:
//
//	product_rows.go     rows are multiplied as they are
//	product_blocked.go  many rows are copied into blocks first, which the kernels read faster
//	product_packed.go   rows in 8 bits are multiplied by panels of packed weights
//
// product_decoded.go has products by the first two for formats that can only be decoded. linear.go
// and heads.go run products and know none of them: scratch memory, work items and what becomes of
// the input are as the product says. Whatever it says, a row's bits depend on nothing but the row.

import "github.com/qwenvl/qwenvl/internal/kernel"

// product is a way of multiplying rows by matrices of a format. Products of equal plans, of the
// same input, can run in one loop.
type product struct {
	plan
	multiply multiply
	decoded  bool // weights are decoded to scratch, decodedRows at a time
}

// multiply computes outputs c0..c1-1 of w for units from..to-1 of the operand, without the bias:
//
//	y[r·ldy+j] = x[r0+r] · row(c0+j)    r0 the first row of the units
type multiply func(w *Matrix, y []float32, ldy int,
	x operand, from, to, c0, c1 int, scratch []float32)

// plan is what a product makes of its input, and how it cuts the work. Plans are comparable.
type plan interface {
	// quantizes reports whether the input is rows in 8 bits. The results can then become such rows
	// as they come.
	quantizes() bool
	// most returns how many rows of so many elements are multiplied at once.
	most(cols int) int
	// room returns the floats of memory that an operand takes beside its rows.
	room(rows, cols int) int
	// operand returns the rows as they are multiplied, in that memory, yet to be filled.
	operand(x Input, cols int, room []float32) operand
	// tile cuts the units of an operand into chunks and the outputs into bands, for so many
	// workers. fused: the results become rows in 8 bits, and a band is a whole number of their
	// groups.
	tile(x operand, outs, threads int, fused bool) (chunk, band int)
	// scratch returns the floats that a worker needs to multiply rows by outs rows of weights.
	scratch(rows, outs, cols int) int
}

// scratch is the plan's, and where weights are decoded the room for them.
func (p *product) scratch(rows, outs, cols int) int {
	n := p.plan.scratch(rows, outs, cols)
	if p.decoded {
		n += min(outs, decodedRows) * cols
	}
	return n
}

// product returns how so many rows are multiplied by the matrix.
func (m *Matrix) product(rows int) *product {
	if p := formats[m.format].product; p != nil {
		return p(rows, m.cols)
	}
	return decoded(rows, m.cols)
}

// operand is an input as a product multiplies it. Work is cut in units: single rows or blocks.
type operand struct {
	Input
	blocked kernel.Blocked // the rows in float32 in blocks, if there are any
	units   int
}

// row returns the first row of a unit, or for x.units the number of rows.
func (x operand) row(unit int) int {
	if x.blocked.Tiles() > 0 {
		return x.blocked.Row(unit)
	}
	return unit
}

// fill copies the rows of units from..to-1 into blocks, if there are blocks.
func (x operand) fill(from, to int) {
	if x.blocked.Tiles() > 0 {
		x.blocked.Fill(x.rows.data, x.rows.Cols, from, to)
	}
}

// fillUnits is how many units a work item fills.
const fillUnits = 2

// operand makes an input what a product multiplies, in the workspace.
func (ex *Exec) operand(p *product, x Input, w *Matrix) operand {
	if p.quantizes() && x.q.stride == 0 {
		x = ex.Input(x.Floats(), w)
	}
	in := p.operand(x, w.cols, ex.arena.alloc(p.room(x.Rows(), w.cols)))
	if in.blocked.Tiles() > 0 {
		ex.fill = in
		ex.pool.Run(&ex.fill, (in.units+fillUnits-1)/fillUnits)
		ex.fill = operand{}
	}
	return in
}

// Do fills the units of a work item.
func (x *operand) Do(_, i int) { x.fill(i*fillUnits, min((i+1)*fillUnits, x.units)) }
