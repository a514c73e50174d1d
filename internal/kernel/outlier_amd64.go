//go:build gc && !noasm && !purego

package kernel

// Outliers on amd64: counting large bytes and adding a column of weights, in assembly or in Go.

import "github.com/qwenvl/qwenvl/internal/cpu"

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
