package kernel

// Matrix products with weights as the checkpoint stores them (float32, bfloat16, float16): what
// other packages call, for rows as they lie. For many rows matmul_blocked.go is faster;
// matmul_quant.go is the product with packed weights. matmul_go.go is the reference.

// MatMulF32 multiplies m rows of x by the n weight rows of w:
//
//	y[r*ldy+c] = Σ_i x[r*ldx+i] · w[c*k+i]    i = 0..k-1
//
// Shapes: x is [m, k] with rows ldx apart, w is [n, k] without gaps, y is [m, n] with rows ldy
// apart; y overlaps neither. scratch has at least MatMulScratch(m, n, k) elements; what it holds
// does not matter before or after.
//
// The bits of an element are those that any other m, n or place in the matrices would give (see the
// package comment).
//
// Panics if the slices are too short for their shapes.
func MatMulF32(y []float32, ldy int, x []float32, ldx, m int, w []float32, n, k int,
	scratch []float32) {
	if checkMatMul(len(y), ldy, len(x), ldx, m, len(w), n, k, len(scratch)) {
		matMul(y, ldy, x, ldx, m, weights{f32: w, format: formatF32}, n, k, scratch)
	}
}

// MatMulBF16 is [MatMulF32] for weights in bfloat16, given as their raw bits. With AMX the products
// are added in another order, that of matMulBF16x3Go.
func MatMulBF16(y []float32, ldy int, x []float32, ldx, m int, w []uint16, n, k int,
	scratch []float32) {
	if checkMatMul(len(y), ldy, len(x), ldx, m, len(w), n, k, len(scratch)) {
		matMul(y, ldy, x, ldx, m, weights{u16: w, format: formatBF16}, n, k, scratch)
	}
}

// MatMulF16 is [MatMulF32] for weights in IEEE half precision, given as their raw bits.
func MatMulF16(y []float32, ldy int, x []float32, ldx, m int, w []uint16, n, k int,
	scratch []float32) {
	if checkMatMul(len(y), ldy, len(x), ldx, m, len(w), n, k, len(scratch)) {
		matMul(y, ldy, x, ldx, m, weights{u16: w, format: formatF16}, n, k, scratch)
	}
}

// From MatMulManyRows rows on it pays to copy x into blocks, where the kernels at hand gain by it:
// see [BlockedLen]. Weights are then copied too, at most MatMulManyCols rows at a time: with some
// rows of x these stay in a second-level cache of 2 MB. BenchmarkLinear in package tensor chose the
// one, whole prompts and pictures the other.
const (
	MatMulManyRows = 160
	MatMulManyCols = 256
)

// MatMulScratch returns how many elements of scratch the products of m rows of x by n weight rows
// of k elements need. It is bounded whatever m and n (24·k and a constant), and does not shrink
// when m, n or k grow.
func MatMulScratch(m, n, k int) int {
	if m < 0 || n < 0 || k < 0 {
		panic(badSize)
	}
	return max(scratchGo(m), scratchTiles(m, n, k))
}

// checkMatMul panics if the shapes do not fit, and reports whether there is anything to do beyond
// what it has checked.
func checkMatMul(lenY, ldy, lenX, ldx, m, lenW, n, k, lenScratch int) bool {
	checkMatrix(lenY, ldy, m, n)
	checkMatrix(lenX, ldx, m, k)
	checkMatrix(lenW, k, n, k)
	if lenScratch < MatMulScratch(m, n, k) {
		panic(badScratch)
	}
	return m > 0 && n > 0
}

// weights is a weight matrix in one of the formats; the slice of the other kind is nil.
type weights struct {
	f32    []float32
	u16    []uint16
	format weightFormat
}

type weightFormat int

const (
	formatF32 weightFormat = iota
	formatBF16
	formatF16
)

// load converts elements lo..lo+len(dst)-1 to float32.
func (w weights) load(dst []float32, lo int) {
	switch w.format {
	case formatF32:
		copy(dst, w.f32[lo:lo+len(dst)])
	case formatBF16:
		BF16ToF32(dst, w.u16[lo:lo+len(dst)])
	case formatF16:
		F16ToF32(dst, w.u16[lo:lo+len(dst)])
	}
}
