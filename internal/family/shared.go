package family

// What families have in common: how pictures are cut, and how many heads and blocks their towers
// have. rope.go has their rotary embeddings. A rule that one family alone has stands in its file.

// geometry is how pictures are cut.
type geometry struct{ patch, frames, merge int }

// dim returns the values of a patch.
func (g geometry) dim() int { return 3 * g.frames * g.patch * g.patch }

// patchGeometry reads it from the tower's keys. in_chans, which old files have, is read by nobody.
func patchGeometry(v object) geometry {
	if n := v.intOr("in_channels", 1<<8, 3); n != 3 {
		v.fail("in_channels", "pictures have 3 channels", nil)
	}
	return geometry{
		patch:  v.int("patch_size", 1<<8),
		frames: v.intOr("temporal_patch_size", 16, 2),
		merge:  v.intOr("spatial_merge_size", 16, 2),
	}
}

// towerHeads reads the number of a tower's heads, whose channels the two rotary axes share evenly.
func towerHeads(v object, width int) int {
	key := v.aliased("num_heads", "num_attention_heads")
	n := v.int(key, 1<<12)
	if width%n != 0 || width/n%4 != 0 {
		v.fail(key, "does not divide the tower's width into whole quarters", nil)
	}
	towerRope(v)
	return n
}

// towerDepth reads the number of a tower's blocks.
func towerDepth(v object) int { return v.int(v.aliased("depth", "num_hidden_layers"), maxDepth) }
