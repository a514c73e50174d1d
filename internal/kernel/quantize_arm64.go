//go:build gc && !noasm && !purego

package kernel

import "github.com/qwenvl/qwenvl/internal/cpu"

//go:noescape
func quantize128NEON(q *int8, scale *float32, sums *int32, x *float32, groups, zero uintptr)

//go:noescape
func quantize64NEON(q *int8, scale *float32, sums *int32, x *float32, groups, zero uintptr)

func quantizeGroups(q []int8, scale []float32, sums []int32, x []float32, group int, zero int32) {
	switch {
	case !cpu.NEON:
		quantizeGroupsGo(q, scale, sums, x, group, zero)
	case group == GroupInt8:
		quantize128NEON(&q[0], &scale[0], &sums[0], &x[0], uintptr(len(scale)), uintptr(zero))
	default:
		quantize64NEON(&q[0], &scale[0], &sums[0], &x[0], uintptr(len(scale)), uintptr(zero))
	}
}

//go:noescape
func extremes64NEON(w *[GroupInt4]float32) (bits uint32, top float32)

//go:noescape
func squares64NEON(w *[GroupInt4]float32, inverse float32) float32

//go:noescape
func round64NEON(q *[GroupInt4]uint8, w *[GroupInt4]float32, inverse float32)

func extremes64(w *[GroupInt4]float32) (bits uint32, top float32) {
	if cpu.NEON {
		return extremes64NEON(w)
	}
	return extremes64Go(w)
}

func squares64(w *[GroupInt4]float32, inverse float32) float32 {
	if cpu.NEON {
		return squares64NEON(w, inverse)
	}
	return squares64Go(w, inverse)
}

func round64(q *[GroupInt4]uint8, w *[GroupInt4]float32, inverse float32) {
	if cpu.NEON {
		round64NEON(q, w, inverse)
		return
	}
	round64Go(q, w, inverse)
}
