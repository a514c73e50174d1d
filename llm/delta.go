package llm

// The gated delta rule, a recurrence in place of attention.
//
// norm → q, k, v and a gate z; decay and step size of each head → causal convolution over the last
// rows → the recurrence, row by row → norm of heads → gate → projection, added to x. The state is a
// matrix per head whatever the text's length, kept in the sequence; gqa.go and mla.go keep every
// position.

import (
	"math"

	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/weights"
)

// delta is a gated delta-rule mixer.
//
// Source: Gated Delta Networks (arXiv 2412.06464), section 3; transformers qwen3_next,
// GatedDeltaNet.
type delta struct {
	shape              tensor.DeltaShape
	qkv, z, b, a, out  *tensor.Matrix
	conv               []float32 // [channels, kernel]
	decay, decayOffset []float32 // by value head: −exp(A_log) and dt_bias
	norm               tensor.Norm
}

func newDelta(c Delta, l Layer, hidden int, ld *weights.Loader) *delta {
	shape := c.shape()
	values := c.ValueHeads * c.ValueDim
	d := &delta{
		shape:       shape,
		qkv:         ld.Matrix("qkv", shape.Conv(), hidden),
		z:           ld.Matrix("z", values, hidden),
		b:           ld.Stored().Matrix("b", c.ValueHeads, hidden),
		a:           ld.Stored().Matrix("a", c.ValueHeads, hidden),
		out:         ld.Matrix("o", hidden, values),
		conv:        ld.Floats("conv.weight", shape.Conv(), 1, c.Kernel),
		decay:       ld.Vector("a_log", c.ValueHeads),
		decayOffset: ld.Vector("dt_bias", c.ValueHeads),
		norm:        rmsNorm(ld, "norm", c.ValueDim, l.Eps),
	}
	for i, v := range d.decay {
		d.decay[i] = float32(-math.Exp(float64(v)))
	}
	return d
}

func (d *delta) state() slot { return slot{delta: d.shape} }

func (d *delta) forward(p *pass, layer int, x tensor.Tensor, norm *tensor.Norm) {
	ex, c := p.ex, d.shape
	mark := ex.Mark()
	defer ex.Release(mark)

	h, n := ex.NormInput(x, norm, d.qkv), x.Rows // [n, hidden]
	// [n, q, k and v of all heads]
	in, mixed := ex.Alloc(n, c.Conv()), ex.Alloc(n, c.Conv())
	gate, beta := ex.Alloc(n, c.ValueHeads), ex.Alloc(n, c.ValueHeads) // [n, value heads]
	z, out := ex.Alloc(n, d.z.Rows()), ex.Alloc(n, d.z.Rows())         // [n, value heads·dim]
	ex.Linear(in, h, d.qkv, tensor.Identity)
	ex.Linear(z, h, d.z, tensor.SiLU)
	ex.Linear(beta, h, d.b, tensor.Sigmoid)
	ex.Linear(gate, h, d.a, tensor.Identity)

	// The logarithm of how much of its state each head keeps, ≤ 0.
	for r := range gate.Rows {
		row := gate.Row(r)
		for i, v := range row {
			row[i] = d.decay[i] * softplus(v+d.decayOffset[i])
		}
	}

	// Mix with the rows before, then update the state and read it. A pass may hold several
	// sequences.
	seqs := p.states(layer)
	ex.CausalConv(mixed, in, d.conv, seqs, c)
	ex.DeltaScan(out, mixed, gate, beta, seqs, c)
	ex.NormHeads(out, 0, c.ValueHeads, &d.norm)
	ex.MulRows(out, z)
	ex.LinearAdd(x, out.Input(), d.out) // x [n, hidden] += out · oᵀ
}

// softplus is log(1 + eˣ).
func softplus(x float32) float32 {
	if x > 20 {
		return x
	}
	return float32(math.Log1p(math.Exp(float64(x))))
}
