package tensor

// Products of rows with weight matrices: alone, added, three of one input, gated, and with the
// result as the input of the next. One loop does them all. runLinear plans it by the products of
// the matrices (product.go); Do computes a work item and what follows on it while it is in the
// cache: bias, activation, gate, residual, rounding to 8 bits. heads.go has products with a matrix
// for each head.

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

// linearLoop is up to three products of one input, or a gated product, cut into items of chunk
// units of the operand by band outputs.
type linearLoop struct {
	ex    *Exec
	parts [3]linearPart // their items follow each other; the first has the shape of a result
	to    quantized     // where results go instead of the first part's dst, if it has a stride
	in    operand
	act   Act
	add   bool

	up     *Matrix  // the second factor of a gated product, or nil
	upBy   *product // how it is multiplied; nil: it was, before this loop
	factor Tensor   // what came of it then, with its bias

	chunk, band int
	chunks      int // of all units
}

// linearPart is one product of an input, or none where w is nil.
type linearPart struct {
	dst   Tensor
	w     *Matrix
	by    *product
	first int // the first of its bands
}

// one returns the parts of a single product.
func one(dst Tensor, w *Matrix) [3]linearPart { return [3]linearPart{{dst: dst, w: w}} }

// Linear computes dst = act(x·wᵀ + bias).
//
// Shapes: x is [n, w.Cols], dst [n, w.Rows]; dst does not alias x.
func (ex *Exec) Linear(dst Tensor, x Input, w *Matrix, act Act) {
	ex.runLinear(&linearLoop{parts: one(dst, w), in: operand{Input: x}, act: act})
}

// LinearThree computes three products of one input, dst[i] = x·w[i]ᵀ + bias, in one loop.
//
// Shapes: as Linear.
func (ex *Exec) LinearThree(dst [3]Tensor, x Input, w [3]*Matrix) {
	ex.runLinear(&linearLoop{in: operand{Input: x}, parts: [3]linearPart{
		{dst: dst[0], w: w[0]}, {dst: dst[1], w: w[1]}, {dst: dst[2], w: w[2]}}})
}

// LinearAdd computes dst += x·wᵀ + bias, the product rounded before it is added.
//
// Shapes: as Linear.
func (ex *Exec) LinearAdd(dst Tensor, x Input, w *Matrix) {
	ex.runLinear(&linearLoop{parts: one(dst, w), in: operand{Input: x}, add: true})
}

// GatedLinear computes dst = act(x·gateᵀ + bias) ∘ (x·upᵀ + bias).
//
// Shapes: as Linear; gate and up have the same shape.
func (ex *Exec) GatedLinear(dst Tensor, x Input, gate, up *Matrix, act Act) {
	ex.runLinear(&linearLoop{parts: one(dst, gate), in: operand{Input: x}, up: up, act: act})
}

// LinearInput is [Exec.Linear] with the result, in the workspace, as what next is multiplied by.
// Where both are packed, the result in float32 never leaves the cache.
func (ex *Exec) LinearInput(x Input, w *Matrix, act Act, next *Matrix) Input {
	return ex.inputOf(&linearLoop{parts: one(Tensor{}, w), in: operand{Input: x}, act: act}, next)
}

// GatedInput is [Exec.GatedLinear] with the result as by [Exec.LinearInput].
func (ex *Exec) GatedInput(x Input, gate, up *Matrix, act Act, next *Matrix) Input {
	return ex.inputOf(&linearLoop{parts: one(Tensor{}, gate), in: operand{Input: x}, up: up, act: act}, next)
}

func (ex *Exec) inputOf(l *linearLoop, next *Matrix) Input {
	n, w := l.in.Rows(), l.parts[0].w
	if next.cols != w.rows {
		panic(badShape)
	}
	if !w.product(n).quantizes() || !next.product(n).quantizes() {
		l.parts[0].dst = ex.Alloc(n, w.rows)
		ex.runLinear(l)
		return ex.Input(l.parts[0].dst, next)
	}
	l.to = ex.quantized(n, w.rows, next)
	ex.runLinear(l)
	return Input{q: l.to}
}

// runLinear plans the loop and runs it: it makes the input what the product wants, cuts the work,
// and gives each worker the scratch that an item takes.
func (ex *Exec) runLinear(l *linearLoop) {
	l.check()
	n, w := l.in.Rows(), l.parts[0].w
	if n == 0 || w.rows == 0 {
		return
	}
	by := w.product(n)
	if most := by.most(w.cols); n > most {
		ex.linearSlices(l, (n+most-1)/most)
		return
	}
	mark := ex.Mark()
	defer ex.Release(mark)
	outs := ex.splitMixed(l, by)

	l.in = ex.operand(by, l.in.Input, w)
	fused := l.to.stride > 0
	l.chunk, l.band = by.tile(l.in, outs, ex.Threads(), fused)
	rows := (l.chunk*n + l.in.units - 1) / l.in.units // of a chunk
	need, bands := 0, 0
	for i := range l.parts {
		p := &l.parts[i]
		p.first = bands
		if p.w != nil {
			need = max(need, p.by.scratch(rows, l.band, w.cols))
			bands += (p.w.rows + l.band - 1) / l.band
		}
	}
	if l.upBy != nil {
		need = max(need, l.upBy.scratch(rows, l.band, w.cols))
	}
	for _, used := range []bool{l.add || l.up != nil, fused} {
		if used { // room for results that do not go to dst at once
			need += rows * l.band
		}
	}
	ex.prepare(need)
	l.ex = ex
	l.chunks = (l.in.units + l.chunk - 1) / l.chunk
	ex.linear = *l
	ex.pool.Run(&ex.linear, l.chunks*bands)
	ex.linear = linearLoop{}
}

