package tensor

// The default product, of a format whose row of the table has none: some rows of weights at a time
// are decoded to float32 and multiplied by the kernels for float32, so that the bits are those of
// the decoded matrix in F32. Weights are decoded once for each chunk of rows. A format that is
// worth more speed gets a product of its own; this one then says what it must compute.

import "github.com/qwenvl/qwenvl/internal/kernel"

// decodedRows is how many rows of weights are decoded at a time: a panel of the kernels, which
// stays in the second-level cache.
const decodedRows = 32

// decoded returns the default product of some rows of cols elements.
var decoded = choose(false, true,
	func(w *Matrix, y []float32, ldy int, x operand, from, to, c0, c1 int, scratch []float32) {
		r := x.rows
		for c := c0; c < c1; c += decodedRows {
			band, n, rest := w.decodeBand(c, c1, scratch)
			kernel.MatMulF32(y[c-c0:], ldy, r.data[from*r.Cols:], r.Cols, to-from,
				band, n, w.cols, rest)
		}
	},
	func(w *Matrix, y []float32, ldy int, x operand, from, to, c0, c1 int, scratch []float32) {
		for c := c0; c < c1; c += decodedRows {
			band, n, rest := w.decodeBand(c, c1, scratch)
			kernel.MatMulBlockedF32(y[c-c0:], ldy, x.blocked, from, to, band, n, rest)
		}
	})

// decodeBand decodes the n rows from c on, of those before c1, and returns them with the rest of
// scratch.
func (m *Matrix) decodeBand(c, c1 int, scratch []float32) (band []float32, n int, rest []float32) {
	n = min(decodedRows, c1-c)
	band, rest = scratch[:n*m.cols], scratch[n*m.cols:]
	for r := range n {
		formats[m.format].decode(m, band[r*m.cols:(r+1)*m.cols], c+r)
	}
	return band, n, rest
}
