package tensor

// The end of a mixture of experts: the results of a row's experts, weighed and summed. The experts
// themselves are products (linear.go) of the rows that were gathered for them; llm/moe.go chooses.

import "github.com/qwenvl/qwenvl/internal/kernel"

// Route is where rows go in a mixture of experts: row r goes to the experts Index[r·K+j] with
// Weight[r·K+j], j < K. Experts of a row ascend, so that its sum is taken in one order whatever
// else is in the batch.
type Route struct {
	K      int
	Index  []int32
	Weight []float32
}

// Combine adds to every row of dst the weighted results of its experts, in the order of the route:
// dst[r] += Σ_j weight·y[slot[r·K+j]].
//
// Shapes: dst is [n, d], y [any, d], slot as long as route.Index, n·K: the row of y by row and
// choice. The rows of y are overwritten, and no two slots are the same.
func (ex *Exec) Combine(dst, y Tensor, route Route, slot []int32) {
	if dst.Cols != y.Cols || len(slot) != dst.Rows*route.K ||
		len(route.Index) != len(slot) || len(route.Weight) != len(slot) {
		panic(badShape)
	}
	ex.runRows(rowLoop{n: dst.Rows, f: combineRow, dst: dst, x: y,
		width: route.K, index: slot, factor: route.Weight})
}

func combineRow(l *rowLoop, r int) {
	dst := l.dst.Row(r)
	for j := r * l.width; j < (r+1)*l.width; j++ {
		y := l.x.Row(int(l.index[j]))
		kernel.Scale(y, l.factor[j])
		kernel.Add(dst, y)
	}
}
