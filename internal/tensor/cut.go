package tensor

import "github.com/qwenvl/qwenvl/internal/kernel"

const (
	bandRows   = 64                    // outputs of a work item of few input rows
	maxBand    = kernel.MatMulManyCols // outputs of an item of many rows at most
	chunkRows  = 1024                  // input rows of a work item at most
	leastChunk = 192                   // chunks of many rows are not cut smaller than about this
	bandUnit   = 32                    // columns of a panel of the kernel
)

// cutLinear cuts a product of rows by outs elements into items for so many workers and returns the size of an item. The
// bits of the result do not depend on it.
//
// Many rows are laid out for the kernel in each item, once for all its outputs, and the weights once for all its rows:
// this takes as long as to multiply by spreadCost more rows or outputs. At the end a worker waits for the others.
// BenchmarkLinear chose the constants.
func cutLinear(rows, outs, threads int) (chunk, band int) {
	if rows < kernel.MatMulManyRows {
		return rows, bandRows
	}
	const spreadCost = 16
	const wait = 8 // what part of an item
	best := 0
	for chunks := (rows + chunkRows - 1) / chunkRows; ; chunks++ {
		r := (rows + chunks - 1) / chunks
		for bands := (outs + maxBand - 1) / maxBand; bands <= 8*max(threads, outs/maxBand); bands++ {
			c := ((outs+bands-1)/bands + bandUnit - 1) / bandUnit * bandUnit
			items := (rows + r - 1) / r * ((outs + c - 1) / c)
			time := (r*c + spreadCost*(r+c)) * (wait*((items+threads-1)/threads) + 1)
			if best == 0 || time < best {
				best, chunk, band = time, r, c
			}
		}
		if r < leastChunk {
			return chunk, band
		}
	}
}
