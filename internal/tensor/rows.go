package tensor

// What works on rows one by one: norms, sums, products, gathering. A row is never split, so that
// its bits depend on nothing else. heads.go works on parts of rows, rotate.go turns them.

import "github.com/qwenvl/qwenvl/internal/kernel"

// Norm is a normalization of rows. Bias nil means RMS normalization unless Center is set.
type Norm struct {
	Weight []float32
	Bias   []float32 // LayerNorm only
	Eps    float32
	Center bool // subtract the mean: LayerNorm; otherwise RMSNorm
}

func (n *Norm) apply(dst, x []float32) {
	if n.Center {
		kernel.LayerNorm(dst, x, n.Weight, n.Bias, n.Eps)
	} else {
		kernel.RMSNorm(dst, x, n.Weight, n.Eps)
	}
}

// rowGroup is how many rows a work item of a row-wise loop takes.
const rowGroup = 16

// rowLoop applies f to groups of rows. The other fields are what the functions need.
type rowLoop struct {
	n        int
	f        func(l *rowLoop, r int)
	dst, x   Tensor
	dst2     Tensor
	norm     *Norm
	width    int
	stride   int
	off      int
	index    []int32
	factor   []float32
	cos, sin Tensor
	turn     func(x, cos, sin []float32)
	q        quantized
}

func (l *rowLoop) Do(_, i int) {
	for r := i * rowGroup; r < min((i+1)*rowGroup, l.n); r++ {
		l.f(l, r)
	}
}

func (ex *Exec) runRows(l rowLoop) {
	ex.rows = l
	ex.pool.Run(&ex.rows, (l.n+rowGroup-1)/rowGroup)
	ex.rows = rowLoop{}
}

// NormRows normalizes every row of x into dst, which may be x.
//
// Shapes: dst and x are [n, len(norm.Weight)].
func (ex *Exec) NormRows(dst, x Tensor, norm *Norm) {
	if dst.Rows != x.Rows || dst.Cols != x.Cols || x.Cols != len(norm.Weight) {
		panic(badShape)
	}
	ex.runRows(rowLoop{n: x.Rows, f: normRow, dst: dst, x: x, norm: norm})
}

func normRow(l *rowLoop, r int) { l.norm.apply(l.dst.Row(r), l.x.Row(r)) }

// NormHeads normalizes heads of every row in place: columns off+h·d to off+(h+1)·d for h < heads,
// where d = len(norm.Weight).
func (ex *Exec) NormHeads(x Tensor, off, heads int, norm *Norm) {
	d := len(norm.Weight)
	if off < 0 || off+heads*d > x.Cols {
		panic(badShape)
	}
	ex.runRows(rowLoop{n: x.Rows, f: normHeads, x: x, norm: norm, off: off, width: heads * d})
}

func normHeads(l *rowLoop, r int) {
	row, d := l.x.Row(r)[l.off:l.off+l.width], len(l.norm.Weight)
	for h := 0; h < l.width; h += d {
		l.norm.apply(row[h:h+d], row[h:h+d])
	}
}

// AddRows computes dst += x.
//
// Shapes: dst and x have the same shape.
func (ex *Exec) AddRows(dst, x Tensor) {
	if dst.Rows != x.Rows || dst.Cols != x.Cols {
		panic(badShape)
	}
	ex.runRows(rowLoop{n: x.Rows, f: addRow, dst: dst, x: x})
}

func addRow(l *rowLoop, r int) { kernel.Add(l.dst.Row(r), l.x.Row(r)) }

// MulRows computes dst ∘= x.
//
// Shapes: dst and x have the same shape.
func (ex *Exec) MulRows(dst, x Tensor) {
	if dst.Rows != x.Rows || dst.Cols != x.Cols {
		panic(badShape)
	}
	ex.runRows(rowLoop{n: x.Rows, f: mulRow, dst: dst, x: x})
}

func mulRow(l *rowLoop, r int) { kernel.Mul(l.dst.Row(r), l.x.Row(r)) }

// GatherRows copies row index[i] of x to row i of dst.
//
// Shapes: dst is [len(index), x.Cols].
func (ex *Exec) GatherRows(dst, x Tensor, index []int32) {
	if dst.Rows != len(index) || dst.Cols != x.Cols {
		panic(badShape)
	}
	ex.runRows(rowLoop{n: dst.Rows, f: gatherRow, dst: dst, x: x, index: index})
}

func gatherRow(l *rowLoop, r int) { copy(l.dst.Row(r), l.x.Row(int(l.index[r]))) }
