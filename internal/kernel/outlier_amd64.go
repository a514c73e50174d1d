//go:build gc && !noasm && !purego

package kernel

// Outliers on amd64: counting large bytes and adding a column of weights, declared and chosen.

import "github.com/qwenvl/qwenvl/internal/cpu"

//go:noescape
func countLarge256AVX2(count *int32, q *int8, groups uintptr)

//go:noescape
func addColumnAVX2(y *[PanelRows]float32, bytes *[4 * PanelRows]uint8, scale *[PanelRows]float32, zero *[PanelRows]int32, value float32, mask uint32, shift uintptr)

func countLargeGroups(count []int32, q []int8) {
	if cpu.AVX2 {
		countLarge256AVX2(&count[0], &q[0], uintptr(len(count)))
		return
	}
	countLargeGo(count, q)
}

func (c column) add(y *[PanelRows]float32, value float32) {
	if cpu.AVX2 {
		addColumnAVX2(y, c.bytes, c.scale, c.zero, value, c.mask, uintptr(c.shift))
		return
	}
	c.addGo(y, value)
}
