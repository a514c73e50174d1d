package jpeg

// The inverse transform: libjpeg-turbo's slow integer one, which is its default.
//
// Its form for vector units keeps 16 bits between the two passes, its form in C more. They differ
// where damage makes values that no picture has; here the former counts, as on the machines that
// Pillow mostly runs on. Such blocks are rare and have a function of their own (idctNarrow).

// Fixed-point constants of 13 bits. Source: C. Loeffler, A. Ligtenberg and G. Moschytz, "Practical
// fast 1-D DCT algorithms with 11 multiplications", 1989, as libjpeg rounds them.
const (
	fix0298 = 2446
	fix0390 = 3196
	fix0541 = 4433
	fix0765 = 6270
	fix0899 = 7373
	fix1175 = 9633
	fix1501 = 12299
	fix1847 = 15137
	fix1961 = 16069
	fix2053 = 16819
	fix2562 = 20995
	fix3072 = 25172
)

// safeSum bounds the sum of dequantized magnitudes under which no step leaves 16 bits: an output of
// the first pass is at most the sum times 1.39, times 4.
const safeSum = 5800

// quantTable is a quantization table in natural order.
type quantTable struct {
	q   [64]int16
	raw [64]uint16
	top [64]int32 // largest magnitude at or before each place of the zigzag
}

func newQuantTable(q *[64]uint16) *quantTable {
	t, top := &quantTable{raw: *q}, int32(0)
	for k, at := range natural[:64] {
		t.q[at] = int16(q[at])
		top = max(top, int32(t.q[at]), -int32(t.q[at]))
		t.top[k] = top
	}
	return t
}

// clamp8 brings v, which is centered on 0, to a sample.
func clamp8(v int32) uint8 {
	if v += 128; uint32(v) > 255 {
		return uint8(^v >> 31)
	}
	return uint8(v)
}

// idct writes the 8x8 samples of a block.
func idct(dst []uint8, stride int, b *block, t *quantTable) {
	if b.last == 0 {
		v := clamp8((int32(b.c[0]*t.q[0]<<2) + 16) >> 5)
		for y := range 8 {
			d := dst[y*stride:][:8]
			d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7] = v, v, v, v, v, v, v, v
		}
		return
	}
	if idctFast(dst, stride, b, t) {
		return
	}
	dc := int64(b.c[0]) * int64(t.q[0])
	if int64(b.sum)*int64(t.top[min(b.last, 63)])+max(dc, -dc) > safeSum && !b.safe(t) {
		idctNarrow(dst, stride, b, t)
		return
	}
	if b.last < 10 {
		idct4(dst, stride, b, t)
		return
	}
	idct8(dst, stride, b, t)
}

// safe reports whether the block's magnitudes are within safeSum.
func (b *block) safe(t *quantTable) bool {
	sum := int64(0)
	for i, v := range b.c {
		w := int64(v) * int64(t.q[i])
		sum += max(w, -w)
	}
	return sum <= safeSum
}

// measure sets last and sum of a block whose coefficients came over several scans.
func (b *block) measure() {
	last, sum := 63, int32(0)
	for last > 0 && b.c[natural[last]&63] == 0 {
		last--
	}
	for k := 1; k <= last; k++ {
		v := int32(b.c[natural[k&63]&63])
		sum += max(v, -v)
	}
	b.last, b.sum = int32(last), sum
}

