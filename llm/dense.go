package llm

import (
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/weights"
)

// dense is a gated MLP.
type dense struct {
	gate, up, down *tensor.Matrix
	act            tensor.Act
}

func newDense(c Dense, hidden int, ld *weights.Loader) *dense {
	return &dense{
		gate: ld.Matrix("gate", c.IntermediateSize, hidden),
		up:   ld.Matrix("up", c.IntermediateSize, hidden),
		down: ld.Matrix("down", hidden, c.IntermediateSize),
		act:  c.Act,
	}
}

func (d *dense) forward(p *pass, x, h tensor.Tensor) {
	mark := p.ex.Mark()
	defer p.ex.Release(mark)
	m := p.ex.Alloc(h.Rows, d.gate.Rows())
	p.ex.GatedLinear(m, h, d.gate, d.up, d.act)
	p.ex.LinearAdd(x, m, d.down)
}
