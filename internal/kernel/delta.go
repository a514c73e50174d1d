package kernel

// One step of the gated delta rule, put together from the products of panel.go: the state is the
// panel. llm/delta.go says where it belongs, package tensor runs it head by head.

import "math"

// DeltaStep advances the state of one head of the gated delta rule by a row: with q' = q·qScale and
// k' = k·kScale,
//
//	state ← exp(gate)·state
//	state ← state + k' ⊗ beta·(v − k'ᵀ·state)
//	out   ← q'ᵀ·state
//
// Shapes: state is [len(k), len(v)], q as long as k, out as long as v. The values in v are
// overwritten.
// Source: Gated Delta Networks (arXiv 2412.06464), section 3.1.
func DeltaStep(out, state, q, k, v []float32, qScale, kScale, gate, beta float32) {
	n := len(v)
	if len(q) != len(k) || len(out) != n || len(state) != len(k)*n {
		panic(badLength)
	}
	if n == 0 {
		return
	}
	Scale(state, float32(math.Exp(float64(gate))))
	// out serves as the prediction kᵀ·state first.
	MatMulPanel(out, n, k, len(k), 1, state, n, n, len(k), false)
	for i, p := range out {
		v[i] = kScale * beta * (v[i] - kScale*p)
	}
	MatMulPanel(state, n, k, 1, len(k), v, n, n, 1, true) // the outer product, a sum of one term
	MatMulPanel(out, n, q, len(q), 1, state, n, n, len(q), false)
	Scale(out, qScale)
}