// idct8 is the whole transform: columns, then rows.
func idct8(dst []uint8, stride int, b *block, t *quantTable) {
	var ws [64]int32
	for c := range 8 {
		i1, i2, i3 := int32(b.c[8+c]), int32(b.c[16+c]), int32(b.c[24+c])
		i4, i5, i6, i7 := int32(b.c[32+c]), int32(b.c[40+c]), int32(b.c[48+c]), int32(b.c[56+c])
		i0 := int32(b.c[c]) * int32(t.q[c])
		if i1|i2|i3|i4|i5|i6|i7 == 0 {
			i0 <<= 2
			ws[c], ws[8+c], ws[16+c], ws[24+c] = i0, i0, i0, i0
			ws[32+c], ws[40+c], ws[48+c], ws[56+c] = i0, i0, i0, i0
			continue
		}
		i1, i2, i3 = i1*int32(t.q[8+c]), i2*int32(t.q[16+c]), i3*int32(t.q[24+c])
		i4, i5 = i4*int32(t.q[32+c]), i5*int32(t.q[40+c])
		i6, i7 = i6*int32(t.q[48+c]), i7*int32(t.q[56+c])

		z1 := (i2 + i6) * fix0541
		e2, e3 := z1-i6*fix1847, z1+i2*fix0765
		e0, e1 := (i0+i4)<<13+1<<10, (i0-i4)<<13+1<<10
		a0, a3, a1, a2 := e0+e3, e0-e3, e1+e2, e1-e2

		z5 := (i7 + i3 + i5 + i1) * fix1175
		z3, z4 := z5-(i7+i3)*fix1961, z5-(i5+i1)*fix0390
		z1, z2 := -(i7+i1)*fix0899, -(i5+i3)*fix2562
		o0, o1 := i7*fix0298+z1+z3, i5*fix2053+z2+z4
		o2, o3 := i3*fix3072+z2+z3, i1*fix1501+z1+z4

		ws[c], ws[56+c] = (a0+o3)>>11, (a0-o3)>>11
		ws[8+c], ws[48+c] = (a1+o2)>>11, (a1-o2)>>11
		ws[16+c], ws[40+c] = (a2+o1)>>11, (a2-o1)>>11
		ws[24+c], ws[32+c] = (a3+o0)>>11, (a3-o0)>>11
	}
	for y := range 8 {
		w := ws[8*y&63:][:8]
		i0, i1, i2, i3, i4, i5, i6, i7 := w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]

		z1 := (i2 + i6) * fix0541
		e2, e3 := z1-i6*fix1847, z1+i2*fix0765
		e0, e1 := (i0+i4)<<13+1<<17, (i0-i4)<<13+1<<17
		a0, a3, a1, a2 := e0+e3, e0-e3, e1+e2, e1-e2

		z5 := (i7 + i3 + i5 + i1) * fix1175
		z3, z4 := z5-(i7+i3)*fix1961, z5-(i5+i1)*fix0390
		z1, z2 := -(i7+i1)*fix0899, -(i5+i3)*fix2562
		o0, o1 := i7*fix0298+z1+z3, i5*fix2053+z2+z4
		o2, o3 := i3*fix3072+z2+z3, i1*fix1501+z1+z4

		d := dst[y*stride:][:8]
		d[0], d[7] = clamp8((a0+o3)>>18), clamp8((a0-o3)>>18)
		d[1], d[6] = clamp8((a1+o2)>>18), clamp8((a1-o2)>>18)
		d[2], d[5] = clamp8((a2+o1)>>18), clamp8((a2-o1)>>18)
		d[3], d[4] = clamp8((a3+o0)>>18), clamp8((a3-o0)>>18)
	}
}

// idct4 is idct8 for blocks whose coefficients lie within the first four columns and rows.
func idct4(dst []uint8, stride int, b *block, t *quantTable) {
	var ws [32]int32 // four columns
	for c := range 4 {
		i1, i2, i3 := int32(b.c[8+c]), int32(b.c[16+c]), int32(b.c[24+c])
		i0 := int32(b.c[c]) * int32(t.q[c])
		if i1|i2|i3 == 0 {
			i0 <<= 2
			ws[c], ws[4+c], ws[8+c], ws[12+c] = i0, i0, i0, i0
			ws[16+c], ws[20+c], ws[24+c], ws[28+c] = i0, i0, i0, i0
			continue
		}
		i1, i2, i3 = i1*int32(t.q[8+c]), i2*int32(t.q[16+c]), i3*int32(t.q[24+c])
		a0, a1, a2, a3, o0, o1, o2, o3 := half(i0, i1, i2, i3, 1<<10)
		ws[c], ws[28+c] = (a0+o3)>>11, (a0-o3)>>11
		ws[4+c], ws[24+c] = (a1+o2)>>11, (a1-o2)>>11
		ws[8+c], ws[20+c] = (a2+o1)>>11, (a2-o1)>>11
		ws[12+c], ws[16+c] = (a3+o0)>>11, (a3-o0)>>11
	}
	for y := range 8 {
		w := ws[4*y&31:][:4]
		a0, a1, a2, a3, o0, o1, o2, o3 := half(w[0], w[1], w[2], w[3], 1<<17)
		d := dst[y*stride:][:8]
		d[0], d[7] = clamp8((a0+o3)>>18), clamp8((a0-o3)>>18)
		d[1], d[6] = clamp8((a1+o2)>>18), clamp8((a1-o2)>>18)
		d[2], d[5] = clamp8((a2+o1)>>18), clamp8((a2-o1)>>18)
		d[3], d[4] = clamp8((a3+o0)>>18), clamp8((a3-o0)>>18)
	}
}

