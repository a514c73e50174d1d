package tensor

// The product of rows in 8 bits by panels of packed weights, in integers, with what is too large
// for 8 bits added in float32. input.go makes such rows, packing.go the panels. Where the next
// product is of this kind too, results become its rows as they come, and never leave the cache in
// float32.

import (
	"math"
	"unsafe"

	"github.com/qwenvl/qwenvl/internal/kernel"
)

const (
	packedBand = 128 // outputs of an item: their weights stay in the second-level cache
	packedRows = 384 // input rows of an item at most
	leastRows  = 48  // of an item, if all workers can have some otherwise
)

// inPanels returns the row of the table for a format of panels with scales of type T, out of its
// kernels: the lengths of panels and scales, the packing of 32 rows, the unpacking of one, the
// product, and what outliers add to it.
func inPanels[T float32 | uint16](name string,
	lengths func(n, k int) (panels, scales int),
	pack func(panels []uint8, scales []T, rows []float32, row0, n, k int),
	unpack func(dst []float32, panels []uint8, scales []T, row, n, k int),
	mul func(y []float32, ldy int, q []int8, qscale []float32, sums []int32, m int,
		panels []uint8, scales []T, panel0, count, n, k int),
	outliers func(y []float32, ldy int, o kernel.Outliers, m int,
		panels []uint8, scales []T, panel0, count, n, k int),
) formatInfo {
	// parts returns the panels of a matrix, and the scales, which follow on a cache line.
	parts := func(m *Matrix) ([]uint8, []T) {
		panels, scales := lengths(m.rows, m.cols)
		return m.data[:panels:panels], view[T](m.data[roundUp(panels):], 0, scales)
	}
	by := &product{plan: packedPlan{},
		multiply: func(w *Matrix, y []float32, ldy int,
			x operand, from, to, c0, c1 int, _ []float32) {
			q, rows := x.q.from(from), to-from
			panel := c0 / kernel.PanelRows
			count := (c1+kernel.PanelRows-1)/kernel.PanelRows - panel
			panels, scales := parts(w)
			mul(y, ldy, q.bytes, q.scale, q.sums, rows,
				panels, scales, panel, count, w.rows, w.cols)
			outliers(y, ldy, q.outliers, rows, panels, scales, panel, count, w.rows, w.cols)
		}}
	return formatInfo{
		name:    name,
		product: func(int, int) *product { return by },
		decode: func(m *Matrix, dst []float32, row int) {
			panels, scales := parts(m)
			unpack(dst, panels, scales, row, m.rows, m.cols)
		},
		size: func(rows, cols int) int {
			var t T
			panels, scales := lengths(rows, cols)
			return roundUp(panels) + roundUp(scales*int(unsafe.Sizeof(t)))
		},
		pack: func(m *Matrix, rows []float32, row0 int) {
			panels, scales := parts(m)
			pack(panels, scales, rows, row0, m.rows, m.cols)
		},
	}
}

type packedPlan struct{}

func (packedPlan) quantizes() bool           { return true }
func (packedPlan) most(int) int              { return math.MaxInt }
func (packedPlan) room(int, int) int         { return 0 }
func (packedPlan) scratch(int, int, int) int { return 0 }

func (packedPlan) operand(x Input, _ int, _ []float32) operand {
	return operand{Input: x, units: x.Rows()}
}

func (packedPlan) tile(x operand, outs, threads int, fused bool) (chunk, band int) {
	rows, unit, band := x.units, kernel.PanelRows, packedBand
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
