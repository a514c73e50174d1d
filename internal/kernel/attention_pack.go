package kernel

// What comes before attention in integers: ranges of the keys, queries and keys in 8 bits, values
// in 11 bits, each in the layout that the products of attention.go read.

import "math"

// Ranges widens lo and hi, element by element, to the values of m rows of x. NaN is passed over,
// and the order of the rows does not matter.
//
// Shapes: lo and hi are [n]; x is [m, n] with rows ldx apart.
//
// Panics if the slices are of different lengths or too short.
func Ranges(lo, hi, x []float32, ldx, m int) {
	checkPair(len(lo), len(hi))
	checkMatrix(len(x), ldx, m, len(lo))
	if m > 0 && len(lo) > 0 {
		ranges(lo, hi, x, ldx, m)
	}
}

func rangesGo(lo, hi, x []float32, ldx, m int) {
	for r := range m {
		for i, v := range x[r*ldx:][:len(lo)] {
			if v < lo[i] {
				lo[i] = v
			}
			if v > hi[i] {
				hi[i] = v
			}
		}
	}
}

// QuantizeHead quantizes m rows of (x - center)·gain to 8 bits, each with a scale of its own as in
// [QuantizeRows]: a row that holds a NaN or an infinity gets the scale NaN, and every instruction
// set gives the same bits.
//
// Shapes: x is [m, k] with rows ldx apart; q is [m, HeadStride(k)], of which HeadDepth(k) bytes a
// row are written, zeros from k on; scale and sums are [m]; center, gain and scratch are
// [HeadDepth(k)], zero from k on (scratch: undefined contents).
//
// Panics if the slices are too short for their shapes.
func QuantizeHead(q []int8, scale []float32, sums []int32, x []float32, ldx, m, k int,
	center, gain, scratch []float32) {
	checkHead(len(q), len(scale), len(sums), m, k, center, gain, scratch)
	checkMatrix(len(x), ldx, m, k)
	if m > 0 && k > 0 {
		quantizeHead(q, scale, sums, x, ldx, m, k, center, gain, scratch, 0)
	}
}

func checkHead(q, scale, sums, m, k int, center, gain, scratch []float32) {
	depth := HeadDepth(k)
	checkMatrix(q, HeadStride(k), m, HeadStride(k))
	checkPacked(scale, m, sums, m)
	if len(center) < depth || len(gain) < depth || len(scratch) < depth {
		panic(badLength)
	}
}

// quantizeHeadGo is the reference; flip is what the bytes are combined with by exclusive or.
func quantizeHeadGo(q []int8, scale []float32, sums []int32, x []float32, ldx, m, k int,
	center, gain, scratch []float32, flip uint8) {
	stride, depth := HeadStride(k), HeadDepth(k)
	scratch = scratch[:depth]
	for r := range m {
		clear(scratch)
		for i, v := range x[r*ldx:][:k] {
			scratch[i] = float32(v-center[i]) * gain[i]
		}
		row := q[r*stride:][:depth]
		scale[r], sums[r] = quantizeSpan(row, scratch), 0
		for i, v := range row {
			sums[r] -= zeroByte * int32(v)
			row[i] ^= int8(flip)
		}
	}
}

// PackKeys packs m keys, at most 32, as one panel, quantized like [QuantizeHead]: [k/4][32][4]
// holds key/scale + 128. What a panel has beyond m is keys of 0 with the scale 0.
//
// Shapes: panel is [HeadStride(k)·32], scale [32]; x is [m, k] with rows ldx apart; center, gain
// and scratch are as in QuantizeHead, bytes is [32·HeadStride(k)] and sums [32] with undefined
// contents.
//
// Panics if m exceeds 32 or the slices are too short for their shapes.
func PackKeys(panel []uint8, scale []float32, x []float32, ldx, m, k int,
	center, gain, scratch []float32, bytes []int8, sums []int32) {
	if m > PanelRows {
		panic(badPanel)
	}
	checkMatrix(len(x), ldx, m, k)
	checkHead(len(bytes), len(scale), len(sums), PanelRows, k, center, gain, scratch)
	stride := HeadStride(k)
	if len(panel) < stride*PanelRows {
		panic(badLength)
	}
	if m > 0 && k > 0 {
		quantizeHead(bytes, scale, sums, x, ldx, m, k, center, gain, scratch, zeroByte)
	}
	for r := m; r < PanelRows; r++ {
		row := bytes[r*stride:][:stride]
		for i := range row {
			row[i] = -zeroByte
		}
		scale[r] = 0
	}
	transposeBytes(panel, bytes, stride)
}

// transposeBytesGo writes the transpose of 32 rows of words of four bytes.
func transposeBytesGo(panel []uint8, rows []int8, stride int) {
	for r := range PanelRows {
		row := rows[r*stride:][:stride]
		for i := 0; i < stride; i += 4 {
			out := panel[i*PanelRows+4*r:][:4]
			out[0], out[1], out[2], out[3] = uint8(row[i]), uint8(row[i+1]), uint8(row[i+2]),
				uint8(row[i+3])
		}
	}
}

// PackValues packs the values of keys keys, in 11 bits: [n/16][keys/2][16][2], on instruction sets
// that multiply them as bytes in the order of splitValuesGo; with the scale max |x| / 1023 for each
// column. n and keys are filled up with zeros to ValueCols(n) and WeightKeys(keys). A column that
// holds a NaN or an infinity gets the scale NaN, one with nothing above 2^-100 the scale 0. Every
// instruction set gives the same values and scales.
//
// Shapes: panels is [ValueCols(n)·WeightKeys(keys)], scale [ValueCols(n)]; x is [keys, n] with rows
// ldx apart.
//
// Panics if keys exceeds GroupKeys or the slices are too short for their shapes.
func PackValues(panels []int16, scale, x []float32, ldx, keys, n int) {
	cols, depth := checkValues(len(panels), len(scale), n, keys)
	checkMatrix(len(x), ldx, keys, n)
	for c0 := 0; c0 < cols; c0 += 16 {
		block, width := panels[c0*depth:][:16*depth], min(16, n-c0)
		if width <= 0 || keys == 0 {
			clear(block)
			clear(scale[c0:][:16])
			continue
		}
		packValues(block, (*[16]float32)(scale[c0:]), x[c0:], ldx, keys, width)
	}
}

func packValuesGo(block []int16, scale *[16]float32, x []float32, ldx, keys, width int) {
	clear(block)
	clear(scale[:])
	for c := range width {
		var largest uint32
		for i := range keys {
			largest = max(largest, math.Float32bits(x[i*ldx+c])&^(1<<31))
		}
		if largest >= infBits {
			scale[c] = math.Float32frombits(quietNaN)
		}
		if largest >= infBits || largest < tinyBits {
			continue
		}
		limit := math.Float32frombits(largest)
		scale[c] = limit / valueTop
		inverse := valueTop / limit
		for i := range keys {
			block[i/2*32+2*c+i%2] = int16(math.RoundToEven(float64(float32(x[i*ldx+c] * inverse))))
		}
	}
}
