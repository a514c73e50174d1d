package preprocess

// The planes of a JPEG to RGB, as libjpeg-turbo does: its filter for subsampled chroma, its
// constants. webpyuv.go is the same for WebP.

import "image"

// convertYCbCr converts JPEG planes. It reports false for bounds it does not handle: subsampled
// planes that start at a negative coordinate, where image.YCbCr shares one chroma sample among
// three columns.
func convertYCbCr(dst *Image, m *image.YCbCr) bool {
	hs, vs := 1, 1
	switch m.SubsampleRatio {
	case image.YCbCrSubsampleRatio444:
	case image.YCbCrSubsampleRatio422:
		hs = 2
	case image.YCbCrSubsampleRatio420:
		hs, vs = 2, 2
	case image.YCbCrSubsampleRatio440:
		vs = 2
	case image.YCbCrSubsampleRatio411:
		hs = 4
	case image.YCbCrSubsampleRatio410:
		hs, vs = 4, 2
	default:
		return false
	}
	r := m.Rect
	if (hs > 1 && r.Min.X < 0) || (vs > 1 && r.Min.Y < 0) {
		return false
	}
	w, skip := dst.Width, r.Min.X%hs // a sub-image may start inside a chroma sample
	cw, ch := (skip+w+hs-1)/hs, (r.Max.Y+vs-1)/vs-r.Min.Y/vs
	cb, cr := make([]uint8, cw*hs), make([]uint8, cw*hs)
	for y := range dst.Height {
		abs := r.Min.Y%vs + y
		near, far := nearFar(abs, vs, ch)
		upsampleJPEG(cb, m.Cb[near*m.CStride:][:cw], m.Cb[far*m.CStride:][:cw], hs, vs, abs)
		upsampleJPEG(cr, m.Cr[near*m.CStride:][:cw], m.Cr[far*m.CStride:][:cw], hs, vs, abs)
		luma := m.Y[m.YOffset(r.Min.X, r.Min.Y+y):][:w]
		convertYCC(dst.Pix[3*w*y:][:3*w], luma, cb[skip:], cr[skip:])
	}
	return true
}

// nearFar gives the chroma row that holds luma row y and its neighbor on the side where y lies;
// rows repeat at the edges.
func nearFar(y, vs, rows int) (near, far int) {
	near = y / vs
	far = near
	if vs == 2 {
		far = min(max(near-1+2*(y&1), 0), rows-1)
	}
	return near, far
}

// upsampleJPEG brings one row of chroma to luma resolution.
//
// Two to one in a direction is libjpeg's triangle filter ("fancy upsampling": 3/4 of the near
// sample and 1/4 of the far one, roundings alternating between neighbors); rows of one or two
// samples and four to one are repeated.
//
// Shapes: near and far are [cw], dst is [cw·hs]. y only gives the parity of the row.
// Source: libjpeg-turbo, jdsample.c: h2v1, h2v2, h1v2_fancy_upsample, int_upsample and the
// conditions in jinit_upsampler.
func upsampleJPEG(dst, near, far []uint8, hs, vs, y int) {
	n := len(near)
	switch {
	case hs == 1 && vs == 1:
		copy(dst, near)
	case hs == 1:
		bias := uint32(1 + y&1)
		for x, v := range near {
			dst[x] = uint8((3*uint32(v) + uint32(far[x]) + bias) >> 2)
		}
	case hs == 2 && n > 2 && vs == 1:
		v, next := uint32(near[0]), uint32(near[1])
		dst[0], dst[1] = near[0], uint8((3*v+next+2)>>2)
		for x := 1; x < n-1; x++ {
			last := v
			v, next = next, uint32(near[x+1])
			dst[2*x], dst[2*x+1] = uint8((3*v+last+1)>>2), uint8((3*v+next+2)>>2)
		}
		dst[2*n-2], dst[2*n-1] = uint8((3*next+v+1)>>2), near[n-1]
	case hs == 2 && n > 2:
		far = far[:n]
		v, next := 3*uint32(near[0])+uint32(far[0]), 3*uint32(near[1])+uint32(far[1])
		dst[0], dst[1] = uint8((4*v+8)>>4), uint8((3*v+next+7)>>4)
		for x := 2; x < n; x++ {
			last := v
			v, next = next, 3*uint32(near[x])+uint32(far[x])
			d := dst[2*x-2 : 2*x : 2*x]
			d[0], d[1] = uint8((3*v+last+8)>>4), uint8((3*v+next+7)>>4)
		}
		dst[2*n-2], dst[2*n-1] = uint8((3*next+v+8)>>4), uint8((4*next+7)>>4)
	default:
		for x := range dst {
			dst[x] = near[x/hs]
		}
	}
}

// convertYCC converts one row of full-range BT.601 in 16-bit fixed point (Source: libjpeg,
// jdcolor.c, ycc_rgb_convert).
func convertYCC(dst, luma, cb, cr []uint8) {
	cb, cr = cb[:len(luma)], cr[:len(luma)]
	for x, l := range luma {
		y, u, v := int32(l), int32(cb[x])-128, int32(cr[x])-128
		d := dst[3*x : 3*x+3 : 3*x+3]
		d[0] = clamp(y + (91881*v+1<<15)>>16)
		d[1] = clamp(y + (-22554*u-46802*v+1<<15)>>16)
		d[2] = clamp(y + (116130*u+1<<15)>>16)
	}
}

func clamp(v int32) uint8 {
	if uint32(v) <= 255 {
		return uint8(v)
	}
	if v < 0 {
		return 0
	}
	return 255
}
