package tensor

import "github.com/qwenvl/qwenvl/internal/kernel"

const (
	// layRows is the most rows that are laid out for products at once, so that the memory for it is bounded.
	layRows = 1024
	// layFloats is what fewer rows must fit into for weights in bfloat16, down to leastLay: those take more, but are nearly as fast in
	// smaller parts.
	layFloats, leastLay = 4 << 20, 256
	// layTiles is how many tiles of rows a work item lays out.
	layTiles = 2
)

// LaidBytes returns the most memory that a product of so many rows in float32 takes to lay them out.
func LaidBytes(rows, cols int) int64 {
	most := 0
	for _, f := range []Format{F32, BF16} {
		most = max(most, f.laidLen(min(rows, f.layRows(cols)), cols))
	}
	return 4 * int64(most)
}

// Rows are laid out in one of two ways: for weights in bfloat16, and for all others.

// laidLen is [kernel.LaidLen] for weights in the format.
func (f Format) laidLen(rows, cols int) int { return kernel.LaidLen(rows, cols, f == BF16) }

// newLaid is [kernel.NewLaid] for weights in the format.
func (f Format) newLaid(data []float32, rows, cols int) kernel.Laid {
	return kernel.NewLaid(data, rows, cols, f == BF16)
}

// laidScratch is [kernel.MatMulLaidScratch] for weights in the format.
func (f Format) laidScratch(n, cols int) int { return kernel.MatMulLaidScratch(n, cols, f == BF16) }

// layRows returns how many rows of so many elements are laid out at once for weights in the format.
func (f Format) layRows(cols int) int {
	rows := layRows
	for f == BF16 && rows > leastLay && f.laidLen(rows, cols) > layFloats {
		rows /= 2
	}
	return rows
}

// layLoop lays out rows for products in float32.
type layLoop struct {
	to kernel.Laid
	x  Tensor
}

// lay lays out rows for weights in the format, in the workspace. There must be as many as [kernel.LaidLen] asks for.
func (ex *Exec) lay(x Tensor, f Format) kernel.Laid {
	laid := f.newLaid(ex.arena.alloc(f.laidLen(x.Rows, x.Cols)), x.Rows, x.Cols)
	ex.lays = layLoop{to: laid, x: x}
	ex.pool.Run(&ex.lays, (laid.Tiles()+layTiles-1)/layTiles)
	ex.lays = layLoop{}
	return laid
}

func (l *layLoop) Do(_, i int) {
	l.to.Lay(l.x.data, l.x.Cols, i*layTiles, min((i+1)*layTiles, l.to.Tiles()))
}

// linearParts is runLinear for more rows than are laid out at once.
func (ex *Exec) linearParts(l linearLoop) {
	n, most := l.x.Rows(), l.w.format.layRows(l.w.cols)
	parts := (n + most - 1) / most
	for i := range parts {
		r0, r1 := n*i/parts, n*(i+1)/parts
		p := l
		p.x = l.x.Floats().Slice(r0, r1).Input()
		p.dst = l.dst.Slice(r0, r1)
		if l.factor.Cols > 0 {
			p.factor = l.factor.Slice(r0, r1)
		}
		for i := range p.also {
			if p.also[i].w != nil {
				p.also[i].dst = l.also[i].dst.Slice(r0, r1)
			}
		}
		ex.runLinear(p)
	}
}
