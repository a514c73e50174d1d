package tensor

// Appending to the cache: keys and values of a batch's rows are written to the blocks of their
// sequences, keys transposed, in the format that the cache keeps. kv_layout.go says where, paged.go
// reads them.

import "github.com/qwenvl/qwenvl/internal/kernel"

// appendLoop writes keys and values into blocks: an item is the rows of one head that lie in one
// block.
type appendLoop struct {
	ex     *Exec
	k, v   Tensor
	seqs   []KVRows
	layout KVLayout
	at     int
}

// appendRows is how many rows are worth more than one worker.
const appendRows = 16

// AppendKV writes the keys and values of the batch's rows into their blocks, at the layer that
// starts at float at.
//
// Shapes: k is [n, Heads·KeyDim], v [n, Heads·ValueDim].
func (ex *Exec) AppendKV(k, v Tensor, seqs []KVRows, layout KVLayout, at int) {
	if k.Cols != layout.Heads*layout.KeyDim || v.Cols != layout.Heads*layout.ValueDim ||
		k.Rows != v.Rows {
		panic(badShape)
	}
	ex.prepare(TileKeys * layout.KeyDim)
	ex.append = appendLoop{ex: ex, k: k, v: v, seqs: seqs, layout: layout, at: at}
	items := 0
	for _, s := range seqs {
		items += s.blocks() * layout.Heads
	}
	if k.Rows < appendRows {
		for i := range items {
			ex.append.Do(0, i)
		}
	} else {
		ex.pool.Run(&ex.append, items)
	}
	ex.append = appendLoop{}
}

// blocks is in how many blocks the rows lie.
func (s KVRows) blocks() int {
	if s.RowLo == s.RowHi {
		return 0
	}
	return (s.Pos+s.RowHi-s.RowLo-1)/TileKeys - s.Pos/TileKeys + 1
}

func (l *appendLoop) Do(worker, i int) {
	head, item := i%l.layout.Heads, i/l.layout.Heads
	for _, s := range l.seqs {
		n := s.blocks()
		if item >= n {
			item -= n
			continue
		}
		block := s.Pos/TileKeys + item
		lo, hi := max(s.Pos, block*TileKeys), min(s.Pos+s.RowHi-s.RowLo, (block+1)*TileKeys)
		to := s.Blocks[block][l.at:][:l.layout.Floats()]
		l.append(to, lo%TileKeys, s.RowLo+lo-s.Pos, hi-lo, head, l.ex.scratch[worker])
		return
	}
}

// append writes rows row..row+n-1 of one head to a block, from one of its places on.
func (l *appendLoop) append(block []float32, slot, row, n, head int, scratch []float32) {
	kd, vd := l.layout.KeyDim, l.layout.ValueDim
	from := l.k.data[row*l.k.Cols+head*kd:]
	keys, values := l.layout.keys(block, head), l.layout.values(block, head)
	if l.layout.Format == F32 {
		kernel.Transpose(keys[slot:], TileKeys, from, l.k.Cols, n, kd)
		for r := range n {
			copy(values[(slot+r)*vd:][:vd], l.v.Row(row + r)[head*vd:])
		}
		return
	}
	kernel.Transpose(scratch, n, from, l.k.Cols, n, kd)
	for d, to := 0, halves(keys); d < kd; d++ {
		kernel.F32ToF16(to[d*TileKeys+slot:][:n], scratch[d*n:(d+1)*n])
	}
	for r, to := 0, halves(values); r < n; r++ {
		kernel.F32ToF16(to[(slot+r)*vd:][:vd], l.v.Row(row + r)[head*vd:(head+1)*vd])
	}
}
