package vision

// Attention windows: most blocks of a tower that has them attend to a square of merge groups
// instead of the frame. Patches are brought into the order of the windows once, before the first
// block, so that a window is a run of rows and the attention of job.go is the same for frames and
// windows.

import "github.com/qwenvl/qwenvl/rope"

// windows lays out attention windows of side×side merge groups: windows of a frame in raster order,
// the groups in a window row by row, windows at the right and bottom edges smaller. It returns the
// order in which patches pass through the blocks (entry i is the patch at place i) and the bounds
// of the windows in that order.
//
// Source: Qwen2.5-VL (arXiv 2502.13923), section 2.1.1; transformers, get_window_index.
func windows(grids []rope.Grid, merge, side int) (order, bounds []int32) {
	bounds = []int32{0}
	base := int32(0)
	group := int32(merge * merge)
	for _, g := range grids {
		rows, cols := g.H/merge, g.W/merge
		for range g.T {
			for y0 := 0; y0 < rows; y0 += side {
				for x0 := 0; x0 < cols; x0 += side {
					for y := y0; y < min(y0+side, rows); y++ {
						for x := x0; x < min(x0+side, cols); x++ {
							first := base + int32(y*cols+x)*group
							for p := range group {
								order = append(order, first+p)
							}
						}
					}
					bounds = append(bounds, int32(len(order)))
				}
			}
			base += int32(g.H * g.W)
		}
	}
	return order, bounds
}

// inverse returns the order that undoes one.
func inverse(order []int32) []int32 {
	inv := make([]int32, len(order))
	for i, p := range order {
		inv[p] = int32(i)
	}
	return inv
}
