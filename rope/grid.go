package rope

// The size of a picture or clip in patches, which processor, tower and decoder all count with.

// Grid is the size of one picture or video in patches: T steps of time, H rows, W columns.
//
// A still picture has T = 1. For towers that merge patches, H and W are multiples of the merge
// size.
type Grid struct{ T, H, W int }

// Patches returns the number of patches, T·H·W.
func (g Grid) Patches() int { return g.T * g.H * g.W }

// Merged returns the number of merged tokens when merge×merge neighboring patches become one.
func (g Grid) Merged(merge int) int { return g.T * (g.H / merge) * (g.W / merge) }
