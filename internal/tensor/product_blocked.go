package tensor

// The product of many rows in float32 by weights of 16 or 32 bits: rows are copied into blocks that
// the kernels read faster (the packed A of BLIS), once for all products of the same input, and each
// work item copies its weights once for all its rows. A unit is a tile of some rows. It gives the
// same bits as product_rows.go, which is for few rows.
//
// Rows are copied in one of two ways: for weights in bfloat16, which AMX multiplies, and for
// others.

import "github.com/qwenvl/qwenvl/internal/kernel"

const (
	// blockedRows is the most rows that are multiplied at once, so that memory is bounded.
	blockedRows = 1024
	// blockedFloats is what fewer rows must fit into for weights in bfloat16, down to leastBlocked:
	// those take more, but are nearly as fast in smaller parts.
	blockedFloats, leastBlocked = 4 << 20, 256

	maxBand    = kernel.MatMulManyCols // outputs of an item at most
	leastTiles = 8                     // of a chunk, about
	leastItems = 4                     // of each worker where tiles share weights: some wait
)

// blockedPlan is the plan for rows in blocks, for weights in bfloat16 or in another format.
type blockedPlan struct{ bf16 bool }

func (blockedPlan) quantizes() bool { return false }

func (p blockedPlan) most(cols int) int {
	rows := blockedRows
	for p.bf16 && rows > leastBlocked && p.room(rows, cols) > blockedFloats {
		rows /= 2
	}
	return rows
}

func (p blockedPlan) room(rows, cols int) int { return kernel.BlockedLen(rows, cols, p.bf16) }

func (p blockedPlan) operand(x Input, cols int, room []float32) operand {
	rows := x.Floats()
	blocked := kernel.NewBlocked(room, rows.Rows, cols, p.bf16)
	return operand{Input: rows.Input(), blocked: blocked, units: blocked.Tiles()}
}

func (blockedPlan) tile(x operand, outs, threads int, _ bool) (chunk, band int) {
	if share := x.blocked.Sharing(); share > 0 {
		return tileShared(x.units, share, outs, threads)
	}
	return tileBlocked(x.rows.Rows, x.units, outs, threads)
}

func (p blockedPlan) scratch(_, outs, cols int) int {
	return kernel.MatMulBlockedScratch(outs, cols, p.bf16)
}

// BlockedBytes returns the most memory that a product of so many rows in float32 takes to copy them
// into blocks.
func BlockedBytes(rows, cols int) int64 {
	most := 0
	for _, p := range []blockedPlan{{bf16: false}, {bf16: true}} {
		most = max(most, p.room(min(rows, p.most(cols)), cols))
	}
	return 4 * int64(most)
}

// tileBlocked cuts a product of so many tiles of rows and outs outputs for so many workers: a chunk
// is some tiles. The bits of the result do not depend on it.
//
// An item copies its weights once for all its rows, and reads its rows once for all its weights:
// this takes as long as to multiply by copyCost more rows and readCost more outputs. At the end a
// worker waits for the others. Single products chose the constants; between them and their
// neighbors whole prompts differ by less than the noise.
func tileBlocked(rows, tiles, outs, threads int) (chunk, band int) {
	const copyCost, readCost = 8, 16
	const wait = 8 // what part of an item
	height := (rows + tiles - 1) / tiles
	best := 0
	for chunks := 1; ; chunks++ {
		n := (tiles + chunks - 1) / chunks
		r := n * height
		for c := bandUnit; c <= maxBand; c += bandUnit {
			items := (tiles + n - 1) / n * ((outs + c - 1) / c)
			time := (r*c + copyCost*c + readCost*r) * (wait*((items+threads-1)/threads) + 1)
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

// tileShared is tileBlocked where a number of tiles up to share use one copy of the weights.
func tileShared(tiles, share, outs, threads int) (chunk, band int) {
	chunks := (tiles + share - 1) / share
	chunk = (tiles + chunks - 1) / chunks
	for band = maxBand; band > 2*bandUnit && chunks*((outs+band-1)/band) < leastItems*threads; {
		band /= 2
	}
	return chunk, band
}
