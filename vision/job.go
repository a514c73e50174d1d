package vision

import (
	"math"

	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/preprocess"
	"github.com/qwenvl/qwenvl/rope"
)

// mlpRows is how many patches go through a block's MLP at a time: the widest activations then stay small whatever the picture.
const mlpRows = 2048

// Features is what a tower makes of pictures.
type Features struct {
	Rows  tensor.Tensor // [Σ patches, HiddenSize], in the order of the patches
	Grids []rope.Grid
}

// Job is one pass over some pictures and videos, advanced block by block, so that a large picture does not hold up other work.
// One goroutine uses it at a time.
type Job struct {
	enc      *Encoder
	media    []*preprocess.Patches
	grids    []rope.Grid
	bounds   []int32
	x        tensor.Tensor
	cos, sin tensor.Tensor
	next     int // block to run next; -1: the patch embedding
}

// Begin prepares a pass over media. Frames never see one another.
//
// Panics if a medium's values per patch are not the configuration's, or its patches do not fill its grid.
func (e *Encoder) Begin(media []*preprocess.Patches) *Job {
	j := &Job{enc: e, media: media, bounds: []int32{0}, next: -1}
	for _, m := range media {
		g := m.Grid
		if m.Dim != e.cfg.PatchDim || m.N != g.Patches() || len(m.Data) != m.N*m.Dim || g.H%e.cfg.MergeSize != 0 || g.W%e.cfg.MergeSize != 0 {
			panic("vision: patches do not fit the encoder")
		}
		j.grids = append(j.grids, g)
		for range g.T {
			j.bounds = append(j.bounds, j.bounds[len(j.bounds)-1]+int32(g.H*g.W))
		}
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
		j.block(ex, &j.enc.blocks[j.next])
	}
	if err := ex.Err(); err != nil {
		return false, err
	}
	if j.next < 0 {
		ex.Emit("vision.patch_embed", -1, j.x)
	} else {
		ex.Emit("vision.block", j.next, j.x)
	}
	j.next++
	return j.next == len(j.enc.blocks), nil
}

// Features returns the result of a pass that is done.
func (j *Job) Features() Features { return Features{Rows: j.x, Grids: j.grids} }

func (j *Job) embed(ex *tensor.Exec) {
	c := j.enc.cfg
	n := int(j.bounds[len(j.bounds)-1])
	j.x = tensor.New(n, c.HiddenSize)
	at := 0
	for _, m := range j.media {
		ex.Linear(j.x.Slice(at, at+m.N), tensor.FromSlice(m.N, m.Dim, m.Data), j.enc.patch, tensor.Identity)
		at += m.N
	}
	j.media = nil
	half := c.HeadDim() / 2
	j.cos, j.sin = tensor.New(n, half), tensor.New(n, half)
	rope.VisionAngles(j.cos.Floats(), j.sin.Floats(), j.grids, c.MergeSize, half)
}

func (j *Job) block(ex *tensor.Exec, b *block) {
	c, x := j.enc.cfg, j.x
	dim := c.HeadDim()
	mark := ex.Mark()
	h := ex.Alloc(x.Rows, c.HiddenSize)
	qkv := ex.Alloc(x.Rows, 3*c.HiddenSize)
	ex.NormRows(h, x, &b.norm1)
	ex.Linear(qkv, h, b.qkv, tensor.Identity)
	ex.Rotate(qkv, 0, 2*c.NumHeads, dim, j.cos, j.sin, tensor.HalfSplit) // queries and keys lie side by side
	ex.AttendPacked(h, qkv, c.NumHeads, dim, j.bounds, float32(1/math.Sqrt(float64(dim))))
	ex.LinearAdd(x, h, b.out)
	ex.Release(mark)

	for lo := 0; lo < x.Rows && ex.Err() == nil; lo += mlpRows {
		part := x.Slice(lo, min(lo+mlpRows, x.Rows))
		mark := ex.Mark()
		h := ex.Alloc(part.Rows, c.HiddenSize)
		m := ex.Alloc(part.Rows, c.IntermediateSize)
		ex.NormRows(h, part, &b.norm2)
		ex.Linear(m, h, b.fc1, c.Act)
		ex.LinearAdd(part, m, b.fc2)
		ex.Release(mark)
	}
}
