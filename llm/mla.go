package llm

// Multi-head latent attention.
//
// norm → q; norm → latent and rotated key → (norm of the latent) → rotation → both into the cache →
// queries brought to the latent's width → attention over the cache → values of each head →
// projection, added to x. gqa.go is the plain form, where the cache keeps keys and values of every
// head.

import (
	"math"

	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/weights"
)

// mla is multi-head latent attention in its absorbed form: a head's key projection is applied to
// its query, so that all heads attend to the one latent vector that the cache keeps, and the value
// projection to the attended latent.
//
// Source: DeepSeek-V2 (arXiv 2405.04434), section 2.1.2 and appendix C.
type mla struct {
	cfg     MLA
	q, down *tensor.Matrix
	norm    tensor.Norm
	keyUp   []*tensor.Matrix // by head: latent by key width, transposed of what the checkpoint has
	valueUp []*tensor.Matrix // by head: value width by latent
	out     *tensor.Matrix
	scale   float32
}

func newMLA(c MLA, hidden int, ld *weights.Loader) *mla {
	m := &mla{
		cfg:   c,
		q:     ld.Matrix("q", c.NumHeads*(c.NopeDim+c.RopeDim), hidden),
		down:  ld.Matrix("kv_down", c.LatentDim+c.RopeDim, hidden),
		norm:  rmsNorm(ld, "kv_norm", c.LatentDim, c.Eps),
		out:   ld.Matrix("o", hidden, c.NumHeads*c.ValueDim),
		scale: float32(1 / math.Sqrt(float64(c.NopeDim+c.RopeDim))),
	}
	if c.ScoreScale > 0 {
		m.scale = float32(c.ScoreScale / math.Sqrt(float64(c.NopeDim+c.RopeDim)))
	}
	for h := range c.NumHeads {
		keyUp, valueUp := ld.Stored().Sub("key_up").Sub(h), ld.Stored().Sub("value_up").Sub(h)
		m.keyUp = append(m.keyUp, keyUp.Matrix("proj", c.LatentDim, c.NopeDim))
		m.valueUp = append(m.valueUp, valueUp.Matrix("proj", c.ValueDim, c.LatentDim))
	}
	return m
}

func (m *mla) state() slot { return slot{kv: m.cfg.layout()} }

func (m *mla) forward(p *pass, layer int, x tensor.Tensor, norm *tensor.Norm) {
	ex, c := p.ex, m.cfg
	mark := ex.Mark()
	defer ex.Release(mark)
	head, wide := c.NopeDim+c.RopeDim, c.LatentDim+c.RopeDim

	h, n := ex.NormInput(x, norm, m.q), x.Rows // [n, hidden]
	q := ex.Alloc(n, c.NumHeads*head)          // [n, heads·(nope + rope)]
	ex.Linear(q, h, m.q, tensor.Identity)

	// What the cache keeps of a row: the latent and one rotated key as "key", the latent as
	// "value".
	key := ex.Alloc(n, wide) // [n, latent + rope]
	ex.Linear(key, h, m.down, tensor.Identity)
	ex.NormHeads(key, 0, 1, &m.norm)
	ex.Rotate(key, c.LatentDim, 1, c.RopeDim, p.cos, p.sin, tensor.Neighbors)
	latent := ex.Alloc(n, c.LatentDim) // [n, latent]
	ex.CopyCols(latent, 0, key, 0, c.LatentDim)
	s := p.cache.layers[layer]
	ex.AppendKV(key, latent, p.kv, s.kv, s.at)

	// The queries of all heads, as wide as what is cached.
	query := ex.Alloc(n, c.NumHeads*wide) // [n, heads·(latent + rope)]
	ex.LinearHeads(query, 0, wide, q, 0, head, m.keyUp)
	for i := range c.NumHeads {
		ex.CopyCols(query, i*wide+c.LatentDim, q, i*head+c.NopeDim, c.RopeDim)
		ex.Rotate(query, i*wide+c.LatentDim, 1, c.RopeDim, p.cos, p.sin, tensor.Neighbors)
	}
	if p.queryScale != nil {
		ex.ScaleRows(query, p.queryScale)
	}

	// Attended latents, then the values of each head.
	seen := ex.Alloc(n, c.NumHeads*c.LatentDim) // [n, heads·latent]
	ex.AttendPaged(seen, query, p.kv, s.kv, s.at, c.NumHeads, m.scale)
	out := ex.Alloc(n, c.NumHeads*c.ValueDim) // [n, heads·value]
	ex.LinearHeads(out, 0, c.ValueDim, seen, 0, c.LatentDim, m.valueUp)
	ex.LinearAdd(x, out.Input(), m.out) // x [n, hidden] += out · oᵀ
}
