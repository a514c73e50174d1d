package kernel

// Attention in integers, for the rows of one segment and head: the steps, their shapes and the
// references of the two products. attention_pack.go prepares queries, keys and values,
// softmax_int16.go is the step between the products, values_bytes.go the form of weights and values
// for instruction sets that multiply bytes. Attention in float32 is panel.go and softmax.go.

// Quantized attention, for the rows of one segment and head: scores are products of queries and
// keys of 8 bits ([QuantizeHead], [PackKeys], [MatMulKeys]), their softmax is weights of 12 bits
// ([SoftmaxInt16]), and those multiply values of 11 bits ([PackValues], [MatMulValues]). With 8
// bits the weights of a flat softmax would have steps as large as themselves: an error of 2.6 % of
// the result instead of 0.1 %, for a product that is twice as fast.
const (
	// GroupKeys is the most keys that one call takes, and so those of which values share a scale.
	GroupKeys = 256

	// weightTop is the weight of a row's largest score and valueTop the largest value; GroupKeys
	// products of the two fit into 32 bits.
	weightTop = 4095
	valueTop  = 1023
)

// HeadStride returns the bytes that a quantized row of k elements takes, and the bytes per key of a
// panel of keys.
func HeadStride(k int) int { return roundUp(k, 32) }

// HeadDepth returns the elements of k that products over quantized rows run through: k rounded up
// to a step of the tiles.
func HeadDepth(k int) int { return roundUp(k, 16) }

// ValueCols returns the columns that the values of n dimensions take, packed, and their products'
// results.
func ValueCols(n int) int { return max(32, roundUp(n, 16)) }

// WeightKeys returns how many weights a row of n keys takes: [SoftmaxInt16] fills it up with zeros.
func WeightKeys(n int) int {
	if valuesInBytes() {
		return roundUp(n, byteKeys)
	}
	return roundUp(n, 16)
}

func roundUp(n, unit int) int {
	if n < 0 {
		panic(badSize)
	}
	return (n + unit - 1) / unit * unit
}

// MatMulKeys multiplies m quantized rows by panels of packed keys, to the scores
//
//	y[r*ldy+c] = fma(float32(Σ_i q[r,i]·(key[c,i]-128)) · qscale[r], scales[c], 0)
//
// with exact sums: an element depends only on its row and its key, and has the same bits on every
// instruction set.
//
// Shapes: q, qscale and sums are m rows as [QuantizeHead] leaves them, k elements wide; panels is
// [count, HeadStride(k)·32] and scales [count, 32], each as [PackKeys] leaves it; y is [m,
// count·32] with rows ldy apart.
//
// Panics if the slices are too short for their shapes.
func MatMulKeys(y []float32, ldy int, q []int8, qscale []float32, sums []int32, m int,
	panels []uint8, scales []float32, count, k int) {
	stride := HeadStride(k)
	if m < 0 || count < 0 {
		panic(badSize)
	}
	checkMatrix(len(y), ldy, m, count*PanelRows)
	checkMatrix(len(q), stride, m, stride)
	checkPacked(len(panels), count*stride*PanelRows, len(scales), count*PanelRows)
	checkPacked(len(qscale), m, len(sums), m)
	if m > 0 && count > 0 && k > 0 {
		matMulKeys(y, ldy, q, qscale, sums, m, panels, scales, count, k)
	}
}

func matMulKeysGo(y []float32, ldy int, q []int8, qscale []float32, sums []int32, m int,
	panels []uint8, scales []float32, count, k int) {
	stride, depth := HeadStride(k), HeadDepth(k)
	for p := range count {
		panel, scale := panels[p*stride*PanelRows:], scales[p*PanelRows:][:PanelRows]
		for r := range m {
			var sum [PanelRows]int32
			for c := range sum {
				sum[c] = sums[r]
			}
			addProducts(&sum, q[r*stride:][:depth], panel)
			out := y[r*ldy+p*PanelRows:][:PanelRows]
			for c := range out {
				out[c] = fma32(float32(float32(sum[c])*qscale[r]), scale[c], 0)
			}
		}
	}
}

// MatMulValues multiplies m rows of weights by packed values, and adds the result to y or, unless
// accumulate is set, stores it there:
//
//	y[r*ldy+c] = fma(float32(Σ_i p[r,i]·value[i,c]), scales[c], y[r*ldy+c])
//
// with exact sums: the bits are the same on every instruction set.
//
// Shapes: p is [m, WeightKeys(keys)] with rows ldp apart, as [SoftmaxInt16] leaves them on this
// instruction set; panels and scales are those of keys keys of n dimensions ([PackValues]); y is
// [m, ValueCols(n)] with rows ldy apart.
//
// Panics if keys exceeds GroupKeys or the slices are too short for their shapes.
func MatMulValues(y []float32, ldy int, p []int16, ldp, m int, panels []int16, scales []float32,
	n, keys int, accumulate bool) {
	cols, depth := checkValues(len(panels), len(scales), n, keys)
	checkMatrix(len(y), ldy, m, cols)
	checkMatrix(len(p), ldp, m, depth)
	if m > 0 && depth > 0 {
		matMulValues(y, ldy, p, ldp, m, panels, scales, cols, depth, accumulate)
	}
}

// checkValues panics unless the values of keys keys fit, and returns their columns and rounded
// keys.
func checkValues(panels, scales, n, keys int) (cols, depth int) {
	if keys > GroupKeys {
		panic(badKeys)
	}
	cols, depth = ValueCols(n), WeightKeys(keys)
	checkPacked(panels, cols*depth, scales, cols)
	return cols, depth
}

func matMulValuesGo(y []float32, ldy int, p []int16, ldp, m int, panels []int16, scales []float32,
	cols, depth int, accumulate bool) {
	for r := range m {
		weights := p[r*ldp:][:depth]
		for c0 := 0; c0 < cols; c0 += 16 {
			var sum [16]int32
			for i := 0; i < depth; i += 2 {
				w0, w1 := int32(weights[i]), int32(weights[i+1])
				pair := (*[32]int16)(panels[c0*depth+i*16:])
				for c := range sum {
					sum[c] += w0*int32(pair[2*c]) + w1*int32(pair[2*c+1])
				}
			}
			out, scale := y[r*ldy+c0:][:16], scales[c0:][:16]
			for c := range out {
				if accumulate {
					out[c] = fma32(float32(sum[c]), scale[c], out[c])
				} else {
					out[c] = float32(sum[c]) * scale[c]
				}
			}
		}
	}
}
