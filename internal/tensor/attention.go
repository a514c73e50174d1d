package tensor

// What the two kinds of attention over segments of rows share: where heads lie in rows, and how
// keys are cut into tiles and queries into blocks. varlen.go multiplies in float32, varlen_int8.go
// in integers. paged.go is the decoder's attention, which is causal and reads keys from a cache.

// headView is where the heads of queries, keys or values lie in the rows of a tensor: head h in
// columns off+h·step and on.
type headView struct {
	t         Tensor
	off, step int
}

// from returns the elements from row r of head h on; rows are t.Cols apart.
func (v headView) from(r, h int) []float32 { return v.t.data[r*v.t.Cols+v.off+h*v.step:] }

// attention is what bidirectional attention over segments of rows reads and writes, and how its
// work is cut: keys into tiles, queries into blocks, both from the beginning of their segment on.
type attention struct {
	ex       *Exec
	dst      Tensor
	q, k, v  headView
	qb, kb   []int32 // first query row and first key row of each segment
	heads    int
	dim      int
	scale    float32
	tileKeys int
	tiles    []int32 // first tile of each segment
	blocks   []int32 // first query block of each segment
}

// tileBy checks the shapes and cuts the work into tiles of tileKeys keys and blocks of queryRows
// queries.
func (a *attention) tileBy(tileKeys int) {
	if a.dst.Rows != a.q.t.Rows || a.dst.Cols != a.heads*a.dim {
		panic(badShape)
	}
	segments := len(a.qb) - 1
	if segments < 0 || len(a.kb) != len(a.qb) || a.qb[0] != 0 || a.kb[0] != 0 ||
		int(a.qb[segments]) != a.q.t.Rows || int(a.kb[segments]) != a.k.t.Rows {
		panic(badSegments)
	}
	a.tileKeys = tileKeys
	a.tiles, a.blocks = make([]int32, segments+1), make([]int32, segments+1)
	for s := range segments {
		queries, keys := int(a.qb[s+1]-a.qb[s]), int(a.kb[s+1]-a.kb[s])
		if queries < 0 || keys < 0 {
			panic(badSegments)
		}
		a.tiles[s+1] = a.tiles[s] + int32((keys+tileKeys-1)/tileKeys)
		a.blocks[s+1] = a.blocks[s] + int32((queries+queryRows-1)/queryRows)
	}
}

// counts returns how many tiles and blocks there are.
func (a *attention) counts() (tiles, blocks int) {
	segments := len(a.tiles) - 1
	return int(a.tiles[segments]), int(a.blocks[segments])
}

// tile returns the segment of a tile and its key rows, r0 to r0+rows-1.
func (a *attention) tile(i int) (s, r0, rows int) {
	s = locate(a.tiles, i)
	r0 = int(a.kb[s]) + (i-int(a.tiles[s]))*a.tileKeys
	return s, r0, min(a.tileKeys, int(a.kb[s+1])-r0)
}

// block returns the segment of a block of queries and its rows, r0 to r0+rows-1.
func (a *attention) block(i int) (s, r0, rows int) {
	s = locate(a.blocks, i)
	r0 = int(a.qb[s]) + (i-int(a.blocks[s]))*queryRows
	return s, r0, min(queryRows, int(a.qb[s+1])-r0)
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