// half gives the even and the odd part of a transform of four coefficients, the rest being 0.
func half(i0, i1, i2, i3, round int32) (a0, a1, a2, a3, o0, o1, o2, o3 int32) {
	e := i0<<13 + round
	e2, e3 := i2*fix0541, i2*(fix0541+fix0765)
	z5 := (i3 + i1) * fix1175
	z3, z4 := z5-i3*fix1961, z5-i1*fix0390
	z1, z2 := i1*fix0899, i3*fix2562
	return e + e3, e + e2, e - e2, e - e3, z3 - z1, z4 - z2, i3*fix3072 - z2 + z3, i1*fix1501 - z1 + z4
}

// idctNarrow is idct8 with the widths of the vector form: products and sums of 16 bits wrap, the
// results of each pass saturate.
func idctNarrow(dst []uint8, stride int, b *block, t *quantTable) {
	var in, ws [64]int16
	rest := int16(0)
	for i, v := range b.c {
		in[i] = v * t.q[i]
		if i >= 8 {
			rest |= v
		}
	}
	if rest == 0 { // one row of coefficients: it is shifted, not transformed
		for i := range ws {
			ws[i] = in[i&7] << 2
		}
	} else {
		for c := range 8 {
			var v [8]int16
			for y := range v {
				v[y] = in[8*y+c]
			}
			for y, w := range narrow(&v, 11) {
				ws[8*y+c] = w
			}
		}
	}
	for y := range 8 {
		for x, w := range narrow((*[8]int16)(ws[8*y:]), 18) {
			dst[y*stride+x] = clamp8(int32(w))
		}
	}
}

func narrow(v *[8]int16, shift uint) (out [8]int16) {
	wide := func(v int16, c int32) int32 { return int32(v) * c }
	e2 := wide(v[2], fix0541) + wide(v[6], fix0541-fix1847)
	e3 := wide(v[2], fix0541+fix0765) + wide(v[6], fix0541)
	e0, e1 := int32(v[0]+v[4])<<13, int32(v[0]-v[4])<<13
	a := [4]int32{e0 + e3, e1 + e2, e1 - e2, e0 - e3}
	s3, s4 := v[7]+v[3], v[5]+v[1]
	z3 := wide(s3, fix1175-fix1961) + wide(s4, fix1175)
	z4 := wide(s3, fix1175) + wide(s4, fix1175-fix0390)
	o := [4]int32{
		wide(v[7], -fix0899) + wide(v[1], fix1501-fix0899) + z4,
		wide(v[5], -fix2562) + wide(v[3], fix3072-fix2562) + z3,
		wide(v[5], fix2053-fix2562) + wide(v[3], -fix2562) + z4,
		wide(v[7], fix0298-fix0899) + wide(v[1], -fix0899) + z3,
	}
	for i := range 4 {
		out[i] = saturate((a[i] + o[i] + 1<<(shift-1)) >> shift)
		out[7-i] = saturate((a[i] - o[i] + 1<<(shift-1)) >> shift)
	}
	return out
}

func saturate(v int32) int16 { return int16(min(max(v, -1<<15), 1<<15-1)) }
