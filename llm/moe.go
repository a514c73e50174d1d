package llm

// The mixture of experts, a feed-forward part whose rows go to a few of many MLPs.
//
// norm → scores of the experts → the best few of each row → rows sorted by expert → each expert's
// MLP over its rows → weighted sum, with the MLP that all rows share, added to x. dense.go is the
// MLP. Experts are added in ascending order, so that a row's bits depend on nothing but the row.

import (
	"math"

	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/weights"
)

// moe is a mixture of experts.
//
// Source: Mixtral (arXiv 2401.04088), section 2.1; DeepSeekMoE (arXiv 2401.06066) for shared
// experts, DeepSeek-V3 (arXiv 2412.19437), section 2.1.2, for sigmoid scores with a correction.
type moe struct {
	cfg        MoE
	router     *tensor.Matrix
	correction []float32
	experts    []*dense
	shared     *dense
	sharedGate *tensor.Matrix
}

func newMoE(c MoE, hidden int, ld *weights.Loader) *moe {
	m := &moe{cfg: c, router: ld.Stored().Matrix("router", c.NumExperts, hidden)}
	if c.Correction {
		m.correction = ld.Vector("correction", c.NumExperts)
	}
	for e := range c.NumExperts {
		expert := newDense(c.IntermediateSize, c.Act, hidden, ld.Sub("experts", e))
		m.experts = append(m.experts, expert)
	}
	if c.Shared > 0 {
		m.shared = newDense(c.Shared, c.Act, hidden, ld.Sub("shared"))
	}
	if c.SharedGate {
		m.sharedGate = ld.Stored().Matrix("shared_gate", 1, hidden)
	}
	return m
}

// routing is the working memory of a pass through experts, reused by the passes of a batch.
type routing struct {
	route tensor.Route
	slot  []int32 // by row and choice: the row of the experts' results
	rows  []int32 // the rows of each expert, expert after expert
	start []int32 // by expert: where its rows start
}

func (m *moe) forward(p *pass, x tensor.Tensor, norm *tensor.Norm) {
	ex := p.ex
	mark := ex.Mark()
	defer ex.Release(mark)

	h := ex.Alloc(x.Rows, x.Cols) // [n, hidden]
	ex.NormRows(h, x, norm)
	scores := ex.Alloc(h.Rows, m.cfg.NumExperts) // [n, experts]
	ex.Linear(scores, h.Input(), m.router, tensor.Identity)
	if ex.Err() != nil {
		return // scores that were not computed choose no experts
	}
	r := p.routing
	m.choose(r, scores)
	m.group(r, h.Rows)

	// Each expert computes the rows that chose it, in one product.
	in, out := ex.Alloc(len(r.rows), h.Cols), ex.Alloc(len(r.rows), h.Cols) // [n·topk, hidden]
	ex.GatherRows(in, h, r.rows)
	for e := range m.experts {
		if lo, hi := int(r.start[e]), int(r.start[e+1]); lo < hi {
			m.experts[e].project(ex, out.Slice(lo, hi), in.Slice(lo, hi))
		}
	}

	sum := ex.Alloc(h.Rows, h.Cols) // [n, hidden]
	clear(sum.Floats())
	ex.Combine(sum, out, r.route, r.slot)
	if m.shared != nil {
		s := ex.Alloc(h.Rows, h.Cols)
		m.shared.project(ex, s, h)
		if m.sharedGate != nil {
			g := ex.Alloc(h.Rows, 1) // [n, 1]
			ex.Linear(g, h.Input(), m.sharedGate, tensor.Identity)
			ex.Gate(s, g)
		}
		ex.AddRows(sum, s)
	}
	ex.AddRows(x, sum)
}

// choose fills the route from the router's outputs, which it turns into scores.
func (m *moe) choose(r *routing, scores tensor.Tensor) {
	c := m.cfg
	r.route.K = c.TopK
	r.route.Index, r.route.Weight = r.route.Index[:0], r.route.Weight[:0]
	for i := range scores.Rows {
		row := scores.Row(i)
		m.score(row)
		first := len(r.route.Index)
		for range c.TopK {
			r.route.Index = append(r.route.Index, m.best(row, r.route.Index[first:]))
		}
		chosen := r.route.Index[first:]
		ascend(chosen)
		sum := float32(0)
		for _, e := range chosen {
			sum += row[e]
		}
		for _, e := range chosen {
			w := row[e]
			if c.Normalize {
				w /= sum + 1e-20
			}
			r.route.Weight = append(r.route.Weight, w*c.Scale)
		}
	}
}

// score turns a row of the router's outputs into sigmoids or a softmax.
func (m *moe) score(row []float32) {
	if m.cfg.Sigmoid {
		for i, v := range row {
			row[i] = float32(1 / (1 + math.Exp(-float64(v))))
		}
		return
	}
	top := row[0]
	for _, v := range row {
		top = max(top, v)
	}
	sum := 0.0
	for i, v := range row {
		e := math.Exp(float64(v - top))
		row[i] = float32(e)
		sum += e
	}
	for i := range row {
		row[i] = float32(float64(row[i]) / sum)
	}
}

// best returns the expert with the highest score, correction included, that is not taken; the first
// of equals.
func (m *moe) best(row []float32, taken []int32) int32 {
	best, top := int32(-1), float32(0)
next:
	for e, v := range row {
		if m.correction != nil {
			v += m.correction[e]
		}
		if best >= 0 && !(v > top) {
			continue
		}
		for _, t := range taken {
			if int(t) == e {
				continue next
			}
		}
		best, top = int32(e), v
	}
	return best
}

func ascend(x []int32) {
	for i := 1; i < len(x); i++ {
		for j := i; j > 0 && x[j] < x[j-1]; j-- {
			x[j], x[j-1] = x[j-1], x[j]
		}
	}
}

// group sorts the rows by expert.
func (m *moe) group(r *routing, rows int) {
	n := len(r.route.Index)
	r.start = resize(r.start, m.cfg.NumExperts+1)
	clear(r.start)
	for _, e := range r.route.Index {
		r.start[e+1]++
	}
	for e := range m.cfg.NumExperts {
		r.start[e+1] += r.start[e]
	}
	r.slot, r.rows = resize(r.slot, n), resize(r.rows, n)
	for row := range rows {
		for j := row * r.route.K; j < (row+1)*r.route.K; j++ {
			e := r.route.Index[j]
			r.slot[j] = r.start[e]
			r.rows[r.start[e]] = int32(row)
			r.start[e]++
		}
	}
	copy(r.start[1:], r.start[:m.cfg.NumExperts]) // each start was moved to the next
	r.start[0] = 0
}

func resize(x []int32, n int) []int32 {
	if cap(x) < n {
		return make([]int32, n)
	}
	return x[:n]
}
