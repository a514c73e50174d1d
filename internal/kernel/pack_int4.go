package kernel

import (
	"encoding/binary"
	"math"
)

// The layout of int4: panels of PanelRows weight rows, [n/32][k/8][32][4]: a byte's low half holds w/scale + 8 of one of the
// first four of eight elements of k, its high half that of the element four later. So 128 bytes are two steps of the
// layout of int8. scales are [n/32][k/GroupInt4][32] in bfloat16. n and k are rounded up to whole panels and groups, with
// weights of 0.

// blockInt4 is the size in bytes of one group of a panel.
const blockInt4 = PanelRows * GroupInt4 / 2

// PackedInt4Len returns the lengths of the slices that hold n weight rows of k elements packed by [PackInt4].
func PackedInt4Len(n, k int) (panels, scales int) {
	if n < 0 {
		panic(badSize)
	}
	groups, count := groupsOf(k, GroupInt4), panelsOf(n)
	return count * groups * blockInt4, count * groups * PanelRows
}

// int4Divisors are the scales that PackInt4 tries: the element of largest magnitude divided by each. The negative ones
// put it at the end of the range with one value more; those beyond -8 cut it off.
var int4Divisors = [...]float32{-8, -7.6, -8.4, -8.8, -9.3, 7}

// PackInt4 packs the weight rows row0..row0+31 of a matrix of n rows of k elements (fewer, where it ends) into 4 bits,
// -8..7. Per row and group of GroupInt4 it takes, from a few scales near max |w| / 8, the one with the smallest squared
// error. A group that holds a NaN or an infinity gets the scale NaN.
//
// Shapes: panels and scales (raw bits of bfloat16) are those of the whole matrix ([PackedInt4Len]), of which the panel
// row0/32 is written; rows is [min(32, n-row0), k] without gaps. Different panels may be packed at the same time.
//
// Panics if row0 does not begin a panel of the matrix, or the slices are too short.
func PackInt4(panels []uint8, scales []uint16, rows []float32, row0, n, k int) {
	height := checkPanel(row0, n, k, len(rows))
	needPanels, needScales := PackedInt4Len(n, k)
	checkPacked(len(panels), needPanels, len(scales), needScales)
	groups := groupsOf(k, GroupInt4)
	panel := panels[row0/PanelRows*groups*blockInt4:][:groups*blockInt4]
	scale := scales[row0*groups:][:PanelRows*groups]
	for r := range PanelRows {
		for g := range groups {
			var w [GroupInt4]float32
			if r < height {
				copy(w[:], rows[r*k+g*GroupInt4:r*k+min(k, (g+1)*GroupInt4)])
			}
			var q [GroupInt4]uint8
			scale[g*PanelRows+r] = quantizeInt4(&q, &w)
			block := panel[g*blockInt4+4*r:]
			for i := 0; i < GroupInt4; i += 8 {
				low, high := binary.LittleEndian.Uint32(q[i:]), binary.LittleEndian.Uint32(q[i+4:])
				binary.LittleEndian.PutUint32(block[i/2*PanelRows:], low|high<<4)
			}
		}
	}
}

// quantizeInt4 writes w/scale + 8 and returns the scale.
func quantizeInt4(q *[GroupInt4]uint8, w *[GroupInt4]float32) uint16 {
	bits, top := extremes64(w)
	if bits >= infBits || bits < tinyBits {
		for i := range q {
			q[i] = zeroInt4
		}
		if bits >= infBits {
			return quietNaN >> 16
		}
		return 0
	}
	extreme := math.Float32frombits(bits)
	if top != extreme {
		extreme = -extreme
	}
	var best uint16
	var smallest, inverse float32
	for i, d := range int4Divisors {
		scale := bf16(extreme / d)
		s := fromBF16(scale)
		// Squares in units of the scale neither overflow nor vanish.
		squares := squares64(w, 1/s) * float32(s/extreme) * float32(s/extreme)
		if i == 0 || squares < smallest {
			best, smallest, inverse = scale, squares, 1/s
		}
	}
	round64(q, w, inverse)
	return best
}

// extremes64Go returns the largest of the bits of |w|, and the largest of w where all are finite.
func extremes64Go(w *[GroupInt4]float32) (bits uint32, top float32) {
	top = w[0]
	for _, v := range w {
		top = max(top, v)
	}
	return largestBits(w[:]), top
}

// squares64Go returns the sum of the squares of what rounding w·inverse to -8..7 leaves, added up in eight lanes.
func squares64Go(w *[GroupInt4]float32, inverse float32) float32 {
	var sum [8]float32
	for i, v := range w {
		u := float32(v * inverse)
		e := u - roundInt4(u)
		sum[i%8] += float32(e * e)
	}
	for n := 4; n > 0; n /= 2 {
		for i := range n {
			sum[i] += sum[i+n]
		}
	}
	return sum[0]
}

// round64Go writes w·inverse + 8, rounded half to even, within 0..15.
func round64Go(q *[GroupInt4]uint8, w *[GroupInt4]float32, inverse float32) {
	for i, v := range w {
		q[i] = uint8(roundInt4(float32(v*inverse)) + zeroInt4)
	}
}

func roundInt4(v float32) float32 {
	return min(max(float32(math.RoundToEven(float64(v))), -8), 7)
}

// UnpackInt4Row writes the weights of one row, as packed: w = scale · (half byte - 8).
//
// Shapes: dst is [k]; panels and scales are those of the whole matrix of n rows of k elements.
//
// Panics if there is no such row or the slices are too short.
func UnpackInt4Row(dst []float32, panels []uint8, scales []uint16, row, n, k int) {
	needPanels, needScales := PackedInt4Len(n, k)
	checkPacked(len(panels), needPanels, len(scales), needScales)
	checkRow(len(dst), row, n, k)
	groups := groupsOf(k, GroupInt4)
	p, r := row/PanelRows, row%PanelRows
	start := p*groups*blockInt4 + 4*r
	for i := range k {
		s := fromBF16(scales[(p*groups+i/GroupInt4)*PanelRows+r])
		b := panels[start+i/8*4*PanelRows+i%4] >> (i / 4 % 2 * 4) & 15
		dst[i] = s * float32(int32(b)-zeroInt4)
	}
}
