package tensor

// Varlen attention in integers: queries and keys of 8 bits, weights of 12 and values of 11, for
// what varlen.go does in float32. For each segment and head:
//
//   measure  the ranges of each channel of keys and queries, tile by tile
//   balance  the center of the keys and the gains of keys and queries, channel by channel
//   pack     keys to bytes, values to words, tile by tile
//   attend   a block of queries over all tiles, with a streaming softmax in integers
//
// Small segments take all steps in one work item; of large ones each step is a loop.

import (
	"math"

	"github.com/qwenvl/qwenvl/internal/kernel"
)

// int8Loop is varlenLoop with queries and keys of 8 bits, weights of 12 and values of 11.
//
// A channel in which keys are much larger than in others would take most of the 8 bits from those.
// So keys are shifted, channel by channel, to the middle of their range in the segment, which
// changes all scores of a query alike and so none of its weights; and what remains is shared out
// between keys and queries, so that their ranges in the channel become equal. Ranges are those of a
// whole segment and head, the same in any order: results do not depend on how the work is cut.
// Source: SageAttention (arXiv 2410.02367), section 4.2, for the shift; SmoothQuant (arXiv
// 2211.10438), section 4, for the sharing.
type int8Loop struct {
	attention
	step  int8Step
	small bool // each segment is one tile: an item does all steps for a segment and head

	// Per slot: one for each tile and head or, of small segments, for each worker.
	ranges     Tensor // the least and largest of keys and queries, [4, depth]
	keys       []uint8
	keyScale   Tensor
	values     []int16
	valueScale Tensor

	// Per segment and head, or worker: center and gain of keys, zeros, gain of queries.
	balance Tensor // [4, depth]

	depth, cols int // of a head: kernel.HeadDepth and kernel.ValueCols
	work        []int8Work
}

// int8Work is the scratch of one worker, aside from floats.
type int8Work struct {
	q       []int8 // [queryRows, kernel.HeadStride]
	sums    []int32
	weights []int16 // [queryRows, kernel.GroupKeys]
}

// int8Step is what an item of the loop does.
type int8Step uint8

const (
	stepMeasure int8Step = iota // the ranges of a tile and head
	stepBalance                 // the center and gains of a segment and head
	stepPack                    // the keys and values of a tile and head
	stepAttend                  // a block of queries of a head
)

// attendInt8 is attend in integers: scores are products of 8 bits, weights have 12 and values 11.
//
// Of normally distributed q, k and v, with scores of variance 1, the result is off by 0.9 % (the
// norm of the difference over that of the result), nearly all of it by the 8 bits of q and k; by
// 2 % where the scores have a standard deviation of 3, or keys have channels 10 to 30 times larger
// than the others. A NaN or infinity in q makes its row NaN, one in k all rows of the segment, one
// in v its column of the segment, for that head.
func (ex *Exec) attendInt8(a attention) {
	a.tileBy(kernel.GroupKeys)
	if a.dst.Rows == 0 || a.dst.Cols == 0 {
		return
	}
	l := &ex.int8
	l.attention, l.ex = a, ex
	mark := ex.Mark()
	defer ex.Release(mark)
	tiles, blocks := l.counts()
	segments := len(l.tiles) - 1
	l.small = true
	for s := range segments {
		l.small = l.small && l.tiles[s+1]-l.tiles[s] <= 1
	}
	l.grow(tiles, segments)
	if l.small {
		ex.pool.Run(l, segments*l.heads)
	} else {
		for _, step := range []struct {
			step  int8Step
			items int
		}{{stepMeasure, tiles}, {stepBalance, segments}, {stepPack, tiles}, {stepAttend, blocks}} {
			l.step = step.step
			ex.pool.Run(l, step.items*l.heads)
		}
	}
	*l = int8Loop{keys: l.keys, values: l.values, work: l.work} // what lives on
}

// grow makes room for so many tiles and segments, and for the workers.
func (l *int8Loop) grow(tiles, segments int) {
	ex, dim, threads := l.ex, l.dim, l.ex.Threads()
	l.depth, l.cols = kernel.HeadDepth(dim), kernel.ValueCols(dim)
	slots, balances := tiles*l.heads, segments*l.heads
	if l.small {
		slots, balances = threads, threads
	}
	l.ranges, l.balance = ex.Alloc(slots, 4*l.depth), ex.Alloc(balances, 4*l.depth)
	l.keyScale, l.valueScale = ex.Alloc(slots, kernel.GroupKeys), ex.Alloc(slots, l.cols)
	stride := kernel.HeadStride(dim)
	l.keys = sized(l.keys, slots*kernel.GroupKeys*stride)
	l.values = sized(l.values, slots*kernel.GroupKeys*l.cols)
	if len(l.work) < threads {
		l.work = make([]int8Work, threads)
	}
	for i := range l.work {
		w := &l.work[i]
		w.q = sized(w.q, queryRows*stride)
		w.sums = sized(w.sums, queryRows)
		w.weights = sized(w.weights, queryRows*kernel.GroupKeys)
	}
	ex.prepare(queryRows*(kernel.GroupKeys+l.cols+5) + l.depth)
}

