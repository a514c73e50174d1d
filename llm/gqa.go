package llm

// Grouped-query attention.
//
// norm → q, k, v in one product → (norm of heads) → rotation → k and v into the cache → attention
// over the cache → (gate) → projection, added to x. mla.go is the same with one latent vector in
// place of keys and values; delta.go has no cache of keys and values at all.

import (
	"math"

	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/weights"
)

// gqa is grouped-query attention with rotary positions.
type gqa struct {
	cfg          GQA
	q, k, v, out *tensor.Matrix
	normQ, normK tensor.Norm
	scale        float32
}

func newGQA(c GQA, l Layer, hidden int, ld *weights.Loader) *gqa {
	bind := ld.Matrix
	if c.QKVBias {
		bind = ld.MatrixBias
	}
	queries := c.NumHeads * c.HeadDim
	if c.OutputGate {
		queries *= 2
	}
	g := &gqa{
		cfg:   c,
		q:     bind("q", queries, hidden),
		k:     bind("k", c.NumKVHeads*c.HeadDim, hidden),
		v:     bind("v", c.NumKVHeads*c.HeadDim, hidden),
		out:   ld.Matrix("o", hidden, c.NumHeads*c.HeadDim),
		scale: float32(1 / math.Sqrt(float64(c.HeadDim))),
	}
	if c.QKNorm {
		g.normQ = rmsNorm(ld, "q_norm", c.HeadDim, l.Eps)
		g.normK = rmsNorm(ld, "k_norm", c.HeadDim, l.Eps)
	}
	return g
}

func (g *gqa) state() slot { return slot{kv: g.cfg.layout()} }

func (g *gqa) forward(p *pass, layer int, x tensor.Tensor, norm *tensor.Norm) {
	ex, c := p.ex, g.cfg
	mark := ex.Mark()
	defer ex.Release(mark)

	// q, k and v of the normalized rows. With a gate, the query projection is twice as wide.
	h, n := ex.NormInput(x, norm, g.q), x.Rows // [n, hidden]
	q := ex.Alloc(n, c.NumHeads*c.HeadDim)     // [n, heads·dim]
	k := ex.Alloc(n, c.NumKVHeads*c.HeadDim)   // [n, kv heads·dim]
	v := ex.Alloc(n, c.NumKVHeads*c.HeadDim)   // [n, kv heads·dim]
	var gate tensor.Tensor
	if c.OutputGate {
		both := ex.Alloc(n, g.q.Rows()) // [n, heads·2·dim]: of each head, query and gate
		gate = ex.Alloc(n, q.Cols)      // [n, heads·dim]
		ex.LinearThree([3]tensor.Tensor{both, k, v}, h, [3]*tensor.Matrix{g.q, g.k, g.v})
		ex.SplitHeads(q, gate, both, c.HeadDim)
	} else {
		ex.LinearThree([3]tensor.Tensor{q, k, v}, h, [3]*tensor.Matrix{g.q, g.k, g.v})
	}

	// Position: each head is turned by the angles of its row's position.
	if c.QKNorm {
		ex.NormHeads(q, 0, c.NumHeads, &g.normQ)
		ex.NormHeads(k, 0, c.NumKVHeads, &g.normK)
	}
	ex.Rotate(q, 0, c.NumHeads, c.HeadDim, p.cos, p.sin, tensor.HalfSplit)
	ex.Rotate(k, 0, c.NumKVHeads, c.HeadDim, p.cos, p.sin, tensor.HalfSplit)
	if p.queryScale != nil {
		ex.ScaleRows(q, p.queryScale)
	}

	// Each row attends to its sequence's positions up to its own, which is in the cache by now.
	s := p.cache.layers[layer]
	ex.AppendKV(k, v, p.kv, s.kv, s.at)
	out := ex.Alloc(n, c.NumHeads*c.HeadDim) // [n, heads·dim]
	ex.AttendPaged(out, q, p.kv, s.kv, s.at, c.NumHeads, g.scale)
	if c.OutputGate {
		ex.Gate(out, gate)
	}
	ex.LinearAdd(x, out.Input(), g.out) // x [n, hidden] += out · oᵀ
}
