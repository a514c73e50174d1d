//go:build gc && !noasm && !purego

package kernel

import "github.com/qwenvl/qwenvl/internal/cpu"

//go:noescape
func countLarge128AVX2(count *int32, q *int8, groups uintptr)

//go:noescape
func countLarge64AVX2(count *int32, q *int8, groups uintptr)

//go:noescape
func addColumnAVX2(y *[PanelRows]float32, bytes *[4 * PanelRows]uint8, scale *[PanelRows]float32, value float32, mask, zero uint32, shift uintptr)

func countLarge(count []int32, q []int8, group int) {
	switch {
	case !cpu.AVX2:
		countLargeGo(count, q, group)
	case group == GroupInt8:
		countLarge128AVX2(&count[0], &q[0], uintptr(len(count)))
	default:
		countLarge64AVX2(&count[0], &q[0], uintptr(len(count)))
	}
}

func (c column) add(y *[PanelRows]float32, value float32) {
	if cpu.AVX2 {
		addColumnAVX2(y, c.bytes, c.scale, value, c.mask, uint32(c.zero), uintptr(c.shift))
		return
	}
	c.addGo(y, value)
}
