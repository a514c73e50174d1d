package llm

import (
	"math"

	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/weights"
)

// gqa is grouped-query attention with rotary positions.
type gqa struct {
	cfg          GQA
	q, k, v, out *tensor.Matrix
	scale        float32
}

func newGQA(c GQA, hidden int, ld *weights.Loader) *gqa {
	bind := ld.Matrix
	if c.QKVBias {
		bind = ld.MatrixBias
	}
	return &gqa{
		cfg:   c,
		q:     bind("q", c.NumHeads*c.HeadDim, hidden),
		k:     bind("k", c.NumKVHeads*c.HeadDim, hidden),
		v:     bind("v", c.NumKVHeads*c.HeadDim, hidden),
		out:   ld.Matrix("o", hidden, c.NumHeads*c.HeadDim),
		scale: float32(1 / math.Sqrt(float64(c.HeadDim))),
	}
}

func (g *gqa) forward(p *pass, layer int, x, h tensor.Tensor) {
	ex, c := p.ex, g.cfg
	mark := ex.Mark()
	defer ex.Release(mark)
	q := ex.Alloc(h.Rows, c.NumHeads*c.HeadDim)
	k := ex.Alloc(h.Rows, c.NumKVHeads*c.HeadDim)
	v := ex.Alloc(h.Rows, c.NumKVHeads*c.HeadDim)
	ex.Linear(q, h, g.q, tensor.Identity)
	ex.Linear(k, h, g.k, tensor.Identity)
	ex.Linear(v, h, g.v, tensor.Identity)
	ex.Rotate(q, 0, c.NumHeads, c.HeadDim, p.cos, p.sin, tensor.HalfSplit)
	ex.Rotate(k, 0, c.NumKVHeads, c.HeadDim, p.cos, p.sin, tensor.HalfSplit)
	layout, at := p.cache.layers[layer], p.cache.at[layer]
	ex.StoreKV(k, v, p.kv, layout, at)
	out := ex.Alloc(h.Rows, c.NumHeads*c.HeadDim)
	ex.AttendPaged(out, q, p.kv, layout, at, c.NumHeads, g.scale)
	ex.LinearAdd(x, out, g.out)
}
