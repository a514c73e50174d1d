package preprocess

// PNG: the chunks, checked where Pillow checks them and nowhere else. Before the pixels it wants
// right checksums and whole chunks; behind them it wants nothing that it does not read. Pixels are
// in pngrows.go and pngsamples.go, metadata in pngtext.go.

import (
	"encoding/binary"
	"hash/crc32"
	"io"
)

const pngFormat = "png"

func pngError(reason string) error { return &FormatError{Format: pngFormat, Reason: reason} }

func pngCut(reason string) error {
	return &FormatError{Format: pngFormat, Reason: reason, Err: io.ErrUnexpectedEOF}
}

// pngChunks is what the chunks of a file say.
type pngChunks struct {
	w, h         int64
	depth, color byte // of the latest header that is valid together
	interlaced   bool
	palette      []byte // nil if none
	alpha        []byte // the transparency chunk

	still    *pngFrame // where the pixels lie on the picture; nil: they are all of it
	frame    *pngFrame // of the latest frame control
	sequence int64     // of the latest animation chunk, -1 before the first
	frames   int64     // 0: no animation

	data [][]byte // chunks of pixels that follow each other
	cut  bool     // the last of them is not whole
	text pngText
}

// pngFrame is a frame's place on the picture.
type pngFrame struct{ x, y, w, h int64 }

// pngChannels are samples a pixel by color type.
var pngChannels = [7]int64{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}

// pngDepths are the sample depths that a color type has, as bits of a set.
var pngDepths = [7]uint32{
	0: 1<<1 | 1<<2 | 1<<4 | 1<<8 | 1<<16, 2: 1<<8 | 1<<16, 3: 1<<1 | 1<<2 | 1<<4 | 1<<8,
	4: 1<<8 | 1<<16, 6: 1<<8 | 1<<16,
}

func decodePNG(data []byte, o DecodeOptions, pixels bool) (*Image, int, error) {
	c, err := walkPNG(data)
	if err != nil {
		return nil, 0, err
	}
	if err := o.Limits.size(pngFormat, c.w, c.h); err != nil {
		return nil, 0, err
	}
	if c.depth == 0 {
		return nil, 0, pngError("bit depth and color type do not go together")
	}
	if c.still == nil {
		c.still = &pngFrame{0, 0, c.w, c.h}
	} else if c.still.w < 1 || c.still.h < 1 {
		return nil, 0, pngError("empty frame")
	}
	// Deflate shrinks by 1032 to 1 at most, so a short file cannot hold a large picture.
	bits := int64(c.depth) * pngChannels[c.color]
	if raw := ((c.still.w*bits + 7) / 8) * c.still.h; raw/1032 > int64(len(data)) {
		return nil, 0, pngCut("too short for its size")
	}
	orientation := 0
	if !o.IgnoreOrientation {
		if orientation, err = c.text.orientation(); err != nil {
			return nil, 0, err
		}
	}
	if !pixels {
		return &Image{Width: int(c.w), Height: int(c.h)}, orientation, nil
	}
	m, err := c.pixels(o)
	return m, orientation, err
}

// pngChunk is one chunk. Its body is shorter than size where the file ends inside.
type pngChunk struct {
	id   string
	size int64
	body []byte
	next int // where the next chunk starts, for a whole chunk with its checksum
}

func (c *pngChunk) whole() bool { return int64(len(c.body)) == c.size }

// readPNGChunk reads the chunk at an offset. It reports false where there is none.
func readPNGChunk(data []byte, at int) (c pngChunk, ok bool) {
	if at > len(data)-8 {
		return c, false
	}
	c.id, c.size = string(data[at+4:at+8]), int64(binary.BigEndian.Uint32(data[at:]))
	for _, b := range []byte(c.id) {
		if b != '_' && (b < '0' || b > '9') && (b < 'A' || b > 'Z') && (b < 'a' || b > 'z') {
			return c, false
		}
	}
	body := data[at+8:]
	if c.size < int64(len(body)) {
		body = body[:c.size]
	}
	c.body, c.next = body, min(at+8+len(body)+4, len(data))
	return c, true
}

