package jpeg

// Baseline and extended sequential scans with Huffman coding.

import "math/bits"

// block holds quantized coefficients in natural order.
type block struct {
	c [64]int16

	// last is the last place of the zigzag that is not 0, or some place behind it; sum the sum of
	// all magnitudes, or more. The transform takes its short cuts by them.
	last, sum int32
}

// huffScan is what a Huffman-coded scan needs beside the bits.
type huffScan struct {
	dcTables, acTables [4]huffTable
	dc                 [4]int32 // last value of each component
	toGo               int      // MCUs up to the next restart marker
	run                uint32   // blocks of a progressive scan that are known to be empty
}

func (d *decoder) startSequential() error {
	for i, c := range d.scan {
		if c.dcTable > 3 || d.dc[c.dcTable] == nil || c.acTable > 3 || d.ac[c.acTable] == nil {
			return FormatError("no Huffman table")
		}
		if err := d.huff.dcTables[c.dcTable].build(d.dc[c.dcTable], 15); err != nil {
			return err
		}
		if err := d.huff.acTables[c.acTable].build(d.ac[c.acTable], 255); err != nil {
			return err
		}
		d.huff.dc[i] = 0
	}
	d.bits = bitReader{}
	d.huff.toGo = d.interval
	return nil
}

// sequentialMCU decodes one MCU into blocks, which are zero.
func (d *decoder) sequentialMCU(mcu []block) error {
	if d.interval != 0 {
		if d.huff.toGo == 0 {
			if err := d.restartDue(); err != nil {
				return err
			}
			d.huff.dc, d.huff.toGo = [4]int32{}, d.interval
		}
		d.huff.toGo--
	}
	if d.bits.starved {
		return nil
	}
	const most = 64 * 8 // bytes of a block in which the fast way cannot run out of data
	for {
		near := d.interval != 0 || d.src.marker != 0 || d.src.end-d.src.pos < most*len(mcu)
		if !near && d.fastMCU(mcu) {
			return nil
		}
		bits, dc, pos := d.bits, d.huff.dc, d.src.pos
		if d.carefulMCU(mcu) {
			if !near { // two 0xff are one to the careful way: it may have left some values standing
				for i := range mcu {
					mcu[i].measure()
				}
			}
			return nil
		}
		d.bits, d.huff.dc, d.src.pos = bits, dc, pos
		if !d.several {
			clear(mcu)
		}
		if !d.src.more() {
			return ErrTruncated
		}
	}
}

// fastMCU decodes where no marker and no end is near. When it reports false it has met one, and
// nothing has changed but the blocks.
func (d *decoder) fastMCU(mcu []block) bool {
	data, pos, acc, n := d.src.data, d.src.pos, d.bits.acc, d.bits.n
	stop, met := false, false
	pred := d.huff.dc
	for i := range mcu {
		b, of := &mcu[i], &d.blocks[i]
		dc, ac := &d.huff.dcTables[of.c.dcTable&3], &d.huff.acTables[of.c.acTable&3]
		if n <= 16 {
			pos, acc, n, stop = fill48(data, pos, acc, n)
			met = met || stop
		}
		size := 0
		if e := dc.short[uint8(acc>>((n-look)&63))]; e>>8 <= look {
			size, n = int(e&0xff), n-uint(e>>8)
		} else {
			size, n = dc.long(acc, n)
		}
		if size > 0 {
			if n <= 16 {
				pos, acc, n, stop = fill48(data, pos, acc, n)
				met = met || stop
			}
			n -= uint(size)
			pred[of.scan&3] += int32(extend(int(acc>>(n&63))&(1<<size-1), size))
		}
		b.c[0] = int16(pred[of.scan&3])

		last, sum, v := 0, uint32(0), int32(0)
		for k := 1; k < 64; k++ {
			if n <= 16 {
				pos, acc, n, stop = fill48(data, pos, acc, n)
				met = met || stop
			}
			if e := ac.wide[acc>>((n-lookWide)&63)&(1<<lookWide-1)]; e != 0 {
				n -= uint(e & 0xff)
				k += int(e >> 8 & 0xff)
				v = int32(e) >> 16
				if v != 0 {
					b.c[natural[k&127]&63] = int16(v)
					last = k
					sum += uint32(v ^ v>>31)
				}
				continue
			}
			v = 0
			rs := 0
			if e := ac.short[uint8(acc>>((n-look)&63))]; e>>8 <= look {
				rs, n = int(e&0xff), n-uint(e>>8)
			} else {
				rs, n = ac.long(acc, n)
			}
			run, size := rs>>4, rs&15
			if size == 0 {
				if run != 15 {
					break
				}
				k += 15
				continue
			}
			k += run
			if n <= 16 {
				pos, acc, n, stop = fill48(data, pos, acc, n)
				met = met || stop
			}
			n -= uint(size)
			w := int32(extend(int(acc>>(n&63))&(1<<size-1), size))
			b.c[natural[k&127]&63] = int16(w)
			last = k
			sum += uint32(w ^ w>>31)
		}
		if v != 0 { // a value ended the block: the buffer was to be filled before it
			if n+uint(bits.Len32(uint32(max(v, -v)))) <= 16 {
				pos, acc, n, stop = fill48(data, pos, acc, n)
				met = met || stop
			}
		}
		b.last, b.sum = int32(last), int32(sum)+int32(last)
	}
	if met {
		return false
	}
	d.src.pos, d.bits.acc, d.bits.n, d.huff.dc = pos, acc, n, pred
	return true
}

