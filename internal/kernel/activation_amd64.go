//go:build gc && !noasm && !purego

package kernel

// Exponentials and activations on amd64: the assembly of activation_<isa>_amd64.s and, for each
// function, which of it runs. The references are in activation.go and, of expSub, in softmax.go.

import "github.com/qwenvl/qwenvl/internal/cpu"

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
