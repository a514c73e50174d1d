package tensor

import "github.com/qwenvl/qwenvl/internal/kernel"

const (
	packedBand = 128 // outputs of an item: their weights stay in the second-level cache while rows pass by
	packedRows = 384 // input rows of an item at most
	leastRows  = 48  // of an item, if all workers can have some otherwise
)

// cutPacked is cutLinear for packed weights. A band is a whole number of groups if results are quantised as they come.
func cutPacked(rows, outs, threads int, fused bool) (chunk, band int) {
	unit, band := kernel.PanelRows, packedBand
	if fused {
		unit, band = kernel.Group, kernel.Group
	}
	if rows <= fewRows {
		return rows, streamBand(outs, threads, unit)
	}
	bands := (outs + band - 1) / band
	chunks := (rows + packedRows - 1) / packedRows
	for chunks*bands < 4*threads && rows/(chunks+1) >= leastRows {
		chunks++
	}
	chunk = (rows + chunks - 1) / chunks
	tile := kernel.TileRows()
	return (chunk + tile - 1) / tile * tile, band
}