// long decodes a symbol of more than look bits.
func (t *huffTable) long(acc uint64, n uint) (int, uint) {
	l := uint(look + 1)
	n -= l
	code := int32(acc>>(n&63)) & (1<<l - 1)
	for code > t.most[l] {
		n--
		code = code<<1 | int32(acc>>(n&63))&1
		l++
	}
	if l > 16 {
		return 0, n
	}
	return int(t.symbol[uint8(code+t.offset[l])]), n
}

// carefulMCU decodes bit by bit where need be. It reports false when a block of the file ends.
func (d *decoder) carefulMCU(mcu []block) bool {
	acc, n, ok := d.bits.acc, d.bits.n, true
	for i := range mcu {
		b, of := &mcu[i], &d.blocks[i]
		dc, ac := &d.huff.dcTables[of.c.dcTable&3], &d.huff.acTables[of.c.acTable&3]
		size, v := 0, 0
		if size, acc, n, ok = d.symbol(dc, acc, n); !ok {
			return false
		}
		if size > 0 {
			if v, acc, n, ok = d.take(size, acc, n); !ok {
				return false
			}
			d.huff.dc[of.scan&3] += int32(extend(v, size))
		}
		b.c[0] = int16(d.huff.dc[of.scan&3])

		last, sum := 0, int32(0)
		for k := 1; k < 64; k++ {
			if n < look {
				if acc, n, ok = d.fill(acc, n, 0); !ok {
					return false
				}
			}
			if n >= lookWide {
				if e := ac.wide[acc>>((n-lookWide)&63)&(1<<lookWide-1)]; e != 0 {
					n -= uint(e & 0xff)
					k += int(e >> 8 & 0xff)
					if w := int32(e) >> 16; w != 0 {
						b.c[natural[k&127]&63] = int16(w)
						last = k
						sum += max(w, -w)
					}
					continue
				}
			}
			rs := 0
			if rs, acc, n, ok = d.symbol(ac, acc, n); !ok {
				return false
			}
			if size = rs & 15; size == 0 {
				if rs>>4 != 15 {
					break
				}
				k += 15
				continue
			}
			k += rs >> 4
			if v, acc, n, ok = d.take(size, acc, n); !ok {
				return false
			}
			w := int32(extend(v, size))
			b.c[natural[k&127]&63] = int16(w)
			last = k
			sum += max(w, -w)
		}
		b.last, b.sum = int32(last), sum
	}
	d.bits.acc, d.bits.n = acc, n
	return true
}
