package kernel

// Matrix products of many rows that were copied into blocks once for all products they are part of
// (packed A in the words of BLIS): what other packages call. The results have the bits of
// matmul.go. matmul_micro_amd64.go copies rows and multiplies them; elsewhere rows are read as they
// are.

// Blocked is many rows, copied tile by tile into the order in which micro-kernels read them. A tile
// is some consecutive rows. The zero value has none.
//
// Fill writes; the products read and may run concurrently once all tiles are filled.
type Blocked struct {
	data       []float32
	rows, cols int
	tiles      int
	bf16       bool
}

// BlockedLen returns how many elements rows of cols elements take when blocked, for weights in
// bfloat16 or in another format. It is 0 where nothing is gained: there are few, or the kernels at
// hand read rows as they are. The same instruction sets must be in use as for the calls that
// follow.
func BlockedLen(rows, cols int, bf16 bool) int {
	if rows < 0 || cols < 0 {
		panic(badSize)
	}
	return blockedLen(rows, cols, bf16)
}

// NewBlocked returns rows of cols elements, yet to be filled in, in data of BlockedLen elements.
//
// Panics if data is shorter, or if BlockedLen is 0.
func NewBlocked(data []float32, rows, cols int, bf16 bool) Blocked {
	n := BlockedLen(rows, cols, bf16)
	if n == 0 || len(data) < n {
		panic(badBlocked)
	}
	height := blockedHeight(cols, bf16)
	return Blocked{data: data[:n], rows: rows, cols: cols, tiles: (rows + height - 1) / height,
		bf16: bf16}
}

// Tiles returns the number of tiles. Their heights are nearly equal.
func (b Blocked) Tiles() int { return b.tiles }

// Row returns the first row of a tile, or for Tiles() the number of rows.
func (b Blocked) Row(tile int) int { return b.rows * tile / max(b.tiles, 1) }

// Sharing returns up to how many tiles share the work of blocking weights, or 0 if any number does.
func (b Blocked) Sharing() int {
	if b.tiles == 0 {
		return 0
	}
	return blockedSharing(b.cols, b.bf16)
}

// Fill copies tiles from to to-1 of x, of which row 0 is given, into blocks.
//
// Shapes: x is [rows, cols] with rows ldx apart.
//
// Panics if x is too short for its shape or there are no such tiles.
func (b Blocked) Fill(x []float32, ldx, from, to int) {
	b.check(from, to)
	checkMatrix(len(x), ldx, b.rows, b.cols)
	fillBlocked(b, x, ldx, from, to)
}

func (b Blocked) check(from, to int) {
	if from < 0 || from > to || to > b.tiles {
		panic(badBlocked)
	}
}

// MatMulBlockedScratch returns how many elements of scratch the products of blocked rows by n
// weight rows of k elements need. It is bounded whatever the sizes and does not shrink when n or k
// grow.
func MatMulBlockedScratch(n, k int, bf16 bool) int {
	if n < 0 || k < 0 {
		panic(badSize)
	}
	return blockedScratch(n, k, bf16)
}

// MatMulBlockedF32 multiplies the rows of tiles from to to-1 by the n weight rows of w, as
// [MatMulF32] does and with the same bits.
//
// Shapes: w is [n, cols] without gaps; y is [m, n] for the m rows of the tiles, rows ldy apart.
// scratch has at least MatMulBlockedScratch(n, cols) elements; what it holds does not matter before
// or after.
//
// Panics if the slices are too short for their shapes, there are no such tiles, or they were
// blocked for bfloat16.
func MatMulBlockedF32(y []float32, ldy int, x Blocked, from, to int, w []float32, n int,
	scratch []float32) {
	if x.checkMatMul(false, len(y), ldy, from, to, len(w), n, len(scratch)) {
		matMulBlocked(y, ldy, x, from, to, weights{f32: w, format: formatF32}, n, scratch)
	}
}

// MatMulBlockedBF16 is [MatMulBlockedF32] for weights in bfloat16, given as their raw bits.
func MatMulBlockedBF16(y []float32, ldy int, x Blocked, from, to int, w []uint16, n int,
	scratch []float32) {
	if x.checkMatMul(true, len(y), ldy, from, to, len(w), n, len(scratch)) {
		matMulBlocked(y, ldy, x, from, to, weights{u16: w, format: formatBF16}, n, scratch)
	}
}

// MatMulBlockedF16 is [MatMulBlockedF32] for weights in IEEE half precision, given as their raw
// bits.
func MatMulBlockedF16(y []float32, ldy int, x Blocked, from, to int, w []uint16, n int,
	scratch []float32) {
	if x.checkMatMul(false, len(y), ldy, from, to, len(w), n, len(scratch)) {
		matMulBlocked(y, ldy, x, from, to, weights{u16: w, format: formatF16}, n, scratch)
	}
}

// checkMatMul panics if the shapes do not fit, and reports whether there is anything to do.
func (b Blocked) checkMatMul(bf16 bool, lenY, ldy, from, to, lenW, n, lenScratch int) bool {
	b.check(from, to)
	if b.bf16 != bf16 {
		panic(badBlocked)
	}
	m := b.Row(to) - b.Row(from)
	checkMatrix(lenY, ldy, m, n)
	checkMatrix(lenW, b.cols, n, b.cols)
	if lenScratch < MatMulBlockedScratch(n, b.cols, bf16) {
		panic(badScratch)
	}
	return m > 0 && n > 0
}
