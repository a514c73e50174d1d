package vision

// Learned positions: a table for one grid of patches, resampled to each picture's grid and added
// once after the patch embedding. Towers with rotary positions only have no table; the resampling
// itself is in package rope, because the adapter's resampler does the same to its keys.

import (
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/rope"
)

// addPositions adds the resampled table of positions to the patches of x, in their order.
func (e *Encoder) addPositions(x tensor.Tensor, grids []rope.Grid) {
	p, width := e.cfg.Position, e.cfg.HiddenSize
	sum, at := make([]float32, width), 0
	for _, g := range grids {
		rows, cols := taps(p.Resample, p.Rows, g.H), taps(p.Resample, p.Cols, g.W)
		rope.EachPatch(g.H, g.W, e.cfg.group(), func(y, x0 int) {
			clear(sum)
			rope.AddTaps(sum, e.table, p.Cols, rows[y], cols[x0])
			for t := range g.T {
				row := x.Row(at + t*g.H*g.W)
				for i, v := range sum {
					row[i] += v
				}
			}
			at++
		})
		at += (g.T - 1) * g.H * g.W
	}
}

// taps returns for each of n places the entries of a table of size entries that it is made of.
func taps(r Resample, size, n int) [][]rope.Tap {
	out := make([][]rope.Tap, n)
	for i := range out {
		if r == Bilinear {
			out[i] = rope.Bilinear(size, n, i)
		} else {
			out[i] = rope.Bicubic(size, n, i)
		}
	}
	return out
}
