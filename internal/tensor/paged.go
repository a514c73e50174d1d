package tensor

// Paged attention: causal, of a batch's rows over the keys and values that their sequences have in
// blocks, as in vLLM. All query heads that share a key head are multiplied together. Groups of keys
// are cut at absolute positions, so that a row's bits do not depend on where its prefill was cut.
// varlen.go is for towers, whose segments see themselves and are gone after a pass.

import "github.com/qwenvl/qwenvl/internal/kernel"

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

// AttendPaged is causal grouped-query attention of the batch's rows over their sequences' blocks,
// their own keys included (AppendKV comes first). Each key-value row is read once for all the query
// heads that share it.
//
// Shapes: q is [n, heads·KeyDim], dst [n, heads·ValueDim]; heads is a multiple of layout.Heads.
func (ex *Exec) AttendPaged(dst, q Tensor, seqs []KVRows, layout KVLayout,
	at, heads int, scale float32) {
	if heads%layout.Heads != 0 || q.Cols != heads*layout.KeyDim ||
		dst.Cols != heads*layout.ValueDim || q.Rows != dst.Rows {
		panic(badShape)
	}
	group := heads / layout.Heads
	l := pagedLoop{ex: ex, dst: dst, q: q, seqs: seqs, layout: layout,
		at: at, heads: heads, scale: scale}
	l.rows = max(1, queryRows/group)
	for _, s := range seqs {
		l.perHead += (s.RowHi - s.RowLo + l.rows - 1) / l.rows
	}
	most := l.rows * group
	ex.prepare(most*(groupKeys+layout.KeyDim) + onlineFloats(most, layout.ValueDim) +
		layout.scratch())
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

// attend handles batch rows lo..hi-1 of one sequence for one key-value head: score row t·group+g is
// row lo+t, query head head·group+g.
func (l *pagedLoop) attend(worker int, s KVRows, lo, hi, head int) {
	layout := l.layout
	group := l.heads / layout.Heads
	rows := (hi - lo) * group
	pos := s.Pos + lo - s.RowLo // position of the first row
	end := pos + hi - lo        // one past the last position that any row sees

	// The queries, scaled: [rows, KeyDim].
	acc, scratch := newOnline(l.ex.scratch[worker], rows, layout.ValueDim)
	kd, vd := layout.KeyDim, layout.ValueDim
	q, scratch := scratch[:rows*kd], scratch[rows*kd:]
	for t := range hi - lo {
		part := q[t*group*kd : (t+1)*group*kd]
		copy(part, l.q.Row(lo + t)[head*group*kd:])
		kernel.Scale(part, l.scale)
	}
	scores, scratch := scratch[:rows*groupKeys], scratch[rows*groupKeys:]
	for k0 := 0; k0 < end && !l.ex.pool.Stopped(); k0 += groupKeys {
		// Scores of a group of keys, block by block: [rows, keys].
		keys := min(groupKeys, end-k0)
		for t := 0; t < keys; t += TileKeys {
			block := s.Blocks[(k0+t)/TileKeys][l.at:]
			var next []float32
			if t+TileKeys < keys {
				next = layout.keys(s.Blocks[(k0+t)/TileKeys+1][l.at:], head)
			} else {
				next = layout.values(s.Blocks[k0/TileKeys][l.at:], head)
			}
			layout.multiply(scores[t:], groupKeys, q, kd, rows,
				layout.keys(block, head), TileKeys, min(TileKeys, keys-t), kd, false, scratch, next)
		}
		// Their weights; keys after a row's own position have none.
		for r := range rows {
			seen := pos + r/group + 1 - k0 // keys of this group that the row may see
			acc.weigh(r, scores[r*groupKeys:r*groupKeys+keys], min(max(seen, 0), keys))
		}
		// The values, weighed and added: [rows, ValueDim].
		for t := 0; t < keys; t += TileKeys {
			block := s.Blocks[(k0+t)/TileKeys][l.at:]
			var next []float32
			if t+TileKeys < keys {
				next = layout.values(s.Blocks[(k0+t)/TileKeys+1][l.at:], head)
			} else if k0+keys < end {
				next = layout.keys(s.Blocks[(k0+keys)/TileKeys][l.at:], head)
			}
			layout.multiply(acc.out, vd, scores[t:], groupKeys, rows,
				layout.values(block, head), vd, vd, min(TileKeys, keys-t), true, scratch, next)
		}
	}
	for t := range hi - lo {
		dst := l.dst.Row(lo + t)[head*group*vd : (head+1)*group*vd]
		for g := range group {
			acc.finish(dst[g*vd:(g+1)*vd], t*group+g)
		}
	}
}
