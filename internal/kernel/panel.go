package kernel

// The product with a panel whose rows run along k: both products of attention in float32 are made
// of it. Weights lie the other way around, see matmul.go. panel_f16.go is the same for panels in
// half precision.

// MatMulPanel multiplies m rows of a by a panel of k rows of n elements:
//
//	c[r*ldc+j] (+)= Σ_i a[r*lda+i] · b[i*ldb+j]    i = 0..k-1, in this order
//
// With accumulate the products are added to c one after the other; without, to 0. So cutting k into
// runs, all but the first with accumulate, gives the same bits as one call. The bits of an element
// depend only on its row of a, its column of b and, with accumulate, itself.
//
// Shapes: a is [m, k], b is [k, n], c is [m, n], rows lda, ldb, ldc apart; c overlaps neither.
//
// Panics if the slices are too short for their shapes.
func MatMulPanel(c []float32, ldc int, a []float32, lda, m int, b []float32, ldb, n, k int,
	accumulate bool) {
	MatMulPanelThen(c, ldc, a, lda, m, b, ldb, n, k, accumulate, nil)
}

// MatMulPanelThen is [MatMulPanel] for few rows and a panel that is read from memory: beside
// computing, it fetches next, the memory that the call after it reads, into the second-level cache.
// That changes no result; next may be nil.
func MatMulPanelThen(c []float32, ldc int, a []float32, lda, m int, b []float32, ldb, n, k int,
	accumulate bool, next []float32) {
	checkMatrix(len(c), ldc, m, n)
	checkMatrix(len(a), lda, m, k)
	checkMatrix(len(b), ldb, k, n)
	if m == 0 || n == 0 {
		return
	}
	if k == 0 {
		if !accumulate {
			for r := range m {
				clear(c[r*ldc:][:n])
			}
		}
		return
	}
	matMulPanel(c, ldc, a, lda, m, b, ldb, n, k, accumulate, next)
}

func matMulPanelGo(c []float32, ldc int, a []float32, lda, m int, b []float32, ldb, n, k int,
	accumulate bool) {
	for r := range m {
		out := c[r*ldc:][:n]
		if !accumulate {
			clear(out)
		}
		for i, v := range a[r*lda:][:k] {
			row := b[i*ldb:][:n]
			for j := range out {
				out[j] += v * row[j]
			}
		}
	}
}
