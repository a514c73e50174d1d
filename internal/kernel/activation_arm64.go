//go:build gc && !noasm && !purego

package kernel

// Exponentials and activations on arm64: the assembly of activation_neon_arm64.s, where NEON is in
// use. The references are in activation.go and, of expSub, in softmax.go.

import "github.com/qwenvl/qwenvl/internal/cpu"

func expSub(x []float32, max float32) float32 {
	if cpu.NEON {
		return expSubNEON(x, max)
	}
	return expSubGo(x, max)
}

func sigmoid(x []float32) {
	if cpu.NEON {
		sigmoidNEON(x)
		return
	}
	sigmoidGo(x)
}

func silu(x []float32) {
	if cpu.NEON {
		siluNEON(x)
		return
	}
	siluGo(x)
}

func siluMul(dst, gate, up []float32) {
	if cpu.NEON {
		siluMulNEON(dst, gate, up)
		return
	}
	siluMulGo(dst, gate, up)
}

func quickGELU(x []float32) {
	if cpu.NEON {
		quickGELUNEON(x)
		return
	}
	quickGELUGo(x)
}

func gelu(x []float32) {
	if cpu.NEON {
		geluNEON(x)
		return
	}
	geluGo(x)
}

func geluTanh(x []float32) {
	if cpu.NEON {
		geluTanhNEON(x)
		return
	}
	geluTanhGo(x)
}
