//go:build gc && !noasm && !purego

package kernel

// How far before their use weights are fetched where few rows pass: the one thing in which
// processors of the same instruction set differ here. Tiles of many rows fetch at distances that
// are constants of their emitters in _gen.

import "github.com/qwenvl/qwenvl/internal/cpu"

// prefetchDistance is how many bytes ahead weights are fetched into the second level of the cache
// while they pass by few rows. BenchmarkMatMulQuant and BenchmarkMatMul chose the distances, with
// two threads, which is where they differ.
var prefetchDistance = func() (distance struct {
	packed uintptr // panels: one row, or up to four of bytes
	rows   uintptr // weight rows that are multiplied as they are; 0 fetches nothing
}) {
	// a core of Emerald Rapids reads 11 to 14 GB/s with them, and 9 to 12 on its own
	distance.packed, distance.rows = 4096, 4096
	// a core of Zen 4 keeps more of memory in flight by itself
	if cpu.AMD {
		distance.packed, distance.rows = 1024, 0
	}
	return distance
}()
