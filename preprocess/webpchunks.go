package preprocess

// WebP's chunks: the picture or the first frame, EXIF and XMP, with the demands that libwebp makes
// of all of them.

import "encoding/binary"

var webpLate = webpError("alpha behind its picture")

// webpFrame is a still picture, or a frame of an animation.
type webpFrame struct {
	alpha, lossy, lossless []byte // bodies of ALPH, VP8 and VP8L
	late                   bool   // ALPH stands behind its picture, which counts where it is used
	x, y, w, h             int    // place on the canvas; the bitstream states the size
}

// webpFile is what the chunks of a file say.
type webpFile struct {
	flags     byte
	w, h      int // of the canvas
	first     *webpFrame
	exif, xmp []byte
}

// Flags of a VP8X chunk.
const (
	webpAnimation = 1 << 1
	webpXMP       = 1 << 2
	webpEXIF      = 1 << 3
	webpAlpha     = 1 << 4
	webpFlags     = 0x3e // all that are known
)

// webpChunks reads chunks one after the other. The size of each counts with the byte that makes it
// even, and lies within the file.
type webpChunks struct{ p []byte }

func (c *webpChunks) peek() (id string, body []byte, err error) {
	if len(c.p) < 8 {
		return "", nil, webpCut("cut in a chunk")
	}
	n := int64(binary.LittleEndian.Uint32(c.p[4:]))
	if n+n&1 > int64(len(c.p)-8) {
		return "", nil, webpCut("chunk reaches past the end")
	}
	return string(c.p[:4]), c.p[8 : 8+n], nil
}

func (c *webpChunks) skip(body []byte) { c.p = c.p[8+len(body)+len(body)&1:] }

func u24(p []byte) int { return int(p[0]) | int(p[1])<<8 | int(p[2])<<16 }

// walkWebP reads all chunks of the file, as far as the first says that it reaches.
//
// Source: libwebp, WebPDemux and WebPGetFeatures, which Pillow calls.
func walkWebP(data []byte) (*webpFile, error) {
	n := int64(binary.LittleEndian.Uint32(data[4:]))
	if n < 12 || n > int64(len(data)-8) {
		return nil, webpCut("cut, or of a wrong size")
	}
	c := &webpChunks{data[12 : n+8]}
	id, body, err := c.peek()
	if err != nil {
		return nil, err
	}
	f := &webpFile{}
	switch id {
	case "VP8X":
		if len(body) != 10 {
			return nil, webpError("extended header of a wrong size")
		}
		c.skip(body)
		f.flags, f.w, f.h = body[0], u24(body[4:])+1, u24(body[7:])+1
		if f.flags&^webpFlags != 0 {
			return nil, webpError("unknown flags")
		}
		if err := f.chunks(c); err != nil {
			return nil, err
		}
	case "VP8 ", "VP8L":
		m, err := readWebPFrame(c)
		if err != nil {
			return nil, err
		}
		m.alpha = nil
		f.first, f.w, f.h = m, m.w, m.h
		if len(c.p) > 0 && len(c.p) < 8 {
			return nil, webpError("bytes behind the last chunk")
		}
	default:
		return nil, webpError("no picture chunk")
	}
	if f.first == nil {
		return nil, webpError("no picture chunk")
	}
	return f, nil
}

