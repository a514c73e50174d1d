package kernel

// MatMulInt8 multiplies m quantised rows by panels of 8-bit weights:
//
//	y[r*ldy+c-32*panel0] = Σ_g fma(float32(Σ_i q[r,i]·(w[c,i]-128)) · qscale[r,g], scales[g,c], …)    i in group g
//
// for the columns c of the panels panel0..panel0+count-1, where c is below n. The sums within a group are exact; the
// groups are added one after the other, from 0, each with one fused multiply-add. So the bits of an element depend only on
// its row and its column, and are the same on every instruction set.
//
// Shapes: q, qscale and sums are m rows as [QuantizeRows] with GroupInt8 leaves them; panels and scales are the whole
// matrix of n rows of k elements as [PackInt8] leaves it; y is [m, the panels' rows] with rows ldy apart: its first column
// is that of the first panel.
//
// Panics if there are no such panels or the slices are too short for their shapes.
func MatMulInt8(y []float32, ldy int, q []int8, qscale []float32, sums []int32, m int, panels []uint8, scales []float32, panel0, count, n, k int) {
	checkQuantized(q, qscale, sums, m, k, GroupInt8)
	needPanels, needScales := PackedInt8Len(n, k)
	checkPacked(len(panels), needPanels, len(scales), needScales)
	if checkProduct(len(y), ldy, m, panel0, count, n) {
		p := packed{bytes: panels, f32: scales, group: GroupInt8, groups: groupsOf(k, GroupInt8)}
		matMulPacked(y, ldy, quantized{q, qscale, sums, QuantizedStride(k, GroupInt8)}, m, p.from(panel0), 0, count, n-panel0*PanelRows)
	}
}

// MatMulInt4 is [MatMulInt8] for 4-bit weights as [PackInt4] leaves them, and rows quantised in groups of GroupInt4.
func MatMulInt4(y []float32, ldy int, q []int8, qscale []float32, sums []int32, m int, panels []uint8, scales []uint16, panel0, count, n, k int) {
	checkQuantized(q, qscale, sums, m, k, GroupInt4)
	needPanels, needScales := PackedInt4Len(n, k)
	checkPacked(len(panels), needPanels, len(scales), needScales)
	if checkProduct(len(y), ldy, m, panel0, count, n) {
		p := packed{bytes: panels, bf16: scales, group: GroupInt4, groups: groupsOf(k, GroupInt4)}
		matMulPacked(y, ldy, quantized{q, qscale, sums, QuantizedStride(k, GroupInt4)}, m, p.from(panel0), 0, count, n-panel0*PanelRows)
	}
}

// checkProduct panics if y or the panels do not fit, and reports whether there is anything to do.
func checkProduct(lenY, ldy, m, panel0, count, n int) bool {
	if panel0 < 0 || count < 0 || panel0 > panelsOf(n)-count {
		panic(badPanel)
	}
	checkMatrix(lenY, ldy, m, max(0, min(count*PanelRows, n-panel0*PanelRows)))
	return m > 0 && count > 0
}

// quantized is rows of activations; scales and sums have one value per row and group.
type quantized struct {
	q      []int8
	scale  []float32
	sums   []int32
	stride int
}

// packed is a weight matrix in panels: of 8 bits with scales in f32, or of 4 bits with scales in bf16.
type packed struct {
	bytes         []uint8
	f32           []float32
	bf16          []uint16
	group, groups int // elements in one, and how many along k
}

// from returns the panels from one on.
func (p packed) from(panel int) packed {
	at := panel * p.groups
	p.bytes = p.bytes[at*p.blockBytes():]
	if p.group == GroupInt4 {
		p.bf16 = p.bf16[at*PanelRows:]
	} else {
		p.f32 = p.f32[at*PanelRows:]
	}
	return p
}

// blockBytes is the size of one group of a panel.
func (p packed) blockBytes() int {
	if p.group == GroupInt4 {
		return blockInt4
	}
	return PanelRows * GroupInt8
}

// unpack writes group g of a panel in the layout of int8, and its scales.
func (p packed) unpack(dst *[PanelRows * GroupInt8]uint8, scale *[PanelRows]float32, panel, g int) {
	at := panel*p.groups + g
	block := p.bytes[at*p.blockBytes():][:p.blockBytes()]
	if p.group == GroupInt8 {
		copy(dst[:], block)
		copy(scale[:], p.f32[at*PanelRows:])
		return
	}
	for i := 0; i < len(block); i += 128 {
		for j, b := range block[i:][:128] {
			dst[2*i+j] = b & 15
			dst[2*i+128+j] = b >> 4
		}
	}
	for c := range scale {
		scale[c] = fromBF16(p.bf16[at*PanelRows+c])
	}
}

// matMulPackedGo is the reference for the quantised products.
func matMulPackedGo(y []float32, ldy int, x quantized, m int, p packed, panel0, count, n int) {
	var block [PanelRows * GroupInt8]uint8
	var scale [PanelRows]float32
	for panel := panel0; panel < panel0+count; panel++ {
		c0 := panel * PanelRows
		width := min(PanelRows, n-c0)
		if p.groups == 0 {
			for r := range m {
				clear(y[r*ldy+c0:][:width])
			}
		}
		for g := range p.groups {
			p.unpack(&block, &scale, panel, g)
			for r := range m {
				var sum [PanelRows]int32
				for c := range sum {
					sum[c] = x.sums[r*p.groups+g]
				}
				addProducts(&sum, x.q[r*x.stride+g*p.group:][:p.group], block[:])
				out := y[r*ldy+c0:][:width]
				if g == 0 {
					clear(out)
				}
				rowScale := x.scale[r*p.groups+g]
				for c := range out {
					out[c] = fma32(float32(float32(sum[c])*rowScale), scale[c], out[c])
				}
			}
		}
	}
}

// addProducts adds the products of one row and one block of a panel, four elements of k at a time.
func addProducts(sum *[PanelRows]int32, q []int8, block []uint8) {
	for len(q) >= 4 && len(block) >= 4*PanelRows {
		q0, q1, q2, q3 := int32(q[0]), int32(q[1]), int32(q[2]), int32(q[3])
		step := (*[4 * PanelRows]uint8)(block)
		for c := range sum {
			w := step[4*c:][:4:4]
			sum[c] += q0*int32(w[0]) + q1*int32(w[1]) + q2*int32(w[2]) + q3*int32(w[3])
		}
		q, block = q[4:], block[4*PanelRows:]
	}
}
