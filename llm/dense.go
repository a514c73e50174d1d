package llm

// The gated MLP, which most layers have as their feed-forward part.
//
// norm → act(gate) ∘ up → down, added to x. The product of gate and up is formed while both are
// computed, so that the widest activations of a layer are written once. moe.go uses the same MLP
// for each expert, through project.

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
	h := p.ex.NormInput(x, norm, d.gate) // [n, hidden]
	p.ex.LinearAdd(x, p.ex.GatedInput(h, d.gate, d.up, d.act, d.down), d.down)
}

// project computes dst = down(act(gate(h)) ∘ up(h)), both [n, hidden].
func (d *dense) project(ex *tensor.Exec, dst, h tensor.Tensor) {
	mark := ex.Mark()
	defer ex.Release(mark)
	ex.Linear(dst, ex.GatedInput(ex.Input(h, d.gate), d.gate, d.up, d.act, d.down), d.down,
		tensor.Identity)
}