// chunks reads the chunks behind an extended header.
func (f *webpFile) chunks(c *webpChunks) error {
	animated, begun := f.flags&webpAnimation != 0, false
	for {
		id, body, err := c.peek()
		if err != nil {
			return err
		}
		switch id {
		case "VP8X":
			return webpError("two extended headers")
		case "ALPH", "VP8 ", "VP8L":
			if animated || begun || f.first != nil {
				return webpError("picture outside the frames")
			}
			m, err := readWebPFrame(c)
			if err != nil {
				return err
			}
			if m.w != f.w || m.h != f.h {
				return webpError("frame does not fit its canvas")
			}
			if f.flags&webpAlpha == 0 {
				m.alpha = nil
			} else if m.late {
				return webpLate
			}
			f.first = m
		case "ANIM":
			if len(body) < 5 {
				return webpError("animation chunk is too short")
			}
			begun = true
			c.skip(body)
		case "ANMF":
			if !begun {
				return webpError("frame before the animation's header")
			}
			if err := f.frame(c, body); err != nil {
				return err
			}
		case "EXIF":
			if f.flags&webpEXIF != 0 && f.exif == nil {
				f.exif = body
			}
			c.skip(body)
		case "XMP ":
			if f.flags&webpXMP != 0 && f.xmp == nil {
				f.xmp = body
			}
			c.skip(body)
		default:
			c.skip(body)
		}
		if len(c.p) == 0 {
			return nil
		}
	}
}

// frame reads an animation's frame. Chunks in it that are no part of the picture are read as if
// they stood behind it.
func (f *webpFile) frame(c *webpChunks, body []byte) error {
	if len(body)+len(body)&1 < 16 {
		return webpError("frame is too short")
	}
	size := len(body) + len(body)&1 - 16
	head := c.p[8:]
	c.p = c.p[8+16:]
	behind := len(c.p) - size
	if len(c.p) < 8 {
		return webpError("frame is too short")
	}
	m, err := readWebPFrame(c)
	if err != nil {
		return err
	}
	if m.x, m.y = 2*u24(head), 2*u24(head[3:]); len(c.p) < behind {
		return webpError("picture reaches past its frame")
	}
	if f.flags&webpAnimation == 0 || m.lossy == nil && m.lossless == nil && m.alpha == nil {
		return nil // passed over
	}
	if m.late {
		return webpLate
	}
	if m.lossy == nil && m.lossless == nil || m.x+m.w > f.w || m.y+m.h > f.h {
		return webpError("frame does not fit its canvas")
	}
	if f.first == nil {
		f.first = m
	}
	return nil
}

// readWebPFrame reads the chunks of one picture, up to the first that is no part of it.
func readWebPFrame(c *webpChunks) (*webpFrame, error) {
	f := &webpFrame{}
	for len(c.p) > 0 {
		id, body, err := c.peek()
		if err != nil {
			return nil, err
		}
		picture := f.lossy != nil || f.lossless != nil
		switch {
		case id == "ALPH" && f.alpha == nil:
			f.alpha, f.late = body, picture
		case id == "VP8 " && !picture:
			if f.w, f.h, err = vp8Size(body); err != nil {
				return nil, err
			}
			f.lossy = body
		case id == "VP8L" && !picture:
			if f.alpha != nil {
				return nil, webpError("alpha beside a lossless picture")
			}
			if f.w, f.h, err = vp8lSize(body); err != nil {
				return nil, err
			}
			f.lossless = body
		default:
			return f, nil
		}
		c.skip(body)
	}
	return f, nil
}

// vp8Size reads the size from a lossy bitstream's header, which rules over the canvas.
func vp8Size(p []byte) (w, h int, err error) {
	if len(p) < 10 || p[3] != 0x9d || p[4] != 0x01 || p[5] != 0x2a {
		return 0, 0, webpError("VP8 frame header")
	}
	bits := u24(p)
	w, h = int(binary.LittleEndian.Uint16(p[6:])&0x3fff), int(binary.LittleEndian.Uint16(p[8:])&0x3fff)
	if bits&1 != 0 || bits>>1&7 > 3 || bits>>4&1 == 0 || bits>>5 >= len(p) || w == 0 || h == 0 {
		return 0, 0, webpError("VP8 frame header")
	}
	return w, h, nil
}

// vp8lSize reads the size from a lossless bitstream's header.
func vp8lSize(p []byte) (w, h int, err error) {
	if len(p) < 5 || p[0] != 0x2f || p[4]>>5 != 0 {
		return 0, 0, webpError("VP8L header")
	}
	v := int(binary.LittleEndian.Uint32(p[1:]))
	return v&0x3fff + 1, v>>14&0x3fff + 1, nil
}
