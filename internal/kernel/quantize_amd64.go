//go:build gc && !noasm && !purego

package kernel

import "github.com/qwenvl/qwenvl/internal/cpu"

//go:noescape
func quantize128AVX2(q *int8, scale *float32, sums *int32, x *float32, groups, zero uintptr)

//go:noescape
func quantize64AVX2(q *int8, scale *float32, sums *int32, x *float32, groups, zero uintptr)

func quantizeGroups(q []int8, scale []float32, sums []int32, x []float32, group int, zero int32) {
	switch {
	case !cpu.AVX2:
		quantizeGroupsGo(q, scale, sums, x, group, zero)
	case group == GroupInt8:
		quantize128AVX2(&q[0], &scale[0], &sums[0], &x[0], uintptr(len(scale)), uintptr(zero))
	default:
		quantize64AVX2(&q[0], &scale[0], &sums[0], &x[0], uintptr(len(scale)), uintptr(zero))
	}
}
