package tensor

import "github.com/qwenvl/qwenvl/internal/kernel"

const (
	bandRows   = 64                    // outputs of a work item of rows that are multiplied as they are
	fewRows    = 16                    // up to here weights pass by the rows, as fast as memory gives them
	streamRows = 512                   // outputs of an item of few rows, about
	chunkRows  = 1024                  // input rows of a work item at most
	maxBand    = kernel.MatMulManyCols // outputs of an item of laid out rows at most
	bandUnit   = 32                    // columns of a panel of the kernel
	leastTiles = 8                     // of a chunk, about
)

// cutLinear cuts a product of rows that are multiplied as they are into items for so many workers and returns their size. The
// bits of the result do not depend on it.
func cutLinear(rows, outs, threads int) (chunk, band int) {
	if rows <= fewRows {
		return rows, streamBand(outs, threads, bandUnit)
	}
	return min(rows, chunkRows), bandRows
}

// streamBand returns the outputs of an item of few rows, in units of unit. Each item begins with a wait for memory, so it is a long
// run of weights, and all workers get as many. With runs of 64 rows a worker read 4-bit weights at three quarters of the speed.
func streamBand(outs, threads, unit int) int {
	items := threads * ((outs + threads*streamRows - 1) / (threads * streamRows))
	return ((outs+items-1)/items + unit - 1) / unit * unit
}

// cutLaid is cutLinear for so many tiles of laid out rows, of which a chunk is some, and outs outputs.
//
// An item lays out its weights once for all its rows, and reads its rows once for all its weights: this takes as long as to multiply by
// layCost more rows and readCost more outputs. At the end a worker waits for the others. Single products chose the constants; between
// them and their neighbours whole prompts differ by less than the noise.
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

const leastItems = 4 // of each worker where tiles come in blocks: at the end some wait

// cutBlocks is cutLaid where a number of tiles up to block share the work of laying out weights.
func cutBlocks(tiles, block, outs, threads int) (chunk, band int) {
	chunks := (tiles + block - 1) / block
	chunk = (tiles + chunks - 1) / chunks
	for band = maxBand; band > 2*bandUnit && chunks*((outs+band-1)/band) < leastItems*threads; {
		band /= 2
	}
	return chunk, band
}
