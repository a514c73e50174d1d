package kernel

// Activations in 8 bits, with a scale and sums for each group: the constants that packed products
// share, what other packages call, and the references. outlier.go does the same for a row whose
// outliers are taken out.

import "math"

// Quantized products: weights are packed once into panels (see [PackInt8], [PackInt4]), activations
// are quantized row by row as they come ([QuantizeRows]), and [MatMulInt8] and [MatMulInt4]
// multiply the two. Both sides have one scale per group of elements along k.
const (
	// PanelRows is the number of weight rows, or columns of the result, in one panel.
	PanelRows = 32
	// Group is the elements of k that share a scale. The last group of a row may be shorter.
	Group = 256
	// SumsPerGroup is the sums that quantized rows have for each group: one of all its elements,
	// then one of each of its parts.
	SumsPerGroup = 1 + groupParts

	// part is what rows are filled up to a multiple of. Weights of 4 bits have a step of their own
	// for each.
	part       = 64
	groupParts = Group / part

	// zeroByte is what packed weights have added to make them unsigned bytes.
	zeroByte = 128

	// tinyBits are the bits of 2^-100: a group whose largest element is below counts as zeros, so
	// that neither its scale nor the inverse leaves the normal range.
	tinyBits = (127 - 100) << 23
	infBits  = 0xff << 23

	quietNaN = 0x7fc00000
)

// QuantizedStride returns the distance in bytes between rows of quantized activations: k rounded up
// to 64, and a cache line more, so that the rows of a tile never share the lines of one set of the
// cache.
func QuantizedStride(k int) int { return wholeParts(k) + 64 }

// QuantizedGroups returns the number of groups, and so of scales, of a row of k elements.
func QuantizedGroups(k int) int { return (wholeParts(k) + Group - 1) / Group }

// wholeParts returns k rounded up to whole parts.
func wholeParts(k int) int {
	if k < 0 {
		panic(badSize)
	}
	return (k + part - 1) / part * part
}

// QuantizeRows quantizes m rows of x to 8 bits: in each group
//
//	scale = max |x| / 127,  q = x · (127 / max |x|) rounded half to even,  sums = -128 · Σ q, then -Σ q of each 64 elements
//
// where 128 is what the packed weights have added. A group that holds a NaN or an infinity gets the
// scale NaN, which makes its row's products NaN; one with nothing above 2^-100 gets the scale 0.
// Every instruction set gives the same bits.
//
// Shapes: x is [m, k] with rows ldx apart; q is [m, QuantizedStride(k)], its rows filled up with
// zeros to a multiple of 64 (what follows is not written); scale is [m, QuantizedGroups(k)] without
// gaps, sums likewise with SumsPerGroup for each. q lies in -127..127. So parts of the rows can be
// quantized separately, into the same buffers.
//
// Panics if the slices are too short for their shapes.
func QuantizeRows(q []int8, scale []float32, sums []int32, x []float32, ldx, m, k int) {
	groups := QuantizedGroups(k)
	checkMatrix(len(x), ldx, m, k)
	checkQuantized(q, scale, sums, m, k)
	if m == 0 || k == 0 {
		return
	}
	stride := QuantizedStride(k)
	for r := range m {
		quantizeRow(q[r*stride:], scale[r*groups:], sums[r*groups*SumsPerGroup:], x[r*ldx:][:k])
	}
}

// quantizeRow is one row of QuantizeRows.
func quantizeRow(q []int8, scale []float32, sums []int32, x []float32) {
	whole := len(x) / Group
	if whole > 0 {
		quantizeGroups(q[:whole*Group], scale[:whole], sums[:whole*SumsPerGroup], x[:whole*Group])
	}
	if rest := x[whole*Group:]; len(rest) > 0 {
		var last [Group]float32
		var bytes [Group]int8
		copy(last[:], rest)
		quantizeGroups(bytes[:], scale[whole:whole+1], sums[whole*SumsPerGroup:][:SumsPerGroup],
			last[:])
		copy(q[whole*Group:][:wholeParts(len(rest))], bytes[:])
	}
}

func quantizeGroupsGo(q []int8, scale []float32, sums []int32, x []float32) {
	for g := range scale {
		qs, sum := q[g*Group:][:Group], sums[g*SumsPerGroup:][:SumsPerGroup]
		scale[g] = quantizeSpan(qs, x[g*Group:])
		clear(sum)
		for i, v := range qs {
			sum[0] -= zeroByte * int32(v)
			sum[1+i/part] -= int32(v)
		}
	}
}

// quantizeSpan quantizes as many elements of x as q is long, and returns their scale.
func quantizeSpan(q []int8, x []float32) float32 {
	x = x[:len(q)]
	largest := largestBits(x)
	if largest >= infBits || largest < tinyBits {
		clear(q)
		if largest >= infBits {
			return math.Float32frombits(quietNaN)
		}
		return 0
	}
	limit := math.Float32frombits(largest)
	inverse := 127 / limit
	for i, v := range x {
		q[i] = int8(math.RoundToEven(float64(float32(v * inverse))))
	}
	return limit / 127
}

// largestBits returns the largest of the bits of |x|: they are in the order of the values, with
// infinity and then NaN above all finite ones.
func largestBits(x []float32) uint32 {
	var largest uint32
	for _, v := range x {
		largest = max(largest, math.Float32bits(v)&^(1<<31))
	}
	return largest
}

// checkQuantized panics unless m quantized rows fit into the slices.
func checkQuantized(q []int8, scale []float32, sums []int32, m, k int) {
	if m < 0 {
		panic(badSize)
	}
	groups := QuantizedGroups(k)
	checkMatrix(len(q), QuantizedStride(k), m, wholeParts(k))
	checkMatrix(len(scale), groups, m, groups)
	checkMatrix(len(sums), groups*SumsPerGroup, m, groups*SumsPerGroup)
}

// fma32 returns a·b + c rounded once. The sum in float64 is rounded to odd, which a second rounding
// cannot spoil.
func fma32(a, b, c float32) float32 {
	product := float64(a) * float64(b) // exact
	addend := float64(c)
	sum := product + addend
	part := sum - product
	lost := (product - (sum - part)) + (addend - part)
	if bits := math.Float64bits(sum); lost != 0 && bits&1 == 0 && sum-sum == 0 {
		if (lost > 0) == (sum > 0) {
			bits++
		} else {
			bits--
		}
		sum = math.Float64frombits(bits)
	}
	return float32(sum)
}
