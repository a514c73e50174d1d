package jpeg

// Bits of Huffman-coded data. There are two ways to fill the buffer, and libjpeg-turbo's choice
// between them is kept: how many bits lie in it decides, at the end of a file that lacks its end
// marker, whether the last block can be decoded.

import "encoding/binary"

// bitReader is the buffer between MCUs.
type bitReader struct {
	acc uint64 // the low n bits are to come
	n   uint

	// starved says that a marker came before the data did: zeros are read until the next restart.
	starved bool
}

// hasFF reports whether a byte of w is 0xff.
func hasFF(w uint64) bool {
	w = ^w
	return (w-0x0101010101010101)&^w&0x8080808080808080 != 0
}

// fill48 adds six bytes. It reports true at a marker, for which zeros are added, and near the end
// of the file: then the MCU is for the careful way.
func fill48(data []byte, pos int, acc uint64, n uint) (int, uint64, uint, bool) {
	if pos+12 > len(data) {
		return pos, acc << 48, n + 48, true
	}
	if w := binary.BigEndian.Uint64(data[pos:]); !hasFF(w &^ 0xffff) {
		return pos + 6, acc<<48 | w>>16, n + 48, false
	}
	stop := false
	for range 6 {
		c := data[pos]
		switch {
		case c != 0xff:
			pos++
		case data[pos+1] == 0:
			pos += 2
		default:
			c, stop = 0, true
		}
		acc = acc<<8 | uint64(c)
	}
	return pos, acc, n + 48, stop
}

// fill tops the buffer up to 57 bits or more. Where a marker stands in the way and fewer than want
// bits are there, zeros are added. It reports false at the end of a block of the file: the MCU is
// to be begun anew with more data.
//
// Source: libjpeg-turbo, jpeg_fill_bit_buffer.
func (d *decoder) fill(acc uint64, n, want uint) (uint64, uint, bool) {
	s := &d.src
	if s.marker == 0 {
		if s.pos+8 <= s.end {
			take := (64 - n) / 8
			w := binary.BigEndian.Uint64(s.data[s.pos:])
			if !hasFF(w &^ (1<<(64-8*take) - 1)) {
				s.pos += int(take)
				return acc<<(8*take) | w>>(64-8*take), n + 8*take, true
			}
		}
		for n < 57 {
			if s.pos >= s.end {
				return acc, n, false
			}
			c := s.data[s.pos]
			s.pos++
			if c == 0xff {
				for c == 0xff { // any number of them counts as one
					if s.pos >= s.end {
						return acc, n, false
					}
					c = s.data[s.pos]
					s.pos++
				}
				if c != 0 {
					s.marker = c
					break
				}
				c = 0xff
			}
			acc, n = acc<<8|uint64(c), n+8
		}
	}
	if n < want {
		d.bits.starved = true
		acc, n = acc<<(57-n), 57
	}
	return acc, n, true
}

// symbol decodes one symbol the careful way.
func (d *decoder) symbol(t *huffTable, acc uint64, n uint) (int, uint64, uint, bool) {
	l := uint(1)
	ok := true
	if n < look {
		if acc, n, ok = d.fill(acc, n, 0); !ok {
			return 0, acc, n, false
		}
	}
	if n >= look {
		e := t.short[uint8(acc>>(n-look))]
		if l = uint(e >> 8); l <= look {
			return int(e & 0xff), acc, n - l, true
		}
	}
	if n < l {
		if acc, n, ok = d.fill(acc, n, l); !ok {
			return 0, acc, n, false
		}
	}
	n -= l
	code := int32(acc>>n) & (1<<l - 1)
	for code > t.most[l] {
		if n < 1 {
			if acc, n, ok = d.fill(acc, n, 1); !ok {
				return 0, acc, n, false
			}
		}
		n--
		code = code<<1 | int32(acc>>n)&1
		l++
	}
	if l > 16 { // no code: damage
		return 0, acc, n, true
	}
	return int(t.symbol[uint8(code+t.offset[l])]), acc, n, true
}

// take returns the next size bits.
func (d *decoder) take(size int, acc uint64, n uint) (int, uint64, uint, bool) {
	if n < uint(size) {
		var ok bool
		if acc, n, ok = d.fill(acc, n, uint(size)); !ok {
			return 0, acc, n, false
		}
	}
	n -= uint(size)
	return int(acc>>n) & (1<<size - 1), acc, n, true
}

// restartDue passes the restart marker that is due.
func (d *decoder) restartDue() error {
	d.bits.n = 0
	if err := d.src.restart(d.nextRestart); err != nil {
		return err
	}
	d.nextRestart = (d.nextRestart + 1) & 7
	if d.src.marker == 0 {
		d.bits.starved = false
	}
	return nil
}
