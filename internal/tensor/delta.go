package tensor

// The gated delta rule of linear attention, and the causal convolution before it. Both carry a
// state of fixed size for each sequence instead of keys and values, so that rows are taken in
// order: work is split over heads and channels only. llm/delta.go is the layer that they are part
// of.

import (
	"math"

	"github.com/qwenvl/qwenvl/internal/kernel"
)

// DeltaShape is the geometry of a gated delta-rule mixer: each of KeyHeads keys serves
// ValueHeads/KeyHeads consecutive value heads.
type DeltaShape struct {
	KeyHeads, ValueHeads int
	KeyDim, ValueDim     int // of a head
	Kernel               int // steps that the convolution sees
}

// Conv returns the channels of the convolution: queries, keys and values side by side.
func (d DeltaShape) Conv() int { return 2*d.KeyHeads*d.KeyDim + d.ValueHeads*d.ValueDim }

// StateFloats returns the size of a sequence's recurrent state.
func (d DeltaShape) StateFloats() int { return d.ValueHeads * d.KeyDim * d.ValueDim }

// ConvFloats returns the size of what a sequence's convolution remembers.
func (d DeltaShape) ConvFloats() int { return (d.Kernel - 1) * d.Conv() }

// StateRows is a run of consecutive rows of one sequence with the state that the rows before them
// have left.
type StateRows struct {
	RowLo, RowHi int
	Conv         []float32 // [Kernel-1, Conv], the oldest inputs first
	State        []float32 // [ValueHeads, KeyDim, ValueDim]
}

// convChannels is how many channels a work item of a convolution takes.
const convChannels = 64

type deltaLoop struct {
	dst, x      Tensor
	gates, beta Tensor
	weight      []float32
	seqs        []StateRows
	shape       DeltaShape
	scan        bool
}

// CausalConv is a depthwise convolution over the last Kernel rows of each sequence, followed by
// SiLU, in place of dst. It leaves the sequences' last inputs in Conv.
//
// Shapes: dst and x are [n, shape.Conv()], weight [shape.Conv(), Kernel], the newest row last; dst
// does not alias x.
func (ex *Exec) CausalConv(dst, x Tensor, weight []float32, seqs []StateRows, shape DeltaShape) {
	if dst.Rows != x.Rows || dst.Cols != x.Cols || x.Cols != shape.Conv() ||
		len(weight) != shape.Conv()*shape.Kernel {
		panic(badShape)
	}
	ex.delta = deltaLoop{dst: dst, x: x, weight: weight, seqs: seqs, shape: shape}
	ex.pool.Run(&ex.delta, len(seqs)*((x.Cols+convChannels-1)/convChannels))
	ex.delta = deltaLoop{}
}

// DeltaScan runs the gated delta rule over the rows of each sequence, one after another, whatever
// they were cut into:
//
//	S ← exp(g)·S;  S ← S + k ⊗ β(v − kᵀS);  out = qᵀS
//
// with q and k scaled to length one, and q by KeyDim^-1/2.
//
// Shapes: x is [n, shape.Conv()] with queries, keys and values side by side; gate g and beta are
// [n, ValueHeads]; dst is [n, ValueHeads·ValueDim]. The values in x are overwritten.
// Source: Gated Delta Networks (arXiv 2412.06464), section 3.1.
func (ex *Exec) DeltaScan(dst, x, gate, beta Tensor, seqs []StateRows, shape DeltaShape) {
	if x.Cols != shape.Conv() || dst.Cols != shape.ValueHeads*shape.ValueDim ||
		gate.Cols != shape.ValueHeads || beta.Cols != shape.ValueHeads {
		panic(badShape)
	}
	ex.delta = deltaLoop{dst: dst, x: x, gates: gate, beta: beta, seqs: seqs, shape: shape,
		scan: true}
	ex.prepare(2 * shape.KeyDim)
	ex.pool.Run(&ex.delta, len(seqs)*shape.ValueHeads)
	ex.delta = deltaLoop{}
}

func (l *deltaLoop) Do(_, i int) {
	if l.scan {
		l.head(l.seqs[i/l.shape.ValueHeads], i%l.shape.ValueHeads)
		return
	}
	groups := (l.x.Cols + convChannels - 1) / convChannels
	lo := i % groups * convChannels
	l.channels(l.seqs[i/groups], lo, min(lo+convChannels, l.x.Cols))
}

func (l *deltaLoop) channels(s StateRows, lo, hi int) {
	k, width := l.shape.Kernel, l.x.Cols
	input := func(r int) []float32 { // row r of the sequence's inputs, r < 0: what was kept
		if r < 0 {
			return s.Conv[(r+k-1)*width : (r+k)*width]
		}
		return l.x.Row(s.RowLo + r)
	}
	rows := s.RowHi - s.RowLo
	for r := range rows {
		dst := l.dst.Row(s.RowLo + r)[lo:hi]
		clear(dst)
		for j := range k {
			in := input(r - k + 1 + j)
			for c := lo; c < hi; c++ {
				dst[c-lo] += in[c] * l.weight[c*k+j]
			}
		}
		kernel.SiLU(dst)
	}
	for j := range k - 1 { // the oldest first, so that a kept row is read before it is overwritten
		copy(s.Conv[j*width+lo:j*width+hi], input(rows - k + 1 + j)[lo:hi])
	}
}

func (l *deltaLoop) head(s StateRows, h int) {
	d := l.shape
	keyHead := h / (d.ValueHeads / d.KeyHeads)
	qAt, kAt := keyHead*d.KeyDim, (d.KeyHeads+keyHead)*d.KeyDim
	vAt := 2*d.KeyHeads*d.KeyDim + h*d.ValueDim
	state := s.State[h*d.KeyDim*d.ValueDim : (h+1)*d.KeyDim*d.ValueDim]
	scale := 1 / math.Sqrt(float64(d.KeyDim))
	for r := s.RowLo; r < s.RowHi; r++ {
		x := l.x.Row(r)
		q, k, v := x[qAt:qAt+d.KeyDim], x[kAt:kAt+d.KeyDim], x[vAt:vAt+d.ValueDim]
		kernel.DeltaStep(l.dst.Row(r)[h*d.ValueDim:(h+1)*d.ValueDim], state, q, k, v,
			float32(scale*inverseLength(q)), float32(inverseLength(k)),
			l.gates.Row(r)[h], l.beta.Row(r)[h])
	}
}

// inverseLength is 1/√(Σx² + 10⁻⁶).
func inverseLength(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return 1 / math.Sqrt(sum+1e-6)
}
