//go:build !amd64 || !gc || noasm || purego

package kernel

func countLarge(count []int32, q []int8, group int) { countLargeGo(count, q, group) }

func (c column) add(y *[PanelRows]float32, value float32) { c.addGo(y, value) }
