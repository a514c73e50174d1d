//go:build !amd64 || !gc || noasm || purego

package kernel

// Outliers where there is no assembly for them: each function is its reference.

func countLargeGroups(count []int32, q []int8) { countLargeGo(count, q) }

func (c column) add(y *[PanelRows]float32, value float32) { c.addGo(y, value) }
