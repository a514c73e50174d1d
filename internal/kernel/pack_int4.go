package kernel

// Weights in 4 bits: the layout, and packing a panel of weight rows. matmul_quant.go multiplies by
// it; pack_int8.go is the layout in 8 bits.

import (
	"encoding/binary"
	"math"
)

// The layout of int4: for each panel and group, panels hold one byte for each part of 64 elements
// and row, [4][32], with the step s of the part in the low half and its zero z in the high one,
// then the weights, [k/8][32][4]: the low halves of these bytes are the elements of the first four
// of eight, the high halves those of the other four. A half byte u stands for
//
//	scale · s · (u - z)
//
// where s·(u - z) fits a signed byte, and so, with 128 added, is a weight in the layout of int8.
// scales are [n/32][k/Group][32] in bfloat16. n is rounded up to whole panels and k to a multiple
// of 64, with weights of 0.

const (
	// stepBytes is the size of the steps and zeros of one group of a panel.
	stepBytes = groupParts * PanelRows
	// blockInt4 is the size of a whole group of a panel.
	blockInt4 = stepBytes + PanelRows*Group/2
)

// PackedInt4Len returns the lengths of the slices that hold n weight rows of k elements packed by
// [PackInt4].
func PackedInt4Len(n, k int) (panels, scales int) {
	if n < 0 {
		panic(badSize)
	}
	groups, count := QuantizedGroups(k), panelsOf(n)
	return count * int4PanelBytes(k), count * groups * PanelRows
}

// int4PanelBytes is the size of one panel.
func int4PanelBytes(k int) int {
	return QuantizedGroups(k)*stepBytes + PanelRows*wholeParts(k)/2
}

// PackInt4 packs the weight rows row0..row0+31 of a matrix of n rows of k elements (fewer, where it
// ends) into 4 bits. Each part of 64 elements of a row has a step and a zero: of some near (max -
// min) / 15 it takes those with the smallest squared error. The steps of a group are multiples, up
// to 15, of its scale. A group that holds a NaN or an infinity gets the scale NaN.
//
// Shapes: panels and scales (raw bits of bfloat16) are those of the whole matrix ([PackedInt4Len]),
// of which the panel row0/32 is written; rows is [min(32, n-row0), k] without gaps. Different
// panels may be packed at the same time.
//
// Panics if row0 does not begin a panel of the matrix, or the slices are too short.
func PackInt4(panels []uint8, scales []uint16, rows []float32, row0, n, k int) {
	height := checkPanel(row0, n, k, len(rows))
	needPanels, needScales := PackedInt4Len(n, k)
	checkPacked(len(panels), needPanels, len(scales), needScales)
	groups, depth, size := QuantizedGroups(k), wholeParts(k), int4PanelBytes(k)
	panel := panels[row0/PanelRows*size:][:size]
	scale := scales[row0*groups:][:PanelRows*groups]
	for r := range PanelRows {
		for g := range groups {
			var w int4Group
			if r < height {
				w.read(rows[r*k+g*Group : r*k+min(k, (g+1)*Group)])
			}
			scale[g*PanelRows+r] = w.quantize()
			block := panel[g*blockInt4:]
			for p := range groupParts {
				block[p*PanelRows+r] = w.steps[p]
				if g*Group+p*part >= depth {
					continue
				}
				to := block[stepBytes+p*PanelRows*part/2+4*r:]
				for i := 0; i < part; i += 8 {
					low, high := binary.LittleEndian.Uint32(w.q[p][i:]),
						binary.LittleEndian.Uint32(w.q[p][i+4:])
					binary.LittleEndian.PutUint32(to[i/2*PanelRows:], low|high<<4)
				}
			}
		}
	}
}

// int4Group is one group of one row, and what it is packed into.
type int4Group struct {
	w     [groupParts][part]float32
	q     [groupParts][part]uint8
	steps [groupParts]uint8
}

func (g *int4Group) read(w []float32) {
	for p := range g.w {
		copy(g.w[p][:], w[min(len(w), p*part):])
	}
}

// topStep is the step that the widest part would get if its elements filled all 16 levels: one
// below the largest, as clipping pays more often than widening.
const topStep = 14

// stepLimits is the largest step with which s·(u - z) fits a signed byte for all u, for each z.
var stepLimits = [16]int{8, 9, 9, 10, 11, 12, 14, 15, 15, 14, 12, 11, 10, 9, 9, 8}

