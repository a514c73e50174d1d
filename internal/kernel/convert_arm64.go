//go:build gc && !noasm && !purego

package kernel

// Rounding to half precision on arm64: Go does it. The other conversions are chosen in
// stubs_arm64.go.

func f32ToF16(dst []uint16, src []float32) { f32ToF16Go(dst, src) }
