package weights

// Values of stored tensors as float32, and the check that they are finite. Tensors decode them, see
// Matrix.DecodeRow, so that a new format brings its decoder to both.

import (
	"slices"

	"github.com/qwenvl/qwenvl/internal/tensor"
)

// decode converts whole blocks of a type that can be bound.
func (s stored) decode(data []byte) []float32 {
	return s.decodeInto(nil, data)
}

// decodeInto is decode into the memory of v, where it suffices.
func (s stored) decodeInto(v []float32, data []byte) []float32 {
	n := int(uint64(len(data)) / s.bytes * s.elements)
	v = slices.Grow(v[:0], n)[:n]
	data = aligned(data, s.format.Align())
	tensor.NewMatrix(s.format, 1, n, data, nil).DecodeRow(v, 0)
	return v
}

// firstNotFinite returns the index of the first NaN or infinity, or -1.
func firstNotFinite(v []float32) int {
	for i, x := range v {
		if x-x != 0 {
			return i
		}
	}
	return -1
}

// CheckFinite reads every tensor that could be bound and refuses NaN and infinities. Binding does
// so for norms and biases only: this touches all of the checkpoint.
//
// Errors: *[ValueError].
func (s *Source) CheckFinite() error {
	const chunk = 1 << 16 // bytes, about
	for _, t := range s.tensors {
		row := t.DType.row()
		if !row.bound {
			continue
		}
		step := int(max(1, chunk/row.bytes) * row.bytes) // whole blocks
		done := 0
		for data := t.Data; len(data) > 0; data = data[min(step, len(data)):] {
			v := row.decode(data[:min(step, len(data))])
			if k := firstNotFinite(v); k >= 0 {
				return &ValueError{File: t.File, Tensor: t.Name, Index: done + k, Value: float64(v[k])}
			}
			done += len(v)
		}
	}
	return nil
}
