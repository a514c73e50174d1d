package tensor

// How products of blocked rows are cut for workers.

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTileShared(t *testing.T) {
	const block = 16
	for _, threads := range []int{1, 2, 7} {
		for _, tiles := range []int{2, 15, 16, 17, 32, 33} {
			for _, outs := range []int{1, 31, 96, 1536, 17920} {
				chunk, band := tileShared(tiles, block, outs, threads)
				require.Positive(t, chunk)
				require.LessOrEqual(t, chunk, block)
				chunks := (tiles + chunk - 1) / chunk
				require.Equal(t, (tiles+block-1)/block, chunks, "weights are blocked no more often than the block asks for")
				require.Zero(t, band%bandUnit)
				require.LessOrEqual(t, band, maxBand)
				if items := chunks * ((outs + band - 1) / band); items < leastItems*threads {
					require.Equal(t, 2*bandUnit, band, "%d items for %d workers", items, threads)
				}
			}
		}
	}
}