// check panics if the shapes do not fit, or a matrix is yet to be packed.
func (l *linearLoop) check() {
	n, cols := l.in.Rows(), l.in.cols()
	for i, p := range l.parts {
		if p.w == nil {
			continue
		}
		fused := i == 0 && l.to.stride > 0
		if !fused && (p.dst.Rows != n || p.dst.Cols != p.w.rows) || p.w.cols != cols {
			panic(badShape)
		}
		if p.w.Unpacked() {
			panic(badPacking)
		}
	}
	if up, gate := l.up, l.parts[0].w; up != nil && up.Unpacked() {
		panic(badPacking)
	} else if up != nil && (up.rows != gate.rows || up.cols != gate.cols) {
		panic(badShape)
	}
}

// splitMixed sets how each part is multiplied, and takes out of the loop what the plan of the first
// part does not fit, as where a checkpoint stores gate and up in two formats: that is computed
// here, by itself. It returns the outputs that are left.
func (ex *Exec) splitMixed(l *linearLoop, by *product) (outs int) {
	n := l.in.Rows()
	for i := range l.parts {
		p := &l.parts[i]
		if p.w == nil {
			continue
		}
		if p.by = p.w.product(n); p.by.plan != by.plan {
			ex.runLinear(&linearLoop{parts: one(p.dst, p.w), in: l.in})
			*p = linearPart{}
			continue
		}
		outs += p.w.rows
	}
	if l.up == nil {
		return outs
	}
	if l.upBy = l.up.product(n); l.upBy.plan != by.plan {
		l.upBy, l.factor = nil, ex.Alloc(n, l.up.rows)
		ex.runLinear(&linearLoop{parts: one(l.factor, l.up), in: l.in})
	}
	return outs
}

// linearSlices is runLinear for more rows than are multiplied at once, in so many slices.
func (ex *Exec) linearSlices(l *linearLoop, slices int) {
	n := l.in.Rows()
	for i := range slices {
		r0, r1 := n*i/slices, n*(i+1)/slices
		p := *l
		p.in.Input = l.in.Floats().Slice(r0, r1).Input()
		for k := range p.parts {
			if p.parts[k].w != nil {
				p.parts[k].dst = l.parts[k].dst.Slice(r0, r1)
			}
		}
		ex.runLinear(&p)
	}
}

func (l *linearLoop) Do(worker, i int) {
	band, chunk := i/l.chunks, i%l.chunks
	p := &l.parts[0]
	for k := range l.parts {
		if q := &l.parts[k]; q.w != nil && band >= q.first {
			p = q
		}
	}
	c0 := (band - p.first) * l.band
	c1 := min(c0+l.band, p.w.rows)
	from, to := chunk*l.chunk, min((chunk+1)*l.chunk, l.in.units)
	r0 := l.in.row(from)
	rows, width := l.in.row(to)-r0, c1-c0

	y, ldy, scratch := p.dst.data, p.dst.Cols, l.ex.scratch[worker]
	if l.add || l.to.stride > 0 {
		y, ldy, scratch = scratch[:rows*width], width, scratch[rows*width:]
	} else {
		y = y[r0*ldy+c0:]
	}
	p.by.multiply(p.w, y, ldy, l.in, from, to, c0, c1, scratch)
	var u []float32
	if l.upBy != nil {
		u = scratch[:rows*width]
		l.upBy.multiply(l.up, u, width, l.in, from, to, c0, c1, scratch[len(u):])
	}
	for r := range rows {
		out := y[r*ldy : r*ldy+width]
		p.w.addBias(out, c0)
		switch {
		case u != nil:
			u := u[r*width : (r+1)*width]
			l.up.addBias(u, c0)
			l.gate(out, u)
		case l.up != nil:
			l.gate(out, l.factor.Row(r0 + r)[c0:c1])
		default:
			l.act.apply(out)
		}
		switch {
		case l.to.stride > 0:
			l.to.set(r0+r, c0, out)
		case l.add:
			kernel.Add(p.dst.Row(r0 + r)[c0:c1], out)
		}
	}
}

// gate computes y = act(y) ∘ u.
func (l *linearLoop) gate(y, u []float32) {
	if l.act == SiLU {
		kernel.SiLUMul(y, y, u)
		return
	}
	l.act.apply(y)
	kernel.Mul(y, u)
}