// sized returns a slice of n elements, s itself where that is long enough.
func sized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// trim drops memory beyond what small passes need.
func (l *int8Loop) trim() {
	if len(l.keys)+2*len(l.values) > 4*keepFloats {
		l.keys, l.values = nil, nil
	}
	l.work = nil
}

func (l *int8Loop) Do(worker, i int) {
	if l.small {
		s, head := i/l.heads, i%l.heads
		if tile := int(l.tiles[s]); tile < int(l.tiles[s+1]) {
			l.measure(worker, tile, head)
			l.balanceHead(worker, worker, 1, 0)
			l.pack(worker, worker, worker, tile, head)
			for block := int(l.blocks[s]); block < int(l.blocks[s+1]); block++ {
				l.attend(worker, worker, worker, block, head)
			}
		}
		return
	}
	// Slots lie head by head within a tile; blocks of queries are taken head by head, so that the
	// keys stay in the cache.
	item, head := i/l.heads, i%l.heads
	switch l.step {
	case stepMeasure:
		l.measure(i, item, head)
	case stepBalance:
		first := int(l.tiles[item])
		l.balanceHead(i, first*l.heads+head, int(l.tiles[item+1])-first, l.heads)
	case stepPack:
		s, _, _ := l.tile(item)
		l.pack(worker, i, s*l.heads+head, item, head)
	case stepAttend:
		_, blocks := l.counts()
		block, head := i%blocks, i/blocks
		s, _, _ := l.block(block)
		l.attend(worker, int(l.tiles[s])*l.heads+head, s*l.heads+head, block, head)
	}
}

// measure finds the ranges of keys and queries in the rows of a tile, which are the same for both.
func (l *int8Loop) measure(slot, tile, head int) {
	_, r0, rows := l.tile(tile)
	row := l.ranges.Row(slot)
	for i, v := range []headView{l.k, l.q} {
		lo, hi := row[2*i*l.depth:][:l.dim], row[(2*i+1)*l.depth:][:l.dim]
		for c := range lo {
			lo[c], hi[c] = math.MaxFloat32, -math.MaxFloat32
		}
		kernel.Ranges(lo, hi, v.from(r0, head), v.t.Cols, rows)
	}
}

// balanceHead computes the center and gains of a head out of count ranges, from slot first on and
// step apart.
func (l *int8Loop) balanceHead(to, first, count, step int) {
	const most = 1 << 40
	out := l.balance.Row(to)
	clear(out)
	center, keyGain, queryGain := out[:l.dim], out[l.depth:][:l.dim], out[3*l.depth:][:l.dim]
	r := l.ranges.Row(first)
	for t := 1; t < count; t++ {
		other := l.ranges.Row(first + t*step)
		kernel.Ranges(r[:l.dim], r[l.depth:][:l.dim], other, 0, 1)
		kernel.Ranges(r[:l.dim], r[l.depth:][:l.dim], other[l.depth:], 0, 1)
		kernel.Ranges(r[2*l.depth:][:l.dim], r[3*l.depth:][:l.dim], other[2*l.depth:], 0, 1)
		kernel.Ranges(r[2*l.depth:][:l.dim], r[3*l.depth:][:l.dim], other[3*l.depth:], 0, 1)
	}
	toPowersOfTwo := float64(l.scale) * math.Log2E
	for c := range center {
		lo, hi := float64(r[c]), float64(r[l.depth+c])
		middle := float32((lo + hi) / 2)
		keys, queries := (hi-lo)/2, float64(max(-r[2*l.depth+c], r[3*l.depth+c]))
		ratio := queries / keys
		if !(ratio > 1./most && ratio < most) { // constant, not finite, or nothing there
			ratio = 1
		}
		if middle-middle == 0 {
			center[c] = middle
		}
		keyGain[c] = float32(math.Sqrt(ratio))
		queryGain[c] = float32(toPowersOfTwo / math.Sqrt(ratio))
	}
}

