package vision

// One pass of the tower, block by block.
//
// patches → embedding (+ table of positions) → (norm) → order of the windows → per block: norm → q,
// k, v in one product → rotation → attention over frames or windows → projection, added to x; norm
// → MLP, added to x → order of the patches → (norm). llm/decoder.go is the counterpart for text:
// there rows attend to a cache, here to one another. A traced pass shows x after the attention
// (vision.attn) and after the MLP (vision.block), and what the latter reads (vision.ffn_in), in the
// order of the patches.

import (
	"math"
	"slices"

	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/preprocess"
	"github.com/qwenvl/qwenvl/rope"
)

// mlpRows is how many patches go through a block's MLP at a time: the widest activations then stay
// small whatever the picture.
const mlpRows = 2048

// Features is what a tower makes of pictures.
type Features struct {
	Rows  tensor.Tensor   // [Σ patches, HiddenSize], in the order of the patches
	Taps  []tensor.Tensor // the same after each of Config.Taps
	Grids []rope.Grid
}

// Job is one pass over some pictures and videos, advanced block by block, so that a large picture
// does not hold up other work. One goroutine uses it at a time.
type Job struct {
	enc      *Encoder
	media    []*preprocess.Patches
	grids    []rope.Grid
	frames   []int32       // bounds of frames
	order    []int32       // with windows: the order in which patches pass through the blocks
	undo     []int32       // and the one that undoes it
	windows  []int32       // bounds of windows in that order
	x        tensor.Tensor // [n, hidden], which every block adds to; in the order of the blocks
	taps     []tensor.Tensor
	cos, sin tensor.Tensor // [n, dim/2]
	next     int           // block to run next; -1: the patch embedding
}

// Begin prepares a pass over media items. Frames never see one another.
//
// Panics if an item's values per patch are not the configuration's, or its patches do not fill its
// grid.
func (e *Encoder) Begin(media []*preprocess.Patches) *Job {
	j := &Job{enc: e, media: media, frames: []int32{0}, next: -1}
	for _, m := range media {
		g := m.Grid
		if m.Dim != e.cfg.PatchDim || m.N != g.Patches() || len(m.Data) != m.N*m.Dim ||
			g.H%e.cfg.MergeSize != 0 || g.W%e.cfg.MergeSize != 0 {
			panic("vision: patches do not fit the encoder")
		}
		j.grids = append(j.grids, g)
		for range g.T {
			j.frames = append(j.frames, j.frames[len(j.frames)-1]+int32(g.H*g.W))
		}
	}
	if e.cfg.Window > 0 {
		j.order, j.windows = windows(j.grids, e.cfg.MergeSize, e.cfg.Window)
		j.undo = inverse(j.order)
	}
	return j
}

// Steps returns how many calls of Step the pass takes.
func (j *Job) Steps() int { return j.enc.cfg.Depth + 1 }

// Step runs the patch embedding, then one block a call. It reports whether the pass is done.
//
// Errors: [tensor.ErrStopped].
func (j *Job) Step(ex *tensor.Exec) (done bool, err error) {
	mark := ex.Mark()
	defer ex.Release(mark)
	if j.next < 0 {
		j.embed(ex)
	} else {
		j.block(ex, j.next)
	}
	if err := ex.Err(); err != nil {
		return false, err
	}
	if j.next >= 0 {
		if ex.Tracing() {
			ex.Emit("vision.block", j.next, j.inOrder(ex))
		}
		if slices.Contains(j.enc.cfg.Taps, j.next) {
			tap := tensor.New(j.x.Rows, j.x.Cols)
			copy(tap.Floats(), j.inOrder(ex).Floats())
			j.taps = append(j.taps, tap)
		}
	}
	j.next++
	if done = j.next == len(j.enc.blocks); done {
		j.finish(ex)
	}
	return done, ex.Err()
}

// Features returns the result of a pass that is done.
func (j *Job) Features() Features { return Features{Rows: j.x, Taps: j.taps, Grids: j.grids} }

// inOrder returns the present rows in the order of the patches.
func (j *Job) inOrder(ex *tensor.Exec) tensor.Tensor {
	if j.undo == nil {
		return j.x
	}
	x := ex.Alloc(j.x.Rows, j.x.Cols)
	ex.GatherRows(x, j.x, j.undo)
	return x
}

// permute brings t into the order of the blocks.
func (j *Job) permute(ex *tensor.Exec, t tensor.Tensor) tensor.Tensor {
	out := tensor.New(t.Rows, t.Cols)
	ex.GatherRows(out, t, j.order)
	return out
}

