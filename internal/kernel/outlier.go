package kernel

// Outliers: elements of a quantized row that are far larger than the rest of their group are taken
// out of the bytes and multiplied in float32. This file finds them and adds their products;
// quantize.go is the row without them.

import "encoding/binary"

// Outliers are the elements of quantized rows that are too large for their group: they count as 0
// among its bytes, so that the others keep their precision, and are multiplied in float32 by
// [AddOutliersInt8] or [AddOutliersInt4].
//
// Shapes: Count is [m, groups]; Index, the places within the group, and Value are [m, groups,
// MaxOutliers], of which the first Count are set.
// Source: LLM.int8() (arXiv 2208.07339), section 3, with outliers found in each row and group, so
// that a row does not depend on others.
type Outliers struct {
	Count []uint8
	Index []uint8
	Value []float32
}

const (
	// MaxOutliers is the most elements of a group that are kept aside. A group with more is one of
	// wide spread, not one with outliers.
	MaxOutliers = 16

	// outlierByte is from where on a byte counts as an outlier, if no more than MaxOutliers of its
	// group do. Of 256 values with a normal distribution some 180 do, with a Laplace distribution
	// some 120.
	outlierByte = 16
)

// outliersOf returns how many outliers a group of n elements may have.
func outliersOf(n int) int { return min(MaxOutliers, n/4) }

// Row returns the outliers of row r on, in rows of so many groups, from group g on.
func (o Outliers) Row(r, groups, g int) Outliers {
	at := r*groups + g
	return Outliers{o.Count[at:], o.Index[at*MaxOutliers:], o.Value[at*MaxOutliers:]}
}

// QuantizeRow quantizes one row, or a part of one that begins at a group, as [QuantizeRows] does
// it, but for outliers, which it takes out first.
//
// Shapes: x is [k]; q is k rounded up to a multiple of 64 long; scale and o, as one row, have a
// place for each group, sums SumsPerGroup.
//
// Panics if the slices are too short.
func QuantizeRow(q []int8, scale []float32, sums []int32, o Outliers, x []float32) {
	k := len(x)
	groups := QuantizedGroups(k)
	if len(q) < wholeParts(k) || len(scale) < groups || len(sums) < groups*SumsPerGroup ||
		len(o.Count) < groups || len(o.Index) < groups*MaxOutliers ||
		len(o.Value) < groups*MaxOutliers {
		panic(badLength)
	}
	if k == 0 {
		return
	}
	quantizeRow(q, scale, sums, x)
	clear(o.Count[:groups])
	var large [64]int32
	for g0 := 0; g0 < groups; g0 += len(large) {
		n := min(len(large), groups-g0)
		countLarge(large[:n], q[g0*Group:min(wholeParts(k), (g0+n)*Group)])
		for i, count := range large[:n] {
			if count > MaxOutliers || count == 0 {
				continue
			}
			g := g0 + i
			at, xs := o.Row(0, 0, g), x[g*Group:min(k, (g+1)*Group)]
			o.Count[g] = guard(q[g*Group:], scale[g:], sums[g*SumsPerGroup:], at.Index, at.Value,
				xs)
		}
	}
}

// guard takes the outliers out of one group and quantizes the rest again, as often as there are
// some. It returns how many it took.
func guard(q []int8, scale []float32, sums []int32, index []uint8, value []float32,
	x []float32) uint8 {
	var rest [Group]float32
	copy(rest[:], x)
	n := 0
	for {
		var large [1]int32
		countLargeGo(large[:], q[:len(x)])
		if large[0] == 0 || n+int(large[0]) > outliersOf(len(x)) {
			return uint8(n)
		}
		for i, v := range q[:len(x)] {
			if max(v, -v) >= outlierByte {
				index[n], value[n] = uint8(i), rest[i]
				rest[i] = 0
				n++
			}
		}
		quantizeRow(q, scale, sums, rest[:len(x)])
	}
}

// countLarge counts the bytes of each group that are outlierByte or more, whatever their sign. The
// last group may be shorter.
func countLarge(count []int32, q []int8) {
	whole := len(q) / Group
	if whole > 0 {
		countLargeGroups(count[:whole], q)
	}
	countLargeGo(count[whole:], q[whole*Group:])
}

func countLargeGo(count []int32, q []int8) {
	for g := range count {
		n := int32(0)
		for _, v := range q[g*Group : min(len(q), (g+1)*Group)] {
			if max(v, -v) >= outlierByte {
				n++
			}
		}
		count[g] = n
	}
}

