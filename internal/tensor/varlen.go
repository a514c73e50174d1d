package tensor

// Varlen attention: bidirectional, over segments of any lengths that lie side by side in one
// tensor, as in FlashAttention's varlen functions, whose cu_seqlens are the bounds here. A tower's
// frames and windows are such segments. Keys are transposed once per tile and head; then each block
// of queries goes over its segment's keys with a streaming softmax (softmax.go). varlen_int8.go
// does the same in integers, paged.go attends over a cache.

import "github.com/qwenvl/qwenvl/internal/kernel"

// varlenLoop is bidirectional attention over segments of rows in float32.
type varlenLoop struct {
	attention
	tiled Tensor // the keys, per tile and head: [dim, TileKeys]
	pack  bool
}

// Varlen says where the heads of queries, keys and values lie, and what attends to what.
type Varlen struct {
	Heads, Dim int     // of queries, keys and values alike
	ByHead     bool    // q, k and v of each head lie side by side, not those of all heads
	Bounds     []int32 // the first row of each segment, ascending, and the number of rows
	Scale      float32 // of scores
	Format     Format  // what is multiplied: F32, or Int8 (see varlen_int8.go)
}

// AttendVarlen is softmax(q·kᵀ·scale)·v within each segment, for all heads, without a matrix of
// scores: memory is linear in rows.
//
// Shapes: dst is [n, heads·dim], qkv [n, 3·heads·dim]: [3][heads][dim], or [heads][3][dim] by head.
// Source: FlashAttention (arXiv 2205.14135), section 3.1, for the order of the loops.
func (ex *Exec) AttendVarlen(dst, qkv Tensor, o Varlen) {
	part, step := o.Heads*o.Dim, o.Dim // from q to k and to v, and from head to head
	if qkv.Cols != 3*part {
		panic(badShape)
	}
	if o.ByHead {
		part, step = o.Dim, 3*o.Dim
	}
	a := attention{dst: dst,
		q: headView{qkv, 0, step}, k: headView{qkv, part, step}, v: headView{qkv, 2 * part, step},
		qb: o.Bounds, kb: o.Bounds, heads: o.Heads, dim: o.Dim, scale: o.Scale}
	switch o.Format {
	case F32:
		ex.attend(a)
	case Int8:
		ex.attendInt8(a)
	default:
		panic(badFormat)
	}
}

// AttendCross is AttendVarlen with queries of their own: those of segment s, rows qBounds[s] to
// qBounds[s+1]-1 of q, attend to rows kBounds[s] to kBounds[s+1]-1 of k and v.
//
// Shapes: q and dst are [n, heads·dim], k and v [m, heads·dim].
func (ex *Exec) AttendCross(dst, q, k, v Tensor, heads, dim int,
	qBounds, kBounds []int32, scale float32) {
	if w := heads * dim; q.Cols != w || k.Cols != w || v.Cols != w || k.Rows != v.Rows {
		panic(badShape)
	}
	ex.attend(attention{dst: dst,
		q: headView{q, 0, dim}, k: headView{k, 0, dim}, v: headView{v, 0, dim},
		qb: qBounds, kb: kBounds, heads: heads, dim: dim, scale: scale})
}

func (ex *Exec) attend(a attention) {
	a.tileBy(TileKeys)
	l := &ex.varlen
	l.attention, l.ex = a, ex
	mark := ex.Mark()
	defer ex.Release(mark)
	tiles, blocks := l.counts()
	l.tiled = ex.Alloc(tiles*l.heads, l.dim*TileKeys)
	ex.prepare(queryRows*(groupKeys+l.dim) + onlineFloats(queryRows, l.dim))

	l.pack = true
	ex.pool.Run(l, tiles*l.heads)
	l.pack = false
	ex.pool.Run(l, blocks*l.heads)
	*l = varlenLoop{}
}

func (l *varlenLoop) Do(worker, i int) {
	if l.pack {
		l.packTile(i/l.heads, i%l.heads)
	} else {
		l.attend(worker, i/l.heads, i%l.heads)
	}
}

// packTile transposes the keys of one tile of one head, so that scores of consecutive keys lie side
// by side.
func (l *varlenLoop) packTile(tile, head int) {
	_, r0, rows := l.tile(tile)
	to := l.tiled.Row(tile*l.heads + head)
	kernel.Transpose(to, TileKeys, l.k.from(r0, head), l.k.t.Cols, rows, l.dim)
}

func (l *varlenLoop) attend(worker, block, head int) {
	s, r0, rows := l.block(block)
	first, keys := int(l.kb[s]), int(l.kb[s+1]-l.kb[s])
	dim := l.dim

	// The queries, scaled: [rows, dim].
	acc, scratch := newOnline(l.ex.scratch[worker], rows, dim)
	q, scratch := scratch[:rows*dim], scratch[rows*dim:]
	for r := range rows {
		copy(q[r*dim:(r+1)*dim], l.q.from(r0+r, head))
		kernel.Scale(q[r*dim:(r+1)*dim], l.scale)
	}
	scores := scratch[:rows*groupKeys]
	for k0 := 0; k0 < keys && !l.ex.pool.Stopped(); k0 += groupKeys { // a picture has many
		// Scores of a group of keys, tile by tile: [rows, n].
		n := min(groupKeys, keys-k0)
		for t := 0; t < n; t += TileKeys {
			tile := int(l.tiles[s]) + (k0+t)/TileKeys
			kernel.MatMulPanel(scores[t:], groupKeys, q, dim, rows,
				l.tiled.Row(tile*l.heads+head), TileKeys, min(TileKeys, n-t), dim, false)
		}
		// Their weights, then the values, weighed and added: [rows, dim].
		for r := range rows {
			acc.weigh(r, scores[r*groupKeys:r*groupKeys+n], n)
		}
		kernel.MatMulPanel(acc.out, dim, scores, groupKeys, rows,
			l.v.from(first+k0, head), l.v.t.Cols, dim, n, true)
	}
	for r := range rows {
		acc.finish(l.dst.Row(r0 + r)[head*dim:(head+1)*dim], r)
	}
}
