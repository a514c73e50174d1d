package vision

// How many bytes a pass takes, from the configuration alone: Inspect and Estimate of the root
// answer with it before any weight is read. It must follow what job.go allocates; a test of the
// root holds it against what a process takes. llm/memory.go is the same for the decoder.

import "github.com/qwenvl/qwenvl/internal/tensor"

// PassBytes returns the memory that a pass over n patches takes at its widest: the patches
// themselves, the rows that blocks hand on with their rotary tables, and the workspace of a block,
// whose weights are packed or not.
func (c Config) PassBytes(n int, packed bool) (rows, workspace int64) {
	d, m := int64(c.HiddenSize), int64(min(n, mlpRows))
	half := int64(c.HeadDim() / 2)
	rows = 4 * int64(n) * (int64(c.PatchDim) + d + 2*half + int64(len(c.Taps))*d)
	if c.Window > 0 {
		rows += 4 * int64(n) * d // the order of the blocks beside that of the patches
	}
	attention := int64(n) * 5 * d // one for the norm, three for q, k and v, one for transposed keys
	mlp := 4 * m * (d + int64(c.IntermediateSize))
	if !packed { // in the attention this takes no more than the transposed keys do later
		mlp += tensor.BlockedBytes(int(m), c.IntermediateSize)
	}
	return rows, max(4*attention, mlp)
}
