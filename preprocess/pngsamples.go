package preprocess

// PNG's samples to RGB, as Pillow's modes and convert("RGB") bring them: gray of 1, 2 and 4 bits
// spread to 8, the high byte of 16 bits, and what o says of transparency and 16-bit gray.

import "encoding/binary"

// pngSamples says how the bytes of a row become pixels.
type pngSamples struct {
	row     func(dst, src []uint8) // len(dst)/3 pixels
	direct  bool                   // the bytes are the pixels
	indexed bool
	pad     [3]uint8
}

// blank is the pixel of zero samples.
func (s *pngSamples) blank() (p [3]uint8) {
	s.row(p[:], make([]uint8, 8))
	return p
}

func (c *pngChunks) samples(o DecodeOptions) (*pngSamples, error) {
	s := &pngSamples{}
	white := o.Alpha == AlphaWhite
	key, keyed := c.key()
	keyed = keyed && white
	switch {
	case c.color == 3 || c.color == 0 && c.depth <= 8:
		table, err := c.table(o.Alpha)
		if err != nil {
			return nil, err
		}
		s.row = func(dst, src []uint8) { lookUp(dst, src, int(c.depth), table) }
		if s.indexed = c.color == 3 || c.depth == 1; c.color == 3 {
			s.pad = table[0]
		}
	case c.color == 0:
		s.row = func(dst, src []uint8) { gray16(dst, src, o.Gray16, keyed, key[0]) }
	case c.color == 2 && !keyed:
		s.direct = c.depth == 8
		s.row = func(dst, src []uint8) { pick(dst, src, int(c.depth)/8, 3) }
	case c.color == 2:
		s.row = func(dst, src []uint8) { keyedRGB(dst, src, int(c.depth)/8, key) }
	case c.color == 4:
		s.row = func(dst, src []uint8) { grayAlpha(dst, src, int(c.depth)/8, o.Alpha) }
	case white:
		s.row = func(dst, src []uint8) {
			size := int(c.depth) / 8
			for i := 0; i+3 <= len(dst); i += 3 {
				put(dst[i:], src[0], src[size], src[2*size], src[3*size], o.Alpha)
				src = src[4*size:]
			}
		}
	default:
		s.row = func(dst, src []uint8) { pick(dst, src, int(c.depth)/8, 4) }
	}
	return s, nil
}

// key returns the samples that a transparency chunk makes transparent.
func (c *pngChunks) key() (key [3]uint16, ok bool) {
	if c.color != 0 && c.color != 2 || len(c.alpha) < 2 {
		return key, false
	}
	for i := 0; i < 3 && 2*i+2 <= len(c.alpha); i++ {
		key[i] = binary.BigEndian.Uint16(c.alpha[2*i:])
	}
	return key, true
}

// table gives the pixel of every sample of 8 bits or less. Entries that a palette lacks are black.
func (c *pngChunks) table(mode AlphaMode) (*[256][3]uint8, error) {
	var t [256][3]uint8
	if c.color == 3 {
		if len(c.palette)/3 > 256 {
			return nil, pngError("palette of over 256 colors")
		}
		for i := range t {
			a := uint8(255)
			if i < len(c.alpha) {
				a = c.alpha[i]
			}
			var p [3]uint8
			if 3*i+3 <= len(c.palette) {
				copy(p[:], c.palette[3*i:])
			}
			put(t[i][:], p[0], p[1], p[2], a, mode)
		}
		return &t, nil
	}
	key, keyed := c.key()
	spread := 255 / (1<<c.depth - 1)
	for i := range 1 << c.depth {
		v, a := uint8(i*spread), uint8(255)
		if keyed && uint16(i) == key[0] {
			a = 0
		}
		put(t[i][:], v, v, v, a, mode)
	}
	return &t, nil
}

// lookUp brings samples of 1, 2, 4 or 8 bits to pixels.
func lookUp(dst, src []uint8, depth int, table *[256][3]uint8) {
	if depth == 8 {
		for _, v := range src {
			if len(dst) < 3 {
				return
			}
			p := &table[v]
			dst[0], dst[1], dst[2] = p[0], p[1], p[2]
			dst = dst[3:]
		}
		return
	}
	mask := uint8(1<<depth - 1)
	for _, v := range src {
		for shift := 8 - depth; shift >= 0; shift -= depth {
			if len(dst) < 3 {
				return
			}
			copy(dst[:3], table[v>>shift&mask][:])
			dst = dst[3:]
		}
	}
}

// pick keeps the high bytes of the first three of n samples of size bytes.
func pick(dst, src []uint8, size, n int) {
	if size == 1 && n == 4 {
		for len(dst) >= 3 && len(src) >= 4 {
			dst[0], dst[1], dst[2] = src[0], src[1], src[2]
			dst, src = dst[3:], src[4:]
		}
		return
	}
	for i := 0; i+3 <= len(dst); i += 3 {
		dst[i], dst[i+1], dst[i+2] = src[0], src[size], src[2*size]
		src = src[n*size:]
	}
}

func gray16(dst, src []uint8, mode Gray16Mode, keyed bool, key uint16) {
	for i := 0; i+3 <= len(dst); i += 3 {
		v := gray8(src[0], src[1], mode)
		if keyed && binary.BigEndian.Uint16(src) == key {
			v = 255
		}
		dst[i], dst[i+1], dst[i+2] = v, v, v
		src = src[2:]
	}
}

// keyedRGB turns the transparent color white.
func keyedRGB(dst, src []uint8, size int, key [3]uint16) {
	for i := 0; i+3 <= len(dst); i += 3 {
		same := true
		for c := range 3 {
			v := uint16(src[c*size])
			if size == 2 {
				v = binary.BigEndian.Uint16(src[2*c:])
			}
			want := key[c]
			if size == 1 {
				want &= 255
			}
			same = same && v == want
			dst[i+c] = src[c*size]
		}
		if same {
			dst[i], dst[i+1], dst[i+2] = 255, 255, 255
		}
		src = src[3*size:]
	}
}

func grayAlpha(dst, src []uint8, size int, mode AlphaMode) {
	for i := 0; i+3 <= len(dst); i += 3 {
		put(dst[i:], src[0], src[0], src[0], src[size], mode)
		src = src[2*size:]
	}
}