// quantize packs the group and returns its scale.
func (g *int4Group) quantize() uint16 {
	var bits [groupParts]uint32
	var low, high [groupParts]float32
	var largest uint32
	for p := range g.w {
		bits[p], low[p], high[p] = extremes64(&g.w[p])
		largest = max(largest, bits[p])
	}
	if largest >= infBits {
		return quietNaN >> 16
	}
	if largest < tinyBits {
		return 0
	}
	// In units of the largest element, which neither overflow nor vanish.
	unit := math.Float32frombits(largest)
	var widest float32
	for p := range g.w {
		low[p], high[p] = min(low[p], 0), max(high[p], 0)
		below, width := -low[p]/unit, high[p]/unit-low[p]/unit
		if width > 0 {
			z := int(float32(below/width*15) + 0.5)
			widest = max(widest, width/float32(min(topStep, stepLimits[z])))
		}
	}
	scale := bf16(widest / 15 * unit)
	for p := range g.w {
		if bits[p] >= tinyBits {
			g.quantizePart(p, fromBF16(scale), low[p], high[p])
		}
	}
	return scale
}

// quantizePart chooses the step and the zero of one part, whose elements lie between low and high,
// and rounds it.
func (g *int4Group) quantizePart(p int, scale, low, high float32) {
	full := int((high/scale-low/scale)/15 + 0.5) // the step that makes all elements fit
	middle := (high/scale + low/scale) / 2
	best := -1
	var smallest float32
	// up to 8 every zero will do
	for s := min(max(full, 1), 15); s >= max(full-2, 1) || best < 0; s-- {
		center := 7.5 - middle/float32(s)
		z0 := min(max(int(math.Floor(float64(center))), 0), 14)
		for z := z0; z <= z0+1; z++ {
			if s > stepLimits[z] {
				continue
			}
			squares := squares64(&g.w[p], 1/(scale*float32(s)), float32(-z),
				float32(15-z)) * float32(s*s)
			if best < 0 || squares < smallest {
				best, smallest = s|z<<4, squares
			}
		}
	}
	s, z := best&15, best>>4
	g.steps[p] = uint8(best)
	round64(&g.q[p], &g.w[p], 1/(scale*float32(s)), float32(-z), float32(15-z))
}

// extremes64Go returns the largest of the bits of |w|, and the smallest and largest of w where all
// are finite.
func extremes64Go(w *[part]float32) (bits uint32, low, high float32) {
	low, high = w[0], w[0]
	for _, v := range w {
		low, high = min(low, v), max(high, v)
	}
	return largestBits(w[:]), low, high
}

// squares64Go returns the sum of the squares of what rounding w·inverse to low..high leaves, added
// up in eight lanes.
func squares64Go(w *[part]float32, inverse, low, high float32) float32 {
	var sum [8]float32
	for i, v := range w {
		u := float32(v * inverse)
		e := u - roundTo(u, low, high)
		sum[i%8] += float32(e * e)
	}
	for n := 4; n > 0; n /= 2 {
		for i := range n {
			sum[i] += sum[i+n]
		}
	}
	return sum[0]
}

// round64Go writes w·inverse, rounded half to even, within low..high, as its distance from low.
func round64Go(q *[part]uint8, w *[part]float32, inverse, low, high float32) {
	for i, v := range w {
		q[i] = uint8(roundTo(float32(v*inverse), low, high) - low)
	}
}

func roundTo(v, low, high float32) float32 {
	return min(max(float32(math.RoundToEven(float64(v))), low), high)
}

// UnpackInt4Row writes the weights of one row, as packed: w = scale · step · (half byte - zero).
//
// Shapes: dst is [k]; panels and scales are those of the whole matrix of n rows of k elements.
//
// Panics if there is no such row or the slices are too short.
func UnpackInt4Row(dst []float32, panels []uint8, scales []uint16, row, n, k int) {
	needPanels, needScales := PackedInt4Len(n, k)
	checkPacked(len(panels), needPanels, len(scales), needScales)
	checkRow(len(dst), row, n, k)
	groups, size := QuantizedGroups(k), int4PanelBytes(k)
	p, r := row/PanelRows, row%PanelRows
	for i := range k {
		g := i / Group
		block := panels[p*size+g*blockInt4:]
		sz := block[i%Group/part*PanelRows+r]
		u := block[stepBytes+i%Group/8*4*PanelRows+4*r+i%4] >> (i / 4 % 2 * 4) & 15
		dst[i] = fromBF16(scales[(p*groups+g)*PanelRows+r]) * float32(int32(sz&15)*(int32(u)-int32(sz>>4)))
	}
}
