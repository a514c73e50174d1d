package family

// What families have in common: where the decoder's and the tower's keys stand, how pictures are
// cut. rope.go has their rotary embeddings. A rule that one family alone has stands in its file.

// textConfig returns the decoder's keys: an object of their own in newer checkpoints, all keys in
// older ones.
func textConfig(c object) object {
	if c.Has("text_config") {
		return c.sub("text_config")
	}
	return c
}

func visionConfig(c object) object {
	if !c.Has("vision_config") {
		c.fail("vision_config", "missing", nil)
	}
	return c.sub("vision_config")
}

// geometry is how pictures are cut.
type geometry struct{ patch, frames, merge int }

// dim returns the values of a patch.
func (g geometry) dim() int { return 3 * g.frames * g.patch * g.patch }

func patchGeometry(v object, patch int) geometry {
	if n := v.intOr("in_chans", 1<<8, v.intOr("in_channels", 1<<8, 3)); n != 3 {
		v.fail("in_chans", "pictures have 3 channels", nil)
	}
	return geometry{
		patch:  v.intOr("patch_size", 1<<8, patch),
		frames: v.intOr("temporal_patch_size", 16, 2),
		merge:  v.intOr("spatial_merge_size", 16, 2),
	}
}

// towerHeads reads the number of a tower's heads, whose channels the two rotary axes share evenly.
func towerHeads(v object, width int) int {
	n := v.int("num_heads", 1<<12)
	if width%n != 0 || width/n%4 != 0 {
		v.fail("num_heads", "does not divide the tower's width into whole quarters", nil)
	}
	return n
}
