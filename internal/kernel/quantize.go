package kernel

import "math"

// Quantised products: weights are packed once into panels (see [PackInt8], [PackInt4]), activations are quantised row by
// row as they come ([QuantizeRows]), and [MatMulInt8] and [MatMulInt4] multiply the two. Both sides share one scale per
// group of elements along k.
const (
	// PanelRows is the number of weight rows, or columns of the result, in one panel.
	PanelRows = 32
	// GroupInt8 and GroupInt4 are the elements of k that share a scale.
	GroupInt8 = 128
	GroupInt4 = 64

	// zeroInt8 and zeroInt4 are what packed weights have added to make them unsigned.
	zeroInt8 = 128
	zeroInt4 = 8

	// tinyBits are the bits of 2^-100: a group whose largest element is below counts as zeros, so that neither its scale
	// nor the inverse leaves the normal range.
	tinyBits = (127 - 100) << 23
	infBits  = 0xff << 23

	quietNaN = 0x7fc00000
)

// QuantizedStride returns the distance in bytes between rows of quantised activations: k rounded up to the group, and a
// cache line more, so that the rows of a tile never share the lines of one set of the cache.
func QuantizedStride(k, group int) int {
	return groupsOf(k, group)*group + 64
}

// QuantizedGroups returns the number of groups, and so of scales and sums, of a row of k elements.
func QuantizedGroups(k, group int) int { return groupsOf(k, group) }

func groupsOf(k, group int) int {
	if k < 0 {
		panic(badSize)
	}
	if group != GroupInt8 && group != GroupInt4 {
		panic(badGroup)
	}
	return (k + group - 1) / group
}

// QuantizeRows quantises m rows of x to 8 bits, for weights packed in groups of that size (GroupInt8 or GroupInt4): in
// each group
//
//	scale = max |x| / 127,  q = x · (127 / max |x|) rounded half to even,  sums = -zero · Σ q
//
// where zero is what the packed weights have added, 128 for int8 and 8 for int4. A group that holds a NaN or an infinity
// gets the scale NaN, which makes its row's products NaN; one with nothing above 2^-100 gets the scale 0. Every
// instruction set gives the same bits.
//
// Shapes: x is [m, k] with rows ldx apart; q is [m, QuantizedStride(k, group)], its rows filled up with zeros to whole groups
// (what follows is not written); scale and sums are [m, QuantizedGroups(k, group)] without gaps. q lies in -127..127. So
// parts of the rows can be quantised separately, into the same buffers.
//
// Panics if the slices are too short for their shapes.
func QuantizeRows(q []int8, scale []float32, sums []int32, x []float32, ldx, m, k, group int) {
	groups := groupsOf(k, group)
	checkMatrix(len(x), ldx, m, k)
	checkQuantized(q, scale, sums, m, k, group)
	if m == 0 || k == 0 {
		return
	}
	stride := QuantizedStride(k, group)
	zero := int32(zeroInt8)
	if group == GroupInt4 {
		zero = zeroInt4
	}
	for r := range m {
		row, out := x[r*ldx:][:k], q[r*stride:][:groups*group]
		quantizeRow(out, scale[r*groups:][:groups], sums[r*groups:][:groups], row, group, zero)
	}
}

// quantizeRow is one row of QuantizeRows; len(q) is that of x rounded up to whole groups.
func quantizeRow(q []int8, scale []float32, sums []int32, x []float32, group int, zero int32) {
	whole := len(x) / group
	if whole > 0 {
		quantizeGroups(q[:whole*group], scale[:whole], sums[:whole], x[:whole*group], group, zero)
	}
	if rest := x[whole*group:]; len(rest) > 0 {
		var padded [GroupInt8]float32
		copy(padded[:], rest)
		quantizeGroups(q[whole*group:], scale[whole:], sums[whole:], padded[:group], group, zero)
	}
}

func quantizeGroupsGo(q []int8, scale []float32, sums []int32, x []float32, group int, zero int32) {
	for g := range scale {
		xs, qs := x[g*group:][:group], q[g*group:][:group]
		largest := largestBits(xs)
		sums[g] = 0
		if largest >= infBits || largest < tinyBits {
			clear(qs)
			scale[g] = 0
			if largest >= infBits {
				scale[g] = math.Float32frombits(quietNaN)
			}
			continue
		}
		limit := math.Float32frombits(largest)
		scale[g] = limit / 127
		inverse := 127 / limit
		var sum int32
		for i, v := range xs {
			n := int32(math.RoundToEven(float64(float32(v * inverse))))
			qs[i] = int8(n)
			sum += n
		}
		sums[g] = -zero * sum
	}
}

// largestBits returns the largest of the bits of |x|: they are in the order of the values, with infinity and then NaN
// above all finite ones.
func largestBits(x []float32) uint32 {
	var largest uint32
	for _, v := range x {
		largest = max(largest, math.Float32bits(v)&^(1<<31))
	}
	return largest
}

// checkQuantized panics unless m quantised rows fit into the slices.
func checkQuantized(q []int8, scale []float32, sums []int32, m, k, group int) {
	if m < 0 {
		panic(badSize)
	}
	groups := groupsOf(k, group)
	checkMatrix(len(q), QuantizedStride(k, group), m, groups*group)
	checkMatrix(len(scale), groups, m, groups)
	checkMatrix(len(sums), groups, m, groups)
}

// fma32 returns a·b + c rounded once. The sum in float64 is rounded to odd, which a second rounding cannot spoil.
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
