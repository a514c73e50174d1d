package tensor

// The streaming softmax of attention in float32: weights of one group of keys after another, with a
// running maximum and sum. varlen.go and paged.go share it; varlen_int8.go has one in integers.

import (
	"math"

	"github.com/qwenvl/qwenvl/internal/kernel"
)

const (
	// TileKeys is how many positions a block of transposed keys holds, in the packed keys of a
	// picture and in the key-value cache alike.
	TileKeys = 64
	// groupKeys is how many keys one step of the streaming softmax takes. Groups are cut at
	// absolute positions, so that a row's sums do not depend on where a prefill was cut.
	groupKeys = 4 * TileKeys
	// queryRows is how many rows of scores a work item keeps.
	queryRows = 96
)

// online is the streaming softmax of some rows (Milakov and Gimelshein, arXiv 1805.02867): after
// any number of key groups, out holds Σ exp(s−max)·v for the running maximum, and sum the matching
// Σ exp(s−max).
type online struct {
	out      []float32 // [rows, dim]
	dim      int
	max, sum []float32 // [rows]
}

// onlineFloats is the scratch that newOnline takes, aside from the scores.
func onlineFloats(rows, dim int) int { return rows * (dim + 2) }

func newOnline(scratch []float32, rows, dim int) (online, []float32) {
	o := online{dim: dim}
	o.out, scratch = scratch[:rows*dim], scratch[rows*dim:]
	o.max, scratch = scratch[:rows], scratch[rows:]
	o.sum, scratch = scratch[:rows], scratch[rows:]
	clear(o.out)
	clear(o.sum)
	inf := float32(math.Inf(-1))
	for i := range o.max {
		o.max[i] = inf
	}
	return o, scratch
}

// weigh turns the scores of row r into weights relative to the running maximum, which it updates.
// Scores past valid are set to zero weight.
func (o *online) weigh(r int, scores []float32, valid int) {
	clear(scores[valid:])
	if valid == 0 {
		return
	}
	s := scores[:valid]
	top := kernel.Max(s)
	if top > o.max[r] {
		if o.sum[r] != 0 {
			shrink := float32(math.Exp(float64(o.max[r] - top)))
			kernel.Scale(o.out[r*o.dim:(r+1)*o.dim], shrink)
			o.sum[r] *= shrink
		}
		o.max[r] = top
	}
	o.sum[r] += kernel.ExpSub(s, o.max[r])
}

// finish writes the mean of row r to dst.
func (o *online) finish(dst []float32, r int) {
	copy(dst, o.out[r*o.dim:(r+1)*o.dim])
	kernel.Scale(dst, 1/o.sum[r])
}
