//go:build gc && !noasm && !purego

package kernel

// Quantizing activations on arm64: whole groups, in assembly or in Go. The search for 4-bit steps
// is chosen in stubs_arm64.go.

import "github.com/qwenvl/qwenvl/internal/cpu"

func quantizeGroups(q []int8, scale []float32, sums []int32, x []float32) {
	if cpu.NEON {
		quantize256NEON(&q[0], &scale[0], &sums[0], &x[0], uintptr(len(scale)))
		return
	}
	quantizeGroupsGo(q, scale, sums, x)
}
