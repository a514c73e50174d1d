package tensor

import "github.com/qwenvl/qwenvl/internal/kernel"

// Act is an activation function applied to each output of a product.
type Act uint8

// The activation functions, by the names of the papers.
const (
	Identity  Act = iota
	SiLU          // x·sigmoid(x)
	QuickGELU     // x·sigmoid(1.702x)
	GELU          // x·Φ(x), by the error function
	GELUTanh      // its tanh approximation
	Sigmoid       // 1/(1+e⁻ˣ)
)

func (a Act) apply(x []float32) {
	switch a {
	case Identity:
	case SiLU:
		kernel.SiLU(x)
	case QuickGELU:
		kernel.QuickGELU(x)
	case GELU:
		kernel.GELU(x)
	case GELUTanh:
		kernel.GELUTanh(x)
	case Sigmoid:
		kernel.Sigmoid(x)
	}
}

const (
	bandRows  = 64  // outputs a work item computes: its weights in float32 stay in the second-level cache
	chunkRows = 384 // input rows a work item takes at most
)

// linearLoop is a product cut into items of chunkRows inputs by bandRows outputs.
type linearLoop struct {
	ex     *Exec
	dst, x Tensor
	w, up  *Matrix // up: the second factor of a gated product, or nil
	act    Act
	add    bool
	chunks int
}

// Linear computes dst = act(x·wᵀ + bias).
//
// Shapes: x is [n, w.Cols], dst [n, w.Rows]; dst does not alias x.
func (ex *Exec) Linear(dst, x Tensor, w *Matrix, act Act) {
	ex.runLinear(linearLoop{dst: dst, x: x, w: w, act: act})
}

// LinearAdd computes dst += x·wᵀ + bias, the product rounded before it is added.
//
// Shapes: as Linear.
func (ex *Exec) LinearAdd(dst, x Tensor, w *Matrix) {
	ex.runLinear(linearLoop{dst: dst, x: x, w: w, add: true})
}

// GatedLinear computes dst = act(x·gateᵀ + bias) ∘ (x·upᵀ + bias).
//
// Shapes: as Linear; gate and up have the same shape.
func (ex *Exec) GatedLinear(dst, x Tensor, gate, up *Matrix, act Act) {
	if gate.rows != up.rows || gate.cols != up.cols {
		panic(badShape)
	}
	ex.runLinear(linearLoop{dst: dst, x: x, w: gate, up: up, act: act})
}

func (ex *Exec) runLinear(l linearLoop) {
	n := l.x.Rows
	if l.dst.Rows != n || l.x.Cols != l.w.cols || l.dst.Cols != l.w.rows {
		panic(badShape)
	}
	if n == 0 || l.w.rows == 0 {
		return
	}
	need := kernel.MatMulScratch(min(n, chunkRows), bandRows, l.w.cols)
	if l.add || l.up != nil {
		need += min(n, chunkRows) * bandRows
	}
	ex.prepare(need)
	l.ex = ex
	l.chunks = (n + chunkRows - 1) / chunkRows
	ex.linear = l
	ex.pool.Run(&ex.linear, l.chunks*((l.w.rows+bandRows-1)/bandRows))
	ex.linear = linearLoop{}
}

func (l *linearLoop) Do(worker, i int) {
	band, chunk := i/l.chunks, i%l.chunks
	c0, c1 := band*bandRows, min((band+1)*bandRows, l.w.rows)
	r0, r1 := chunk*chunkRows, min((chunk+1)*chunkRows, l.x.Rows)
	width := c1 - c0
	scratch := l.ex.scratch[worker]
	x := l.x.data[r0*l.x.Cols:]
	if l.add {
		tmp := scratch[:(r1-r0)*width]
		l.w.mul(tmp, width, x, l.x.Cols, r1-r0, c0, c1, scratch[len(tmp):])
		for r := r0; r < r1; r++ {
			y := tmp[(r-r0)*width : (r-r0+1)*width]
			l.w.addBias(y, c0)
			kernel.Add(l.dst.Row(r)[c0:c1], y)
		}
		return
	}
	l.w.mul(l.dst.data[r0*l.dst.Cols+c0:], l.dst.Cols, x, l.x.Cols, r1-r0, c0, c1, scratch)
	for r := r0; r < r1; r++ {
		y := l.dst.Row(r)[c0:c1]
		l.w.addBias(y, c0)
		if l.up == nil || l.act != SiLU {
			l.act.apply(y)
		}
	}
	if l.up == nil {
		return
	}
	tmp := scratch[:(r1-r0)*width]
	l.up.mul(tmp, width, x, l.x.Cols, r1-r0, c0, c1, scratch[len(tmp):])
	for r := r0; r < r1; r++ {
		y, u := l.dst.Row(r)[c0:c1], tmp[(r-r0)*width:(r-r0+1)*width]
		l.up.addBias(u, c0)
		if l.act == SiLU {
			kernel.SiLUMul(y, y, u)
		} else {
			kernel.Mul(y, u)
		}
	}
}

func (m *Matrix) addBias(y []float32, at int) {
	if m.bias != nil {
		kernel.Add(y, m.bias[at:at+len(y)])
	}
}

// mul computes outputs c0..c1-1 for rows of x, without the bias: y[r·ldy+j] = x[r]·row(c0+j).
func (m *Matrix) mul(y []float32, ldy int, x []float32, ldx, rows, c0, c1 int, scratch []float32) {
	formats[m.format].mul(m, y, ldy, x, ldx, rows, c0, c1, scratch)
}
