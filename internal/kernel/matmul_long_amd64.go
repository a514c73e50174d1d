//go:build gc && !noasm && !purego

package kernel

// One long row by weights on amd64: along each weight row from end to end over all blocks of k, so
// that memory is read in one run. The sums of the blocks are kept apart, so that the bits are those
// of the tiles in matmul_amd64.go.

import "unsafe"

const longBlocks = (rowFloats + maxDepth - 1) / maxDepth

// isLong reports whether one row is multiplied by matMulLong: where it takes several blocks of k,
// of which row tiles would read memory in short runs, and stays in the first level of the cache.
// With AVX2 dot tiles are as fast.
func (t tiles) isLong(m, k int) bool {
	return t.lanes == 16 && m == 1 && k > maxDepth && k <= rowFloats
}

// matMulLong multiplies one row that takes several blocks of k.
func (t tiles) matMulLong(y, x []float32, w weights, n, k int) {
	var sums [longBlocks * dotCols * 16]float32
	base, size := w.base()
	depth := depthOf(k)
	whole := (k - 1) / depth
	args := dotArgs{x: unsafe.Pointer(&x[0]), sums: unsafe.Pointer(&sums[0]),
		blocks: uintptr(whole + 1), distance: prefetchDistance.rows}
	args.setDepth(t, k-whole*depth)
	args.lastSteps, args.steps = args.steps, uintptr(depth/t.lanes)
	for c := 0; c < n; c += dotCols {
		args.y = unsafe.Pointer(&y[c])
		args.setWeights(base, c*k*size, k*size, min(dotCols, n-c))
		longAVX512(w.format, &args)
	}
}
