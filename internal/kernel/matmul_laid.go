package kernel

// Matrix products of many rows that were laid out once for all products they are part of (packed A
// in the words of BLIS): what other packages call. The results have the bits of matmul.go.
// matmul_micro_amd64.go lays rows out and multiplies them; elsewhere rows are read as they are.

// Laid is many rows laid out for products with weights, which read them faster that way: once for
// all the products that they are part of. It consists of tiles of consecutive rows. The zero value
// has none.
//
// Lay writes; the products read and may run concurrently once all tiles are laid out.
type Laid struct {
	data       []float32
	rows, cols int
	tiles      int
	bf16       bool
}

// LaidLen returns how many elements rows of cols elements take laid out, for weights in bfloat16 or
// in another format. It is 0 where nothing is gained: there are few, or the kernels at hand read
// rows as they are. The same instruction sets must be in use as for the calls that follow.
func LaidLen(rows, cols int, bf16 bool) int {
	if rows < 0 || cols < 0 {
		panic(badSize)
	}
	return laidLen(rows, cols, bf16)
}

// NewLaid returns rows of cols elements, yet to be laid out, in data of LaidLen elements.
//
// Panics if data is shorter, or if LaidLen is 0.
func NewLaid(data []float32, rows, cols int, bf16 bool) Laid {
	n := LaidLen(rows, cols, bf16)
	if n == 0 || len(data) < n {
		panic(badLaid)
	}
	height := laidHeight(cols, bf16)
	return Laid{data: data[:n], rows: rows, cols: cols, tiles: (rows + height - 1) / height, bf16: bf16}
}

// Tiles returns the number of tiles. Their heights are nearly equal.
func (l Laid) Tiles() int { return l.tiles }

// Row returns the first row of a tile, or for Tiles() the number of rows.
func (l Laid) Row(tile int) int { return l.rows * tile / max(l.tiles, 1) }

// Block returns up to how many tiles share the work of laying out weights, or 0 if any number does.
func (l Laid) Block() int {
	if l.tiles == 0 {
		return 0
	}
	return laidBlock(l.cols, l.bf16)
}

// Lay lays out tiles from to to-1 of x, of which row 0 is given.
//
// Shapes: x is [rows, cols] with rows ldx apart.
//
// Panics if x is too short for its shape or there are no such tiles.
func (l Laid) Lay(x []float32, ldx, from, to int) {
	l.check(from, to)
	checkMatrix(len(x), ldx, l.rows, l.cols)
	layRows(l, x, ldx, from, to)
}

func (l Laid) check(from, to int) {
	if from < 0 || from > to || to > l.tiles {
		panic(badLaid)
	}
}

// MatMulLaidScratch returns how many elements of scratch the products of laid out rows by n weight
// rows of k elements need. It is bounded whatever the sizes and does not shrink when n or k grow.
func MatMulLaidScratch(n, k int, bf16 bool) int {
	if n < 0 || k < 0 {
		panic(badSize)
	}
	return laidScratch(n, k, bf16)
}

// MatMulLaidF32 multiplies the rows of tiles from to to-1 by the n weight rows of w, as [MatMulF32]
// does and with the same bits.
//
// Shapes: w is [n, cols] without gaps; y is [m, n] for the m rows of the tiles, rows ldy apart.
// scratch has at least MatMulLaidScratch(n, cols) elements; what it holds does not matter before or
// after.
//
// Panics if the slices are too short for their shapes, there are no such tiles, or they were laid
// out for bfloat16.
func MatMulLaidF32(y []float32, ldy int, x Laid, from, to int, w []float32, n int, scratch []float32) {
	if x.checkMatMul(false, len(y), ldy, from, to, len(w), n, len(scratch)) {
		matMulLaid(y, ldy, x, from, to, weights{f32: w, format: formatF32}, n, scratch)
	}
}

// MatMulLaidBF16 is [MatMulLaidF32] for weights in bfloat16, given as their raw bits.
func MatMulLaidBF16(y []float32, ldy int, x Laid, from, to int, w []uint16, n int, scratch []float32) {
	if x.checkMatMul(true, len(y), ldy, from, to, len(w), n, len(scratch)) {
		matMulLaid(y, ldy, x, from, to, weights{u16: w, format: formatBF16}, n, scratch)
	}
}

// MatMulLaidF16 is [MatMulLaidF32] for weights in IEEE half precision, given as their raw bits.
func MatMulLaidF16(y []float32, ldy int, x Laid, from, to int, w []uint16, n int, scratch []float32) {
	if x.checkMatMul(false, len(y), ldy, from, to, len(w), n, len(scratch)) {
		matMulLaid(y, ldy, x, from, to, weights{u16: w, format: formatF16}, n, scratch)
	}
}

// checkMatMul panics if the shapes do not fit, and reports whether there is anything to do.
func (l Laid) checkMatMul(bf16 bool, lenY, ldy, from, to, lenW, n, lenScratch int) bool {
	l.check(from, to)
	if l.bf16 != bf16 {
		panic(badLaid)
	}
	m := l.Row(to) - l.Row(from)
	checkMatrix(lenY, ldy, m, n)
	checkMatrix(lenW, l.cols, n, l.cols)
	if lenScratch < MatMulLaidScratch(n, l.cols, bf16) {
		panic(badScratch)
	}
	return m > 0 && n > 0
}
