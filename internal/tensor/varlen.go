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

// AttendVarlen is softmax(q·kᵀ·scale)·v within each segment, for all heads, without a matrix of
// scores: memory is linear in rows.
//
// Shapes: qkv is [n, 3·heads·dim] with q, k and v side by side, dst [n, heads·dim]; bounds holds
// the first row of each segment and n at the end, ascending.
// Source: FlashAttention (arXiv 2205.14135), section 3.1, for the order of the loops.
func (ex *Exec) AttendVarlen(dst, qkv Tensor, heads, dim int, bounds []int32, scale float32) {
	ex.attend(sideBySide(dst, qkv, heads, dim, bounds, scale))
}

// AttendByHead is AttendVarlen with q, k and v of each head side by side in qkv: [heads][3][dim].
func (ex *Exec) AttendByHead(dst, qkv Tensor, heads, dim int, bounds []int32, scale float32) {
	ex.attend(byHead(dst, qkv, heads, dim, bounds, scale))
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
	l := varlenLoop{attention: a}
	l.ex = ex
	mark := ex.Mark()
	defer ex.Release(mark)
	tiles, blocks := l.counts()
	l.tiled = ex.Alloc(tiles*l.heads, l.dim*TileKeys)
	ex.prepare(queryRows*(groupKeys+l.dim) + onlineFloats(queryRows, l.dim))

	l.pack = true
	ex.varlen = l
	ex.pool.Run(&ex.varlen, tiles*l.heads)
	l.pack = false
	ex.varlen = l
	ex.pool.Run(&ex.varlen, blocks*l.heads)
	ex.varlen = varlenLoop{}
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
