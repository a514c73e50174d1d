package jpeg

// Colors: which space a file is in, and rows of components to rows of what Decode returns.

// colorSpace is what the components of a file are.
type colorSpace int

const (
	gray colorSpace = iota
	rgb
	ycc
	cmyk
	ycck
)

// chooseColors guesses the space by the number of components and by what JFIF, Adobe and the
// components' names say.
//
// Source: libjpeg-turbo, default_decompress_parms.
func (d *decoder) chooseColors() error {
	switch len(d.comps) {
	case 1:
		d.colors = gray
	case 3:
		ids := [3]uint8{d.comps[0].id, d.comps[1].id, d.comps[2].id}
		switch {
		case d.jfif:
			d.colors = ycc
		case d.adobe && d.transform == 0:
			d.colors = rgb
		case d.adobe:
			d.colors = ycc
		case ids == [3]uint8{'R', 'G', 'B'}, d.lossless:
			d.colors = rgb
		default:
			d.colors = ycc
		}
		if d.lossless && d.colors != rgb {
			return UnsupportedError("lossless coding of other colors than RGB")
		}
	case 4:
		d.colors = cmyk
		if d.adobe && d.transform != 0 {
			d.colors = ycck
		}
		if d.lossless && d.colors != cmyk {
			return UnsupportedError("lossless coding of YCCK")
		}
	default:
		return UnsupportedError("other than 1, 3 or 4 components")
	}
	return nil
}

// Fixed-point terms of the conversion, by the chroma sample.
//
// Source: T.871, clause 7, in 16-bit fixed point as libjpeg rounds it.
var (
	redOfCr, blueOfCb    [256]int32
	greenOfCb, greenOfCr [256]int32
	// clip has for v+256 of -256..767 the sample that v is cut to.
	clip [1024]uint8
)

func init() {
	for i := range 256 {
		x := int32(i) - 128
		redOfCr[i], blueOfCb[i] = (91881*x+1<<15)>>16, (116130*x+1<<15)>>16
		greenOfCb[i], greenOfCr[i] = -22554*x+1<<15, -46802*x
	}
	for i := range clip {
		clip[i] = uint8(min(max(i-256, 0), 255))
	}
}

// convertYCC writes R, G, B of each pixel, n bytes apart.
func convertYCC(dst []uint8, n int, luma, cb, cr []uint8) {
	if n == 3 {
		done := yccFast(dst, luma, cb, cr)
		dst, luma, cb, cr = dst[3*done:], luma[done:], cb[done:], cr[done:]
	}
	cb, cr = cb[:len(luma)], cr[:len(luma)]
	for x, l := range luma {
		y, u, v := int32(l)+256, cb[x], cr[x]
		d := dst[n*x:][:3]
		d[0] = clip[uint32(y+redOfCr[v])&1023]
		d[1] = clip[uint32(y+(greenOfCb[u]+greenOfCr[v])>>16)&1023]
		d[2] = clip[uint32(y+blueOfCb[u])&1023]
	}
}

// convert writes one row of the result. Four components are stored inverted: Pillow takes Adobe's
// convention for granted.
func (d *decoder) convert(dst []uint8, row [][]uint8) {
	w := d.width
	switch d.colors {
	case gray:
		for x, v := range row[0][:w] {
			p := dst[3*x:][:3]
			p[0], p[1], p[2] = v, v, v
		}
	case rgb:
		r, g, b := row[0][:w], row[1][:w], row[2][:w]
		for x := range r {
			p := dst[3*x:][:3]
			p[0], p[1], p[2] = r[x], g[x], b[x]
		}
	case ycc:
		convertYCC(dst, 3, row[0][:w], row[1], row[2])
	case ycck: // the inverse of RGB is stored as CMY, and inverted again
		convertYCC(dst, 4, row[0][:w], row[1], row[2])
		for x, k := range row[3][:w] {
			dst[4*x+3] = 255 - k
		}
	case cmyk:
		for c, r := range row {
			for x, v := range r[:w] {
				dst[4*x+c] = 255 - v
			}
		}
	}
}
