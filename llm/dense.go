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

func newDense(width int, act tensor.Act, hidden int, ld *weights.Loader) *dense {
	return &dense{
		gate: ld.Matrix("gate", width, hidden),
		up:   ld.Matrix("up", width, hidden),
		down: ld.Matrix("down", hidden, width),
		act:  act,
	}
}

func (d *dense) forward(p *pass, x tensor.Tensor, norm *tensor.Norm) {
	mark := p.ex.Mark()
	defer p.ex.Release(mark)
	h := p.ex.NormInput(x, norm, d.gate)
	p.ex.LinearAdd(x, p.ex.GatedInput(h, d.gate, d.up, d.act, d.down), d.down)
}

// project computes dst = down(act(gate(h)) ∘ up(h)).
func (d *dense) project(ex *tensor.Exec, dst, h tensor.Tensor) {
	mark := ex.Mark()
	defer ex.Release(mark)
	ex.Linear(dst, ex.GatedInput(ex.Input(h, d.gate), d.gate, d.up, d.act, d.down), d.down, tensor.Identity)
}
