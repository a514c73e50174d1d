package tensor

import "github.com/qwenvl/qwenvl/internal/kernel"

// packedLoop is bidirectional attention over segments of rows.
type packedLoop struct {
	ex       *Exec
	dst, qkv Tensor
	keys     Tensor // per head and tile: [dim, TileKeys]
	bounds   []int32
	heads    int
	dim      int
	scale    float32
	tiles    []int32 // first tile of each segment
	blocks   []int32 // first query block of each segment
	pack     bool
}

// AttendPacked is softmax(q·kᵀ·scale)·v within each segment, for all heads, without a matrix of scores: memory is linear in rows.
//
// Shapes: qkv is [n, 3·heads·dim] with q, k and v side by side, dst [n, heads·dim]; bounds holds the first row of each
// segment and n at the end, ascending.
// Source: FlashAttention (arXiv 2205.14135), section 3.1, for the order of the loops.
func (ex *Exec) AttendPacked(dst, qkv Tensor, heads, dim int, bounds []int32, scale float32) {
	n, width := qkv.Rows, heads*dim
	if qkv.Cols != 3*width || dst.Rows != n || dst.Cols != width {
		panic(badShape)
	}
	if len(bounds) == 0 || bounds[0] != 0 || int(bounds[len(bounds)-1]) != n {
		panic(badSegments)
	}
	l := packedLoop{ex: ex, dst: dst, qkv: qkv, bounds: bounds, heads: heads, dim: dim, scale: scale}
	segments := len(bounds) - 1
	l.tiles, l.blocks = make([]int32, segments+1), make([]int32, segments+1)
	for s := range segments {
		rows := int(bounds[s+1] - bounds[s])
		if rows < 0 {
			panic(badSegments)
		}
		l.tiles[s+1] = l.tiles[s] + int32((rows+TileKeys-1)/TileKeys)
		l.blocks[s+1] = l.blocks[s] + int32((rows+queryRows-1)/queryRows)
	}
	mark := ex.Mark()
	defer ex.Release(mark)
	l.keys = ex.Alloc(int(l.tiles[segments])*heads, dim*TileKeys)
	ex.prepare(queryRows*(groupKeys+dim) + onlineFloats(queryRows, dim))

	l.pack = true
	ex.packed = l
	ex.pool.Run(&ex.packed, int(l.tiles[segments])*heads)
	l.pack = false
	ex.packed = l
	ex.pool.Run(&ex.packed, int(l.blocks[segments])*heads)
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
	r0 := int(l.bounds[s]) + (tile-int(l.tiles[s]))*TileKeys
	r1 := min(r0+TileKeys, int(l.bounds[s+1]))
	dst := l.keys.Row(tile*l.heads + head)
	if r1-r0 < TileKeys {
		clear(dst)
	}
	at := (l.heads + head) * l.dim
	kernel.Transpose(dst, TileKeys, l.qkv.data[r0*l.qkv.Cols+at:], l.qkv.Cols, r1-r0, l.dim)
}

func (l *packedLoop) attend(worker, block, head int) {
	s := locate(l.blocks, block)
	first, last := int(l.bounds[s]), int(l.bounds[s+1])
	r0 := first + (block-int(l.blocks[s]))*queryRows
	rows := min(r0+queryRows, last) - r0
	dim, ld := l.dim, l.qkv.Cols

	acc, scratch := newOnline(l.ex.scratch[worker], rows, dim)
	q, scratch := scratch[:rows*dim], scratch[rows*dim:]
	for r := range rows {
		copy(q[r*dim:(r+1)*dim], l.qkv.Row(r0 + r)[head*dim:])
		kernel.Scale(q[r*dim:(r+1)*dim], l.scale)
	}
	scores := scratch[:rows*groupKeys]
	values := l.qkv.data[(2*l.heads+head)*dim:]
	for k0 := 0; k0 < last-first; k0 += groupKeys {
		keys := min(groupKeys, last-first-k0)
		for t := 0; t < keys; t += TileKeys {
			tile := int(l.tiles[s]) + (k0+t)/TileKeys
			kernel.MatMulPanel(scores[t:], groupKeys, q, dim, rows, l.keys.Row(tile*l.heads+head), TileKeys, min(TileKeys, keys-t), dim, false)
		}
		for r := range rows {
			acc.weigh(r, scores[r*groupKeys:r*groupKeys+keys], keys)
		}
		kernel.MatMulPanel(acc.out, dim, scores, groupKeys, rows, values[(first+k0)*ld:], ld, dim, keys, true)
	}
	for r := range rows {
		acc.finish(l.dst.Row(r0 + r)[head*dim:(head+1)*dim], r)
	}
}
