package weights

import (
	"encoding/binary"
	"math"

	"github.com/qwenvl/qwenvl/internal/half"
)

// decodeFloats converts elements of type F32, BF16 or F16.
func decodeFloats(d DType, data []byte) []float32 {
	if d == F32 {
		v := make([]float32, len(data)/4)
		for i := range v {
			v[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		}
		return v
	}
	v, from := make([]float32, len(data)/2), half.FromF16
	if d == BF16 {
		from = half.FromBF16
	}
	for i := range v {
		v[i] = from(binary.LittleEndian.Uint16(data[2*i:]))
	}
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

// CheckFinite reads every F32, BF16 and F16 tensor and refuses NaN and infinities. Binding does so for norms and biases only:
// this touches all of the checkpoint.
//
// Errors: *[ValueError].
func (s *Source) CheckFinite() error {
	const chunk = 1 << 16 // bytes, a multiple of every element
	for i := range s.entries {
		t := s.at(i)
		if _, ok := t.DType.format(); !ok {
			continue
		}
		done := 0
		for data := t.Data; len(data) > 0; data = data[min(chunk, len(data)):] {
			v := decodeFloats(t.DType, data[:min(chunk, len(data))])
			if k := firstNotFinite(v); k >= 0 {
				return &ValueError{File: t.File, Tensor: t.Name, Index: done + k, Value: float64(v[k])}
			}
			done += len(v)
		}
	}
	return nil
}
