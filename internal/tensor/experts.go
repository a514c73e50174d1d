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

type expertLoop struct {
	dst, y Tensor
	route  Route
	slot   []int32 // by row and choice: the row of y
}

// Combine adds to every row of dst the weighted results of its experts, in the order of the route:
// dst[r] += Σ_j weight·y[slot[r·K+j]].
//
// Shapes: dst is [n, d], y [any, d], slot as long as route.Index, n·K. The rows of y are
// overwritten, and no two slots are the same.
func (ex *Exec) Combine(dst, y Tensor, route Route, slot []int32) {
	if dst.Cols != y.Cols || len(slot) != dst.Rows*route.K ||
		len(route.Index) != len(slot) || len(route.Weight) != len(slot) {
		panic(badShape)
	}
	ex.experts = expertLoop{dst: dst, y: y, route: route, slot: slot}
	ex.pool.Run(&ex.experts, (dst.Rows+rowGroup-1)/rowGroup)
	ex.experts = expertLoop{}
}

func (l *expertLoop) Do(_, i int) {
	k := l.route.K
	for r := i * rowGroup; r < min((i+1)*rowGroup, l.dst.Rows); r++ {
		dst := l.dst.Row(r)
		for j := r * k; j < (r+1)*k; j++ {
			y := l.y.Row(int(l.slot[j]))
			kernel.Scale(y, l.route.Weight[j])
			kernel.Add(dst, y)
		}
	}
}
