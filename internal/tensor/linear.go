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

// linearLoop is a product cut into items of chunk inputs by band outputs.
type linearLoop struct {
	ex     *Exec
	dst    Tensor
	to     quantized // where results go instead of dst, if it has a stride
	x      Input
	laid   kernel.Laid // x, if it is laid out; a chunk is so many tiles then
	w, up  *Matrix     // up: the second factor of a gated product, or nil
	factor Tensor      // that factor, with its bias, where it was computed before; else empty
	act    Act
	add    bool
	chunk  int
	band   int
	chunks int // chunks of all inputs

	// Further products of the same input, whose items follow.
	also [2]alsoLinear
}

// alsoLinear is another product of an input; first is its first band.
type alsoLinear struct {
	dst   Tensor
	w     *Matrix
	first int
}

// Linear computes dst = act(x·wᵀ + bias).
//
// Shapes: x is [n, w.Cols], dst [n, w.Rows]; dst does not alias x.
func (ex *Exec) Linear(dst Tensor, x Input, w *Matrix, act Act) {
	ex.runLinear(linearLoop{dst: dst, x: x, w: w, act: act})
}

// LinearThree computes three products of one input, dst[i] = x·w[i]ᵀ + bias, in one loop.
//
// Shapes: as Linear.
func (ex *Exec) LinearThree(dst [3]Tensor, x Input, w [3]*Matrix) {
	if w[0].format != w[1].format || w[0].format != w[2].format { // a checkpoint may store them so
		for i := range dst {
			ex.Linear(dst[i], x, w[i], Identity)
		}
		return
	}
	l := linearLoop{dst: dst[0], x: x, w: w[0]}
	for i := range l.also {
		l.also[i] = alsoLinear{dst: dst[i+1], w: w[i+1]}
	}
	ex.runLinear(l)
}

// LinearAdd computes dst += x·wᵀ + bias, the product rounded before it is added.
//
// Shapes: as Linear.
func (ex *Exec) LinearAdd(dst Tensor, x Input, w *Matrix) {
	ex.runLinear(linearLoop{dst: dst, x: x, w: w, add: true})
}

// GatedLinear computes dst = act(x·gateᵀ + bias) ∘ (x·upᵀ + bias).
//
// Shapes: as Linear; gate and up have the same shape.
func (ex *Exec) GatedLinear(dst Tensor, x Input, gate, up *Matrix, act Act) {
	if gate.rows != up.rows || gate.cols != up.cols {
		panic(badShape)
	}
	ex.runLinear(linearLoop{dst: dst, x: x, w: gate, up: up, act: act})
}

// LinearInput is [Exec.Linear] with the result, in the workspace, as what next is multiplied by. Where both are packed, the
// result in float32 never leaves the cache.
func (ex *Exec) LinearInput(x Input, w *Matrix, act Act, next *Matrix) Input {
	return ex.inputOf(linearLoop{x: x, w: w, act: act}, next)
}

// GatedInput is [Exec.GatedLinear] with the result as by [Exec.LinearInput].
func (ex *Exec) GatedInput(x Input, gate, up *Matrix, act Act, next *Matrix) Input {
	if gate.rows != up.rows || gate.cols != up.cols {
		panic(badShape)
	}
	return ex.inputOf(linearLoop{x: x, w: gate, up: up, act: act}, next)
}

func (ex *Exec) inputOf(l linearLoop, next *Matrix) Input {
	n := l.x.Rows()
	if next.cols != l.w.rows {
		panic(badShape)
	}
	if !l.w.format.Packed() || !next.format.Packed() {
		l.dst = ex.Alloc(n, l.w.rows)
		ex.runLinear(l)
		return ex.Input(l.dst, next)
	}
	l.to = ex.quantized(n, l.w.rows, next)
	ex.runLinear(l)
	return Input{q: l.to}
}

