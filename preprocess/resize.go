package preprocess

// Pillow's bicubic, byte for byte: fixed-point coefficients, one pass along rows and one along
// columns over a ring of rows. The towers were trained on its rounding, so the order of passes and
// every shift is part of the format.

import "math"

// Resize scales a picture to w×h with the BICUBIC of Pillow 13 (a = -0.5, antialiased when
// shrinking), equal byte for byte: coefficients in 22-bit fixed point, each pass rounded to 8 bits
// and left out when that side does not change. The result never aliases src.
//
// The horizontal pass goes first, unless the height shrinks by more than twice what the width does;
// the order shows in the rounding. (Older Pillow always went horizontally first.) Rows are passed
// on as they are made, so that no second picture is held.
// Panics when w or h is below 1, or src is inconsistent.
// Source: Pillow 13.0.0, libImaging/Resample.c.
func Resize(src *Image, w, h int) *Image {
	src.check()
	dst := NewImage(w, h)
	dst.Indexed, dst.Pad = src.Indexed, src.Pad
	var rows, cols *taps
	if w != src.Width {
		cols = bicubicTaps(src.Width, w)
	}
	if h != src.Height {
		rows = bicubicTaps(src.Height, h)
	}
	switch less := src.Height - h; {
	case rows == nil && cols == nil:
		copy(dst.Pix, src.Pix)
	case rows == nil:
		for y := range h {
			cols.alongRow(dst.row(y), src.row(y))
		}
	case cols == nil || less > 0 && less > 2*(src.Width-w):
		verticalFirst(dst, src, rows, cols)
	default:
		horizontalFirst(dst, src, rows, cols)
	}
	return dst
}

func (m *Image) row(y int) []uint8 { return m.Pix[3*m.Width*y:][:3*m.Width] }

// horizontalFirst runs the vertical pass over a ring of rows that went through the horizontal one.
func horizontalFirst(dst, src *Image, rows, cols *taps) {
	ring := make([][]uint8, min(rows.size, src.Height))
	for i := range ring {
		ring[i] = make([]uint8, 3*dst.Width)
	}
	sums := make([]int32, 3*dst.Width)
	span := make([][]uint8, 0, len(ring))
	ready := 0 // source rows below this one are done
	for y := range dst.Height {
		first, k := rows.at(y)
		for ready = max(ready, first); ready < first+len(k); ready++ {
			cols.alongRow(ring[ready%len(ring)], src.row(ready))
		}
		span = span[:0]
		for i := range k {
			span = append(span, ring[(first+i)%len(ring)])
		}
		sumRows(dst.row(y), sums, span, k)
	}
}

// verticalFirst makes one row at a time and sends it through the horizontal pass, if there is one.
func verticalFirst(dst, src *Image, rows, cols *taps) {
	sums, made := make([]int32, 3*src.Width), make([]uint8, 3*src.Width)
	span := make([][]uint8, 0, min(rows.size, src.Height))
	for y := range dst.Height {
		first, k := rows.at(y)
		span = span[:0]
		for i := range k {
			span = append(span, src.row(first+i))
		}
		if cols == nil {
			sumRows(dst.row(y), sums, span, k)
			continue
		}
		sumRows(made, sums, span, k)
		cols.alongRow(dst.row(y), made)
	}
}

const (
	tapBits = 32 - 8 - 2 // fraction bits of a coefficient: 8 bits of sample, 2 of headroom
	tapHalf = 1 << (tapBits - 1)
)

// taps holds, for each output position, the first input position and the coefficients from there
// on.
type taps struct {
	size   int
	first  []int32
	count  []int32
	coeffs []int32 // [positions, size]
}

func (t *taps) at(i int) (int, []int32) {
	return int(t.first[i]), t.coeffs[i*t.size:][:t.count[i]]
}

