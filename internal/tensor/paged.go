package tensor

import "github.com/qwenvl/qwenvl/internal/kernel"

// KVLayout says where the keys and values of one layer lie in a cache block of TileKeys positions: for each
// key-value head the keys transposed, [KeyDim, TileKeys], then for each head the values, [TileKeys, ValueDim].
type KVLayout struct {
	Heads, KeyDim, ValueDim int
}

// Floats returns the size of one layer in one block.
func (k KVLayout) Floats() int { return k.Heads * TileKeys * (k.KeyDim + k.ValueDim) }

func (k KVLayout) keys(block []float32, head int) []float32 {
	n := k.KeyDim * TileKeys
	return block[head*n : (head+1)*n]
}

func (k KVLayout) values(block []float32, head int) []float32 {
	n := k.ValueDim * TileKeys
	at := k.Heads*k.KeyDim*TileKeys + head*n
	return block[at : at+n]
}

// KVRows is a run of consecutive rows of one sequence: rows RowLo to RowHi-1 of a batch are its positions Pos, Pos+1, …
// Blocks is the sequence's block table; block b holds positions b·TileKeys and on.
type KVRows struct {
	RowLo, RowHi int
	Pos          int
	Blocks       [][]float32
}

// pagedLoop is causal attention over block tables.
type pagedLoop struct {
	ex      *Exec
	dst, q  Tensor
	seqs    []KVRows
	layout  KVLayout
	at      int // where the layer starts in a block
	heads   int // query heads
	scale   float32
	rows    int // batch rows a work item takes
	perHead int // work items for each key-value head
}

// StoreKV writes the keys and values of the batch's rows into their blocks, at the layer that starts at float at.
//
// Shapes: k is [n, Heads·KeyDim], v [n, Heads·ValueDim].
func (ex *Exec) StoreKV(k, v Tensor, seqs []KVRows, layout KVLayout, at int) {
	if k.Cols != layout.Heads*layout.KeyDim || v.Cols != layout.Heads*layout.ValueDim || k.Rows != v.Rows {
		panic(badShape)
	}
	for _, s := range seqs {
		for r := s.RowLo; r < s.RowHi; r++ {
			pos := s.Pos + r - s.RowLo
			block := s.Blocks[pos/TileKeys][at : at+layout.Floats()]
			slot := pos % TileKeys
			for h := range layout.Heads {
				keys := layout.keys(block, h)
				for d, x := range k.Row(r)[h*layout.KeyDim : (h+1)*layout.KeyDim] {
					keys[d*TileKeys+slot] = x
				}
				copy(layout.values(block, h)[slot*layout.ValueDim:], v.Row(r)[h*layout.ValueDim:(h+1)*layout.ValueDim])
			}
		}
	}
}

// AttendPaged is causal grouped-query attention of the batch's rows over their sequences' blocks, their own keys
// included (StoreKV comes first). Each key-value row is read once for all the query heads that share it.
//
// Shapes: q is [n, heads·KeyDim], dst [n, heads·ValueDim]; heads is a multiple of layout.Heads.
func (ex *Exec) AttendPaged(dst, q Tensor, seqs []KVRows, layout KVLayout, at, heads int, scale float32) {
	if heads%layout.Heads != 0 || q.Cols != heads*layout.KeyDim || dst.Cols != heads*layout.ValueDim || q.Rows != dst.Rows {
		panic(badShape)
	}
	group := heads / layout.Heads
	l := pagedLoop{ex: ex, dst: dst, q: q, seqs: seqs, layout: layout, at: at, heads: heads, scale: scale}
	l.rows = max(1, queryRows/group)
	for _, s := range seqs {
		l.perHead += (s.RowHi - s.RowLo + l.rows - 1) / l.rows
	}
	most := l.rows * group
	ex.prepare(most*(groupKeys+layout.KeyDim) + onlineFloats(most, layout.ValueDim))
	ex.paged = l
	ex.pool.Run(&ex.paged, l.perHead*layout.Heads)
	ex.paged = pagedLoop{}
}

func (l *pagedLoop) Do(worker, i int) {
	head, item := i%l.layout.Heads, i/l.layout.Heads
	for _, s := range l.seqs {
		items := (s.RowHi - s.RowLo + l.rows - 1) / l.rows
		if item < items {
			lo := s.RowLo + item*l.rows
			l.attend(worker, s, lo, min(lo+l.rows, s.RowHi), head)
			return
		}
		item -= items
	}
}

// attend handles batch rows lo..hi-1 of one sequence for one key-value head: score row t·group+g is row lo+t, query head
// head·group+g.
func (l *pagedLoop) attend(worker int, s KVRows, lo, hi, head int) {
	layout := l.layout
	group := l.heads / layout.Heads
	rows := (hi - lo) * group
	pos := s.Pos + lo - s.RowLo // position of the first row
	end := pos + hi - lo        // one past the last position that any row sees

	acc, scratch := newOnline(l.ex.scratch[worker], rows, layout.ValueDim)
	kd, vd := layout.KeyDim, layout.ValueDim
	q, scratch := scratch[:rows*kd], scratch[rows*kd:]
	for t := range hi - lo {
		part := q[t*group*kd : (t+1)*group*kd]
		copy(part, l.q.Row(lo + t)[head*group*kd:])
		kernel.Scale(part, l.scale)
	}
	scores := scratch[:rows*groupKeys]
	for k0 := 0; k0 < end && !l.ex.pool.Stopped(); k0 += groupKeys {
		keys := min(groupKeys, end-k0)
		for t := 0; t < keys; t += TileKeys {
			block := s.Blocks[(k0+t)/TileKeys][l.at:]
			var next []float32
			if t+TileKeys < keys {
				next = layout.keys(s.Blocks[(k0+t)/TileKeys+1][l.at:], head)
			} else {
				next = layout.values(s.Blocks[k0/TileKeys][l.at:], head)
			}
			kernel.MatMulPanelThen(scores[t:], groupKeys, q, kd, rows, layout.keys(block, head), TileKeys, min(TileKeys, keys-t), kd, false, next)
		}
		for r := range rows {
			seen := pos + r/group + 1 - k0 // keys of this group that the row may see
			acc.weigh(r, scores[r*groupKeys:r*groupKeys+keys], min(max(seen, 0), keys))
		}
		for t := 0; t < keys; t += TileKeys {
			block := s.Blocks[(k0+t)/TileKeys][l.at:]
			var next []float32
			if t+TileKeys < keys {
				next = layout.values(s.Blocks[(k0+t)/TileKeys+1][l.at:], head)
			} else if k0+keys < end {
				next = layout.keys(s.Blocks[(k0+keys)/TileKeys][l.at:], head)
			}
			kernel.MatMulPanelThen(acc.out, vd, scores[t:], groupKeys, rows, layout.values(block, head), vd, vd, min(TileKeys, keys-t), true, next)
		}
	}
	for t := range hi - lo {
		dst := l.dst.Row(lo + t)[head*group*vd : (head+1)*group*vd]
		for g := range group {
			acc.finish(dst[g*vd:(g+1)*vd], t*group+g)
		}
	}
}
