package preprocess

// The planes of a lossy WebP to RGB, as libwebp does. ycc.go is the same for JPEG, whose range and
// filter are others.

import "image"

// convertWebP converts the planes of a lossy WebP: 4:2:0 upsampled by libwebp's filter, then
// studio-range BT.601. alpha is nil or [h, stride].
//
// Source: libwebp, dsp/upsampling.c (WebPUpsampleLinePairFunc) and dsp/yuv.h.
func convertWebP(m *image.YCbCr, alpha []uint8, stride int, mode AlphaMode) *Image {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	dst := NewImage(w, h)
	cw, ch := (w+1)/2, (h+1)/2
	u, v := make([]uint8, 2*cw), make([]uint8, 2*cw)
	for y := range h {
		near, far := nearFar(y, 2, ch)
		upsampleWebP(u, m.Cb[near*m.CStride:][:cw], m.Cb[far*m.CStride:][:cw])
		upsampleWebP(v, m.Cr[near*m.CStride:][:cw], m.Cr[far*m.CStride:][:cw])
		row := dst.Pix[3*w*y:][:3*w]
		convertStudio(row, m.Y[y*m.YStride:][:w], u, v)
		if alpha != nil && mode == AlphaWhite {
			for x, a := range alpha[y*stride:][:w] {
				p := row[3*x : 3*x+3]
				put(p, p[0], p[1], p[2], a, mode)
			}
		}
	}
	return dst
}

// upsampleWebP doubles one row of chroma with weights 9/16, 3/16, 3/16, 1/16, by way of libwebp's
// two-step average: its roundings are not those of one division by 16.
//
// Shapes: near (the sample row that covers the output row) and far (its neighbor) are [n], dst is
// [2n].
func upsampleWebP(dst, near, far []uint8) {
	n := len(near)
	far = far[:n]
	n0, f0 := uint32(near[0]), uint32(far[0])
	dst[0] = uint8((3*n0 + f0 + 2) >> 2)
	for x := 1; x < n; x++ {
		n1, f1 := uint32(near[x]), uint32(far[x])
		avg := n0 + n1 + f0 + f1 + 8
		d := dst[2*x-1 : 2*x+1 : 2*x+1]
		d[0] = uint8(((avg+2*(n1+f0))>>3 + n0) >> 1)
		d[1] = uint8(((avg+2*(n0+f1))>>3 + n1) >> 1)
		n0, f0 = n1, f1
	}
	dst[2*n-1] = uint8((3*n0 + f0 + 2) >> 2)
}

// convertStudio converts one row with libwebp's 14-bit constants.
func convertStudio(dst, luma, u, v []uint8) {
	u, v = u[:len(luma)], v[:len(luma)]
	for x, l := range luma {
		y, cb, cr := int32(l)*19077>>8, int32(u[x]), int32(v[x])
		d := dst[3*x : 3*x+3 : 3*x+3]
		d[0] = clamp((y + cr*26149>>8 - 14234) >> 6)
		d[1] = clamp((y - cb*6419>>8 - cr*13320>>8 + 8708) >> 6)
		d[2] = clamp((y + cb*33050>>8 - 17685) >> 6)
	}
}
