package kernel

// Products with weights packed to 8 or 4 bits: what other packages call, and the reference, whose
// bits every instruction set gives. pack_int8.go and pack_int4.go are the layouts, quantize.go
// makes the rows, outlier.go adds what rows have taken out.

// MatMulInt8 multiplies m quantized rows by panels of 8-bit weights:
//
//	y[r*ldy+c-32*panel0] = Σ_g fma(float32(Σ_i q[r,i]·(w[c,i]-128)) · qscale[r,g], scales[g,c], …)    i in group g
//
// for the columns c of the panels panel0..panel0+count-1, where c is below n. The sums within a
// group are exact; the groups are added one after the other, from 0, each with one fused
// multiply-add. So the bits of an element depend only on its row and its column, and are the same
// on every instruction set.
//
// Shapes: q, qscale and sums are m rows as [QuantizeRows] leaves them; panels and scales are the
// whole matrix of n rows of k elements as [PackInt8] leaves it; y is [m, the panels' rows] with
// rows ldy apart: its first column is that of the first panel.
//
// Panics if there are no such panels or the slices are too short for their shapes.
func MatMulInt8(y []float32, ldy int, q []int8, qscale []float32, sums []int32, m int,
	panels []uint8, scales []float32, panel0, count, n, k int) {
	checkQuantized(q, qscale, sums, m, k)
	p := newPackedInt8(panels, scales, n, k)
	if checkProduct(len(y), ldy, m, panel0, count, n) {
		matMulPacked(y, ldy, quantized{q, qscale, sums, QuantizedStride(k)}, m, p.from(panel0), 0,
			count, n-panel0*PanelRows)
	}
}

// MatMulInt4 is [MatMulInt8] for 4-bit weights as [PackInt4] leaves them: w[c,i]-128 is the step
// times the half byte less the zero.
func MatMulInt4(y []float32, ldy int, q []int8, qscale []float32, sums []int32, m int,
	panels []uint8, scales []uint16, panel0, count, n, k int) {
	checkQuantized(q, qscale, sums, m, k)
	p := newPackedInt4(panels, scales, n, k)
	if checkProduct(len(y), ldy, m, panel0, count, n) {
		matMulPacked(y, ldy, quantized{q, qscale, sums, QuantizedStride(k)}, m, p.from(panel0), 0,
			count, n-panel0*PanelRows)
	}
}

// TileRows returns how many rows products of many rows are best cut into multiples of.
func TileRows() int { return tileRows() }

// checkProduct panics if y or the panels do not fit, and reports whether there is anything to do.
func checkProduct(lenY, ldy, m, panel0, count, n int) bool {
	if panel0 < 0 || count < 0 || panel0 > panelsOf(n)-count {
		panic(badPanel)
	}
	checkMatrix(lenY, ldy, m, max(0, min(count*PanelRows, n-panel0*PanelRows)))
	return m > 0 && count > 0
}

// quantized is rows of activations; per row and group, scale has one value and sums have
// SumsPerGroup.
type quantized struct {
	q      []int8
	scale  []float32
	sums   []int32
	stride int
}

// packed is a weight matrix in panels: of 8 bits with scales in f32, or of 4 bits with scales in
// bf16.
type packed struct {
	bytes      []uint8
	f32        []float32
	bf16       []uint16
	int4       bool
	depth      int // k rounded up to whole parts
	groups     int // along k
	panelBytes int
}

func newPackedInt8(panels []uint8, scales []float32, n, k int) packed {
	needPanels, needScales := PackedInt8Len(n, k)
	checkPacked(len(panels), needPanels, len(scales), needScales)
	return packed{bytes: panels, f32: scales, depth: wholeParts(k), groups: QuantizedGroups(k),
		panelBytes: PanelRows * wholeParts(k)}
}

func newPackedInt4(panels []uint8, scales []uint16, n, k int) packed {
	needPanels, needScales := PackedInt4Len(n, k)
	checkPacked(len(panels), needPanels, len(scales), needScales)
	return packed{bytes: panels, bf16: scales, int4: true, depth: wholeParts(k),
		groups: QuantizedGroups(k), panelBytes: int4PanelBytes(k)}
}

// from returns the panels from one on.
func (p packed) from(panel int) packed {
	p.bytes = p.bytes[panel*p.panelBytes:]
	if p.int4 {
		p.bf16 = p.bf16[panel*p.groups*PanelRows:]
	} else {
		p.f32 = p.f32[panel*p.groups*PanelRows:]
	}
	return p
}

// length is the elements of k in group g.
func (p packed) length(g int) int { return min(Group, p.depth-g*Group) }

// blockBytes is the size of a whole group of a panel of weights of 4 or 8 bits.
func blockBytes(int4 bool) int {
	if int4 {
		return blockInt4
	}
	return blockInt8
}

// block returns group g of a panel and what follows.
func (p packed) block(panel, g int) []uint8 {
	return p.bytes[panel*p.panelBytes+g*blockBytes(p.int4):]
}

// unpack writes group g of a panel in the layout of int8, and its scales.
func (p packed) unpack(dst *[blockInt8]uint8, scale *[PanelRows]float32, panel, g int) {
	at := (panel*p.groups + g) * PanelRows
	if !p.int4 {
		copy(dst[:PanelRows*p.length(g)], p.block(panel, g))
		copy(scale[:], p.f32[at:])
		return
	}
	unpackInt4Go(dst[:PanelRows*p.length(g)], p.block(panel, g))
	for c := range scale {
		scale[c] = fromBF16(p.bf16[at+c])
	}
}

// unpackInt4Go writes a group of a panel of int4, as long as dst, in the layout of int8.
func unpackInt4Go(dst, block []uint8) {
	steps, halves := block[:stepBytes], block[stepBytes:]
	for ; len(dst) > 0; dst, steps, halves = dst[PanelRows*part:], steps[PanelRows:], halves[PanelRows*part/2:] {
		var step, offset [4 * PanelRows]uint8
		for i := range step {
			sz := steps[i/4]
			step[i], offset[i] = sz&15, zeroByte-sz&15*(sz>>4)
		}
		for i := 0; i < PanelRows*part/2; i += len(step) {
			low, high := (*[4 * PanelRows]uint8)(dst[2*i:]),
				(*[4 * PanelRows]uint8)(dst[2*i+len(step):])
			for j, b := range (*[4 * PanelRows]uint8)(halves[i:]) {
				low[j], high[j] = offset[j]+step[j]*(b&15), offset[j]+step[j]*(b>>4)
			}
		}
	}
}

// matMulPackedGo is the reference for the quantized products.
func matMulPackedGo(y []float32, ldy int, x quantized, m int, p packed, panel0, count, n int) {
	var block [blockInt8]uint8
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
					sum[c] = x.sums[(r*p.groups+g)*SumsPerGroup]
				}
				addProducts(&sum, x.q[r*x.stride+g*Group:][:p.length(g)], block[:])
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
