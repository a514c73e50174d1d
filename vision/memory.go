package vision

// PassBytes returns the memory that a pass over n patches takes at its widest: the patches themselves, the rows that blocks hand on with
// their rotary tables, and the workspace of a block.
func (c Config) PassBytes(n int) (rows, workspace int64) {
	d, m := int64(c.HiddenSize), int64(min(n, mlpRows))
	half := int64(c.HeadDim() / 2)
	rows = 4 * int64(n) * (int64(c.PatchDim) + d + 2*half + int64(len(c.Taps))*d)
	if c.Window > 0 {
		rows += 4 * int64(n) * d // the order of the blocks beside that of the patches
	}
	attention := int64(n) * 5 * d // one for the norm, three for q, k and v, one for transposed keys
	mlp := m * (d + int64(c.IntermediateSize))
	return rows, 4 * max(attention, mlp)
}
