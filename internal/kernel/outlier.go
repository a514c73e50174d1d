package kernel

import "encoding/binary"

// Outliers are the elements of quantised rows that are too large for their group: they count as 0 among its bytes, so that the
// others keep their precision, and are multiplied in float32 by [AddOutliersInt8] or [AddOutliersInt4].
//
// Shapes: Count is [m, groups]; Index, the places within the group, and Value are [m, groups, MaxOutliers], of which the
// first Count are set.
// Source: LLM.int8() (arXiv 2208.07339), section 3, with outliers found in each row and group, so that a row does not depend on others.
type Outliers struct {
	Count []uint8
	Index []uint8
	Value []float32
}

const (
	// MaxOutliers is the most elements of a group that are kept aside. A group with more is one of wide spread, not one with outliers.
	MaxOutliers = 8

	// outlierByte is from where on a byte counts as an outlier, if no more than MaxOutliers of its group do. Of 128 values with a
	// normal distribution some 94 do, with a Laplace distribution some 64.
	outlierByte = 16
)

// outliersOf returns how many outliers a group of n elements may have.
func outliersOf(n int) int { return min(MaxOutliers, n/4) }

// Row returns the outliers of row r on, in rows of so many groups, from group g on.
func (o Outliers) Row(r, groups, g int) Outliers {
	at := r*groups + g
	return Outliers{o.Count[at:], o.Index[at*MaxOutliers:], o.Value[at*MaxOutliers:]}
}

// QuantizeRow quantises one row, or a part of one that begins at a group, as [QuantizeRows] does it, but for outliers, which
// it takes out first.
//
// Shapes: x is [k]; q is k rounded up to whole groups long; scale and sums, and o as one row, have a place for each group.
//
// Panics if the slices are too short.
func QuantizeRow(q []int8, scale []float32, sums []int32, o Outliers, x []float32, group int) {
	k := len(x)
	groups := groupsOf(k, group)
	if len(q) < groups*group || len(scale) < groups || len(sums) < groups || len(o.Count) < groups || len(o.Index) < groups*MaxOutliers || len(o.Value) < groups*MaxOutliers {
		panic(badLength)
	}
	if k == 0 {
		return
	}
	zero := int32(zeroInt8)
	if group == GroupInt4 {
		zero = zeroInt4
	}
	quantizeRow(q[:groups*group], scale[:groups], sums[:groups], x, group, zero)
	clear(o.Count[:groups])
	var large [64]int32
	for g0 := 0; g0 < groups; g0 += len(large) {
		n := min(len(large), groups-g0)
		countLarge(large[:n], q[g0*group:(g0+n)*group], group)
		for i, count := range large[:n] {
			if count > MaxOutliers || count == 0 {
				continue
			}
			g := g0 + i
			xs := x[g*group : min(k, (g+1)*group)]
			o.Count[g] = guard(q[g*group:(g+1)*group], scale[g:g+1], sums[g:g+1], o.Index[g*MaxOutliers:][:MaxOutliers], o.Value[g*MaxOutliers:][:MaxOutliers], xs, zero)
		}
	}
}

// guard takes the outliers out of one group and quantises the rest again, as often as there are some. It returns how many it took.
func guard(q []int8, scale []float32, sums []int32, index []uint8, value []float32, x []float32, zero int32) uint8 {
	var rest [GroupInt8]float32
	copy(rest[:], x)
	n := 0
	for {
		var large [1]int32
		countLargeGo(large[:], q, len(q))
		if large[0] == 0 || n+int(large[0]) > outliersOf(len(x)) {
			return uint8(n)
		}
		for i, v := range q {
			if max(v, -v) >= outlierByte {
				index[n], value[n] = uint8(i), rest[i]
				rest[i] = 0
				n++
			}
		}
		quantizeGroups(q, scale, sums, rest[:len(q)], len(q), zero)
	}
}

// countLargeGo counts the bytes of each group that are outlierByte or more, whatever their sign.
func countLargeGo(count []int32, q []int8, group int) {
	for g := range count {
		n := int32(0)
		for _, v := range q[g*group:][:group] {
			if max(v, -v) >= outlierByte {
				n++
			}
		}
		count[g] = n
	}
}

