//go:build gc && !noasm && !purego

package kernel

// Exponentials and activations on amd64: the assembly of activation_<isa>_amd64.s and, for each
// function, which of it runs. The references are in activation.go and, of expSub, in softmax.go.

import "github.com/qwenvl/qwenvl/internal/cpu"

//go:noescape
func expSubAVX512(x []float32, max float32) float32

//go:noescape
func expSubAVX2(x []float32, max float32) float32

func expSub(x []float32, max float32) float32 {
	switch {
	case cpu.AVX512:
		return expSubAVX512(x, max)
	case cpu.AVX2:
		return expSubAVX2(x, max)
	default:
		return expSubGo(x, max)
	}
}

//go:noescape
func sigmoidAVX512(x []float32)

//go:noescape
func sigmoidAVX2(x []float32)

func sigmoid(x []float32) {
	switch {
	case cpu.AVX512:
		sigmoidAVX512(x)
	case cpu.AVX2:
		sigmoidAVX2(x)
	default:
		sigmoidGo(x)
	}
}

//go:noescape
func siluAVX512(x []float32)

//go:noescape
func siluAVX2(x []float32)

func silu(x []float32) {
	switch {
	case cpu.AVX512:
		siluAVX512(x)
	case cpu.AVX2:
		siluAVX2(x)
	default:
		siluGo(x)
	}
}

//go:noescape
func siluMulAVX512(dst, gate, up []float32)

//go:noescape
func siluMulAVX2(dst, gate, up []float32)

func siluMul(dst, gate, up []float32) {
	switch {
	case cpu.AVX512:
		siluMulAVX512(dst, gate, up)
	case cpu.AVX2:
		siluMulAVX2(dst, gate, up)
	default:
		siluMulGo(dst, gate, up)
	}
}

//go:noescape
func quickGELUAVX512(x []float32)

//go:noescape
func quickGELUAVX2(x []float32)

func quickGELU(x []float32) {
	switch {
	case cpu.AVX512:
		quickGELUAVX512(x)
	case cpu.AVX2:
		quickGELUAVX2(x)
	default:
		quickGELUGo(x)
	}
}

//go:noescape
func geluAVX512(x []float32)

//go:noescape
func geluAVX2(x []float32)

func gelu(x []float32) {
	switch {
	case cpu.AVX512:
		geluAVX512(x)
	case cpu.AVX2:
		geluAVX2(x)
	default:
		geluGo(x)
	}
}

//go:noescape
func geluTanhAVX512(x []float32)

//go:noescape
func geluTanhAVX2(x []float32)

func geluTanh(x []float32) {
	switch {
	case cpu.AVX512:
		geluTanhAVX512(x)
	case cpu.AVX2:
		geluTanhAVX2(x)
	default:
		geluTanhGo(x)
	}
}