// walkPNG reads all chunks.
//
// Source: Pillow, PngImagePlugin.py: _open, load_read, load_end.
func walkPNG(data []byte) (*pngChunks, error) {
	c := &pngChunks{sequence: -1}
	at := 8
	for { // to the pixels
		k, ok := readPNGChunk(data, at)
		if !ok {
			return nil, pngCut("no pixels")
		}
		if k.id == "IEND" {
			return nil, pngError("no pixels")
		}
		if k.id == "IDAT" || k.id == "fdAT" {
			break
		}
		if !k.whole() || at+8+len(k.body)+4 > len(data) {
			return nil, pngCut("cut before the pixels")
		}
		if err := c.chunk(k); err != nil {
			return nil, err
		}
		sum := crc32.Update(crc32.ChecksumIEEE(data[at+4:at+8]), crc32.IEEETable, k.body)
		if sum != binary.BigEndian.Uint32(data[k.next-4:]) {
			return nil, pngError("wrong checksum of a chunk before the pixels")
		}
		at = k.next
	}
	c.still = c.frame
	animated := c.frames > 1 || c.frames == 1 && c.frame == nil // else the still picture is a frame
	for inPixels := true; ; {
		k, ok := readPNGChunk(data, at)
		if !ok || k.id == "IEND" {
			return c, nil
		}
		switch {
		case k.id == "fcTL" && animated:
			return c, nil // the next frame
		case k.id == "fdAT":
			if err := c.frameData(&k); err != nil {
				return nil, err
			}
		case k.id == "IDAT", k.id == "DDAT" && inPixels:
		default:
			inPixels = false
			if !k.whole() {
				return nil, pngCut("cut in a chunk behind the pixels")
			}
			if err := c.chunk(k); err != nil {
				return nil, err
			}
		}
		if inPixels {
			c.data, c.cut = append(c.data, k.body), !k.whole()
		} else if !k.whole() {
			return nil, pngCut("cut in a chunk behind the pixels")
		}
		at = k.next
	}
}

// chunk reads a chunk that holds no pixels.
func (c *pngChunks) chunk(k pngChunk) error {
	if len(k.body) < pngLeast[k.id] {
		return pngError("chunk is too short")
	}
	u32 := func(at int) int64 { return int64(binary.BigEndian.Uint32(k.body[at:])) }
	switch k.id {
	case "IHDR":
		c.w, c.h = u32(0), u32(4)
		if d, t := k.body[8], k.body[9]; t <= 6 && d <= 16 && pngDepths[t]>>d&1 == 1 {
			c.depth, c.color = d, t
		}
		c.interlaced = c.interlaced || k.body[12] != 0
		if k.body[11] != 0 {
			return pngError("unknown filter method")
		}
	case "PLTE":
		if c.depth != 0 && c.color == 3 {
			c.palette = k.body
		}
	case "tRNS":
		if c.depth != 0 && (c.color == 0 && len(k.body) < 2 || c.color == 2 && len(k.body) < 6) {
			return pngError("transparency chunk is too short")
		}
		c.alpha = k.body
	case "acTL":
		n := u32(0)
		switch {
		case c.frames > 0:
			c.frames = 0
		case n <= 1<<31:
			c.frames = n
		}
	case "fcTL":
		if err := c.inSequence(u32(0)); err != nil {
			return err
		}
		f := &pngFrame{w: u32(4), h: u32(8), x: u32(12), y: u32(16)}
		if c.frame = f; f.x+f.w > c.w || f.y+f.h > c.h {
			return pngError("frame reaches past the picture")
		}
	default:
		return c.text.chunk(k)
	}
	return nil
}

// pngLeast is the least size of chunks whose content is read.
var pngLeast = map[string]int{
	"IHDR": 13, "gAMA": 4, "cHRM": 32, "sRGB": 1, "pHYs": 9, "acTL": 8, "fcTL": 26,
}

// frameData takes the sequence number off a chunk of an animation's pixels.
func (c *pngChunks) frameData(k *pngChunk) error {
	if len(k.body) < 4 {
		return pngError("frame data are too short")
	}
	seq := int64(binary.BigEndian.Uint32(k.body))
	k.body, k.size = k.body[4:], k.size-4
	if c.sequence < 0 {
		return pngError("frame data without a frame")
	}
	return c.inSequence(seq)
}

// inSequence wants animation chunks to be numbered from 0.
func (c *pngChunks) inSequence(n int64) error {
	if n != c.sequence+1 {
		return pngError("frames out of sequence")
	}
	c.sequence = n
	return nil
}
