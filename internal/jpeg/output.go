package jpeg

// Rows of samples to rows of the result. Two rows of MCUs are kept of each component, since smooth
// upsampling looks one row up and down.

// rowBuffer holds the last rows of a component.
type rowBuffer struct {
	pix    []uint8
	stride int
	n      int // rows held
}

func (r *rowBuffer) row(y int) []uint8 { return r.pix[y%r.n*r.stride:][:r.stride] }

// output is how far the result has come.
type output struct {
	context bool // rows below the one at hand are looked at
	y       int  // next row
	rows    [][]uint8
	tmp     [][]uint8
}

func (d *decoder) startOutput() {
	unit, channels := 8, 3
	if d.lossless {
		unit = 1
	}
	if len(d.comps) == 4 {
		channels = 4
	}
	d.pix = make([]uint8, channels*d.width*d.height)
	d.out.rows, d.out.tmp = make([][]uint8, len(d.comps)), make([][]uint8, len(d.comps))
	for i := range d.comps {
		c := &d.comps[i]
		n := c.v * unit
		if d.out.context {
			n *= 2
		}
		stride := c.stride * unit
		c.rows = rowBuffer{make([]uint8, n*stride), stride, n}
		if c.up.way != upNone {
			d.out.tmp[i] = make([]uint8, c.up.sx*stride)
		}
	}
}

// emit writes the rows of the result that mcuRow, whose samples are complete, makes possible.
func (d *decoder) emit(mcuRow int) {
	rows := d.maxV
	if !d.lossless {
		rows *= 8
	}
	end := min((mcuRow+1)*rows, d.height)
	if d.out.context && mcuRow < d.mcuRows-1 {
		end -= d.maxV // needs the row below
	}
	channels := len(d.pix) / (d.width * d.height)
	for ; d.out.y < end; d.out.y++ {
		for i := range d.comps {
			d.out.rows[i] = d.comps[i].row(d.out.y, d.out.tmp[i])
		}
		d.convert(d.pix[channels*d.width*d.out.y:][:channels*d.width], d.out.rows)
	}
}