// embed makes the first rows of patches, and what all blocks need of their positions.
func (j *Job) embed(ex *tensor.Exec) {
	c := j.enc.cfg

	// Each patch, as a vector, times the embedding matrix: a convolution whose stride is its width.
	n := int(j.frames[len(j.frames)-1])
	j.x = tensor.New(n, c.HiddenSize) // [n, hidden]
	at := 0
	for _, m := range j.media {
		patches := tensor.FromSlice(m.N, m.Dim, m.Data) // [patches of the item, PatchDim]
		ex.Linear(j.x.Slice(at, at+m.N), patches.Input(), j.enc.patch, tensor.Identity)
		at += m.N
	}
	j.media = nil
	if j.enc.table != nil {
		ex.Emit("vision.patch_proj", -1, j.x)
		j.enc.addPositions(j.x, j.grids)
	}
	ex.Emit("vision.patch_embed", -1, j.x)
	if c.PreNorm {
		ex.NormRows(j.x, j.x, &j.enc.preNorm)
		ex.Emit("vision.ln_pre", -1, j.x)
	}

	// Angles of each patch's row and column, for the rotation of queries and keys.
	if c.Rotary != NoRotary {
		half := c.HeadDim() / 2
		j.cos, j.sin = tensor.New(n, half), tensor.New(n, half)
		if c.Rotary == RotaryHalves {
			rope.VisionAngles(j.cos.Floats(), j.sin.Floats(), j.grids, c.group(), half)
		} else {
			rope.VisionPairAngles(j.cos.Floats(), j.sin.Floats(), j.grids, c.group(), half)
		}
	}

	// From here on windows lie one after the other.
	if j.order != nil {
		j.x, j.cos, j.sin = j.permute(ex, j.x), j.permute(ex, j.cos), j.permute(ex, j.sin)
	}
}

// block adds block i's attention and its MLP to the rows.
func (j *Job) block(ex *tensor.Exec, i int) {
	c, x, b := j.enc.cfg, j.x, &j.enc.blocks[i]

	// Attention: x += proj(attend(qkv(norm1(x)))).
	mark := ex.Mark()
	h := ex.Alloc(x.Rows, c.HiddenSize)     // [n, heads·dim]
	qkv := ex.Alloc(x.Rows, 3*c.HiddenSize) // [n, 3·heads·dim]
	normed := ex.Mark()
	ex.Linear(qkv, ex.NormInput(x, &b.norm1, b.qkv), b.qkv, tensor.Identity)
	ex.Release(normed)
	j.attend(ex, h, qkv, i)
	ex.LinearAdd(x, h.Input(), b.out)
	ex.Release(mark)

	if ex.Tracing() {
		rows := j.inOrder(ex)
		ex.Emit("vision.attn", i, rows)
		ex.EmitNorm("vision.ffn_in", i, rows, &b.norm2)
	}
	j.enc.mlp(ex, i, x)
}

// mlp adds block i's MLP to x: fc2(act(fc1(norm2(x)))), some rows at a time.
func (e *Encoder) mlp(ex *tensor.Exec, i int, x tensor.Tensor) {
	c, b := e.cfg, &e.blocks[i]
	for lo := 0; lo < x.Rows && ex.Err() == nil; lo += mlpRows {
		part := x.Slice(lo, min(lo+mlpRows, x.Rows))
		mark := ex.Mark()
		h := ex.NormInput(part, &b.norm2, b.fc1) // [rows, hidden]
		var m tensor.Input                       // [rows, intermediate]
		if c.Gated {
			m = ex.GatedInput(h, b.gate, b.fc1, c.Act, b.fc2)
		} else {
			m = ex.LinearInput(h, b.fc1, c.Act, b.fc2)
		}
		ex.LinearAdd(part, m, b.fc2)
		ex.Release(mark)
	}
}

// attend rotates queries and keys in place and fills dst [n, heads·dim] with the attention of qkv
// [n, 3·heads·dim]: q, k and v of all heads side by side, or with QKVByHead those of each head.
func (j *Job) attend(ex *tensor.Exec, dst, qkv tensor.Tensor, block int) {
	c := j.enc.cfg
	dim := c.HeadDim()
	switch c.Rotary { // queries and keys lie side by side
	case RotaryHalves:
		ex.Rotate(qkv, 0, 2*c.NumHeads, dim, j.cos, j.sin, tensor.HalfSplit)
	case RotaryPairs:
		ex.Rotate(qkv, 0, 2*c.NumHeads, dim, j.cos, j.sin, tensor.Neighbors)
	}
	bounds := j.frames
	if !c.full(block) {
		bounds = j.windows
	}
	ex.AttendVarlen(dst, qkv, tensor.Varlen{Heads: c.NumHeads, Dim: dim, ByHead: c.QKVByHead,
		Bounds: bounds, Scale: float32(1 / math.Sqrt(float64(dim))), Format: c.Attention})
}

// finish undoes the order of the blocks and applies the last norm.
func (j *Job) finish(ex *tensor.Exec) {
	if j.undo != nil {
		x := tensor.New(j.x.Rows, j.x.Cols)
		ex.GatherRows(x, j.x, j.undo)
		j.x = x
	}
	if j.enc.cfg.FinalNorm {
		ex.NormRows(j.x, j.x, &j.enc.final)
		ex.Emit("vision.post", -1, j.x)
	}
	ex.Emit("vision.features", -1, j.x)
}
