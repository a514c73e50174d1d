package jpeg

// Components with fewer samples than the picture, brought to its size.

// upsampler is the way of one component.
type upsampler struct {
	way    int
	sx, sy int // samples of the picture to one of the component
}

const (
	upNone   = iota // as many samples as the picture
	upRepeat        // each sample sx by sy times
	upH2            // two in a row: 3/4 of the near one and 1/4 of the far one
	upV2            // the same between rows
	upH2V2          // both
)

// chooseUpsampling sets the ways.
//
// Source: libjpeg-turbo, jinit_upsampler.
func (d *decoder) chooseUpsampling() error {
	smooth := !d.lossless
	for i := range d.comps {
		c := &d.comps[i]
		if d.maxH%c.h != 0 || d.maxV%c.v != 0 {
			return UnsupportedError("sampling that is no whole part")
		}
		u := upsampler{upRepeat, d.maxH / c.h, d.maxV / c.v}
		switch {
		case u.sx == 1 && u.sy == 1:
			u.way = upNone
		case u.sx == 2 && u.sy == 1 && smooth && c.width > 2:
			u.way = upH2
		case u.sx == 1 && u.sy == 2 && smooth:
			u.way = upV2
		case u.sx == 2 && u.sy == 2 && smooth && c.width > 2:
			u.way = upH2V2
		}
		c.up = u
		d.out.context = d.out.context || u.way == upV2 || u.way == upH2V2
	}
	return nil
}

// row returns row y of the picture in component c, made in tmp if need be.
func (c *component) row(y int, tmp []uint8) []uint8 {
	near := y / c.up.sy
	switch c.up.way {
	case upNone:
		return c.rows.row(near)
	case upRepeat:
		repeat(tmp, c.rows.row(near)[:c.width], c.up.sx)
	case upH2:
		smoothH2(tmp, c.rows.row(near)[:c.width])
	default:
		far := min(max(near-1+2*(y&1), 0), c.height-1)
		a, b := c.rows.row(near)[:c.width], c.rows.row(far)[:c.width]
		if c.up.way == upV2 {
			smoothV2(tmp, a, b, uint32(1+y&1))
		} else {
			smoothH2V2(tmp, a, b)
		}
	}
	return tmp
}

func repeat(dst, src []uint8, n int) {
	if n == 1 {
		copy(dst, src)
		return
	}
	for x, v := range src {
		for i := range n {
			dst[n*x+i] = v
		}
	}
}

// smoothH2 doubles a row of three samples or more.
func smoothH2(dst, src []uint8) {
	n := len(src)
	dst[0], dst[1] = src[0], uint8((3*uint32(src[0])+uint32(src[1])+2)>>2)
	from := 1 + smoothH2Fast(dst, src)
	v, next := uint32(src[from-1]), uint32(src[from])
	for x := from + 1; x < n; x++ {
		last := v
		v, next = next, uint32(src[x])
		d := dst[2*x-2:][:2]
		d[0], d[1] = uint8((3*v+last+1)>>2), uint8((3*v+next+2)>>2)
	}
	dst[2*n-2], dst[2*n-1] = uint8((3*next+v+1)>>2), src[n-1]
}

func smoothV2(dst, near, far []uint8, bias uint32) {
	far = far[:len(near)]
	for x, v := range near {
		dst[x] = uint8((3*uint32(v) + uint32(far[x]) + bias) >> 2)
	}
}

// smoothH2V2 doubles a row of three samples or more, which is 3/4 of near and 1/4 of far.
func smoothH2V2(dst, near, far []uint8) {
	n := len(near)
	far = far[:n]
	sum := func(x int) uint32 { return 3*uint32(near[x]) + uint32(far[x]) }
	v, next := sum(0), sum(1)
	dst[0], dst[1] = uint8((4*v+8)>>4), uint8((3*v+next+7)>>4)
	from := 1 + smoothH2V2Fast(dst, near, far)
	v, next = sum(from-1), sum(from)
	for x := from + 1; x < n; x++ {
		last := v
		v, next = next, 3*uint32(near[x])+uint32(far[x])
		d := dst[2*x-2:][:2]
		d[0], d[1] = uint8((3*v+last+8)>>4), uint8((3*v+next+7)>>4)
	}
	dst[2*n-2], dst[2*n-1] = uint8((3*next+v+8)>>4), uint8((4*next+7)>>4)
}
