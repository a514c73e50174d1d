package rope

// Rotary tables of a tower: rows and columns share the frequencies, in halves or in turns. The
// order of patches is that of merge groups, which EachPatch walks for everybody.

// VisionAngles writes the rotary tables of a tower over pictures: frequency i < Half/2 follows the
// row, the others repeat the same frequencies for the column. Patches come in merge groups: the
// groups of a frame in raster order, and inside a group row by row.
//
// Shapes: cos and sin are [Σ grids' patches, half], half = headDim/2, row after row; merge is the
// side of a group.
// Source: transformers, Qwen2VisionTransformerPretrainedModel.rot_pos_emb.
func VisionAngles(cos, sin []float32, grids []Grid, merge, half int) {
	freq := frequencies(10000, half)
	quarter := half / 2
	at := 0
	row := func(y, x int) {
		c, s := cos[at:at+half], sin[at:at+half]
		for i := range quarter {
			c[i], s[i] = cosSin(float32(y) * freq[i])
			c[quarter+i], s[quarter+i] = cosSin(float32(x) * freq[i])
		}
		at += half
	}
	for _, g := range grids {
		for range g.T {
			EachPatch(g.H, g.W, merge, row)
		}
	}
}

// VisionPairAngles is VisionAngles for towers in which neighboring channels turn together: pair 2i
// follows the column and pair 2i+1 the row, both with frequency i.
//
// Source: MoonViT (arXiv 2504.07491, section 2.1), Rope2DPosEmb.
func VisionPairAngles(cos, sin []float32, grids []Grid, merge, half int) {
	freq := frequencies(10000, half)
	at := 0
	row := func(y, x int) {
		c, s := cos[at:at+half], sin[at:at+half]
		for i := range half / 2 {
			c[2*i], s[2*i] = cosSin(float32(x) * freq[i])
			c[2*i+1], s[2*i+1] = cosSin(float32(y) * freq[i])
		}
		at += half
	}
	for _, g := range grids {
		for range g.T {
			EachPatch(g.H, g.W, merge, row)
		}
	}
}

// EachPatch calls f with the row and column of every patch of an h×w frame, in the order of merge
// groups.
//
// Panics if h or w is not a multiple of merge.
func EachPatch(h, w, merge int, f func(y, x int)) {
	if merge < 1 || h%merge != 0 || w%merge != 0 {
		panic("rope: frame is not a whole number of merge groups")
	}
	for y0 := 0; y0 < h; y0 += merge {
		for x0 := 0; x0 < w; x0 += merge {
			for y := y0; y < y0+merge; y++ {
				for x := x0; x < x0+merge; x++ {
					f(y, x)
				}
			}
		}
	}
}
