package kernel

// The reference of the matrix products, which also runs where there is no assembly. Tiles go
// through gonum where that is faster, see gonum_sse.go.

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

const (
	// goTile is the edge of the tiles that gonum multiplies. It never splits products of that size
	// over goroutines.
	goTile = 64
	// goManyRows is the number of rows from which copying a tile of weights for gonum pays.
	goManyRows = 8
)

// scratchGo returns the scratch that matMulGo needs: a tile of weights and a tile of results, or
// four weight rows.
func scratchGo(m int) int {
	if m < goManyRows || !gonumTiles {
		return 4 * goTile
	}
	return 2 * goTile * goTile
}

// matMulGo is the reference for the matrix products. k is cut into chunks of goTile at multiples of
// goTile; within a chunk the products are added one after the other, starting from 0, and then the
// chunks' sums, in order. A product whose x is zero is left out, as gonum does (it matters where w
// is not finite).
func matMulGo(y []float32, ldy int, x []float32, ldx, m int, w weights, n, k int,
	scratch []float32) {
	if k == 0 {
		for r := range m {
			clear(y[r*ldy : r*ldy+n])
		}
		return
	}
	if m < goManyRows || !gonumTiles {
		matMulFewRows(y, ldy, x, ldx, m, w, n, k, scratch)
		return
	}
	wt := scratch[:goTile*goTile]
	sums := scratch[goTile*goTile : 2*goTile*goTile]
	for c0 := 0; c0 < n; c0 += goTile {
		cols := min(goTile, n-c0)
		for k0 := 0; k0 < k; k0 += goTile {
			depth := min(goTile, k-k0)
			for c := range cols {
				row := sums[:depth] // not in use yet
				w.load(row, (c0+c)*k+k0)
				for i, v := range row {
					wt[i*goTile+c] = v
				}
			}
			b := blas32.General{Rows: depth, Cols: cols, Stride: goTile, Data: wt}
			for r0 := 0; r0 < m; r0 += goTile {
				rows := min(goTile, m-r0)
				a := blas32.General{Rows: rows, Cols: depth, Stride: ldx, Data: x[r0*ldx+k0:]}
				if rows == 1 {
					a.Stride = max(ldx, depth) // one row may come without a meaningful stride
				}
				sum := blas32.General{Rows: rows, Cols: cols, Stride: goTile, Data: sums}
				blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, a, b, 0, sum)
				for r := range rows {
					out := y[(r0+r)*ldy+c0:][:cols]
					if k0 == 0 {
						copy(out, sums[r*goTile:])
						continue
					}
					for c, v := range sums[r*goTile:][:cols] {
						out[c] += v
					}
				}
			}
		}
	}
}

// matMulFewRows is matMulGo without gonum: for so few rows that transposing the weights would cost
// more than it saves, and for any number of rows where gonum's own loops are slower than dot4.
func matMulFewRows(y []float32, ldy int, x []float32, ldx, m int, w weights, n, k int,
	scratch []float32) {
	for c0 := 0; c0 < n; c0 += 4 {
		cols := min(4, n-c0)
		for k0 := 0; k0 < k; k0 += goTile {
			depth := min(goTile, k-k0)
			var rows [4][]float32
			for c := range rows {
				rows[c] = scratch[c*goTile:][:depth]
				w.load(rows[c], (c0+min(c, cols-1))*k+k0)
			}
			for r := range m {
				var sum [4]float32
				sum[0], sum[1], sum[2], sum[3] = dot4(x[r*ldx+k0:][:depth], rows[0], rows[1],
					rows[2], rows[3])
				out := y[r*ldy+c0:][:cols]
				if k0 == 0 {
					copy(out, sum[:])
					continue
				}
				for c := range out {
					out[c] += sum[c]
				}
			}
		}
	}
}

// dot4 returns the products of x with four rows, each summed in order.
func dot4(x, w0, w1, w2, w3 []float32) (s0, s1, s2, s3 float32) {
	w0, w1, w2, w3 = w0[:len(x)], w1[:len(x)], w2[:len(x)], w3[:len(x)]
	for i, v := range x {
		if v == 0 {
			continue
		}
		s0 = mulAdd(s0, v, w0[i])
		s1 = mulAdd(s1, v, w1[i])
		s2 = mulAdd(s2, v, w2[i])
		s3 = mulAdd(s3, v, w3[i])
	}
	return s0, s1, s2, s3
}