func (ex *Exec) runLinear(l linearLoop) {
	n := l.x.Rows()
	fused := l.to.stride > 0
	if !fused && (l.dst.Rows != n || l.dst.Cols != l.w.rows) || l.x.cols() != l.w.cols {
		panic(badShape)
	}
	outs := l.w.rows
	for _, p := range l.also {
		if p.w == nil {
			continue
		}
		if p.dst.Rows != n || p.dst.Cols != p.w.rows || p.w.cols != l.w.cols {
			panic(badShape)
		}
		outs += p.w.rows
	}
	for _, m := range []*Matrix{l.w, l.up, l.also[0].w, l.also[1].w} {
		if m != nil && m.Unpacked() {
			panic(badPacking)
		}
	}
	if n == 0 || l.w.rows == 0 {
		return
	}
	mark := ex.Mark()
	defer ex.Release(mark)
	if l.up != nil && l.up.format != l.w.format && l.factor.Cols == 0 { // a checkpoint may store them so
		l.factor = ex.Alloc(n, l.up.rows)
		ex.runLinear(linearLoop{dst: l.factor, x: l.x, w: l.up})
	}
	need, units := 0, n // of rows
	if l.w.format.Packed() {
		l.chunk, l.band = cutPacked(n, outs, ex.Threads(), fused)
		if l.x.q.stride == 0 {
			l.x = ex.Input(l.x.Floats(), l.w)
		}
	} else if x := l.x.Floats(); l.w.format.laidLen(n, l.w.cols) > 0 {
		if n > l.w.format.layRows(l.w.cols) {
			ex.linearParts(l)
			return
		}
		l.laid = ex.lay(x, l.w.format)
		units = l.laid.Tiles()
		if block := l.laid.Block(); block > 0 {
			l.chunk, l.band = cutBlocks(units, block, outs, ex.Threads())
		} else {
			l.chunk, l.band = cutLaid(n, units, outs, ex.Threads())
		}
		need = l.w.format.laidScratch(l.band, l.w.cols)
	} else {
		l.chunk, l.band = cutLinear(n, outs, ex.Threads())
		need = kernel.MatMulScratch(l.chunk, l.band, l.w.cols)
	}
	for _, used := range []bool{l.add || l.up != nil, fused} {
		if used {
			need += (l.chunk*n + units - 1) / units * l.band
		}
	}
	ex.prepare(need)
	l.ex = ex
	l.chunks = (units + l.chunk - 1) / l.chunk
	bands := (l.w.rows + l.band - 1) / l.band
	for i := range l.also {
		l.also[i].first = bands
		if w := l.also[i].w; w != nil {
			bands += (w.rows + l.band - 1) / l.band
		}
	}
	ex.linear = l
	ex.pool.Run(&ex.linear, l.chunks*bands)
	ex.linear = linearLoop{}
}

func (l *linearLoop) Do(worker, i int) {
	band, chunk := i/l.chunks, i%l.chunks
	dst, w := l.dst, l.w
	for i := len(l.also) - 1; i >= 0; i-- {
		if p := &l.also[i]; p.w != nil && band >= p.first {
			dst, w, band = p.dst, p.w, band-p.first
			break
		}
	}
	c0, c1 := band*l.band, min((band+1)*l.band, w.rows)
	r0, r1 := l.rows(chunk)
	rows, width := r1-r0, c1-c0
	y, ldy, scratch := dst.data, dst.Cols, l.ex.scratch[worker]
	if l.add || l.to.stride > 0 {
		y, ldy, scratch = scratch[:rows*width], width, scratch[rows*width:]
	} else {
		y = y[r0*ldy+c0:]
	}
	l.mul(w, y, ldy, chunk, c0, c1, scratch)
	var u []float32
	if l.up != nil && l.factor.Cols == 0 {
		u = scratch[:rows*width]
		l.mul(l.up, u, width, chunk, c0, c1, scratch[len(u):])
	}
	for r := range rows {
		out := y[r*ldy : r*ldy+width]
		w.addBias(out, c0)
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
			kernel.Add(dst.Row(r0 + r)[c0:c1], out)
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

func (m *Matrix) addBias(y []float32, at int) {
	if m.bias != nil {
		kernel.Add(y, m.bias[at:at+len(y)])
	}
}

// tiles returns the tiles of laid out rows that a chunk takes, from to to-1.
func (l *linearLoop) tiles(chunk int) (from, to int) {
	return chunk * l.chunk, min((chunk+1)*l.chunk, l.laid.Tiles())
}

// rows returns the rows that a chunk takes, r0 to r1-1.
func (l *linearLoop) rows(chunk int) (r0, r1 int) {
	if l.laid.Tiles() > 0 {
		from, to := l.tiles(chunk)
		return l.laid.Row(from), l.laid.Row(to)
	}
	return chunk * l.chunk, min((chunk+1)*l.chunk, l.x.Rows())
}

// mul computes outputs c0..c1-1 of w for the rows r0 and on of a chunk, without the bias: y[r·ldy+j] = x[r0+r]·row(c0+j).
func (l *linearLoop) mul(w *Matrix, y []float32, ldy, chunk, c0, c1 int, scratch []float32) {
	f := formats[w.format]
	if l.laid.Tiles() > 0 {
		from, to := l.tiles(chunk)
		f.mulLaid(w, y, ldy, l.laid, from, to, c0, c1, scratch)
		return
	}
	r0, r1 := l.rows(chunk)
	if w.format.Packed() {
		panel := c0 / kernel.PanelRows
		f.mulPacked(w, y, ldy, l.x.q.from(r0), r1-r0, panel, (c1+kernel.PanelRows-1)/kernel.PanelRows-panel)
		return
	}
	x := l.x.rows
	f.mul(w, y, ldy, x.data[r0*x.Cols:], x.Cols, r1-r0, c0, c1, scratch)
}
