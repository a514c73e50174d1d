package kernel

// Weights in 8 bits: the layout, and packing a panel of weight rows. matmul_quant.go multiplies by
// it; pack_int4.go is the layout in 4 bits.

import (
	"encoding/binary"
	"math"
	"unsafe"
)

// The layout of int8: panels of PanelRows weight rows, [n/32][k/4][32][4], hold w/scale + 128;
// scales are [n/32][k/Group][32]. n is rounded up to whole panels and k to a multiple of 64, with
// weights of 0. One step of four elements of k is 128 bytes, whose four bytes per row are what a
// dot-product instruction adds up in a lane.

// blockInt8 is the size of a whole group of a panel.
const blockInt8 = PanelRows * Group

// PackedInt8Len returns the lengths of the slices that hold n weight rows of k elements packed by
// [PackInt8].
func PackedInt8Len(n, k int) (panels, scales int) {
	if n < 0 {
		panic(badSize)
	}
	count := panelsOf(n)
	return count * PanelRows * wholeParts(k), count * PanelRows * QuantizedGroups(k)
}

// PackInt8 packs the weight rows row0..row0+31 of a matrix of n rows of k elements (fewer, where it
// ends): per row and group of Group the scale is max |w| / 127, and weights are rounded half to
// even. A group that holds a NaN or an infinity gets the scale NaN.
//
// Shapes: panels and scales are those of the whole matrix ([PackedInt8Len]), of which the panel
// row0/32 is written; rows is [min(32, n-row0), k] without gaps. Different panels may be packed at
// the same time.
//
// Panics if row0 does not begin a panel of the matrix, or the slices are too short.
func PackInt8(panels []uint8, scales []float32, rows []float32, row0, n, k int) {
	height := checkPanel(row0, n, k, len(rows))
	needPanels, needScales := PackedInt8Len(n, k)
	checkPacked(len(panels), needPanels, len(scales), needScales)
	groups, depth := QuantizedGroups(k), wholeParts(k)
	panel := panels[row0*depth:][:PanelRows*depth]
	scale := scales[row0*groups:][:PanelRows*groups]
	var q [PanelRows * Group]int8 // one group, row by row; rows from height on stay zero
	for g := range groups {
		length := min(Group, depth-g*Group)
		for r := range PanelRows {
			var s [1]float32
			var sums [SumsPerGroup]int32
			if r < height {
				quantizeRow(q[r*Group:][:Group], s[:], sums[:],
					rows[r*k+g*Group:r*k+min(k, (g+1)*Group)])
			}
			scale[g*PanelRows+r] = s[0]
		}
		block := panel[g*blockInt8:][:PanelRows*length]
		// Four bytes are one float to Transpose, which only moves them.
		Transpose(unsafe.Slice((*float32)(unsafe.Pointer(&block[0])), len(block)/4), PanelRows,
			unsafe.Slice((*float32)(unsafe.Pointer(&q[0])), len(q)/4), Group/4, PanelRows, length/4)
		for ; len(block) > 0; block = block[8:] {
			// + 128 each
			binary.LittleEndian.PutUint64(block,
				binary.LittleEndian.Uint64(block)^0x8080808080808080)
		}
	}
}

// UnpackInt8Row writes the weights of one row, as packed: w = scale · (byte - 128).
//
// Shapes: dst is [k]; panels and scales are those of the whole matrix of n rows of k elements.
//
// Panics if there is no such row or the slices are too short.
func UnpackInt8Row(dst []float32, panels []uint8, scales []float32, row, n, k int) {
	needPanels, needScales := PackedInt8Len(n, k)
	checkPacked(len(panels), needPanels, len(scales), needScales)
	checkRow(len(dst), row, n, k)
	groups := QuantizedGroups(k)
	p, r := row/PanelRows, row%PanelRows
	start := p*PanelRows*wholeParts(k) + 4*r
	for i := range k {
		s := scales[(p*groups+i/Group)*PanelRows+r]
		dst[i] = s * float32(int32(panels[start+i/4*4*PanelRows+i%4])-zeroByte)
	}
}

func panelsOf(n int) int { return (n + PanelRows - 1) / PanelRows }

// checkPanel panics unless row0 begins a panel of a matrix of n rows of k elements and its rows fit
// into length elements. It returns how many rows the panel has.
func checkPanel(row0, n, k, length int) int {
	if row0 < 0 || row0%PanelRows != 0 || row0 >= n {
		panic(badPanel)
	}
	height := min(PanelRows, n-row0)
	checkMatrix(length, k, height, k)
	return height
}

func checkPacked(panels, needPanels, scales, needScales int) {
	if panels < needPanels || scales < needScales {
		panic(badLength)
	}
}

func checkRow(length, row, n, k int) {
	if row < 0 || row >= n {
		panic(badPanel)
	}
	if length < k {
		panic(badLength)
	}
}

func bf16(x float32) uint16 {
	bits := math.Float32bits(x)
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}

func fromBF16(bits uint16) float32 { return math.Float32frombits(uint32(bits) << 16) }