// AddOutliersInt8 adds to the products of [MatMulInt8] what the outliers contribute, one after the other in the order in which they
// were found:
//
//	y[r*ldy+c-32*panel0] = fma(value, scales[g,c]·(w[c,i]-128), …)
//
// Shapes: as MatMulInt8; o is m rows.
//
// Panics as MatMulInt8.
func AddOutliersInt8(y []float32, ldy int, o Outliers, m int, panels []uint8, scales []float32, panel0, count, n, k int) {
	needPanels, needScales := PackedInt8Len(n, k)
	checkPacked(len(panels), needPanels, len(scales), needScales)
	p := packed{bytes: panels, f32: scales, group: GroupInt8, groups: groupsOf(k, GroupInt8)}
	addOutliers(y, ldy, o, m, p, panel0, count, n)
}

// AddOutliersInt4 is [AddOutliersInt8] for the products of [MatMulInt4].
func AddOutliersInt4(y []float32, ldy int, o Outliers, m int, panels []uint8, scales []uint16, panel0, count, n, k int) {
	needPanels, needScales := PackedInt4Len(n, k)
	checkPacked(len(panels), needPanels, len(scales), needScales)
	p := packed{bytes: panels, bf16: scales, group: GroupInt4, groups: groupsOf(k, GroupInt4)}
	addOutliers(y, ldy, o, m, p, panel0, count, n)
}

func addOutliers(y []float32, ldy int, o Outliers, m int, p packed, panel0, count, n int) {
	if !checkProduct(len(y), ldy, m, panel0, count, n) {
		return
	}
	if len(o.Count) < m*p.groups || len(o.Index) < m*p.groups*MaxOutliers || len(o.Value) < m*p.groups*MaxOutliers {
		panic(badLength)
	}
	p, n = p.from(panel0), n-panel0*PanelRows
	for r := range m {
		row := o.Row(r, p.groups, 0)
		for g := nextOutlier(row.Count[:p.groups], 0); g < p.groups; g = nextOutlier(row.Count[:p.groups], g+1) {
			at := row.Row(0, 0, g)
			for panel := range count {
				c0 := panel * PanelRows
				p.addColumns(y[r*ldy+c0:][:min(PanelRows, n-c0)], at.Index[:row.Count[g]], at.Value, panel, g)
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
	at := panel*p.groups + g
	block := p.bytes[at*p.blockBytes():][:p.blockBytes()]
	var wide [PanelRows]float32
	var c column
	if p.group == GroupInt8 {
		c = column{scale: (*[PanelRows]float32)(p.f32[at*PanelRows:]), mask: 255, zero: zeroInt8}
	} else {
		bf16ToF32(wide[:], p.bf16[at*PanelRows:][:PanelRows])
		c = column{scale: &wide, mask: 15, zero: zeroInt4}
	}
	var cut [PanelRows]float32
	out := &cut
	if len(y) == PanelRows {
		out = (*[PanelRows]float32)(y)
	} else {
		copy(cut[:], y)
	}
	for j, i := range index {
		step, shift := int(i)/4, uint(i%4*8)
		if p.group == GroupInt4 {
			step, shift = step/2, shift+uint(i/4%2*4)
		}
		c.bytes, c.shift = (*[4 * PanelRows]uint8)(block[step*4*PanelRows:]), shift
		c.add(out, value[j])
	}
	if len(y) < PanelRows {
		copy(y, cut[:])
	}
}

// column is one element of k in a panel: of row c, the bits from shift on of the four bytes from 4·c on.
type column struct {
	bytes *[4 * PanelRows]uint8
	scale *[PanelRows]float32
	shift uint
	mask  uint32
	zero  int32
}

func (c column) addGo(y *[PanelRows]float32, value float32) {
	for i := range y {
		w := int32(binary.LittleEndian.Uint32(c.bytes[4*i:])>>c.shift&c.mask) - c.zero
		y[i] = fma32(value, float32(c.scale[i]*float32(w)), y[i])
	}
}