// pack packs the keys and values of a tile.
func (l *int8Loop) pack(worker, slot, balance, tile, head int) {
	_, r0, rows := l.tile(tile)
	w, b := &l.work[worker], l.balance.Row(balance)
	panel := kernel.PanelRows * kernel.HeadStride(l.dim)
	keys := l.keys[slot*kernel.GroupKeys/kernel.PanelRows*panel:]
	for r := 0; r < rows; r += kernel.PanelRows {
		kernel.PackKeys(keys[r/kernel.PanelRows*panel:][:panel], l.keyScale.Row(slot)[r:],
			l.k.from(r0+r, head), l.k.t.Cols, min(kernel.PanelRows, rows-r), l.dim,
			b[:l.depth], b[l.depth:2*l.depth], l.ex.scratch[worker], w.q, w.sums)
	}
	kernel.PackValues(l.values[slot*kernel.GroupKeys*l.cols:], l.valueScale.Row(slot),
		l.v.from(r0, head), l.v.t.Cols, rows, l.dim)
}

// attend computes a block of queries of a head, whose first tile is in that slot.
func (l *int8Loop) attend(worker, slot, balance, block, head int) {
	s, r0, rows := l.block(block)
	keys, dim, stride := int(l.kb[s+1]-l.kb[s]), l.dim, kernel.HeadStride(l.dim)
	w, b := &l.work[worker], l.balance.Row(balance)
	out, scratch := newIntegerRows(l.ex.scratch[worker], rows, l.cols)
	scale, scratch := scratch[:rows], scratch[rows:]
	scores, scratch := scratch[:rows*kernel.GroupKeys], scratch[rows*kernel.GroupKeys:]
	kernel.QuantizeHead(w.q, scale, w.sums, l.q.from(r0, head), l.q.t.Cols, rows, dim,
		b[2*l.depth:3*l.depth], b[3*l.depth:], scratch)
	for k0 := 0; k0 < keys && !l.ex.pool.Stopped(); k0 += kernel.GroupKeys {
		n := min(kernel.GroupKeys, keys-k0)
		kernel.MatMulKeys(scores, kernel.GroupKeys, w.q, scale, w.sums, rows,
			l.keys[slot*kernel.GroupKeys*stride:], l.keyScale.Row(slot),
			(n+kernel.PanelRows-1)/kernel.PanelRows, dim)
		out.add(scores, w.weights, n,
			l.values[slot*kernel.GroupKeys*l.cols:], l.valueScale.Row(slot), dim, k0 == 0)
		slot += l.heads
	}
	for r := range rows {
		out.finish(l.dst.Row(r0 + r)[head*dim:(head+1)*dim], r)
	}
}

// integerRows is [online] for weights in integers.
type integerRows struct {
	out          []float32 // [rows, cols]
	cols         int
	top, last    []float32 // the running maximum, and that before the current group
	sum, ofGroup []float32
}

func newIntegerRows(scratch []float32, rows, cols int) (integerRows, []float32) {
	o := integerRows{cols: cols}
	o.out, scratch = scratch[:rows*cols], scratch[rows*cols:]
	for _, part := range []*[]float32{&o.top, &o.last, &o.sum, &o.ofGroup} {
		*part, scratch = scratch[:rows], scratch[rows:]
	}
	clear(o.sum)
	for r := range o.top {
		o.top[r] = -math.MaxFloat32
	}
	return o, scratch
}

// add adds the values of one group of n keys, weighed by the scores, which are lost.
func (o *integerRows) add(scores []float32, weights []int16, n int,
	values []int16, valueScale []float32, dim int, first bool) {
	rows := len(o.top)
	copy(o.last, o.top)
	kernel.SoftmaxInt16(weights, kernel.GroupKeys, scores, kernel.GroupKeys, rows, n,
		o.top, o.ofGroup)
	for r, top := range o.top {
		if last := o.last[r]; top != last && !first {
			shrink := float32(math.Exp2(float64(last - top)))
			kernel.Scale(o.out[r*o.cols:][:o.cols], shrink)
			o.sum[r] *= shrink
		}
		o.sum[r] += o.ofGroup[r]
	}
	kernel.MatMulValues(o.out, o.cols, weights, kernel.GroupKeys, rows,
		values, valueScale, dim, n, !first)
}

// finish writes the mean of row r to dst.
func (o *integerRows) finish(dst []float32, r int) {
	row := o.out[r*o.cols:][:len(dst)]
	kernel.Scale(row, 1/o.sum[r])
	copy(dst, row) // far away: written once, and not waited for
}
