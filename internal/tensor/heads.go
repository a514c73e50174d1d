package tensor

// What works on the heads or columns of rows rather than on whole rows: splitting, gating, copying,
// and products with a matrix for each head. rows.go has what works on whole rows, linear.go the
// products that all columns share.

import "github.com/qwenvl/qwenvl/internal/kernel"

// ScaleRows multiplies row r of x by factor[r].
func (ex *Exec) ScaleRows(x Tensor, factor []float32) {
	if len(factor) != x.Rows {
		panic(badShape)
	}
	ex.runRows(rowLoop{n: x.Rows, f: scaleRow, x: x, factor: factor})
}

func scaleRow(l *rowLoop, r int) { kernel.Scale(l.x.Row(r), l.factor[r]) }

// SplitHeads deals the two halves of each head of x to a and b.
//
// Shapes: x is [n, heads·2·dim], a and b [n, heads·dim].
func (ex *Exec) SplitHeads(a, b, x Tensor, dim int) {
	if a.Rows != x.Rows || b.Rows != x.Rows ||
		a.Cols != b.Cols || x.Cols != 2*a.Cols || a.Cols%dim != 0 {
		panic(badShape)
	}
	ex.runRows(rowLoop{n: x.Rows, f: splitRow, dst: a, dst2: b, x: x, width: dim})
}

func splitRow(l *rowLoop, r int) {
	x, a, b, d := l.x.Row(r), l.dst.Row(r), l.dst2.Row(r), l.width
	for h := 0; h < len(a); h += d {
		copy(a[h:h+d], x[2*h:])
		copy(b[h:h+d], x[2*h+d:])
	}
}

// Gate computes dst ∘= sigmoid(gate). A gate of one column gates whole rows.
//
// Shapes: dst is [n, d], gate [n, d] or [n, 1], which is overwritten.
func (ex *Exec) Gate(dst, gate Tensor) {
	if dst.Rows != gate.Rows || gate.Cols != dst.Cols && gate.Cols != 1 {
		panic(badShape)
	}
	ex.runRows(rowLoop{n: dst.Rows, f: gateRow, dst: dst, x: gate})
}

func gateRow(l *rowLoop, r int) {
	g := l.x.Row(r)
	kernel.Sigmoid(g)
	if len(g) == 1 {
		kernel.Scale(l.dst.Row(r), g[0])
	} else {
		kernel.Mul(l.dst.Row(r), g)
	}
}

// CopyCols copies n columns of x from column from on to column to of dst.
func (ex *Exec) CopyCols(dst Tensor, to int, x Tensor, from, n int) {
	if dst.Rows != x.Rows || to < 0 || from < 0 || n < 0 || to+n > dst.Cols || from+n > x.Cols {
		panic(badShape)
	}
	ex.runRows(rowLoop{n: x.Rows, f: copyCols, dst: dst, x: x, off: to, stride: from, width: n})
}

func copyCols(l *rowLoop, r int) {
	copy(l.dst.Row(r)[l.off:l.off+l.width], l.x.Row(r)[l.stride:])
}

// headLoop is one small product for each head.
type headLoop struct {
	ex       *Exec
	dst, x   Tensor
	w        []*Matrix
	in, out  int // distance of heads in rows of x and of dst
	from, to int // first column of head 0 in x and in dst
	chunk    int // rows of an item
	chunks   int
}

// LinearHeads multiplies each head of x by a matrix of its own: dst[to+h·out …] = x[from+h·in
// …]·w[h]ᵀ. Columns of dst that belong to no head stay as they are. The matrices are not packed.
//
// Shapes: heads are w[h].Cols wide in x and w[h].Rows in dst, in and out columns apart.
func (ex *Exec) LinearHeads(dst Tensor, to, out int, x Tensor, from, in int, w []*Matrix) {
	if dst.Rows != x.Rows || len(w) == 0 {
		panic(badShape)
	}
	last := len(w) - 1
	for _, m := range w {
		if m.rows > out || m.cols > in || m.rows != w[0].rows || m.cols != w[0].cols {
			panic(badShape)
		}
		if m.format.Packed() {
			panic(badFormat)
		}
	}
	if to+last*out+w[0].rows > dst.Cols || from+last*in+w[0].cols > x.Cols {
		panic(badShape)
	}
	l := headLoop{ex: ex, dst: dst, x: x, w: w, in: in, out: out, from: from, to: to,
		chunk: min(x.Rows, chunkRows)}
	l.chunks = (x.Rows + l.chunk - 1) / max(l.chunk, 1)
	need := 0
	for _, m := range w {
		last := x.Rows - (l.chunks-1)*l.chunk // may be smaller, and multiplied otherwise
		for _, rows := range [2]int{l.chunk, last} {
			by := m.product(rows)
			need = max(need, by.room(rows, m.cols)+by.scratch(rows, m.rows, m.cols))
		}
	}
	ex.prepare(need)
	ex.heads = l
	ex.pool.Run(&ex.heads, l.chunks*len(w))
	ex.heads = headLoop{}
}

func (l *headLoop) Do(worker, i int) {
	h, chunk := i/l.chunks, i%l.chunks
	r0, r1 := chunk*l.chunk, min((chunk+1)*l.chunk, l.x.Rows)
	w, scratch := l.w[h], l.ex.scratch[worker]
	x := Tensor{Rows: r1 - r0, Cols: l.x.Cols, data: l.x.data[r0*l.x.Cols+l.from+h*l.in:]}
	by := w.product(x.Rows)
	room := by.room(x.Rows, w.cols)
	in := by.operand(x.Input(), w.cols, scratch[:room])
	in.fill(0, in.units)
	y := l.dst.data[r0*l.dst.Cols+l.to+h*l.out:]
	by.multiply(w, y, l.dst.Cols, in, 0, in.units, 0, w.rows, scratch[room:])
}
