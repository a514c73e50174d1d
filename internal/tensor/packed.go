package tensor

import "github.com/qwenvl/qwenvl/internal/kernel"

// headView is where the heads of queries, keys or values lie in the rows of a tensor: head h in columns off+h·step and on.
type headView struct {
	t         Tensor
	off, step int
}

// from returns the elements from row r of head h on; rows are t.Cols apart.
func (v headView) from(r, h int) []float32 { return v.t.data[r*v.t.Cols+v.off+h*v.step:] }

// packedLoop is bidirectional attention over segments of rows.
type packedLoop struct {
	ex      *Exec
	dst     Tensor
	q, k, v headView
	tiled   Tensor  // the keys, per tile and head: [dim, TileKeys]
	qb, kb  []int32 // first query row and first key row of each segment
	heads   int
	dim     int
	scale   float32
	tiles   []int32 // first tile of each segment
	blocks  []int32 // first query block of each segment
	pack    bool
}

// AttendPacked is softmax(q·kᵀ·scale)·v within each segment, for all heads, without a matrix of scores: memory is linear in rows.
//
// Shapes: qkv is [n, 3·heads·dim] with q, k and v side by side, dst [n, heads·dim]; bounds holds the first row of each
// segment and n at the end, ascending.
// Source: FlashAttention (arXiv 2205.14135), section 3.1, for the order of the loops.
func (ex *Exec) AttendPacked(dst, qkv Tensor, heads, dim int, bounds []int32, scale float32) {
	w := heads * dim
	if qkv.Cols != 3*w {
		panic(badShape)
	}
	ex.attend(packedLoop{dst: dst, q: headView{qkv, 0, dim}, k: headView{qkv, w, dim}, v: headView{qkv, 2 * w, dim},
		qb: bounds, kb: bounds, heads: heads, dim: dim, scale: scale})
}

// AttendByHead is AttendPacked with q, k and v of each head side by side in qkv: [heads][3][dim].
func (ex *Exec) AttendByHead(dst, qkv Tensor, heads, dim int, bounds []int32, scale float32) {
	if qkv.Cols != 3*heads*dim {
		panic(badShape)
	}
	ex.attend(packedLoop{dst: dst, q: headView{qkv, 0, 3 * dim}, k: headView{qkv, dim, 3 * dim}, v: headView{qkv, 2 * dim, 3 * dim},
		qb: bounds, kb: bounds, heads: heads, dim: dim, scale: scale})
}

// AttendCross is AttendPacked with queries of their own: those of segment s, rows qBounds[s] to qBounds[s+1]-1 of q, attend to
// rows kBounds[s] to kBounds[s+1]-1 of k and v.
//
// Shapes: q and dst are [n, heads·dim], k and v [m, heads·dim].
func (ex *Exec) AttendCross(dst, q, k, v Tensor, heads, dim int, qBounds, kBounds []int32, scale float32) {
	if w := heads * dim; q.Cols != w || k.Cols != w || v.Cols != w || k.Rows != v.Rows {
		panic(badShape)
	}
	ex.attend(packedLoop{dst: dst, q: headView{q, 0, dim}, k: headView{k, 0, dim}, v: headView{v, 0, dim},
		qb: qBounds, kb: kBounds, heads: heads, dim: dim, scale: scale})
}

func (ex *Exec) attend(l packedLoop) {
	if l.dst.Rows != l.q.t.Rows || l.dst.Cols != l.heads*l.dim {
		panic(badShape)
	}
	segments := len(l.qb) - 1
	if segments < 0 || len(l.kb) != len(l.qb) || l.qb[0] != 0 || l.kb[0] != 0 || int(l.qb[segments]) != l.q.t.Rows || int(l.kb[segments]) != l.k.t.Rows {
		panic(badSegments)
	}
	l.ex = ex
	l.tiles, l.blocks = make([]int32, segments+1), make([]int32, segments+1)
	for s := range segments {
		queries, keys := int(l.qb[s+1]-l.qb[s]), int(l.kb[s+1]-l.kb[s])
		if queries < 0 || keys < 0 {
			panic(badSegments)
		}
		l.tiles[s+1] = l.tiles[s] + int32((keys+TileKeys-1)/TileKeys)
		l.blocks[s+1] = l.blocks[s] + int32((queries+queryRows-1)/queryRows)
	}
	mark := ex.Mark()
	defer ex.Release(mark)
	l.tiled = ex.Alloc(int(l.tiles[segments])*l.heads, l.dim*TileKeys)
	ex.prepare(queryRows*(groupKeys+l.dim) + onlineFloats(queryRows, l.dim))

	l.pack = true
	ex.packed = l
	ex.pool.Run(&ex.packed, int(l.tiles[segments])*l.heads)
	l.pack = false
	ex.packed = l
	ex.pool.Run(&ex.packed, int(l.blocks[segments])*l.heads)
	ex.packed = packedLoop{}
}

func (l *packedLoop) Do(worker, i int) {
	if l.pack {
		l.packTile(i/l.heads, i%l.heads)
	} else {
		l.attend(worker, i/l.heads, i%l.heads)
	}
}

// locate returns the segment that item i lies in, given the first item of each.
func locate(first []int32, i int) int {
	lo, hi := 0, len(first)-1
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; int(first[mid]) <= i {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// packTile transposes the keys of one tile of one head, so that scores of consecutive keys lie side by side.
func (l *packedLoop) packTile(tile, head int) {
	s := locate(l.tiles, tile)
	r0 := int(l.kb[s]) + (tile-int(l.tiles[s]))*TileKeys
	rows := min(TileKeys, int(l.kb[s+1])-r0)
	kernel.Transpose(l.tiled.Row(tile*l.heads+head), TileKeys, l.k.from(r0, head), l.k.t.Cols, rows, l.dim)
}

func (l *packedLoop) attend(worker, block, head int) {
	s := locate(l.blocks, block)
	r0 := int(l.qb[s]) + (block-int(l.blocks[s]))*queryRows
	rows := min(queryRows, int(l.qb[s+1])-r0)
	first, keys := int(l.kb[s]), int(l.kb[s+1]-l.kb[s])
	dim := l.dim

	acc, scratch := newOnline(l.ex.scratch[worker], rows, dim)
	q, scratch := scratch[:rows*dim], scratch[rows*dim:]
	for r := range rows {
		copy(q[r*dim:(r+1)*dim], l.q.from(r0+r, head))
		kernel.Scale(q[r*dim:(r+1)*dim], l.scale)
	}
	scores := scratch[:rows*groupKeys]
	for k0 := 0; k0 < keys && !l.ex.pool.Stopped(); k0 += groupKeys { // a large picture has many keys
		n := min(groupKeys, keys-k0)
		for t := 0; t < n; t += TileKeys {
			tile := int(l.tiles[s]) + (k0+t)/TileKeys
			kernel.MatMulPanel(scores[t:], groupKeys, q, dim, rows, l.tiled.Row(tile*l.heads+head), TileKeys, min(TileKeys, n-t), dim, false)
		}
		for r := range rows {
			acc.weigh(r, scores[r*groupKeys:r*groupKeys+n], n)
		}
		kernel.MatMulPanel(acc.out, dim, scores, groupKeys, rows, l.v.from(first+k0, head), l.v.t.Cols, dim, n, true)
	}
	for r := range rows {
		acc.finish(l.dst.Row(r0 + r)[head*dim:(head+1)*dim], r)
	}
}