// AddOutliersInt8 adds to the products of [MatMulInt8] what the outliers contribute, one after the
// other in the order in which they were found:
//
//	y[r*ldy+c-32*panel0] = fma(value, scales[g,c]·(w[c,i]-128), …)
//
// Shapes: as MatMulInt8; o is m rows.
//
// Panics as MatMulInt8.
func AddOutliersInt8(y []float32, ldy int, o Outliers, m int, panels []uint8, scales []float32,
	panel0, count, n, k int) {
	addOutliers(y, ldy, o, m, newPackedInt8(panels, scales, n, k), panel0, count, n)
}

// AddOutliersInt4 is [AddOutliersInt8] for the products of [MatMulInt4].
func AddOutliersInt4(y []float32, ldy int, o Outliers, m int, panels []uint8, scales []uint16,
	panel0, count, n, k int) {
	addOutliers(y, ldy, o, m, newPackedInt4(panels, scales, n, k), panel0, count, n)
}

func addOutliers(y []float32, ldy int, o Outliers, m int, p packed, panel0, count, n int) {
	if !checkProduct(len(y), ldy, m, panel0, count, n) {
		return
	}
	if len(o.Count) < m*p.groups || len(o.Index) < m*p.groups*MaxOutliers ||
		len(o.Value) < m*p.groups*MaxOutliers {
		panic(badLength)
	}
	p, n = p.from(panel0), n-panel0*PanelRows
	for r := range m {
		row := o.Row(r, p.groups, 0)
		for g := nextOutlier(row.Count[:p.groups], 0); g < p.groups; g = nextOutlier(row.Count[:p.groups], g+1) {
			at := row.Row(0, 0, g)
			for panel := range count {
				c0 := panel * PanelRows
				p.addColumns(y[r*ldy+c0:][:min(PanelRows, n-c0)], at.Index[:row.Count[g]], at.Value,
					panel, g)
			}
		}
	}
}

// nextOutlier returns the first group from g on that has outliers, or the number of groups.
func nextOutlier(count []uint8, g int) int {
	for ; len(count)-g >= 8; g += 8 {
		if binary.LittleEndian.Uint64(count[g:]) != 0 {
			break
		}
	}
	for g < len(count) && count[g] == 0 {
		g++
	}
	return g
}

// addColumns adds some columns of one group of a panel, each times its value, to a row of y.
func (p packed) addColumns(y []float32, index []uint8, value []float32, panel, g int) {
	block, at := p.block(panel, g), (panel*p.groups+g)*PanelRows
	var cut [PanelRows]float32
	out := &cut
	if len(y) == PanelRows {
		out = (*[PanelRows]float32)(y)
	} else {
		copy(cut[:], y)
	}
	if p.int4 {
		c := int4Columns{part: -1}
		for j, i := range index {
			c.read(p.bf16[at:], block, int(i)/part)
			bytes := (*[4 * PanelRows]uint8)(block[stepBytes+int(i)/8*4*PanelRows:])
			column{bytes, &c.scale, &c.zero, uint(i%4*8 + i/4%2*4), 15}.add(out, value[j])
		}
	} else {
		scale := (*[PanelRows]float32)(p.f32[at:])
		for j, i := range index {
			bytes := (*[4 * PanelRows]uint8)(block[int(i)/4*4*PanelRows:])
			column{bytes, scale, &zeroBytes, uint(i % 4 * 8), 255}.add(out, value[j])
		}
	}
	if len(y) < PanelRows {
		copy(y, cut[:])
	}
}

// zeroBytes is the zeros of a column of int8.
var zeroBytes = func() (zero [PanelRows]int32) {
	for i := range zero {
		zero[i] = zeroByte
	}
	return zero
}()

// column is one element of k in a panel: of row c, the bits from shift on of the four bytes from
// 4·c on.
type column struct {
	bytes *[4 * PanelRows]uint8
	scale *[PanelRows]float32
	zero  *[PanelRows]int32
	shift uint
	mask  uint32
}

func (c column) addGo(y *[PanelRows]float32, value float32) {
	for i := range y {
		w := int32(binary.LittleEndian.Uint32(c.bytes[4*i:])>>c.shift&c.mask) - c.zero[i]
		y[i] = fma32(value, float32(c.scale[i]*float32(w)), y[i])
	}
}

// int4Columns is the scales, times the steps, and zeros of the columns of one part of a group of
// int4.
type int4Columns struct {
	part  int // -1: none yet
	scale [PanelRows]float32
	zero  [PanelRows]int32
}

// read fills in what belongs to a part, if it is not there already.
func (c *int4Columns) read(scales []uint16, block []uint8, at int) {
	if c.part == at {
		return
	}
	c.part = at
	for i, sz := range block[at*PanelRows:][:PanelRows] {
		c.scale[i] = fromBF16(scales[i]) * float32(sz&15)
		c.zero[i] = int32(sz >> 4)
	}
}
