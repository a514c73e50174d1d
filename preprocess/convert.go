package preprocess

// Any image.Image to RGB with 8 bits a sample, as Pillow's convert does. Color spaces of JPEG and
// WebP have files of their own (ycc.go, webpyuv.go).

import (
	"image"
	"image/color"
)

// convert brings any image.Image to RGB. Indexing beyond short pixel slices panics, which the
// caller recovers.
func convert(m image.Image, o DecodeOptions) *Image {
	r := m.Bounds()
	dst := NewImage(r.Dx(), r.Dy())
	switch m := m.(type) {
	case *image.YCbCr:
		if convertYCbCr(dst, m) {
			return dst
		}
	case *image.Gray:
		for y := range dst.Height {
			row := dst.Pix[3*dst.Width*y:]
			for x, v := range m.Pix[m.PixOffset(r.Min.X, r.Min.Y+y):][:dst.Width] {
				row[3*x], row[3*x+1], row[3*x+2] = v, v, v
			}
		}
		return dst
	case *image.Gray16:
		convertGray16(dst, m, o.Gray16)
		return dst
	case *image.NRGBA:
		convertBytes(dst, m.Pix, m.PixOffset(r.Min.X, r.Min.Y), m.Stride, 1, o.Alpha)
		return dst
	case *image.NRGBA64:
		convertBytes(dst, m.Pix, m.PixOffset(r.Min.X, r.Min.Y), m.Stride, 2, o.Alpha)
		return dst
	case *image.RGBA:
		convertRGBA(dst, m, o.Alpha)
		return dst
	case *image.Paletted:
		convertPaletted(dst, m, o.Alpha)
		return dst
	case *image.CMYK:
		for y := range dst.Height {
			convertCMYK(dst.Pix[3*dst.Width*y:][:3*dst.Width], m.Pix[m.PixOffset(r.Min.X, r.Min.Y+y):])
		}
		return dst
	}
	i := 0
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			c := color.NRGBA64Model.Convert(m.At(x, y)).(color.NRGBA64)
			put(dst.Pix[i:], uint8(c.R>>8), uint8(c.G>>8), uint8(c.B>>8), uint8(c.A>>8), o.Alpha)
			i += 3
		}
	}
	return dst
}

// put writes one pixel under the alpha rule.
func put(p []uint8, r, g, b, a uint8, mode AlphaMode) {
	_ = p[2]
	if mode == AlphaWhite && a != 255 {
		r, g, b = onWhite(r, a), onWhite(g, a), onWhite(b, a)
	}
	p[0], p[1], p[2] = r, g, b
}

// onWhite blends with white: round((v·a + 255·(255-a)) / 255) by Pillow's shift (Source: Pillow,
// ImagingUtils.h, BLEND).
func onWhite(v, a uint8) uint8 {
	t := uint32(v)*uint32(a) + 255*(255-uint32(a)) + 128
	return uint8((t + t>>8) >> 8)
}

// convertBytes reads non-premultiplied R, G, B, A of size bytes each, big-endian, keeping the high
// bytes.
func convertBytes(dst *Image, pix []uint8, start, stride, size int, mode AlphaMode) {
	i := 0
	for y := range dst.Height {
		row := pix[start+y*stride:][:4*size*dst.Width]
		for x := 0; x < len(row); x += 4 * size {
			put(dst.Pix[i:], row[x], row[x+size], row[x+2*size], row[x+3*size], mode)
			i += 3
		}
	}
}

func convertRGBA(dst *Image, m *image.RGBA, mode AlphaMode) {
	i := 0
	for y := range dst.Height {
		row := m.Pix[m.PixOffset(m.Rect.Min.X, m.Rect.Min.Y+y):][:4*dst.Width]
		for x := 0; x < len(row); x += 4 {
			r, g, b, a := row[x], row[x+1], row[x+2], row[x+3]
			if a != 255 {
				r, g, b = unmultiply(r, a), unmultiply(g, a), unmultiply(b, a)
			}
			put(dst.Pix[i:], r, g, b, a, mode)
			i += 3
		}
	}
}

// unmultiply undoes premultiplication as color.NRGBAModel does, clamped for colors above their
// alpha.
func unmultiply(v, a uint8) uint8 {
	if a == 0 {
		return 0
	}
	return uint8(min(uint64(v)*0x101*0xffff/(uint64(a)*0x101), 0xffff) >> 8)
}

func convertGray16(dst *Image, m *image.Gray16, mode Gray16Mode) {
	i := 0
	for y := range dst.Height {
		row := m.Pix[m.PixOffset(m.Rect.Min.X, m.Rect.Min.Y+y):][:2*dst.Width]
		for x := 0; x < len(row); x += 2 {
			v := gray8(row[x], row[x+1], mode)
			dst.Pix[i], dst.Pix[i+1], dst.Pix[i+2] = v, v, v
			i += 3
		}
	}
}

// gray8 brings a 16-bit sample to 8 bits.
func gray8(high, low uint8, mode Gray16Mode) uint8 {
	switch {
	case mode != Gray16Clip:
		return high
	case high == 0:
		return low
	}
	return 255
}

// convertPaletted looks colors up; an index past the palette is black.
func convertPaletted(dst *Image, m *image.Paletted, mode AlphaMode) {
	var table [256][3]uint8
	for i, c := range m.Palette {
		if i == len(table) {
			break
		}
		n := color.NRGBAModel.Convert(c).(color.NRGBA)
		put(table[i][:], n.R, n.G, n.B, n.A, mode)
	}
	i := 0
	for y := range dst.Height {
		for _, v := range m.Pix[m.PixOffset(m.Rect.Min.X, m.Rect.Min.Y+y):][:dst.Width] {
			copy(dst.Pix[i:i+3], table[v][:])
			i += 3
		}
	}
	dst.Indexed, dst.Pad = true, table[0]
}

// convertCMYK converts one row: R = K' - C·K'/255 with K' = 255-K, the product rounded (Source:
// Pillow, Convert.c, cmyk2rgb).
func convertCMYK(dst, src []uint8) {
	for len(dst) >= 3 {
		k := 255 - uint32(src[3])
		for c := range 3 {
			t := uint32(src[c])*k + 128
			dst[c] = uint8(k - (t+t>>8)>>8)
		}
		dst, src = dst[3:], src[4:]
	}
}
