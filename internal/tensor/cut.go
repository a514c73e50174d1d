package tensor

import "github.com/qwenvl/qwenvl/internal/kernel"

const (
	bandRows   = 64                    // outputs of a work item of rows that are multiplied as they are
	chunkRows  = 1024                  // input rows of a work item at most
	maxBand    = kernel.MatMulManyCols // outputs of an item of laid out rows at most
	bandUnit   = 32                    // columns of a panel of the kernel
	leastTiles = 8                     // of a chunk, about
)

// cutLinear cuts a product of rows that are multiplied as they are into items and returns their size. The bits of the result do
// not depend on it.
func cutLinear(rows int) (chunk, band int) { return min(rows, chunkRows), bandRows }

// cutLaid is cutLinear for so many tiles of laid out rows, of which a chunk is some, and outs outputs.
//
// An item lays out its weights once for all its rows, and reads its rows once for all its weights: this takes as long as to multiply by
// layCost more rows and readCost more outputs. At the end a worker waits for the others. BenchmarkLinear chose the constants.
func cutLaid(rows, tiles, outs, threads int) (chunk, band int) {
	const layCost, readCost = 8, 16
	const wait = 8 // what part of an item
	height := (rows + tiles - 1) / tiles
	best := 0
	for chunks := 1; ; chunks++ {
		n := (tiles + chunks - 1) / chunks
		r := n * height
		for c := bandUnit; c <= maxBand; c += bandUnit {
			items := (tiles + n - 1) / n * ((outs + c - 1) / c)
			time := (r*c + layCost*c + readCost*r) * (wait*((items+threads-1)/threads) + 1)
			if best == 0 || time < best {
				best, chunk, band = time, n, c
			}
			if c >= outs {
				break
			}
		}
		if chunks >= threads || n <= 2*leastTiles {
			return chunk, band
		}
	}
}
