package rope

// Learned tables of positions, fitted to the grid of a picture: two kinds of interpolation, as
// terms along one axis, so that a tower adds rows of its table without an image library.

import "math"

// Tap is one term of an interpolation along one axis: an entry and its weight.
type Tap struct {
	At     int
	Weight float32
}

// Bilinear returns what place i of n is made of when a row of size entries is stretched so that its
// first and last entry lie on the first and last place.
//
// Source: transformers qwen3_vl, fast_pos_embed_interpolate.
func Bilinear(size, n, i int) []Tap {
	at := 0.0
	if n > 1 {
		at = float64(i) * float64(size-1) / float64(n-1)
	}
	lo := int(at)
	frac := float32(at - float64(lo))
	return []Tap{{lo, 1 - frac}, {min(lo+1, size-1), frac}}
}

// Bicubic returns what place i of n is made of by cubic convolution with a = -0.75 over four
// entries of a row of size, centers aligned and entries beyond the edge repeated.
//
// Source: torch, upsample_bicubic2d with align_corners false.
func Bicubic(size, n, i int) []Tap {
	if size == n {
		return []Tap{{i, 1}}
	}
	const a = -0.75
	at := (float64(i)+0.5)*float64(size)/float64(n) - 0.5
	lo := math.Floor(at)
	t := at - lo
	near := func(x float64) float64 { return ((a+2)*x-(a+3))*x*x + 1 }
	far := func(x float64) float64 { return ((a*x-5*a)*x+8*a)*x - 4*a }
	out := make([]Tap, 4)
	for k, w := range []float64{far(t + 1), near(t), near(1 - t), far(2 - t)} {
		out[k] = Tap{min(max(int(lo)-1+k, 0), size-1), float32(w)}
	}
	return out
}

// ResampleSquare fits a square table of size by size entries of width values to n by n entries by
// [Bicubic].
func ResampleSquare(table []float32, size, n, width int) []float32 {
	if size == n {
		return table
	}
	axis := make([][]Tap, n)
	for i := range axis {
		axis[i] = Bicubic(size, n, i)
	}
	out := make([]float32, n*n*width)
	for y := range n {
		for x := range n {
			AddTaps(out[(y*n+x)*width:(y*n+x+1)*width], table, size, axis[y], axis[x])
		}
	}
	return out
}

// AddTaps adds the interpolation of a table with cols columns, by taps over rows and columns, to
// dst.
func AddTaps(dst, table []float32, cols int, ys, xs []Tap) {
	for _, y := range ys {
		for _, x := range xs {
			w := y.Weight * x.Weight
			for i, v := range table[(y.At*cols+x.At)*len(dst):][:len(dst)] {
				dst[i] += w * v
			}
		}
	}
}