// bicubicTaps computes the coefficients in float64, in the reference's order of operations. The
// conversions keep the compiler from fusing a product with a sum, which would round differently on
// some machines.
func bicubicTaps(in, out int) *taps {
	scale := float64(in) / float64(out)
	stretch := max(scale, 1)
	support := 2 * stretch
	t := &taps{size: int(math.Ceil(support))*2 + 1}
	t.first, t.count = make([]int32, out), make([]int32, out)
	t.coeffs = make([]int32, out*t.size)
	inv := 1 / stretch
	k := make([]float64, t.size)
	for i := range out {
		center := float64((float64(i) + 0.5) * scale)
		lo := max(int(center-support+0.5), 0)
		n := min(int(center+support+0.5), in) - lo
		sum := 0.0
		for x := range n {
			k[x] = cubic(float64((float64(x+lo) - center + 0.5) * inv))
			sum += k[x]
		}
		t.first[i], t.count[i] = int32(lo), int32(n)
		for x := range n {
			v := k[x]
			if sum != 0 {
				v /= sum
			}
			v = float64(v * (1 << tapBits))
			if v < 0 {
				v -= 0.5
			} else {
				v += 0.5
			}
			t.coeffs[i*t.size+x] = int32(v)
		}
	}
	return t
}

// cubic is the convolution kernel of Keys with a = -0.5.
func cubic(x float64) float64 {
	const a = -0.5
	x = math.Abs(x)
	if x < 1 {
		return float64(float64(float64(float64((a+2)*x)-(a+3))*x)*x) + 1
	}
	if x < 2 {
		return float64(float64(float64(float64(float64(float64(x-5)*x)+8)*x)-4) * a)
	}
	return 0
}

// alongRow filters one row of RGB pixels. Shapes: dst is [3·positions], src [3·inputs].
func (t *taps) alongRow(dst, src []uint8) {
	for i := range t.first {
		first, k := t.at(i)
		s := src[3*first:][:3*len(k)]
		r, g, b := int32(tapHalf), int32(tapHalf), int32(tapHalf)
		for j, c := range k {
			p := s[3*j : 3*j+3 : 3*j+3]
			r += int32(p[0]) * c
			g += int32(p[1]) * c
			b += int32(p[2]) * c
		}
		d := dst[3*i : 3*i+3 : 3*i+3]
		d[0], d[1], d[2] = clamp(r>>tapBits), clamp(g>>tapBits), clamp(b>>tapBits)
	}
}

// sumRows writes clamp(sum over i of rows[i]·k[i]) to dst, four rows at a time to spare loads of
// the sums.
func sumRows(dst []uint8, sums []int32, rows [][]uint8, k []int32) {
	sums = sums[:len(dst)]
	for i := range sums {
		sums[i] = tapHalf
	}
	for ; len(rows) >= 4; rows, k = rows[4:], k[4:] {
		r0, r1, r2, r3 := rows[0][:len(sums)], rows[1][:len(sums)], rows[2][:len(sums)], rows[3][:len(sums)]
		k0, k1, k2, k3 := k[0], k[1], k[2], k[3]
		for i := range sums {
			sums[i] += int32(r0[i])*k0 + int32(r1[i])*k1 + int32(r2[i])*k2 + int32(r3[i])*k3
		}
	}
	for j, row := range rows {
		row, c := row[:len(sums)], k[j]
		for i := range sums {
			sums[i] += int32(row[i]) * c
		}
	}
	for i, v := range sums {
		dst[i] = clamp(v >> tapBits)
	}
}

// resizeNearest scales as Pillow does for palettes and single bits: the input position is summed up
// step by step.
//
// Source: Pillow, libImaging/Geometry.c, ImagingScaleAffine.
func resizeNearest(src *Image, w, h int) *Image {
	src.check()
	dst := NewImage(w, h)
	dst.Indexed, dst.Pad = src.Indexed, src.Pad
	positions := func(in, out int) []int {
		step := float64(in) / float64(out)
		p, at := make([]int, out), float64(step*0.5)
		for i := range p {
			p[i] = min(int(at), in-1)
			at += step
		}
		return p
	}
	xs := positions(src.Width, w)
	for y, sy := range positions(src.Height, h) {
		from, to := src.row(sy), dst.row(y)
		for x, sx := range xs {
			copy(to[3*x:3*x+3], from[3*sx:3*sx+3])
		}
	}
	return dst
}
